"""What a sandbox promises. The fake passes it, over memory and over HTTP; so does a real server;
so do the blocking and the async classes: an async one comes here within ``Blocking``."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from vibn.client import CommandFailed, Sandbox
from vibn.errors import (
    AlreadyExists,
    EditAmbiguous,
    EditNoMatch,
    FileMissing,
    HashMismatch,
    InvalidInput,
    JobNotFound,
    NotText,
    PathOutside,
    VibnError,
)


def test_a_command_tells_its_output_and_its_status(box: Sandbox) -> None:
    result = box.commands.run("echo out; echo err >&2; exit 3")
    assert (result.exit, result.signal, result.ok) == (3, None, False)
    assert (result.stdout, result.stderr, result.status) == ("out\n", "err\n", 3)


def test_a_command_that_must_go_well_raises_when_it_does_not(box: Sandbox) -> None:
    assert box.commands.run("true").check().exit == 0
    with pytest.raises(CommandFailed, match="boom") as caught:
        box.commands.run("echo boom >&2; exit 9").check()
    assert caught.value.detail["exit"] == 9


def test_a_command_gets_stdin_variables_and_a_directory(box: Sandbox) -> None:
    box.files.mkdir("sub")
    assert box.commands.run("cat", stdin=b"a\x00b").stdout == "a\x00b"
    assert box.commands.run('echo "$A"', env={"A": "x y"}).stdout == "x y\n"
    with pytest.raises(FileMissing):
        box.commands.run("pwd", cwd="nowhere")


def test_output_is_heard_while_a_command_runs_and_is_in_its_result(box: Sandbox) -> None:
    out: list[str] = []
    err: list[str] = []
    result = box.commands.run("echo ä; echo e >&2", on_stdout=out.append, on_stderr=err.append)
    assert ("".join(out), "".join(err)) == ("ä\n", "e\n")
    assert (result.stdout, result.stderr, result.exit) == ("ä\n", "e\n", 0)


def test_a_command_that_takes_too_long_is_killed(box: Sandbox) -> None:
    result = box.commands.run("sleep 60", timeout=0.2)
    assert result.timed_out
    assert result.exit is None


def test_an_empty_command_is_refused(box: Sandbox) -> None:
    with pytest.raises(InvalidInput):
        box.commands.run("   ")


def test_an_open_command_is_written_to_and_read_from(box: Sandbox) -> None:
    with box.commands.open("cat; echo done >&2") as running:
        running.write(b"hello\n")
        running.close_stdin()
        pieces = list(running)
        result = running.result()
    assert b"".join(p.data for p in pieces if p.stream == "stdout") == b"hello\n"
    assert b"".join(p.data for p in pieces if p.stream == "stderr") == b"done\n"
    assert result.exit == 0


def test_an_open_command_is_signalled(box: Sandbox) -> None:
    with box.commands.open("sleep 60") as running:
        running.signal("SIGTERM")
        assert running.result().status == 128 + 15


def test_what_is_wrong_with_an_open_command_is_raised(box: Sandbox) -> None:
    with pytest.raises(FileMissing), box.commands.open("pwd", cwd="nowhere") as running:
        running.result()


def test_a_terminal_shows_what_is_typed_to_it(box: Sandbox) -> None:
    with box.pty.open("read line; echo got $line", rows=30, cols=100) as terminal:
        terminal.resize(40, 120)
        terminal.write(b"words\n")
        shown = b"".join(piece.data for piece in terminal)
        assert terminal.result().exit == 0
    assert b"got words" in shown


def test_a_file_is_written_read_and_described(box: Sandbox) -> None:
    written = box.files.write("a/b.txt", "line\n")
    assert written.created
    assert written.sha256 == hashlib.sha256(b"line\n").hexdigest()
    assert box.files.read("a/b.txt") == box.files.read("/workspace/a/b.txt") == "line\n"
    info = box.files.stat("a/b.txt")
    assert (info.path, info.type.value, info.size) == ("a/b.txt", "file", 5)


@pytest.mark.parametrize("name", ["ü ß.txt", "a%2Fb", "q?x=1#y", "plus+and&", "dot..dot", "%00"])
def test_names_of_files_may_hold_anything(box: Sandbox, name: str) -> None:
    box.files.write(name, name)
    assert box.files.read(name) == name
    assert name in [entry.path for entry in box.files.list().entries]


def test_parts_of_a_file_are_read(box: Sandbox) -> None:
    box.files.write("digits", b"0123456789")
    assert box.files.read_bytes("digits", offset=2, limit=3) == b"234"
    assert box.files.read_bytes("digits", offset=8) == b"89"
    assert box.files.read_bytes("digits", offset=50) == b""
    assert box.files.read_bytes("digits", limit=0) == b""


def test_what_is_no_text_is_not_read_as_text(box: Sandbox) -> None:
    box.files.write("binary", b"\xff\xfe")
    with pytest.raises(NotText):
        box.files.read("binary")
    assert box.files.read_bytes("binary") == b"\xff\xfe"


def test_a_file_is_replaced_only_as_it_was_known(box: Sandbox) -> None:
    first = box.files.write("f", "one")
    box.files.write("f", "two", expect_sha256=first.sha256)
    with pytest.raises(HashMismatch):
        box.files.write("f", "three", expect_sha256=first.sha256)
    with pytest.raises(AlreadyExists):
        box.files.write("f", "four", exclusive=True)
    assert box.files.read("f") == "two"


def test_text_is_replaced_where_it_is_unique(box: Sandbox) -> None:
    box.files.write("f", "a\nb\na\n")
    assert box.files.edit("f", "b", "c").line == 2
    with pytest.raises(EditAmbiguous):
        box.files.edit("f", "a", "x")
    with pytest.raises(EditNoMatch):
        box.files.edit("f", "zzz", "x")
    assert box.files.edit("f", "a", "x", replace_all=True).replaced == 2
    assert box.files.read("f") == "x\nc\nx\n"


def test_directories_are_listed_to_a_depth(box: Sandbox) -> None:
    box.files.write("d/e/f", "")
    assert [entry.path for entry in box.files.list("d").entries] == ["d/e"]
    assert [entry.path for entry in box.files.list("d", depth=2).entries] == ["d/e", "d/e/f"]
    assert box.files.list("d", depth=2, limit=1).truncated


def test_files_are_moved_and_deleted(box: Sandbox) -> None:
    box.files.write("old/f", "x")
    box.files.write("new", "y")
    with pytest.raises(AlreadyExists):
        box.files.move("old/f", "new")
    box.files.move("old/f", "new", overwrite=True)
    assert box.files.read("new") == "x"
    assert box.files.delete("new") == 1
    with pytest.raises(FileMissing):
        box.files.delete("new")


def test_a_directory_goes_only_with_all_in_it_when_told_so(box: Sandbox) -> None:
    box.files.write("d/f", "x")
    with pytest.raises(VibnError):
        box.files.delete("d")
    assert box.files.delete("d", recursive=True) == 2
    assert box.files.mkdir("d")
    assert not box.files.mkdir("d")


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a/../../../etc/passwd", ".."])
def test_no_path_leads_out(box: Sandbox, path: str) -> None:
    box.files.mkdir("a")
    with pytest.raises(PathOutside):
        box.files.read(path)
    with pytest.raises(PathOutside):
        box.files.stat(path)


def test_files_are_found_by_name_and_by_content(box: Sandbox) -> None:
    box.files.write("src/a.py", "import os\nprint(1)\n")
    box.files.write("src/b.txt", "import os\n")
    assert [found.path for found in box.files.glob("**/*.py")] == ["src/a.py"]
    found = box.files.grep("import (os|sys)", include="*.py", context=1)
    assert [(m.path, m.line, m.context) for m in found.matches] == [
        ("src/a.py", 1, False),
        ("src/a.py", 2, True),
    ]
    assert box.files.grep("nothing like it").matches == ()


def test_changes_are_watched(box: Sandbox) -> None:
    box.files.mkdir("watched")
    with box.files.watch("watched") as changes:
        box.files.write("watched/new", "x")
        change = next(iter(changes))
    assert (change.kind, change.path) == ("created", "watched/new")


def test_a_directory_goes_there_and_back(box: Sandbox, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    (here / "run.sh").write_text("echo")
    (here / "run.sh").chmod(0o755)
    (here / "sub" / "data").write_bytes(bytes(range(256)) * 5000)
    heard: list[tuple[int, int | None]] = []
    sent = box.files.upload(here, "there", on_progress=lambda *now: heard.append(now))
    assert sent.files == 2
    assert heard[-1] == (sent.bytes, sent.bytes)
    back = box.files.download("there", tmp_path / "back")
    assert back == sent
    assert (tmp_path / "back/sub/data").read_bytes() == (here / "sub/data").read_bytes()
    assert (tmp_path / "back/run.sh").stat().st_mode & 0o777 == 0o755


def test_a_file_goes_there_and_back(box: Sandbox, tmp_path: Path) -> None:
    here = tmp_path / "f"
    here.write_bytes(b"x" * 700_000)
    box.files.upload(here, "deep/er/f")
    heard: list[tuple[int, int | None]] = []
    box.files.download("deep/er/f", tmp_path / "g", on_progress=lambda *now: heard.append(now))
    assert (tmp_path / "g").read_bytes() == here.read_bytes()
    assert heard[-1] == (700_000, 700_000)


def test_what_is_missing_is_neither_sent_nor_fetched(box: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        box.files.upload(tmp_path / "missing", "there")
    with pytest.raises(FileMissing):
        box.files.download("missing", tmp_path / "here")
    assert list(tmp_path.iterdir()) == []


def test_a_job_goes_on_by_itself_and_is_read_by_offsets(box: Sandbox) -> None:
    job = box.jobs.start("echo one; echo two", name="both")
    pieces = list(box.jobs.follow(job.id))
    assert b"".join(piece.data for piece in pieces) == b"one\ntwo\n"
    assert pieces[-1].job is not None
    assert (pieces[-1].job.state, pieces[-1].job.exit) == ("exited", 0)
    assert box.jobs.read(job.id, offset=4).data == b"two\n"
    assert [(one.id, one.name) for one in box.jobs.list() if one.id == job.id] == [(job.id, "both")]


def test_a_job_is_written_to(box: Sandbox) -> None:
    job = box.jobs.start("cat")
    assert box.jobs.input(job.id, "typed\n") == 6
    box.jobs.input(job.id, eof=True)
    assert b"".join(piece.data for piece in box.jobs.follow(job.id)) == b"typed\n"


def test_a_job_is_signalled_and_waited_for(box: Sandbox) -> None:
    job = box.jobs.start("sleep 60")
    assert box.jobs.get(job.id).running
    assert box.jobs.signal(job.id, "KILL")
    last = list(box.jobs.follow(job.id))[-1].job
    assert last is not None
    assert last.signal == "KILL"


def test_a_job_that_is_not_there_is_told(box: Sandbox) -> None:
    with pytest.raises(JobNotFound):
        box.jobs.get("j123")
    with pytest.raises(JobNotFound):
        list(box.jobs.follow("j123"))


def test_a_box_sleeps_and_wakes_and_keeps_its_files(box: Sandbox) -> None:
    box.files.write("kept", "x")
    assert box.box.suspend("stopped").state == "suspended"
    assert box.box.status().tier == "stopped"
    assert box.files.read("kept") == "x"
    ensured = box.box.ensure()
    assert (ensured.state, ensured.created) == ("running", False)


def test_the_project_tells_of_its_box(box: Sandbox) -> None:
    box.box.ensure()
    assert box.info().slug == box.project
    assert box.info().box.state == "running"
