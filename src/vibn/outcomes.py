"""What operations in a box answer: the frozen values that the channel builds and services pass on.

Everything here came from a box and was checked for type and bound; texts are for showing, never a
path, a command or a format string outside of the box. Paths of files are relative to /workspace,
times are seconds since the epoch, sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal for a command: its size in characters and the value of TERM."""

    rows: int = 24
    cols: int = 80
    term: str = "xterm-256color"


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a command ended. Exactly one of ``exit`` and ``signal`` tells of its shell.

    ``stdout`` and ``stderr`` are what was kept: the first ``stdout_head`` bytes are the head of
    the output, the rest its tail; ``stdout_total`` counts all that was written. Of a streamed
    command both are empty unless it was told to keep some. ``left`` are processes it started that
    still run.
    """

    exit: int | None
    signal: str | None
    stdout: bytes = b""
    stderr: bytes = b""
    stdout_head: int = 0
    stderr_head: int = 0
    stdout_total: int = 0
    stderr_total: int = 0
    log: str | None = None
    """The file in the box that holds all output, when something was cut."""
    ms: float = 0.0
    timed_out: bool = False
    cancelled: bool = False
    oom: bool = False
    truncated: bool = False
    killed: tuple[Process, ...] = ()
    left: tuple[Process, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of a streamed command's output; ``stream`` is ``out`` or ``err``."""

    stream: str
    data: bytes


class JobState(StrEnum):
    RUNNING = "running"
    EXITED = "exited"
    LOST = "lost"
    """It ended while no agent watched, so how is not known."""


@dataclass(frozen=True, slots=True)
class Job:
    """A background command. ``size`` counts all output bytes ever written, ``first`` is the
    offset of the oldest byte kept."""

    id: str
    name: str
    cmd: str
    cwd: str
    pid: int
    state: JobState
    exit: int | None
    signal: str | None
    started_at: float
    ended_at: float | None
    size: int
    first: int


@dataclass(frozen=True, slots=True)
class JobStarted:
    id: str
    pid: int
    started_at: float


@dataclass(frozen=True, slots=True)
class JobOutput:
    """``data`` starts at ``offset``; read on at ``next``. ``dropped`` bytes before it are gone."""

    job: Job
    offset: int
    next: int
    dropped: int
    data: bytes


class FileType(StrEnum):
    FILE = "file"
    DIR = "dir"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class FileInfo:
    path: str
    type: FileType
    size: int
    mtime: float
    mode: int
    """Permission bits, as in ``0o644``."""
    target: str | None = None
    """Where a link points."""


@dataclass(frozen=True, slots=True)
class FileBytes:
    """``size`` and ``sha256`` are of the whole file; ``sha256`` is known when all of it was read.
    ``next`` is the offset to read on at, None at the end."""

    data: bytes
    size: int
    mtime: float
    sha256: str | None
    offset: int
    next: int | None


@dataclass(frozen=True, slots=True)
class TextLines:
    """Lines ``start`` to ``end`` (counted from 1, both included). ``cut_lines`` are the numbers of
    those cut to the asked width; ``more`` tells that lines follow."""

    text: str
    size: int
    total_lines: int | None
    start: int
    end: int
    cut_lines: tuple[int, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class WriteResult:
    size: int
    sha256: str
    created: bool


@dataclass(frozen=True, slots=True)
class EditResult:
    """``line`` is that of the first replacement; ``diff`` shows what changed, maybe shortened."""

    replaced: int
    size: int
    sha256: str
    line: int
    diff: str


@dataclass(frozen=True, slots=True)
class FileList:
    entries: tuple[FileInfo, ...]
    truncated: bool


@dataclass(frozen=True, slots=True)
class GlobFile:
    path: str
    size: int
    mtime: float


@dataclass(frozen=True, slots=True)
class GlobResult:
    """Newest first; ``total`` counts all that matched."""

    files: tuple[GlobFile, ...]
    truncated: bool
    total: int


class GrepMode(StrEnum):
    FILES = "files"
    CONTENT = "content"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class GrepMatch:
    path: str
    line: int
    text: str
    context: bool
    """True for a line beside a match."""


@dataclass(frozen=True, slots=True)
class GrepCount:
    path: str
    count: int


@dataclass(frozen=True, slots=True)
class GrepResult:
    """One of ``files``, ``matches`` and ``counts`` is filled, as the mode asked."""

    files: tuple[str, ...] = ()
    matches: tuple[GrepMatch, ...] = ()
    counts: tuple[GrepCount, ...] = ()
    truncated: bool = False


class ChangeKind(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    OVERFLOW = "overflow"
    """Changes were missed: look again at everything."""


@dataclass(frozen=True, slots=True)
class FileChange:
    kind: ChangeKind
    path: str = ""


@dataclass(frozen=True, slots=True)
class Unpacked:
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Bytes that a forwarded connection carried, seen from the agent's side."""

    sent: int
    received: int


@dataclass(frozen=True, slots=True)
class CpuUse:
    used_s: float | None
    limit: float | None


@dataclass(frozen=True, slots=True)
class MemoryUse:
    used: int | None
    limit: int | None
    oom_kills: int | None


@dataclass(frozen=True, slots=True)
class PidsUse:
    used: int | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Of the file system that holds the workspace; ``workspace`` only when it was measured."""

    total: int | None
    free: int | None
    workspace: int | None


@dataclass(frozen=True, slots=True)
class ListeningPort:
    port: int
    host: str
    pid: int | None
    name: str


@dataclass(frozen=True, slots=True)
class AgentUse:
    """What the agent itself takes. ``private`` is its memory that nobody shares."""

    rss: int | None
    private: int | None
    commands: int
    fds: int


@dataclass(frozen=True, slots=True)
class BoxInfo:
    """A live look from inside the box. What cannot be seen there is None; so is a limit that is
    not set."""

    version: str
    build: str
    python: str
    pid: int
    boot: str
    uptime: float
    cpu: CpuUse
    memory: MemoryUse
    pids: PidsUse
    disk: DiskUse
    ports: tuple[ListeningPort, ...]
    agent: AgentUse
    user: str
    ripgrep: bool
