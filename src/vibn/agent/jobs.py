"""All jobs of the box: started here, or found again after the agent was replaced or killed."""

from __future__ import annotations

import os
import time

from .failure import Failure
from .job import Job, load
from .loop import IN, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .agent import Agent
    from .loop import Timer

KEPT = 100
"""Ended jobs kept."""
MAX_RUNNING = 256


class Jobs:
    """By id, oldest first. A timer watches the output's size, and the end of jobs that are not
    our children, while any job runs."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._directory = agent.state + "/jobs"
        self._jobs: dict[str, Job] = {}
        self._pidfds: dict[str, int] = {}
        self._timer: Timer | None = None
        self._pause = 0.2
        if not agent.state:
            raise Failure("unsupported", "This agent keeps no jobs.")
        self._load()

    def adopt(self) -> None:
        """Look after the running jobs that were found; what ``__init__`` did is enough."""

    def _load(self) -> None:
        os.makedirs(self._directory, 0o700, exist_ok=True)
        found = []
        with os.scandir(self._directory) as entries:
            for entry in entries:
                job = load(self._agent, entry.path) if entry.is_dir(follow_symlinks=False) else None
                if job is not None:
                    found.append(job)
                else:
                    _remove(entry.path)
        found.sort(key=lambda job: float(job.data["started_at"]))
        for job in found:
            self._jobs[job.id] = job
            if job.running:
                self._follow(job)
        self._prune()

    def get(self, id: object) -> Job:
        job = self._jobs.get(id) if isinstance(id, str) else None
        if job is None:
            raise Failure("job_not_found", "There is no job %.60r." % (id,))
        return job

    def all(self) -> list[Job]:
        return list(self._jobs.values())

    def running(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.running]

    def start(
        self, argv: list[str], shown: str, cwd: str, env: dict[str, str], name: str, limit: int
    ) -> Job:
        """Start a job; ``env`` is complete but for the marker. Raises Failure or OSError."""
        if len(self.running()) >= MAX_RUNNING:
            raise Failure("limit_reached", "%d jobs run already." % MAX_RUNNING)
        agent = self._agent
        agent.next_run()
        id = "j" + os.urandom(5).hex()
        env["VIBN_RUN"] = id
        directory = self._directory + "/" + id
        job = Job(
            agent,
            directory,
            {
                "id": id,
                "name": name,
                "cmd": shown,
                "cwd": cwd,
                "pid": 0,
                "start": 0,
                "state": "running",
                "exit": None,
                "signal": None,
                "started_at": time.time(),
                "ended_at": None,
                "limit": limit,
                "first": 0,
                "base": 0,
            },
        )
        os.makedirs(directory, 0o700)
        try:
            job.start(argv, env)
        except BaseException:
            if job.pid:
                job.kill()
            _remove(directory)
            raise
        self._jobs[id] = job
        agent.children.wait(job.pid, lambda status: self._ended(job, status))
        self._watch_soon()
        return job

    def stop_all(self) -> None:
        """Ask every job to end (TERM)."""
        for job in self.running():
            job.signal(15, tree=True)

    # Following

    def _follow(self, job: Job) -> None:
        """A job that another agent, or we in an earlier life, started."""
        if not job.alive():
            # Our own child that ended may still wait to be reaped; its file tells the outcome.
            self._ended(job, None)
            return
        try:
            is_child = os.waitpid(job.pid, os.WNOHANG)
        except ChildProcessError:
            is_child = None
        if is_child is not None:
            if is_child[0] == job.pid:
                self._ended(job, is_child[1])
                return
            self._agent.children.wait(job.pid, lambda status: self._ended(job, status))
        else:
            self._follow_stranger(job)
        self._watch_soon()

    def _follow_stranger(self, job: Job) -> None:
        try:
            fd = os.pidfd_open(job.pid)
        except (AttributeError, OSError):
            # An old kernel: the timer looks instead.
            return
        self._pidfds[job.id] = fd
        self._agent.loop.add(fd, IN, lambda _mask: self._ended(job, None))

    def _ended(self, job: Job, status: int | None) -> None:
        fd = self._pidfds.pop(job.id, None)
        if fd is not None:
            self._agent.loop.remove(fd)
            os.close(fd)
        self._trim(job)
        job.ended(status)
        self._prune()

    def _watch_soon(self) -> None:
        self._pause = 0.1
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._agent.loop.later(self._pause, self._watch)

    def _watch(self) -> None:
        self._timer = None
        quiet = True
        for job in self.running():
            if job.pid not in self._agent.children and not job.alive():
                self._ended(job, None)
            else:
                quiet = not self._trim(job) and quiet
        if self.running():
            # Fast writers are looked at often, quiet ones cost next to nothing.
            self._pause = min(self._pause * 1.5, 2.0) if quiet else 0.05
            self._timer = self._agent.loop.later(self._pause, self._watch)

    def _trim(self, job: Job) -> bool:
        """Bound its output. True when it grows fast."""
        before = job.data.get("seen", 0)
        try:
            size = job.trim()
        except OSError:
            complain()
            return False
        job.data["seen"] = size
        return bool(size - before > job.data["limit"] // 8)

    def _prune(self) -> None:
        ended = [job for job in self._jobs.values() if not job.running]
        ended.sort(key=lambda job: float(job.data["ended_at"] or 0))
        for job in ended[: max(0, len(ended) - KEPT)]:
            del self._jobs[job.id]
            _remove(job.directory)


def _remove(directory: str) -> None:
    """Remove a job's directory, or what lies in its place; never follows a link."""
    try:
        if os.path.islink(directory) or not os.path.isdir(directory):
            os.unlink(directory)
            return
        for name in os.listdir(directory):
            os.unlink(directory + "/" + name)
        os.rmdir(directory)
    except OSError:
        # Something foreign is inside: it is not ours to remove.
        return
