"""Ways out of a box that do not lead out: files, rights, processes, the socket, the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.security.conftest import ATTACKER, STRANGER, Attack

from vibn.errors import Conflict, FileMissing, PathOutside, ProjectNotFound, ProtocolViolation

HOSTILE = (Path(__file__).parent / "hostile_agent.py").read_bytes()
LIES = (
    *("no frame", "deep", "long number", "flood", "another's answer"),
    *("a control plane's word", "wrong shape", "goodbye"),
)


async def test_a_file_of_the_host_is_found_by_no_way_round(attack: Attack, token: str) -> None:
    secret = attack.directory / "readable"
    secret.write_text(token)
    secret.chmod(0o644)
    roots = "'' /proc/1/root /proc/1/cwd /proc/self/root /proc/1/fd/0 /workspace/../.. /run/vibn/.."
    told = await attack.run(
        f"for r in {roots}; do cat $r{secret} $r/../{secret}; done; "
        "for n in 1 2 3 4 5 6 7 8 9; do for f in /proc/$n/fd/*; do cat $f/..{secret}; done; done; "
        "cat /var/run/docker.sock /run/docker.sock /dev/mem /proc/kcore | head -c 99"
    )
    assert token not in told
    assert "denied" in told or "No such file" in told


async def test_a_box_has_no_right_and_gets_none(attack: Attack) -> None:
    told = await attack.run(
        "grep -E '^(CapEff|CapPrm|CapAmb|NoNewPrivs)' /proc/self/status | cut -f2; "
        "unshare -U true && echo namespace; unshare -Urn true && echo network; "
        "mount -t tmpfs none /tmp && echo mounted; chroot / true && echo rooted; "
        "su -c id 2>/dev/null | grep uid=0; nsenter -t 1 -m true && echo entered"
    )
    assert [word for word in told.split() if set(word) <= set("01")] == ["0" * 16] * 3 + ["1"]
    for gained in ("namespace\n", "network\n", "mounted\n", "rooted\n", "uid=0", "entered\n"):
        assert gained not in told


@pytest.mark.parametrize("user", ["vibn", "root"])
async def test_no_knob_of_the_kernel_can_be_turned(attack: Attack, user: str) -> None:
    if user == "root" and not attack.app.runtime.capabilities.root:
        pytest.skip("this runtime has no root inside a box")
    told = await attack.run(
        "for k in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname "
        "/proc/sys/user/max_user_namespaces /proc/sys/vm/drop_caches /proc/sys/net/ipv4/ip_forward "
        "/sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/cgroup.procs "
        "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max "
        "/sys/kernel/uevent_helper; do [ -e $k ] && (cat $k | head -n1 >>$k) 2>/dev/null "
        "&& echo turned $k; done; mknod /tmp/disk b 254 0 && echo made a disk",
        user=user,
    )
    assert "turned" not in told
    assert "made a disk" not in told


async def test_processes_of_the_host_and_of_others_are_not_seen(attack: Attack, token: str) -> None:
    await attack.make(STRANGER)
    await attack.app.shell.start(*STRANGER, f"exec -a {token} sleep 60 || sleep 60 # {token}")
    code = "import sys; sys.stdin.read()"
    ours = subprocess.Popen([sys.executable, "-c", code, token], stdin=subprocess.PIPE)
    try:
        told = await attack.run(f"cat /proc/[0-9]*/cmdline | tr '\\0' ' '; kill -9 {ours.pid}")
        assert token not in told
        assert ours.poll() is None
    finally:
        ours.kill()
        ours.communicate()


@pytest.mark.parametrize("trick", ["ln -s {other}", "mkfifo", "mkdir"])
async def test_nothing_but_a_socket_is_dialled_in_its_place(attack: Attack, trick: str) -> None:
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(attack.directory / "other.sock"))
    other.listen()
    other.setblocking(False)
    try:
        make = trick.format(other=attack.directory / "other.sock")
        await attack.run(f"cd /run/vibn && rm agent.sock && {make} agent.sock")
        await attack.hang_up()
        with pytest.raises(ProtocolViolation):
            await attack.run("true")
        with pytest.raises(BlockingIOError):
            other.accept()
    finally:
        other.close()


async def test_a_lying_agent_is_refused_and_nobody_else_notices(attack: Attack) -> None:
    await attack.make(STRANGER)
    await attack.app.shell.exec(*STRANGER, "true")
    await attack.app.shell.exec(*ATTACKER, "cat >/workspace/agent.py", stdin=HOSTILE)
    for lie in LIES:
        start = f'rm -f ready; setsid python3 agent.py "{lie}" </dev/null >ready 2>&1 & '
        told = await attack.run(start + "until grep -s ready ready; do sleep 0.05; done")
        assert "ready" in told, lie
        await attack.hang_up()
        with pytest.raises(ProtocolViolation):
            await attack.run("true")
        other = await attack.app.shell.exec(*STRANGER, "echo mine")
        assert other.stdout == "mine\n", lie
        await attack.app.boxes.suspend(*ATTACKER)


async def test_file_tools_follow_no_link_out_of_the_workspace(attack: Attack) -> None:
    files = attack.app.files
    await attack.run(
        "ln -s / root; ln -s /proc/self/root proc; ln -s /etc/passwd file; mkdir in; "
        "ln -s ../.. in/up; ln -s /proc/self/fd fd; ln -s /workspace/file chain"
    )
    for path in ("root/etc/passwd", "proc/etc/passwd", "file", "in/up/etc/passwd", "fd/0", "chain"):
        with pytest.raises(PathOutside):
            await files.read(*ATTACKER, path)
        with pytest.raises(PathOutside):
            await files.write(*ATTACKER, path, "x")
    with pytest.raises(PathOutside):
        await files.write(*ATTACKER, "../../etc/x", "x")


async def test_an_exchange_of_links_during_writes_never_leads_out(attack: Attack) -> None:
    await attack.run("mkdir -p /tmp/out /workspace/real")
    job = await attack.app.shell.start(
        *ATTACKER,
        "cd /workspace; while :; do ln -sfn real way; ln -sfn /tmp/out way; done",
    )
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        with contextlib.suppress(PathOutside, FileMissing, Conflict):
            await attack.app.files.write(*ATTACKER, "way/file", "x")
    await attack.app.shell.kill(*ATTACKER, job)
    assert await attack.run("ls -A /tmp/out") == ""


async def test_deleting_a_box_follows_none_of_its_links(attack: Attack, token: str) -> None:
    kept = attack.directory / "kept"
    kept.mkdir()
    (kept / "file").write_text(token)
    places = "/workspace /tmp /home/vibn /home/vibn/.cache /run/vibn"
    await attack.run(
        f"for p in {places}; do ln -s {kept} $p/link; mkdir $p/shut; ln -s {kept}/file $p/shut/x; "
        f"chmod 0 $p/shut; mkfifo $p/fifo; touch \"$p/$(printf 'a\\nb')\"; done"
    )
    before = kept.stat()
    await attack.app.boxes.recreate(*ATTACKER)
    await attack.app.projects.delete(*ATTACKER)
    after = kept.stat()
    assert (kept / "file").read_text() == token
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)


@pytest.mark.usefixtures("rooted")
async def test_a_secret_is_in_no_file_and_no_process_but_its_box_s(
    attack: Attack, token: str
) -> None:
    project = await attack.app.projects.get(*ATTACKER)
    await attack.app.secrets.set(project.id, "TOKEN", token)
    waiting = "echo held: $TOKEN; until [ -e seen ]; do sleep 0.1; done"
    command = asyncio.create_task(attack.run(waiting))
    held: list[Path] = []
    while not held and not command.done():
        await asyncio.sleep(0.1)
        held = [path for path in Path("/proc").glob("[0-9]*/environ") if token in content(path)]
    shown = [path for path in Path("/proc").glob("[0-9]*/cmdline") if token in content(path)]
    assert shown == []
    assert held
    assert 0 not in {owner(path) for path in held}
    assert os.getpid() not in {int(path.parent.name) for path in held}
    await attack.app.files.write(*ATTACKER, "seen", "")
    assert token not in await command
    assert [path for path in attack.directory.rglob("*.db*") if token in content(path)] == []


async def test_another_workspace_s_project_answers_as_a_missing_one(attack: Attack) -> None:
    await attack.make(STRANGER)
    said = []
    for slug in ("stranger", "missing", "../globex/stranger", "%", "STRANGER", "stranger\n"):
        with pytest.raises(ProjectNotFound) as refused:
            await attack.app.shell.exec("acme", slug, "true")
        said.append(refused.value.message.replace(repr(slug), "SLUG"))
    assert len(set(said)) == 1


def content(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1
