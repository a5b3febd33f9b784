"""The operation exec: one foreground command from its start to its end."""

from __future__ import annotations

import os
import time

from .args import bounded, take
from .capture import Capture
from .failure import Failure, from_os_error
from .killing import Killing
from .ops import LATER
from .outcome import listing, outcome, signal_number
from .reader import Reader
from .spawn import arguments, environment, spawn
from .tree import left_by
from .writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .context import Context
    from .logs import Log
    from .loop import Timer
    from .terminal import Terminal
    from .tree import Process

MAX_CAP = 512 * 1024
"""Both captures together fit into one body."""
PATIENCE = 1.0
"""Seconds for which a command that finds the box at its pids limit is tried again."""
PAUSE = 0.02
_NUMBER = (int, float)
_ARGS: dict[str, tuple[type | tuple[type, ...], object]] = {
    "cmd": (str, None),
    "argv": (list, None),
    "cwd": (str, "/workspace"),
    "env": (dict, {}),
    "timeout": (_NUMBER, None),
    "stream": (bool, False),
    "keep": (bool, False),
    "stdin": (bool, False),
    "cap": (int, 30000),
    "log": (bool, True),
    "pty": (dict, None),
    "merge": (bool, False),
}


def handle(context: Context, args: dict[str, Any], body: bytes) -> object:
    """`exec`: answers once the shell has exited and its pipes are drained."""
    options = take(args, _ARGS)
    bounded("cap", options["cap"], 0, MAX_CAP)
    if options["timeout"] is not None:
        bounded("timeout", options["timeout"], 0.001, 1e9)
    _start(context, options, body, time.monotonic() + PATIENCE)
    return LATER


def _start(context: Context, options: dict[str, Any], body: bytes, until: float) -> None:
    """Start the command. At the pids limit it is tried again for a moment: processes that were
    just killed count until they are collected."""
    try:
        Run(context, options, body)
    except Failure as failure:
        if failure.code != "pids_limit" or time.monotonic() > until:
            raise
        context.agent.children.reap()
        timer = context.agent.loop.later(PAUSE, lambda: _start_again(context, options, body, until))

        def give_up() -> None:
            timer.cancel()
            context.fail("cancelled", "cancelled before it started")

        context.on_cancel = give_up


def _start_again(context: Context, options: dict[str, Any], body: bytes, until: float) -> None:
    try:
        _start(context, options, body, until)
    except Failure as failure:
        context.fail(failure.code, failure.message, failure.hint, failure.detail)


class Run:
    """One command. It holds two pipes at most, one timer, and the captures."""

    def __init__(self, context: Context, options: dict[str, Any], body: bytes) -> None:
        agent = context.agent
        self.context = context
        self.agent = agent
        self.marker = agent.next_run()
        self.stream = bool(options["stream"])
        self.keep = not self.stream or bool(options["keep"])
        self.want_log = options["log"] and bool(agent.state)
        self.log: Log | None = None
        self.captures = {"out": Capture(options["cap"]), "err": Capture(options["cap"])}
        self.readers: list[Reader] = []
        self.writer: Writer | None = None
        self.terminal: Terminal | None = None
        self.status: int | None = None
        self.timed_out = False
        self.killed: list[Process] = []
        self.left: list[Process] = []
        self._killing = False
        self._timer: Timer | None = None
        self._oom = agent.oom_kills()
        argv = arguments(options["cmd"], options["argv"])
        env = environment(agent.environ, options["env"], self.marker)
        cwd = agent.place(options["cwd"])
        env["PWD"] = cwd
        self.began = time.monotonic()
        try:
            self.pid = self._start(argv, env, cwd, options, body)
        except OSError as error:
            self._close()
            raise from_os_error(error, "the command's pipes") from None
        except BaseException:
            self._close()
            raise
        agent.runs[self.marker] = self
        self._slot = agent.ledger.enter(self.pid, self.marker) if agent.ledger is not None else -1
        agent.children.wait(self.pid, self._on_exit)
        context.on_cancel = self.cancel
        context.on_control = self._on_control
        context.on_writable = self._on_writable
        if options["timeout"] is not None:
            self._timer = agent.loop.later(options["timeout"], self._on_timeout)
        for reader in self.readers:
            reader.resume()

    def _start(
        self,
        argv: list[str],
        env: dict[str, str],
        cwd: str,
        options: dict[str, Any],
        body: bytes,
    ) -> int:
        if options["pty"] is not None:
            return self._start_on_terminal(argv, env, cwd, options, body)
        inner: list[int] = []
        try:
            if options["stdin"] or body:
                child_in, ours = os.pipe()
                inner.append(child_in)
                self.writer = Writer(self.context, ours, body, more=options["stdin"])
            else:
                child_in = self.agent.null
            child_out = self._pipe("out", inner)
            child_err = child_out if options["merge"] else self._pipe("err", inner)
            pid = spawn(argv, env, cwd, ((child_in, 0), (child_out, 1), (child_err, 2)))
        finally:
            for fd in inner:
                os.close(fd)
        if self.writer is not None:
            self.writer.start()
        return pid

    def _pipe(self, name: str, inner: list[int]) -> int:
        ours, its = os.pipe()
        inner.append(its)
        os.set_blocking(ours, False)
        self.readers.append(Reader(self, ours, name))
        self.agent.check_descriptor(its)
        return its

    def _start_on_terminal(
        self,
        argv: list[str],
        env: dict[str, str],
        cwd: str,
        options: dict[str, Any],
        body: bytes,
    ) -> int:
        from .terminal import Terminal

        self.terminal = terminal = Terminal(options["pty"])
        try:
            self.agent.check_descriptor(terminal.ours)
            env.setdefault("TERM", "xterm-256color")
            if terminal.kind:
                env["TERM"] = terminal.kind
            self.readers.append(Reader(self, terminal.ours, "out"))
            pid = spawn(argv, env, cwd, terminal=terminal.path)
        finally:
            terminal.started()
        self.writer = Writer(
            self.context, os.dup(terminal.ours), body, more=options["stdin"], terminal=True
        )
        self.writer.start()
        return pid

    # While it runs

    def take(self, name: str, data: bytes) -> None:
        """Output that was read; a stream's credit was looked at before."""
        capture = self.captures[name]
        if self.stream:
            self.context.send(name, data)
        if not self.keep:
            capture.total += len(data)
            return
        if self.log is not None:
            self.log.write(data)
        elif self.want_log and not capture.fits(len(data)):
            self._open_log(data)
        capture.add(data)

    def room(self, name: str) -> int:
        """How much of ``name`` may be read now."""
        return self.context.room(name) if self.stream else 1 << 20

    def _open_log(self, data: bytes) -> None:
        from .logs import Log

        self.log = Log(self.agent.state + "/logs", self.marker)
        self.log.write(self.captures["out"].content())
        self.log.write(self.captures["err"].content())
        self.log.write(data)

    def _on_writable(self) -> None:
        for reader in self.readers:
            reader.resume()
        self._end_if_done()

    def _on_control(self, header: dict[str, Any]) -> None:
        what = header.get("do")
        if what == "resize" and self.terminal is not None:
            self.terminal.resize(header.get("rows"), header.get("cols"))
        elif what == "signal" and self.status is None:
            number = signal_number(header.get("signal"))
            group = self.terminal.foreground() if self.terminal is not None else 0
            try:
                if number:
                    os.killpg(group or self.pid, number)
            except OSError:
                # It ended just now, or it changed its user: nothing of ours to signal.
                return

    def _on_timeout(self) -> None:
        self.timed_out = True
        self._kill()

    def cancel(self) -> None:
        """End it: kill the family, then answer. Also called when the connection closes."""
        self.context.cancelled = True
        if self.status is None:
            self._kill()
        else:
            self._end()

    def _kill(self) -> None:
        if not self._killing and self.status is None:
            self._killing = True
            Killing(self.agent, self.pid, self.marker, self._on_killed)

    def _on_killed(self, killed: list[Process]) -> None:
        self.killed = killed
        self.agent.children.reap()
        self._killing = False
        if self.status is None:
            # It does not die (stuck in the kernel, or now another user's): stop waiting for it.
            self.agent.children.forget(self.pid)
            self.status = 9
        self._drain()

    def _on_exit(self, status: int) -> None:
        self.status = status
        if not self._killing:
            self._drain()

    # The end

    def _drain(self) -> None:
        """The shell is gone: take what is in the pipes, do not wait for who holds them open."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.killed:
            self.left = left_by(self.pid, self.marker, self.agent.children.orphans)
        for reader in list(self.readers):
            reader.drain()
        self._end_if_done()

    def reader_ended(self, reader: Reader) -> None:
        self.readers.remove(reader)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self.status is None or self._killing:
            return
        if self.context.cancelled or all(reader.drained for reader in self.readers):
            self._end()

    def _end(self) -> None:
        if self.marker not in self.agent.runs:
            return
        self._close()
        context = self.context
        took = (time.monotonic() - self.began) * 1000
        out, err = self.captures["out"], self.captures["err"]
        result = outcome(self.status or 0)
        result.update(
            timed_out=self.timed_out,
            cancelled=context.cancelled and not self.timed_out,
            oom=self._ran_out_of_memory(),
            killed=listing(self.killed),
            left=listing(self.left),
            out_total=out.total,
            err_total=err.total,
            log=self.log.path if self.log is not None else None,
            ms=round(took, 3),
            truncated=self.keep and (out.cut or err.cut),
        )
        head, tail = out.content(), err.content()
        result.update(out=len(head), err=len(tail), out_head=len(out.head), err_head=len(err.head))
        if self.stream:
            for name in ("out", "err"):
                context.send_eof(name)
        context.finish(result, head + tail)

    def _ran_out_of_memory(self) -> bool:
        if self.status == 0 or self.killed or self._oom is None:
            return False
        return (self.agent.oom_kills() or 0) > self._oom

    def _close(self) -> None:
        """Give back everything; also after a start that failed."""
        if self._timer is not None:
            self._timer.cancel()
        ledger = self.agent.ledger
        if self.agent.runs.pop(self.marker, None) is not None and ledger is not None:
            ledger.leave(self._slot)
        for reader in self.readers:
            reader.close()
        self.readers = []
        if self.writer is not None:
            self.writer.close()
        if self.terminal is not None:
            self.terminal.close()
        if self.log is not None:
            self.log.close()
