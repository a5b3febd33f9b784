"""Two servers on one PostgreSQL: no call depends on which of them answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx2
import pytest
from tests.integration.server.conftest import Start
from tests.served import Served

pytestmark = [pytest.mark.bubblewrap, pytest.mark.postgres]
SHOP = "/api/v1/projects/shop"


@pytest.fixture
def pair(postgres_url: str, start: Start) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
    """A client of each, with the first one's token."""
    first = start(VIBN_DATABASE_URL=postgres_url)
    second = start(VIBN_DATABASE_URL=postgres_url)
    with first.client() as one, second.client(first.token) as two:
        assert one.post("/api/v1/projects", json={"slug": "shop"}).status_code == 201
        yield one, two


@pytest.fixture
def operators(pair, request: pytest.FixtureRequest) -> tuple[httpx2.Client, ...]:
    headers = {"Authorization": "Bearer operators-secret"}
    return tuple(httpx2.Client(base_url=c.base_url, headers=headers, timeout=60) for c in pair)


def run(client: httpx2.Client, command: str) -> httpx2.Response:
    return client.post(f"{SHOP}/exec", json={"command": command})


def until(true) -> float:
    """Seconds until it holds."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() < begun + 20
        time.sleep(0.02)
    return time.monotonic() - begun


def test_calls_may_alternate(pair):
    for number in range(6):
        answer = run(pair[number % 2], f"echo {number} >>lines; wc -l <lines")
        assert answer.json()["stdout"] == f"{number + 1}\n"


def test_both_at_once_make_one_box(pair):
    answers: list[httpx2.Response] = []
    calls = [
        threading.Thread(
            target=lambda c=client: answers.append(
                run(c, "cat /proc/sys/kernel/random/boot_id >/dev/null; readlink /proc/1/ns/mnt")
            )
        )
        for client in pair * 4
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join(60)
    assert len({answer.json()["stdout"] for answer in answers}) == 1


def test_a_job_started_here_is_read_there(pair):
    job = pair[0].post(f"{SHOP}/jobs", json={"command": "echo from one; sleep 60"}).json()["id"]
    output = pair[1].get(f"{SHOP}/jobs/{job}/output", params={"wait_ms": 5000}).json()
    assert output["text"] == "from one\n"
    pair[1].post(f"{SHOP}/jobs/{job}/signal", json={"signal": "KILL"})


def test_a_revocation_counts_on_both_from_the_next_call_on(pair, operators):
    tokens = operators[0].get("/api/v1/workspaces/default/tokens").json()["tokens"]
    operators[0].delete(f"/api/v1/workspaces/default/tokens/{tokens[0]['id']}")
    for client in pair:
        answer = client.get("/api/v1/projects")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "token_revoked")


def test_the_kill_switch_is_heard_by_the_other(pair, operators):
    run(pair[1], "true")
    off = {"reason": "a loop", "author": "ann"}
    assert operators[0].post("/api/admin/path-b/disable", json=off).status_code == 200
    assert run(pair[0], "true").status_code == 503
    until(lambda: run(pair[1], "true").status_code == 503)
    assert "a loop" in run(pair[1], "true").json()["error"]["message"]
    operators[1].post("/api/admin/path-b/enable", json={})
    until(lambda: run(pair[0], "true").status_code == 200)


def test_a_kill_ends_what_the_other_runs(pair, operators):
    run(pair[1], "true")
    answers: list[httpx2.Response] = []
    call = threading.Thread(target=lambda: answers.append(run(pair[1], "sleep 300")))
    call.start()
    time.sleep(0.5)
    off = {"reason": "a loop", "author": "ann", "kill": True}
    operators[0].post("/api/admin/path-b/disable", json=off)
    call.join(20)
    assert answers[0].json()["error"]["code"] == "switched_off"
    operators[0].post("/api/admin/path-b/enable", json={})
    assert run(pair[0], "pgrep -f 'sleep 30[0]' | wc -l").json()["stdout"] == "0\n"


def test_a_drill_counts_both(pair, operators):
    drill = operators[1].post("/api/admin/path-b/drill", json={}).json()
    assert len(drill["replicas"]) == 2
    assert all(replica["ms"] is not None for replica in drill["replicas"])


def test_one_that_is_killed_leaves_nothing_that_the_other_cannot_go_on_with(
    postgres_url: str, start: Start
):
    first = start(VIBN_DATABASE_URL=postgres_url)
    second = start(VIBN_DATABASE_URL=postgres_url)
    with first.client() as one, second.client(first.token) as two:
        one.post("/api/v1/projects", json={"slug": "shop"})
        run(one, "echo kept >kept")
        first.kill()
        assert run(two, "cat kept").json()["stdout"] == "kept\n"


def test_a_server_s_death_tells_its_caller_nothing_wrong(postgres_url: str, start: Start):
    served: Served = start(VIBN_DATABASE_URL=postgres_url)
    with served.client() as client:
        client.post("/api/v1/projects", json={"slug": "shop"})
        run(client, "true")
        timer = threading.Timer(0.5, served.kill)
        timer.start()
        with pytest.raises(httpx2.TransportError):
            run(client, "sleep 300")
    served.start()
    with served.client() as client:
        until(lambda: run(client, "pgrep -f 'sleep 30[0]' | wc -l").json()["stdout"] == "0\n")
