"""The filter of system calls under which a box lives, as classic BPF for ``bwrap --seccomp``.

It takes away what reaches past the namespaces (kernel keys, virtual sockets), what only feeds
attacks on the kernel (io_uring, bpf, userfaultfd), and what a box has no right to anyway. Debuggers
work. System calls of another architecture than the machine's own are refused, 32-bit ones too.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Sequence
from pathlib import Path

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
_NEW_NAMESPACE = 0x7E020080
"""The flags of unshare that make a namespace; the lowest of them is part of clone's signal."""
_CLONE_NAMESPACE = _NEW_NAMESPACE & ~0xFF
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK."""
_NETLINK = 16
_NETLINK_REFUSED = (6, 12)
"""NETLINK_XFRM and NETLINK_NETFILTER."""

_DENIED: dict[str, tuple[int | None, int | None]] = {
    # Keys are of the kernel, not of a namespace.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Large parts of the kernel that a box does without.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    # Mounts and namespaces.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    # The machine.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
}
"""Numbers on x86_64 and on aarch64."""
_SOCKET = {"x86_64": (41, 53), "aarch64": (198, 199)}
"""socket and socketpair."""
_UNSHARE = {"x86_64": 272, "aarch64": 97}
_CLONE = {"x86_64": 56, "aarch64": 220}

# One instruction of classic BPF: code, jump if true, jump if false, operand.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM


def why_not(machine: str = "") -> str:
    """Why boxes run without the filter here; empty when they have it."""
    machine = machine or os.uname().machine
    if machine not in _AUDIT_ARCH:
        return f"there is none for {machine}"
    if not Path("/proc/sys/kernel/seccomp").is_dir():
        return "this kernel has no filters"
    return ""


def number(name: str, machine: str) -> int:
    """The number of a refused system call. Raises KeyError for one that is unknown."""
    found = _DENIED[name][0 if machine == "x86_64" else 1]
    if found is None:
        raise KeyError(name)
    return found


def program(machine: str) -> bytes:
    """The filter for a machine with one (x86_64 or aarch64), as the kernel reads it."""
    column = 0 if machine == "x86_64" else 1
    denied = sorted({pair[column] for pair in _DENIED.values()} - {None}, key=lambda n: n or 0)
    code = [_load(_ARCH_AT), *_refuse_unless(_AUDIT_ARCH[machine]), _load(_NUMBER_AT)]
    if machine == "x86_64":
        code += _refuse_if(_AT_LEAST, _X32)
    for number in denied:
        assert number is not None
        code += _refuse_if(_EQUAL, number)
    code += _when(_UNSHARE[machine], [_argument(0), *_refuse_if(_ANY_BIT, _NEW_NAMESPACE)])
    code += _when(_CLONE[machine], [_argument(0), *_refuse_if(_ANY_BIT, _CLONE_NAMESPACE)])
    for number in _SOCKET[machine]:
        code += _when(number, _families())
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


_Instruction = tuple[int, int, int, int]


def _families() -> list[_Instruction]:
    """For socket: which families, and of netlink which protocols."""
    count = len(_FAMILIES)
    code = [_argument(0)]
    code += [(_EQUAL, count - index, 0, family) for index, family in enumerate(_FAMILIES)]
    code.append((_RETURN, 0, 0, _REFUSE))
    protocols = [_argument(2)]
    for protocol in _NETLINK_REFUSED:
        protocols += _refuse_if(_EQUAL, protocol)
    return [*code, (_EQUAL, 0, len(protocols), _NETLINK), *protocols]


def _when(number: int, code: Sequence[_Instruction]) -> list[_Instruction]:
    """``code`` for one system call, which is allowed when it did not return."""
    return [(_EQUAL, 0, len(code) + 1, number), *code, (_RETURN, 0, 0, _ALLOW)]


def _refuse_if(test: int, operand: int) -> list[_Instruction]:
    return [(test, 0, 1, operand), (_RETURN, 0, 0, _REFUSE)]


def _refuse_unless(operand: int) -> list[_Instruction]:
    return [(_EQUAL, 1, 0, operand), (_RETURN, 0, 0, _REFUSE)]


def _argument(index: int) -> _Instruction:
    """Loads the low 32 bits, which are all that the kernel looks at in what is tested here."""
    return _load(_ARGUMENTS_AT + 8 * index)


def _load(offset: int) -> _Instruction:
    return (_LOAD, 0, 0, offset)
