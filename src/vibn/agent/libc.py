"""The few system calls that os lacks, through _ctypes alone: the ctypes package would cost 4 ms
and a megabyte. Everything here is allowed to fail; callers have another way."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SET_CHILD_SUBREAPER = 36
_KEEP_SIZE_PUNCH_HOLE = 1 | 2


def become_subreaper() -> bool:
    """Make this process the parent of the orphans among its descendants."""
    try:
        return _call("prctl", _SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    except (ImportError, AttributeError, OSError, TypeError):
        return False


def punch_hole(fd: int, offset: int, size: int) -> bool:
    """Give the blocks of a range of the file back; its size and offsets stay."""
    try:
        import _ctypes

        class Wide(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = "q"

        return _call("fallocate", fd, _KEEP_SIZE_PUNCH_HOLE, Wide(offset), Wide(size)) == 0
    except (ImportError, AttributeError, OSError, TypeError):
        return False


def _call(name: str, *args: Any) -> int:
    import _ctypes

    program = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
    address = _ctypes.dlsym(program, name)
    return int(_ctypes.call_function(address, args))
