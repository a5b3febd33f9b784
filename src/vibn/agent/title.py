"""The process's name, so that `pkill python` and `pkill -f python3` in the box miss the agent."""

from __future__ import annotations

import os


def set_title(name: str) -> None:
    """Show ``name`` as the command's name and as its arguments. What the kernel refuses stays
    as it was: this protects from accidents, not from intent."""
    try:
        with open("/proc/self/comm", "w") as file:
            file.write(name[:15])
    except OSError:
        pass
    try:
        _overwrite_arguments(name.encode())
    except (OSError, ValueError, IndexError):
        pass


def _overwrite_arguments(text: bytes) -> None:
    # Fields 48 and 49 of stat are where the arguments lie in our own memory; Python has long
    # copied them. After the last ")" comes field 3.
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    size = end - start
    if start == 0 or size <= 0:
        return
    # Zeros to the end: a last byte other than zero would make the kernel read on into the
    # environment.
    text = text[: size - 1]
    memory = os.open("/proc/self/mem", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(memory, text + b"\0" * (size - len(text)), start)
    finally:
        os.close(memory)
