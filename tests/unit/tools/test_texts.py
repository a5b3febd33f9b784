"""What a model reads: what it asked for first, then one line of notes."""

from __future__ import annotations

import json

import pytest
from tests.unit.tools.conftest import Desk, by_name

from vibn.errors import EditNoMatch, RateLimited, StoreUnavailable, SwitchedOff
from vibn.outcomes import Job, JobOutput, JobState
from vibn.tools import render_error
from vibn.tools.jobs import JobText, _as_text
from vibn.tools.telling import ROOM, size


async def test_a_command_s_output_comes_first_and_its_exit_last(desk: Desk) -> None:
    text = await desk.text("shell_exec", command="echo out; printf err >&2; exit 3")
    assert text.startswith("out\n[stderr]\nerr\n[exit 3, ")
    assert text.endswith(" ms]")


async def test_a_command_without_output_tells_how_it_ended(desk: Desk) -> None:
    assert (await desk.text("shell_exec", command="true")).startswith("[exit 0, ")


async def test_a_command_that_timed_out_says_so(desk: Desk) -> None:
    text = await desk.text("shell_exec", command="sleep 60", timeout_ms=50)
    assert "Timed out after 50 ms" in text
    assert "shell_start" in text


async def test_a_command_gets_its_variables_and_its_directory(desk: Desk) -> None:
    await desk.text("fs_write", file_path="sub/a.txt", content="x")
    text = await desk.text("shell_exec", command="ls; echo $A", cwd="sub", env=["A=1 2"])
    assert text.startswith("a.txt\n1 2\n[")


async def test_a_file_is_read_with_its_line_numbers(desk: Desk) -> None:
    await desk.text("fs_write", file_path="a.txt", content="one\n\ttwo\n")
    assert await desk.text("fs_read", file_path="a.txt") == "     1\tone\n     2\t\ttwo"


async def test_a_read_tells_how_to_go_on(desk: Desk) -> None:
    await desk.text("fs_write", file_path="a.txt", content="x\n" * 3000)
    first = await desk.text("fs_read", file_path="a.txt")
    assert first.endswith("\n  2000\tx\n[lines 1-2000 of 3000; read on with offset=2001]")
    rest = await desk.text("fs_read", file_path="a.txt", offset=2001)
    assert rest.splitlines()[-1] == "  3000\tx"


async def test_a_long_read_stops_where_clients_would_refuse_it(desk: Desk) -> None:
    lines = [f"{number:100}" for number in range(2000)]
    await desk.text("fs_write", file_path="a.txt", content="\n".join(lines))
    seen: list[str] = []
    offset: int | None = 1
    while offset:
        answer = await desk.answer("fs_read", file_path="a.txt", offset=offset)
        assert len(answer.text) < ROOM + 200
        seen += [row.split("\t")[1] for row in answer.text.splitlines() if "\t" in row]
        offset = answer.value.next  # type: ignore[attr-defined]
    assert seen == lines


async def test_odd_reads_are_told(desk: Desk) -> None:
    await desk.text("fs_write", file_path="empty", content="")
    await desk.text("fs_write", file_path="wide", content="x" * 5000)
    assert await desk.text("fs_read", file_path="empty") == "[the file is empty]"
    beyond = await desk.text("fs_read", file_path="wide", offset=9)
    assert beyond == "[the file has 1 line and ends before line 9]"
    wide = await desk.text("fs_read", file_path="wide")
    assert wide.endswith("x\n[cut at 2000 characters: line 1]")


async def test_an_edit_shows_what_changed(desk: Desk) -> None:
    await desk.text("fs_write", file_path="a.py", content="a = 1\nb = 1\n")
    text = await desk.text("fs_edit", file_path="a.py", old_string="a = 1", new_string="a = 2")
    assert text.startswith("Replaced in one place at line 1.\n--- a/a.py\n")
    assert "-a = 1\n+a = 2" in text


async def test_an_edit_that_misses_shows_the_nearest_lines(desk: Desk) -> None:
    await desk.text("fs_write", file_path="a.py", content="def a():\n    return 1\n")
    error = await desk.error(
        "fs_edit", file_path="a.py", old_string="  return 1\n ", new_string="2"
    )
    text = render_error(error)
    assert text.startswith("edit_no_match: ")
    assert "     2\t    return 1" in text


async def test_an_edit_that_could_be_meant_twice_tells_where(desk: Desk) -> None:
    await desk.text("fs_write", file_path="a.py", content="a = 1\nb = 1\n")
    error = await desk.error("fs_edit", file_path="a.py", old_string="= 1", new_string="= 2")
    assert "It begins in the lines 1, 2." in render_error(error)


async def test_files_are_listed_and_found(desk: Desk) -> None:
    await desk.text("fs_write", file_path="src/a.py", content="a = 1\nb = 2\n\n\nc = 1\n")
    await desk.text("shell_exec", command="ln -s src/a.py link")
    listed = await desk.text("fs_list", depth=2)
    assert listed == "link -> src/a.py\nsrc/\nsrc/a.py (20 bytes)\n[3 entries]"
    assert await desk.text("fs_glob", pattern="src/*") == "src/a.py\n[1 file]"
    assert await desk.text("fs_grep", pattern="= 1", path="src") == "src/a.py\n[1 file]"
    counted = await desk.text("fs_grep", pattern="= 1", path="src", output_mode="count")
    assert counted == "src/a.py: 2\n[1 file]"


async def test_matches_are_shown_with_their_lines_and_context(desk: Desk) -> None:
    await desk.text("fs_write", file_path="a.py", content="a = 1\nb = 2\n\n\n\nc = 1\n")
    plain = await desk.text("fs_grep", pattern="= 1", output_mode="content")
    assert plain == "a.py:1:a = 1\na.py:6:c = 1\n[2 matching lines]"
    around = await desk.text("fs_grep", pattern="= 1", output_mode="content", context=1)
    assert around == "a.py:1:a = 1\na.py-2-b = 2\n--\na.py-5-\na.py:6:c = 1\n[2 matching lines]"


async def test_what_was_left_out_is_said(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        await desk.text("fs_write", file_path=f"{name}.py", content="x\nx\n")
    assert "[the first 2 entries; there are more" in await desk.text("fs_list", limit=2)
    assert "3 match in all]" in await desk.text("fs_glob", pattern="*.py", limit=2)
    assert "there are more" in await desk.text("fs_grep", pattern="x", limit=1)
    cut = await desk.text("fs_grep", pattern="x", output_mode="content", limit=5)
    assert "[there are more matching lines; narrow" in cut
    assert await desk.text("fs_grep", pattern="nothing") == "[no match]"


async def test_a_job_is_followed_to_its_end(desk: Desk) -> None:
    started = await desk.answer("shell_start", command="echo one; read x; echo $x; exit 4")
    job = started.value.id  # type: ignore[attr-defined]
    assert job in started.text
    first = await desk.text("shell_read", id=job, wait_ms=10_000)
    assert first == f"one\n[job {job} is running; read on with offset=4]"
    assert await desk.text("shell_input", id=job, text="two\n") == "The job took 4 bytes."
    text = await desk.text("shell_read", id=job, offset=4, wait_ms=10_000)
    while "ended" not in text:
        text = await desk.text("shell_read", id=job, offset=8, wait_ms=10_000)
    assert text.endswith(f"[job {job} ended with exit 4]")
    assert f"{job} ended with exit 4, started " in await desk.text("shell_list")


async def test_a_job_is_killed(desk: Desk) -> None:
    started = await desk.answer("shell_start", command="sleep 60 & echo up; wait")
    job = started.value.id  # type: ignore[attr-defined]
    await desk.text("shell_read", id=job, wait_ms=10_000)
    assert (await desk.text("shell_kill", id=job)).startswith("Signalled ")
    text = ""
    while not text.endswith(f"[job {job} was killed by TERM]"):
        text = await desk.text("shell_read", id=job, offset=100, wait_ms=10_000)
    assert (await desk.text("shell_kill", id=job)).startswith("No process got it: ")


def read_of(data: bytes, state: JobState = JobState.RUNNING) -> JobText:
    job = Job("j1", "", "yes", "/workspace", 5, state, None, None, 0.0, None, len(data), 0)
    return _as_text(JobOutput(job, 0, len(data), 0, data))


def test_a_character_that_is_cut_is_left_for_the_next_read() -> None:
    part = read_of("aü".encode()[:2])
    assert (part.text, part.next) == ("a", 1)
    ended = read_of("aü".encode()[:2], JobState.EXITED)
    assert (ended.text, ended.next) == ("a�", 2)
    alone = read_of("ü".encode()[:1])
    assert (alone.text, alone.next) == ("�", 1)


async def test_a_box_is_described_and_put_to_sleep(desk: Desk) -> None:
    absent = "No environment yet: the first call makes one.\n[state absent]"
    assert await desk.text("devcontainer_status") == absent
    assert "It was made by this call." in await desk.text("devcontainer_ensure")
    assert "It was there already." in await desk.text("devcontainer_ensure")
    assert "runtime says running" in await desk.text("devcontainer_status", live=True)
    assert "state suspended (stopped)" in await desk.text("devcontainer_suspend")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("shell_exec", {"command": "echo hi"}),
        ("fs_write", {"file_path": "a", "content": "x"}),
        ("fs_list", {}),
        ("devcontainer_status", {"live": True}),
        ("projects_get", {}),
    ],
)
async def test_a_result_is_json_too(desk: Desk, tool: str, arguments: dict[str, object]) -> None:
    answer = await desk.answer(tool, **arguments)
    document = by_name(tool).document(answer.value)
    assert isinstance(document, dict)
    assert json.loads(json.dumps(document)) == document


def test_an_error_tells_what_to_do_next() -> None:
    limited = RateLimited("Too many calls.", detail={"retry_after": 1.5})
    assert render_error(limited).endswith("Try again in 1.5 s.")
    assert render_error(StoreUnavailable("Gone.")).endswith("The same call may be tried again.")
    assert render_error(SwitchedOff("Off: a loop.")).startswith("switched_off: Off: a loop.\n")


@pytest.mark.parametrize("nearest", [None, "x", [5], [{"line": "1", "text": "x"}], [{}]])
def test_an_error_with_an_odd_detail_is_told_all_the_same(nearest: object) -> None:
    error = EditNoMatch("No.", detail={"nearest": nearest})
    assert render_error(error) == f"edit_no_match: No.\n{EditNoMatch.default_hint}"


def test_sizes_are_said_as_people_do() -> None:
    said = [size(number) for number in (1, 1023, 1536, 5 << 20, 3 << 40)]
    assert said == ["1 byte", "1023 bytes", "1.5 KiB", "5.0 MiB", "3072.0 GiB"]
