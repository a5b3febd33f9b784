"""What of the host's kernel, which all boxes share, a box cannot use or use up."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import sys
import threading
from collections.abc import Iterator

import pytest

from vibn.models import Severity
from vibn.runtimes.bubblewrap import identity, keyring, seccomp

NS_GET_OWNER_UID = 0xB704
NUMBERED = ("add_key", "request_key", "keyctl", "bpf", "userfaultfd", "io_uring_setup")
ALSO = ("perf_event_open", "mount", "setns", "open_by_handle_at", "fsopen", "open_tree", "syslog")
CALL = """
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
for number in sys.argv[1:]:
    ended = libc.syscall(int(number), 0, 0, 0, 0, 0)
    print(errno.errorcode[ctypes.get_errno()] if ended < 0 else "done")
"""
SOCKETS = """
import socket
for family, protocol in ((40, 0), (38, 0), (17, 0), (16, 12), (16, 6), (30, 0)):
    for make in (socket.socket, socket.socketpair):
        try:
            make(family, socket.SOCK_STREAM if family != 16 else socket.SOCK_RAW, protocol)
        except PermissionError:
            print("refused")
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
    socket.socket(family).close()
socket.socket(16, socket.SOCK_RAW, 0).close()
"""
EXHAUST = """
import ctypes, time
libc = ctypes.CDLL(None, use_errno=True)
count = 0
while libc.inotify_init() >= 0: count += 1
print(count, ctypes.get_errno(), flush=True)
"""
SEARCH = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
found = libc.syscall(int(sys.argv[1]), b"user", sys.argv[2].encode(), None, 0)
held = ctypes.create_string_buffer(64)
libc.syscall(int(sys.argv[3]), 11, int(sys.argv[4]), held, 64)
print(found, held.value)
"""


@pytest.fixture(autouse=True)
def _filtered() -> None:
    if seccomp.why_not():
        pytest.skip(seccomp.why_not())


def numbers(*names: str) -> list[str]:
    return [str(seccomp.number(name, os.uname().machine)) for name in names]


@pytest.fixture
def key() -> Iterator[tuple[str, int]]:
    """The name and serial of a key in this process's session, which others may only possess."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    add, control = map(int, numbers("add_key", "keyctl"))
    name = f"vibn-{secrets.token_hex(6)}"
    serial = libc.syscall(add, b"user", name.encode(), b"secret", 6, -3)
    if serial < 0:
        pytest.skip("no key can be added to this session")
    yield name, serial
    libc.syscall(control, 9, serial, -3)


@pytest.mark.parametrize("name", [*NUMBERED, *ALSO])
async def test_a_system_call_that_leads_to_the_host_is_refused(boxes, runtime, name):
    ref = await boxes.make(runtime)
    words = " ".join(numbers(name))
    assert await boxes.told(runtime, ref, f"python3 -c '{CALL}' {words}") == "EPERM"


async def test_a_number_with_the_x32_bit_is_refused(boxes, runtime):
    if os.uname().machine != "x86_64":
        pytest.skip("x32 is of x86_64")
    ref = await boxes.make(runtime)
    (keyctl,) = numbers("keyctl")
    words = f"{int(keyctl) | 0x40000000} {39 | 0x40000000}"
    assert (await boxes.told(runtime, ref, f"python3 -c '{CALL}' {words}")).split() == ["EPERM"] * 2


async def test_sockets_past_the_network_namespace_are_refused(boxes, runtime):
    ref = await boxes.make(runtime)
    told = await boxes.told(runtime, ref, f"python3 -c '{SOCKETS}'")
    assert told.split() == ["refused"] * 12


async def test_a_key_of_the_host_s_session_is_not_readable(boxes, runtime, key):
    ref = await boxes.make(runtime)
    request, control = numbers("request_key", "keyctl")
    words = f"{request} {key[0]} {control} {key[1]}"
    told = await boxes.told(runtime, ref, f"python3 -c '{SEARCH}' {words}; cat /proc/keys")
    assert told.startswith("-1 b''")
    assert key[0] not in told


async def test_a_program_starts_with_a_keyring_of_its_own_and_leaves_ours(key):
    libc = ctypes.CDLL(None, use_errno=True)
    (control,) = map(int, numbers("keyctl"))
    found: list[int] = []
    search = lambda: libc.syscall(control, 10, -3, b"user", key[0].encode(), 0)  # noqa: E731

    def joined() -> None:
        keyring.join()
        found.append(search())

    thread = threading.Thread(target=joined)
    thread.start()
    thread.join()
    assert found == [-1]
    assert search() == key[1]


async def test_namespaces_are_refused_and_other_unsharing_is_not(boxes, runtime):
    ref = await boxes.make(runtime)
    program = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.unshare(0x400), [libc.unshare(1 << n) for n in (7, 17, 25, 26, 27, 28, 29, 30)])
print(libc.syscall(%s, 0x10000000 | 17, 0, 0, 0, 0))
"""
    clone = 56 if os.uname().machine == "x86_64" else 220
    told = await boxes.told(runtime, ref, f"python3 -c '{program % clone}'")
    assert told == f"0 {[-1] * 8}\n-1"


async def test_programs_of_every_day_work_under_the_filter(boxes, runtime):
    ref = await boxes.make(runtime)
    await boxes.told(
        runtime, ref, "python3 -m venv --without-pip v && v/bin/python -c 'import ssl'"
    )
    await boxes.told(runtime, ref, "git init -q r && git -C r commit -q --allow-empty -m x")
    if shutil.which("node", path="/usr/local/bin:/usr/bin:/bin") is None:
        pytest.skip("without node the rest is not tried")
    program = "require(`fs`).promises.readFile(`/etc/hostname`).then(t => console.log(!!t))"
    assert await boxes.told(runtime, ref, f"node -e '{program}'") == "true"


async def test_the_check_tells_of_the_filter(runtime):
    (found,) = [f for f in await runtime.check() if f.subject == "filter"]
    assert found.severity is Severity.OK


async def test_one_box_does_not_use_up_the_inotify_of_others_and_of_the_host(boxes, runtime):
    greedy = [await boxes.make(runtime) for _ in range(3)]
    other = await boxes.make(runtime)
    for ref in greedy:
        held = f"(python3 -c '{EXHAUST}time.sleep(60)') >out 2>&1 & until [ -s out ]; do :; done"
        count, code = (await boxes.told(runtime, ref, f"{held}; cat out")).split()
        assert 0 < int(count) <= 64
        assert int(code) == errno.EMFILE
    assert int((await boxes.told(runtime, other, f"python3 -c '{EXHAUST}'")).split()[0]) > 0
    fd = ctypes.CDLL(None).inotify_init()
    assert fd >= 0
    os.close(fd)


@pytest.mark.skipif(os.geteuid() != 0, reason="without root all boxes are one host user")
async def test_what_a_box_uses_up_counts_for_its_own_user(boxes, runtime):
    ref = await boxes.make(runtime)
    owner = bytearray(4)
    with open(f"/proc/{boxes.main(ref).pid}/ns/user", "rb") as namespace:
        fcntl.ioctl(namespace, NS_GET_OWNER_UID, owner)
    assert identity.owns(int.from_bytes(owner, sys.byteorder))
