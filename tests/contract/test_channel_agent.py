"""The typed client against the real agent: every method, and what happens when the agent dies."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from vibn.channel import AgentClient, Deadlines, Pool, replace_older
from vibn.errors import (
    AgentLost,
    EditAmbiguous,
    EditNoMatch,
    FileMissing,
    HashMismatch,
    InvalidInput,
    JobNotFound,
    NotText,
    PathOutside,
    TooLarge,
    Unavailable,
    VibnError,
)
from vibn.models import BoxRef
from vibn.outcomes import ChangeKind, FileChange, FileType, GrepMode, JobState, Output, Terminal
from vibn.runtimes import zipapp

PYTHON = "/usr/bin/python3"
BOX = BoxRef("b1", "h1")

pytestmark = pytest.mark.skipif(not Path(PYTHON).exists(), reason=f"needs {PYTHON}")


class Home:
    """One resident agent of its own, with its directories."""

    def __init__(self, base: Path, agent: Path) -> None:
        self.base = base
        self.workspace = base / "workspace"
        self.workspace.mkdir()
        self.zipapp = agent
        self.socket = base / "agent.sock"
        self.start()

    def start(self) -> None:
        places = ["--workspace", self.workspace, "--state", self.base / "state"]
        words = [PYTHON, "-I", "-S", self.zipapp, "serve", "--socket", self.socket, *places]
        self.process = subprocess.Popen(words, start_new_session=True)

    async def dial(self, ref=BOX, user="vibn") -> socket.socket:
        """As a runtime does: waits until the agent accepts."""
        async with asyncio.timeout(20):
            while True:
                sock = socket.socket(socket.AF_UNIX)
                sock.setblocking(False)
                try:
                    sock.connect(str(self.socket))
                except (FileNotFoundError, ConnectionRefusedError):
                    sock.close()
                    await asyncio.sleep(0.01)
                else:
                    return sock

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    async def end(self) -> None:
        if self.process.poll() is None:
            client = await AgentClient.connect(await self.dial())
            for job in await client.job_list():
                await client.job_signal(job.id, "KILL")
            await client.close()
            self.process.terminate()
            self.process.wait(20)


async def _until(condition):
    """Waits for what another process does."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def _number(path: Path) -> int:
    return int(path.read_text() or 0) if path.exists() else 0


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _attached(*words: object) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """A program whose standard input and output are the socket's other end."""
    ours, its = socket.socketpair()
    ours.setblocking(False)
    with its:
        return ours, subprocess.Popen([PYTHON, "-I", "-S", *words], stdin=its, stdout=its)


@pytest.fixture(scope="session")
def agent(tmp_path_factory):
    return zipapp.build(tmp_path_factory.mktemp("zipapp"))


@pytest.fixture
async def home(agent):
    base = Path(tempfile.mkdtemp(prefix="vc-"))
    found = Home(base, agent)
    try:
        yield found
        await found.end()
    finally:
        found.kill()
        shutil.rmtree(base)


@pytest.fixture
async def client(home):
    found = await AgentClient.connect(await home.dial())
    yield found
    await found.close()


# Processes


async def test_exec_tells_exit_and_both_outputs(client):
    result = await client.exec("echo out; echo err >&2; exit 3")
    assert (result.exit, result.signal) == (3, None)
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")
    assert not result.truncated
    assert result.ms > 0


async def test_exec_takes_argv_cwd_env_stdin_and_merge(client, home):
    (home.workspace / "sub").mkdir()
    script = 'cat; pwd; echo "$A" >&2'
    words = {"argv": ["sh", "-c", script], "cwd": "/workspace/sub", "env": {"A": "1"}}
    result = await client.exec(**words, stdin=b"in\n", merge=True)
    assert result.stdout == b"in\n%s/sub\n1\n" % os.fsencode(home.workspace)
    assert result.stderr == b""


async def test_exec_with_a_long_stdin_streams_it(client):
    data = os.urandom(3_000_000)
    result = await client.exec("sha256sum", stdin=data)
    assert result.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()


async def test_exec_that_does_not_read_its_long_stdin_ends(client):
    assert (await client.exec("exit 4", stdin=bytes(3_000_000))).exit == 4


async def test_exec_keeps_head_and_tail_and_names_the_log(client):
    result = await client.exec("seq 100000", cap=1000)
    assert (len(result.stdout), result.stdout_head) == (1000, 500)
    assert result.stdout.startswith(b"1\n2\n")
    assert result.stdout.endswith(b"\n100000\n")
    assert (result.stdout_total, result.truncated) == (588895, True)
    assert os.path.getsize(result.log) == 588895


async def test_exec_that_takes_too_long_is_killed_with_its_children(client):
    result = await client.exec("setsid sleep 987 & sleep 986", timeout=0.3)
    assert result.timed_out
    assert {process.name for process in result.killed} >= {"sleep"}


async def test_exec_tells_what_it_left_running(client):
    result = await client.exec("sleep 980 >/dev/null 2>&1 & echo $!")
    assert [process.pid for process in result.left] == [int(result.stdout)]
    await client.exec(f"kill {result.left[0].pid}")


async def test_cancelling_the_task_ends_the_command(client, home):
    call = asyncio.create_task(client.exec("echo $$ > pid; exec sleep 985"))
    await _until(lambda: _number(home.workspace / "pid"))
    pid = _number(home.workspace / "pid")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not _alive(pid)
    assert (await client.exec("true")).exit == 0


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"cmd": ""}, InvalidInput),
        ({"cmd": "true", "argv": ["true"]}, InvalidInput),
        ({"cmd": "true", "cwd": "/nowhere"}, FileMissing),
        ({"cmd": "true", "timeout": -1}, InvalidInput),
        ({"cmd": "true", "env": {"A=B": "c"}}, InvalidInput),
    ],
)
async def test_exec_refuses_what_cannot_run(client, call, error):
    with pytest.raises(error):
        await client.exec(**call)
    assert not client.closed


async def test_many_commands_at_once_keep_their_outputs_apart(client):
    calls = [client.exec(f"echo {n}; sleep 0.0{n % 3}; echo {n}") for n in range(300)]
    results = await asyncio.gather(*calls)
    assert [r.stdout for r in results] == [b"%d\n%d\n" % (n, n) for n in range(300)]


async def test_a_streamed_command_gives_its_output_while_it_runs(client):
    async with client.exec_stream("echo one; read x; echo $x >&2; exit 5", stdin=None) as run:
        assert await anext(run) == Output("out", b"one\n")
        assert await run.write(b"two\n")
        run.close_stdin()
        assert [piece async for piece in run] == [Output("err", b"two\n")]
        result = await run.result()
        assert (result.exit, result.stdout_total, result.stderr_total) == (5, 4, 4)


async def test_a_slow_consumer_stops_the_child(client, home):
    script = "i=0; while [ $i -lt 400 ]; do head -c 65536 /dev/zero; i=$((i+1)); echo $i > n; done"
    async with client.exec_stream(script) as run:
        await anext(run)
        before = -1
        while (now := _number(home.workspace / "n")) != before or now == 0:
            before = now
            await asyncio.sleep(0.2)
        assert before < 20
        got = sum([len(piece.data) async for piece in run])
        assert (await run.result()).stdout_total == 400 * 65536
        assert got > 380 * 65536


async def test_a_terminal_is_one_and_is_resized_and_interrupted(client):
    script = 'stty size; trap "stty size; exit 7" INT; echo go; while :; do sleep 0.05; done'
    async with client.exec_stream(script, terminal=Terminal(10, 40)) as run:
        seen = b""
        while b"go" not in seen:
            seen += (await anext(run)).data
        run.resize(20, 60)
        run.signal("INT")
        seen += b"".join([piece.data async for piece in run])
        assert seen.split() == [b"10", b"40", b"go", b"20", b"60"]
        assert (await run.result()).exit == 7


async def test_leaving_a_streamed_command_kills_it(client):
    async with client.exec_stream("echo $$; exec sleep 984") as run:
        pid = int((await anext(run)).data)
    assert not _alive(pid)


# Jobs


async def test_a_job_is_started_followed_fed_and_ended(client):
    started = await client.job_start("echo ready; cat; echo bye", name="echoer", env={"A": "1"})
    first = await client.job_read(started.id, wait=10)
    assert (first.data, first.job.state, first.job.name) == (b"ready\n", JobState.RUNNING, "echoer")
    assert await client.job_input(started.id, b"hello\n", eof=True) == 6
    rest, offset = b"", first.next
    while b"bye\n" not in rest:
        part = await client.job_read(started.id, offset, wait=10)
        rest, offset = rest + part.data, part.next
    assert rest == b"hello\nbye\n"
    [job] = await client.job_list()
    assert (job.id, job.size, job.first, job.pid) == (started.id, 16, 0, started.pid)


async def _ended(client, id):
    while (job := (await client.job_read(id, 1 << 40, wait=10)).job).state is JobState.RUNNING:
        pass
    return job


async def test_a_job_is_signalled_and_tells_how_it_ended(client):
    started = await client.job_start("echo ready; exec sleep 983")
    await client.job_read(started.id, wait=10)
    assert await client.job_signal(started.id, "TERM")
    job = await _ended(client, started.id)
    assert (job.state, job.signal, job.exit) == (JobState.EXITED, "TERM", None)
    assert job.ended_at >= started.started_at


async def test_a_job_is_read_from_its_end(client):
    started = await client.job_start("printf 0123456789")
    await _ended(client, started.id)
    part = await client.job_read(started.id, -4)
    assert (part.offset, part.data, part.next, part.dropped) == (6, b"6789", 10, 0)
    assert (await client.job_read(started.id, 2, limit=3)).data == b"234"


async def test_a_job_that_is_not_there_is_told(client):
    for call in (client.job_read("nope"), client.job_input("nope"), client.job_signal("nope")):
        with pytest.raises(JobNotFound):
            await call


# Ports, the box, the agent


async def test_a_port_in_the_box_is_reached(client):
    async def echo(reader, writer):
        writer.write(await reader.read())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    data = os.urandom(1_000_000)
    async with server, client.forward(port) as tunnel:
        writing = asyncio.create_task(tunnel.write(data))
        await writing
        tunnel.close_write()
        got = b""
        while piece := await tunnel.read():
            got += piece
        assert got == data
        carried = await tunnel.result()
        assert (carried.sent, carried.received) == (len(data), len(data))


async def test_a_port_where_nothing_listens_is_told(client):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with client.forward(free.getsockname()[1]) as tunnel:
            with pytest.raises(Unavailable, match="listens"):
                await tunnel.read()


async def test_info_tells_of_the_box_and_the_agent(client, home):
    (home.workspace / "big").write_bytes(os.urandom(100_000))
    info = await client.info(disk=True)
    assert (info.pid, info.build) == (home.process.pid, client.hello.build)
    assert info.build == hashlib.sha256(home.zipapp.read_bytes()).hexdigest()
    assert 100_000 <= info.disk.workspace < 300_000
    assert info.agent.rss > info.agent.private > 0
    assert info.ripgrep == (shutil.which("rg") is not None)
    assert (await client.info()).disk.workspace is None


async def test_a_takeover_keeps_the_boot_and_the_jobs(client, home):
    started = await client.job_start("read x; echo $x")
    other = home.zipapp.read_bytes() + b"#"
    assert await client.takeover(other) == client.hello.boot
    after = await AgentClient.connect(await home.dial())
    assert after.hello.boot == client.hello.boot
    assert after.hello.build == hashlib.sha256(other).hexdigest() != client.hello.build
    assert (await after.job_list())[0].state is JobState.RUNNING
    await after.job_input(started.id, b"kept\n")
    assert (await after.job_read(started.id, wait=10)).data == b"kept\n"
    await after.close()


async def test_a_pool_replaces_an_older_agent_before_the_first_call(home):
    other = home.zipapp.read_bytes() + b"##"
    pool = Pool(home.dial, renewal=replace_older(other, "999.0.0"))
    client = await pool.get(BOX)
    assert client.hello.build == hashlib.sha256(other).hexdigest()
    assert (await client.exec("echo new")).stdout == b"new\n"
    await pool.close()


async def test_a_zipapp_that_is_none_does_not_replace_the_agent(client):
    with pytest.raises(VibnError):
        await client.takeover(b"garbage")
    assert (await client.exec("true")).exit == 0


# Files


async def test_a_file_is_written_read_and_described(client, home):
    written = await client.fs_write("a/b.txt", b"hello\n", mode=0o640)
    assert (written.size, written.created) == (6, True)
    read = await client.fs_read("/workspace/a/b.txt")
    assert (read.data, read.size, read.next, read.sha256) == (b"hello\n", 6, None, written.sha256)
    info = await client.fs_stat("a/b.txt")
    assert (info.path, info.type, info.size, info.mode) == ("a/b.txt", FileType.FILE, 6, 0o640)
    assert (await client.fs_read("a/b.txt", 1, 3)).data == b"ell"
    with pytest.raises(HashMismatch):
        await client.fs_write("a/b.txt", b"", expect_sha256="0" * 64)


async def test_a_long_file_is_written_and_read_in_parts(client, home):
    data = os.urandom(5_000_000)
    written = await client.fs_write("big", data)
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    assert (home.workspace / "big").read_bytes() == data
    read = await client.fs_read("big", max=10_000_000)
    assert (read.data, read.sha256, read.next) == (data, written.sha256, None)
    part = await client.fs_read("big", 1_000_000, 2_500_000, max=10_000_000)
    assert part.data == data[1_000_000:3_500_000]
    assert (part.next, part.sha256) == (3_500_000, None)


@pytest.mark.parametrize("cap", [1000, 1 << 20, 3_000_000])
async def test_a_file_above_the_cap_is_too_large(client, home, cap):
    (home.workspace / "big").write_bytes(bytes(4_000_000))
    with pytest.raises(TooLarge):
        await client.fs_read("big", max=cap)


async def test_content_is_written_as_it_comes(client, home):
    async def pieces():
        for n in range(50):
            yield b"%06d\n" % n * 10_000

    written = await client.fs_write("log", pieces())
    assert (home.workspace / "log").stat().st_size == written.size == 3_500_000


async def test_lines_are_given_by_number(client, home):
    (home.workspace / "t").write_text("".join(f"line {n}\n" for n in range(1, 101)))
    lines = await client.fs_lines("t", 10, 3)
    assert lines.text == "line 10\nline 11\nline 12\n"
    assert (lines.start, lines.end, lines.total_lines, lines.more) == (10, 12, 100, True)
    (home.workspace / "bin").write_bytes(b"a\0b")
    with pytest.raises(NotText):
        await client.fs_lines("bin")


async def test_an_edit_is_exact_and_says_what_it_missed(client, home):
    (home.workspace / "f").write_text("one\ntwo\ntwo\n")
    edited = await client.fs_edit("f", "one", "1")
    assert (edited.replaced, edited.line) == (1, 1)
    assert "-one" in edited.diff
    with pytest.raises(EditAmbiguous) as ambiguous:
        await client.fs_edit("f", "two", "2")
    assert ambiguous.value.detail["lines"] == [2, 3]
    with pytest.raises(EditNoMatch) as missed:
        await client.fs_edit("f", "twoo", "2")
    assert missed.value.detail["nearest"][0] == {"line": 2, "text": "two"}
    assert (await client.fs_edit("f", "two", "2", all=True)).replaced == 2


async def test_directories_are_made_listed_moved_and_deleted(client, home):
    assert await client.fs_mkdir("d/e")
    assert not await client.fs_mkdir("d/e")
    await client.fs_write("d/e/f", b"x")
    (home.workspace / "d" / "l").symlink_to("e/f")
    listed = await client.fs_list("d", depth=2)
    kinds = {entry.path: (entry.type, entry.target) for entry in listed.entries}
    assert kinds["d/e"] == (FileType.DIR, None)
    assert kinds["d/l"] == (FileType.LINK, "e/f")
    assert await client.fs_move("d", "moved/d") == "moved/d"
    assert await client.fs_delete("moved", recursive=True) >= 4
    assert await client.fs_delete("moved", missing_ok=True) == 0
    assert (await client.fs_list()).entries == ()


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "out"])
async def test_what_leads_outside_is_refused_with_where_it_led(client, home, path):
    (home.workspace / "out").symlink_to("/etc/passwd")
    with pytest.raises(PathOutside) as caught:
        await client.fs_read(path)
    assert caught.value.detail["resolved"]
    assert not client.closed


async def test_a_name_that_is_not_unicode_is_listed_with_a_mark(client, home):
    os.mkdir(bytes(home.workspace) + b"/caf\xe9")
    [entry] = (await client.fs_list()).entries
    assert entry.path == "caf\ufffd"


async def test_files_are_found_by_pattern(client, home):
    for name in ("a.py", "sub/b.py", "sub/c.txt", "ignored.py"):
        await client.fs_write(name, b"x")
    await client.fs_write(".gitignore", b"ignored.py\n")
    found = await client.fs_glob("**/*.py")
    assert {file.path for file in found.files} == {"a.py", "sub/b.py"}
    assert (found.total, found.truncated) == (2, False)
    assert (await client.fs_glob("**/*.py", ignored=True)).total == 3
    assert (await client.fs_glob("**/*.py", limit=1)).truncated


async def test_contents_are_searched_in_three_ways(client, home):
    await client.fs_write("a.txt", b"one\nneedle\nthree\n")
    await client.fs_write("b.txt", b"needle needle\n")
    assert set((await client.fs_grep("needle")).files) == {"a.txt", "b.txt"}
    found = await client.fs_grep("need.e", mode=GrepMode.CONTENT, include="a.*", before=1)
    assert [(m.path, m.line, m.text, m.context) for m in found.matches] == [
        ("a.txt", 1, "one", True),
        ("a.txt", 2, "needle", False),
    ]
    counts = (await client.fs_grep("needle", mode=GrepMode.COUNT)).counts
    assert {count.path for count in counts} == {"a.txt", "b.txt"}
    with pytest.raises(InvalidInput):
        await client.fs_grep("(")


async def test_changes_are_watched_until_that_is_left(client):
    async with client.fs_watch() as watch, asyncio.timeout(60):
        await client.fs_write("f", b"x")
        await _seen(watch, FileChange(ChangeKind.CREATED, "f"))
        await client.fs_delete("f")
        await _seen(watch, FileChange(ChangeKind.DELETED, "f"))
    assert client.in_flight == 0
    assert (await client.exec("true")).exit == 0


async def _seen(watch, wanted):
    while wanted not in await anext(watch):
        pass


async def test_an_archive_is_packed_and_unpacked(client, home):
    await client.fs_write("src/a", os.urandom(700_000))
    async with client.fs_pack("src") as pack:
        archive = b"".join([piece async for piece in pack])
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert "a" in {os.path.basename(name) for name in tar.getnames()}
    unpacked = await client.fs_unpack(archive, "copy")
    assert (unpacked.files, unpacked.bytes) == (1, 700_000)
    copies = [path for path in (home.workspace / "copy").rglob("a") if path.is_file()]
    assert copies[0].read_bytes() == (home.workspace / "src/a").read_bytes()


# Bad luck


async def test_a_killed_agent_loses_every_call_and_the_next_one_works(client, home):
    pool = Pool(home.dial)
    used = await pool.get(BOX)
    started = await used.job_start("exec sleep 982")
    calls = [asyncio.create_task(used.exec("exec sleep 981")) for _ in range(2)]
    while (await client.info()).agent.commands < 2:
        await asyncio.sleep(0.01)
    home.kill()
    async with asyncio.timeout(2):
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in errors] == [AgentLost, AgentLost]
    assert all(error.retryable for error in errors)
    home.start()
    again = await pool.get(BOX)
    assert (await again.exec("echo back")).stdout == b"back\n"
    [job] = await again.job_list()
    assert (job.id, job.state) == (started.id, JobState.RUNNING)
    await pool.close()


async def test_a_frozen_agent_is_lost_to_those_who_wait(home):
    client = await AgentClient.connect(await home.dial(), Deadlines(silence=1.0))
    home.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(AgentLost, match="silent"):
            await client.exec("true")
    finally:
        home.process.send_signal(signal.SIGCONT)


async def test_a_frozen_agent_that_nobody_asks_keeps_its_channel(home):
    client = await AgentClient.connect(await home.dial(), Deadlines(silence=0.5))
    await client.exec("true")
    home.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1.5)
    home.process.send_signal(signal.SIGCONT)
    assert (await client.exec("echo thawed")).stdout == b"thawed\n"
    await client.close()


async def test_a_client_that_goes_away_ends_its_commands_but_no_job(home):
    client, other = [await AgentClient.connect(await home.dial()) for _ in range(2)]
    started = await client.job_start("echo ready; exec sleep 979")
    call = asyncio.create_task(client.exec("echo $$ > pid; exec sleep 978"))
    await _until(lambda: _number(home.workspace / "pid"))
    await client.close()
    await asyncio.gather(call, return_exceptions=True)
    await _until(lambda: not _alive(_number(home.workspace / "pid")))
    assert (await other.job_read(started.id)).job.state is JobState.RUNNING
    await other.close()


async def test_a_root_agent_offers_commands_only(home):
    ours, process = _attached(home.zipapp, "root")
    client = await AgentClient.connect(ours)
    assert client.hello.mode == "root"
    assert (await client.exec("echo hi", cwd="/")).stdout == b"hi\n"
    with pytest.raises(InvalidInput):
        await client.fs_read("x")
    await client.close()
    assert await asyncio.to_thread(process.wait, 20) == 0


async def test_the_relay_is_as_good_as_the_socket(home):
    await (await AgentClient.connect(await home.dial())).close()
    ours, process = _attached(home.zipapp, "relay", "--socket", home.socket)
    client = await AgentClient.connect(ours)
    data = os.urandom(2_000_000)
    await client.fs_write("f", data)
    assert (await client.fs_read("f", max=4_000_000)).data == data
    home.kill()
    with pytest.raises(AgentLost):
        await client.exec("true")
    await asyncio.to_thread(process.wait, 20)
