"""``vibn up``: what its first user sees, and how it ends."""

from __future__ import annotations

import signal
import stat
import subprocess
import threading
import time

import pytest
from tests.integration.server.conftest import Start
from tests.served import UP, Served

pytestmark = pytest.mark.bubblewrap


def project(served: Served, slug: str = "shop") -> str:
    with served.client() as client:
        assert client.post("/api/v1/projects", json={"slug": slug}).status_code == 201
    return f"/api/v1/projects/{slug}"


def execute(served: Served, path: str, command: str) -> dict[str, object]:
    with served.client() as client:
        return client.post(f"{path}/exec", json={"command": command}).json()


def test_it_says_all_that_a_first_user_needs(start: Start):
    served = start()
    said = served.log.read_text()
    for part in (served.url, served.token, "Claude Code", "Cursor", "Gemini CLI", "VS Code"):
        assert part in said
    profile = served.config / "vibn" / "profile.toml"
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600


def test_its_first_token_works_at_once_and_after_a_restart(start: Start):
    served = start()
    path = project(served)
    assert execute(served, path, "echo hello >a; cat a")["stdout"] == "hello\n"
    assert served.stop() == 0
    served.start()
    assert execute(served, path, "cat a")["stdout"] == "hello\n"


def test_a_server_that_others_reach_wants_an_admin_secret(tmp_path):
    env = {"VIBN_STATE_DIR": str(tmp_path), "VIBN_HOST": "0.0.0.0", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([*UP, "up"], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no admin secret is set" in done.stderr
    assert "VIBN_ADMIN_SECRET" in done.stderr


def test_a_port_in_use_is_told_with_what_to_do(start: Start):
    served = start()
    port = served.url.rpartition(":")[2]
    env = {**served.environ, "VIBN_STATE_DIR": str(served.state), "VIBN_PORT": port}
    env |= {"VIBN_RUNTIME": "bubblewrap", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    done = subprocess.run([*UP, "up"], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 9
    assert "VIBN_PORT" in done.stderr


def test_calls_under_way_get_their_grace_then_are_ended_and_jobs_go_on(start: Start):
    served = start(VIBN_SHUTDOWN_GRACE="1.5")
    path = project(served)
    execute(served, path, "true")
    with served.client() as client:
        job = client.post(f"{path}/jobs", json={"command": "sleep 300"}).json()["id"]
    answers: dict[str, dict[str, object]] = {}
    commands = {"short": "sleep 0.7; echo done", "long": "sleep 301"}

    def call(name: str) -> None:
        answers[name] = execute(served, path, commands[name])

    threads = [threading.Thread(target=call, args=(name,)) for name in commands]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    assert served.stop() == 0
    for thread in threads:
        thread.join(10)
    assert answers["short"]["stdout"] == "done\n"
    assert answers["long"]["error"]["code"] == "shutting_down"  # type: ignore[index]
    served.start()
    with served.client() as client:
        assert client.get(f"{path}/jobs/{job}").json()["state"] == "running"
    left = execute(served, path, "pgrep -f 'sleep 30[1]' | wc -l")
    assert left["stdout"] == "0\n"


def test_a_killed_server_loses_no_audit_row_and_no_box(start: Start):
    served = start()
    path = project(served)
    execute(served, path, "echo kept >kept.txt")
    served.kill()
    served.start()
    assert execute(served, path, "cat kept.txt")["stdout"] == "kept\n"
    with served.operator as operator:
        rows = operator.get("/api/v1/audit").json()["rows"]
        assert [row["tool"] for row in rows if row["tool"] == "exec"] == ["exec", "exec"]
        assert operator.get("/api/v1/audit/verify").json()["ok"] is True


def test_a_second_signal_ends_it_at_once(start: Start):
    served = start(VIBN_SHUTDOWN_GRACE="600")
    path = project(served)
    execute(served, path, "true")
    answers: list[dict[str, object]] = []
    thread = threading.Thread(target=lambda: answers.append(execute(served, path, "sleep 300")))
    thread.start()
    time.sleep(0.5)
    assert served.process is not None
    served.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert served.stop(signal.SIGINT) == 0
    thread.join(10)
    assert answers[0]["error"]["code"] == "shutting_down"  # type: ignore[index]
