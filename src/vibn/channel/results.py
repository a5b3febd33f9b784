"""From the fields of an answer to its value. A wrong shape is ProtocolViolation."""

from __future__ import annotations

import json
import re

from vibn.channel.fields import (
    Fields,
    choice,
    flag,
    group,
    integer,
    integers,
    number,
    objects,
    optional_integer,
    optional_number,
    optional_text,
    shown,
    text,
    texts,
    wrong,
)
from vibn.errors import ProtocolViolation
from vibn.outcomes import (
    AgentUse,
    BoxInfo,
    ChangeKind,
    CpuUse,
    DiskUse,
    EditResult,
    ExecResult,
    FileBytes,
    FileChange,
    FileInfo,
    FileList,
    FileType,
    Forwarded,
    GlobFile,
    GlobResult,
    GrepCount,
    GrepMatch,
    GrepMode,
    GrepResult,
    Job,
    JobOutput,
    JobStarted,
    JobState,
    ListeningPort,
    MemoryUse,
    PidsUse,
    Process,
    TextLines,
    Unpacked,
    WriteResult,
)

PATH = 8192
"""Characters of a path; Linux has 4096 bytes, and a link's target may be added."""
NAME = 4096
MAX_PID = 1 << 22
MAX_LISTED = 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIGNAL = re.compile(r"[A-Z0-9+-]{1,16}")


def process(fields: Fields) -> Process:
    return Process(integer(fields, "pid", 1, MAX_PID), shown(text(fields, "name", NAME)))


def _signal(fields: Fields) -> str | None:
    value = optional_text(fields, "signal", 16)
    if value is not None and not _SIGNAL.fullmatch(value):
        raise wrong("signal", value)
    return value


def _sha256(fields: Fields) -> str:
    value = text(fields, "sha256", 64)
    if not _SHA256.fullmatch(value):
        raise wrong("sha256", value)
    return value


def exec_result(r: Fields, body: bytes, most: int) -> ExecResult:
    """``most`` is the cap that was asked for: neither output is longer."""
    out = integer(r, "out", 0, most)
    err = integer(r, "err", 0, most)
    if out + err != len(body):
        raise ProtocolViolation("The agent's lengths of the output do not fit its bytes.")
    return ExecResult(
        exit=optional_integer(r, "exit", 0, 1 << 32),
        signal=_signal(r),
        stdout=body[:out],
        stderr=body[out:],
        stdout_head=integer(r, "out_head", 0, out),
        stderr_head=integer(r, "err_head", 0, err),
        stdout_total=integer(r, "out_total", out),
        stderr_total=integer(r, "err_total", err),
        log=None if r.get("log") is None else shown(text(r, "log", PATH)),
        ms=number(r, "ms"),
        timed_out=flag(r, "timed_out"),
        cancelled=flag(r, "cancelled"),
        oom=flag(r, "oom"),
        truncated=flag(r, "truncated"),
        killed=objects(r, "killed", process, MAX_LISTED) if r.get("killed") != [] else (),
        left=objects(r, "left", process, MAX_LISTED) if r.get("left") != [] else (),
    )


def job(fields: Fields) -> Job:
    return Job(
        id=text(fields, "id", 100),
        name=text(fields, "name", NAME),
        cmd=text(fields, "cmd"),
        cwd=text(fields, "cwd", PATH),
        pid=integer(fields, "pid", 0, MAX_PID),
        state=choice(fields, "state", JobState),
        exit=optional_integer(fields, "exit", 0, 1 << 32),
        signal=_signal(fields),
        started_at=number(fields, "started_at"),
        ended_at=optional_number(fields, "ended_at"),
        size=(size := integer(fields, "size")),
        first=integer(fields, "first", 0, size),
    )


def job_started(r: Fields) -> JobStarted:
    return JobStarted(text(r, "id", 100), integer(r, "pid", 1, MAX_PID), number(r, "started_at"))


def job_output(r: Fields, body: bytes, most: int) -> JobOutput:
    offset = integer(r, "offset")
    if len(body) > most or integer(r, "next") != offset + len(body):
        raise ProtocolViolation("The agent's offsets of the output do not fit its bytes.")
    return JobOutput(job(group(r, "job")), offset, offset + len(body), integer(r, "dropped"), body)


def file_info(fields: Fields) -> FileInfo:
    return FileInfo(
        path=text(fields, "path", PATH),
        type=choice(fields, "type", FileType),
        size=integer(fields, "size"),
        mtime=number(fields, "mtime", -float(1 << 40)),
        mode=integer(fields, "mode", 0, 1 << 20),
        target=optional_text(fields, "target", PATH),
    )


def file_list(r: Fields) -> FileList:
    return FileList(objects(r, "entries", file_info), flag(r, "truncated"))


def file_bytes(r: Fields, body: bytes, most: int) -> FileBytes:
    offset = integer(r, "offset")
    after = optional_integer(r, "next", offset)
    if len(body) > most or after not in (None, offset + len(body)):
        raise ProtocolViolation("The agent's offsets of the file do not fit its bytes.")
    if after is not None and not body:
        raise ProtocolViolation("The agent sent an empty part of a file that goes on.")
    return FileBytes(
        data=body,
        size=integer(r, "size"),
        mtime=number(r, "mtime", -float(1 << 40)),
        sha256=None if r.get("sha256") is None else _sha256(r),
        offset=offset,
        next=after,
    )


def text_lines(r: Fields, body: bytes) -> TextLines:
    start = integer(r, "start")
    return TextLines(
        text=body.decode("utf-8", "replace"),
        size=integer(r, "size"),
        total_lines=optional_integer(r, "total_lines"),
        start=start,
        end=integer(r, "end", max(0, start - 1)),
        cut_lines=integers(r, "cut_lines"),
        more=flag(r, "more"),
    )


def write_result(r: Fields) -> WriteResult:
    return WriteResult(integer(r, "size"), _sha256(r), flag(r, "created"))


def edit_result(r: Fields) -> EditResult:
    return EditResult(
        replaced=integer(r, "replaced", 1),
        size=integer(r, "size"),
        sha256=_sha256(r),
        line=integer(r, "line", 1),
        diff=text(r, "diff"),
    )


def _glob_file(fields: Fields) -> GlobFile:
    mtime = number(fields, "mtime", -float(1 << 40))
    return GlobFile(text(fields, "path", PATH), integer(fields, "size"), mtime)


def glob_result(r: Fields) -> GlobResult:
    files = objects(r, "files", _glob_file)
    return GlobResult(files, flag(r, "truncated"), integer(r, "total", len(files)))


def _grep_match(fields: Fields) -> GrepMatch:
    path, line = text(fields, "path", PATH), integer(fields, "line", 1)
    return GrepMatch(path, line, text(fields, "text"), flag(fields, "context"))


def _grep_count(fields: Fields) -> GrepCount:
    return GrepCount(text(fields, "path", PATH), integer(fields, "count", 1))


def grep_result(r: Fields, mode: GrepMode) -> GrepResult:
    truncated = flag(r, "truncated")
    if mode is GrepMode.FILES:
        return GrepResult(files=texts(r, "files"), truncated=truncated)
    if mode is GrepMode.COUNT:
        return GrepResult(counts=objects(r, "counts", _grep_count), truncated=truncated)
    return GrepResult(matches=objects(r, "matches", _grep_match), truncated=truncated)


def _file_change(fields: Fields) -> FileChange:
    kind = choice(fields, "kind", ChangeKind)
    return FileChange(kind, "" if kind is ChangeKind.OVERFLOW else text(fields, "path", PATH))


def file_changes(piece: bytes) -> tuple[FileChange, ...]:
    """The changes of one piece of stream ``ev``: JSON lists, one a line."""
    found: list[FileChange] = []
    for line in piece.split(b"\n"):
        try:
            events = json.loads(line)
        except (ValueError, RecursionError):
            raise ProtocolViolation("The agent sent changes that are not JSON.") from None
        found += objects({"changes": events}, "changes", _file_change)
    return tuple(found)


def forwarded(r: Fields) -> Forwarded:
    return Forwarded(integer(r, "sent"), integer(r, "received"))


def unpacked(r: Fields) -> Unpacked:
    return Unpacked(integer(r, "files"), integer(r, "bytes"))


def _port(fields: Fields) -> ListeningPort:
    return ListeningPort(
        port=integer(fields, "port", 1, 65535),
        host=text(fields, "host", 100),
        pid=optional_integer(fields, "pid", 0, MAX_PID),
        name=shown(optional_text(fields, "name", NAME) or ""),
    )


def box_info(r: Fields) -> BoxInfo:
    cpu, memory, pids = group(r, "cpu"), group(r, "memory"), group(r, "pids")
    disk, agent = group(r, "disk"), group(r, "agent")
    return BoxInfo(
        version=text(r, "version", 100),
        build=text(r, "build", 100),
        python=text(r, "python", 100),
        pid=integer(r, "pid", 1, MAX_PID),
        boot=text(r, "boot", 100),
        uptime=number(r, "uptime"),
        cpu=CpuUse(optional_number(cpu, "used_s"), optional_number(cpu, "limit")),
        memory=MemoryUse(
            optional_integer(memory, "used"),
            optional_integer(memory, "limit"),
            optional_integer(memory, "oom_kills"),
        ),
        pids=PidsUse(optional_integer(pids, "used"), optional_integer(pids, "limit")),
        disk=DiskUse(
            optional_integer(disk, "total"),
            optional_integer(disk, "free"),
            optional_integer(disk, "workspace"),
        ),
        ports=objects(r, "ports", _port),
        agent=AgentUse(
            rss=optional_integer(agent, "rss"),
            private=optional_integer(agent, "private"),
            commands=integer(agent, "commands"),
            fds=integer(agent, "fds"),
        ),
        user=text(r, "user", 100),
        ripgrep=flag(r, "ripgrep"),
    )
