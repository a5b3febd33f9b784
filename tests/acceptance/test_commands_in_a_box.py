"""What a command in a box sees and gives back, on every real runtime."""

from __future__ import annotations

import asyncio

from tests.acceptance.conftest import PLACE

from vibn.app import App
from vibn.models import Tier
from vibn.outcomes import JobState


async def test_variables_and_secrets_reach_a_command_and_secrets_stay_there(app: App) -> None:
    await app.projects.set_env(*PLACE, {"COLOUR": "green", "OLD": "x"})
    project = await app.projects.set_env(*PLACE, {"OLD": None})
    await app.secrets.set(project.id, "API_KEY", "sk-very-secret")
    show = "echo $COLOUR ${OLD-unset} ${#API_KEY} $API_KEY $VIBN_PROJECT_SLUG $VIBN_DEV_CONTAINER"
    result = await app.shell.exec(*PLACE, show)
    assert result.stdout == "green unset 14 *** shop 1\n"
    own = await app.shell.exec(*PLACE, "echo $COLOUR", env={"COLOUR": "blue"})
    assert own.stdout == "blue\n"


async def test_a_secret_in_a_jobs_output_is_masked(app: App) -> None:
    project = await app.projects.get(*PLACE)
    await app.secrets.set(project.id, "API_KEY", "sk-very-secret")
    job = await app.shell.start(*PLACE, "echo key=$API_KEY")
    output = await app.shell.read(*PLACE, job, wait_ms=5000)
    assert output.data == b"key=***\n"


async def test_a_secret_that_two_reads_share_shows_in_neither(app: App) -> None:
    project = await app.projects.get(*PLACE)
    await app.secrets.set(project.id, "API_KEY", "sk-very-secret")
    command = "printf 'key=sk-very'; sleep 0.5; printf -- '-secret.'"
    job = await app.shell.start(*PLACE, command)
    shown, offset = b"", 0
    while True:
        output = await app.shell.read(*PLACE, job, offset=offset, limit=7, wait_ms=200)
        shown, offset = shown + output.data, output.next
        if output.job.state is not JobState.RUNNING and offset == output.job.size:
            break
    assert shown == b"key=***."


async def test_stdin_working_directory_and_exit_status(app: App) -> None:
    await app.files.mkdir(*PLACE, "src")
    result = await app.shell.exec(
        *PLACE, "pwd; cat; echo oops >&2; exit 3", cwd="src", stdin=b"hello"
    )
    assert (result.exit, result.stdout, result.stderr) == (3, "/workspace/src\nhello", "oops\n")


async def test_a_job_takes_input_and_ends_when_it_is_killed(app: App) -> None:
    job = await app.shell.start(*PLACE, "read line; echo got $line; sleep 600", name="reader")
    await app.shell.input(*PLACE, job, b"tea\n")
    output = await app.shell.read(*PLACE, job, wait_ms=10_000)
    assert output.data == b"got tea\n"
    assert [(j.name, j.state) for j in await app.shell.list(*PLACE)] == [
        ("reader", JobState.RUNNING)
    ]
    await app.shell.kill(*PLACE, job, signal="KILL")
    for _ in range(100):
        ended = (await app.shell.read(*PLACE, job, offset=output.next, wait_ms=100)).job
        if ended.state is JobState.EXITED:
            break
    assert ended.state is JobState.EXITED


async def test_a_process_left_running_is_told_and_not_killed(app: App) -> None:
    command = "sleep 300 & until pgrep -x sleep >/dev/null; do :; done; echo started"
    result = await app.shell.exec(*PLACE, command)
    assert result.stdout == "started\n"
    assert any("Still running: sleep" in note for note in result.notes)
    assert (await app.shell.exec(*PLACE, "pgrep -x sleep")).exit == 0


async def test_a_cancelled_call_kills_its_command(app: App) -> None:
    await app.shell.exec(*PLACE, "true")
    call = asyncio.create_task(app.shell.exec(*PLACE, "sleep 777"))
    while (await app.shell.exec(*PLACE, "pgrep -f 'sleep 77[7]'")).exit != 0:
        await asyncio.sleep(0.05)
    call.cancel()
    await asyncio.wait([call])
    assert (await app.shell.exec(*PLACE, "pgrep -f 'sleep 77[7]'")).exit != 0


async def test_files_survive_both_kinds_of_sleep(app: App) -> None:
    await app.files.write(*PLACE, "a.txt", "kept")
    for tier in (Tier.FROZEN, Tier.STOPPED):
        await app.boxes.suspend(*PLACE, tier)
        assert (await app.files.read(*PLACE, "a.txt")).lines.text == "kept"
