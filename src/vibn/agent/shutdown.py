"""The orderly end of an agent: say bye, end commands at once and jobs with grace."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .agent import Agent

GRACE = 5.0
"""Seconds between a job's TERM and its KILL. Engines wait ten before they kill the box."""


class Shutdown:
    """With ``jobs`` the jobs end too; without, the next agent takes them up."""

    def __init__(self, agent: Agent, jobs: bool) -> None:
        self._agent = agent
        self._jobs = jobs and bool(agent.state) and os.path.isdir(agent.state + "/jobs")
        self._waited = 0.0

    def begin(self) -> None:
        agent = self._agent
        if agent.listener >= 0:
            agent.loop.remove(agent.listener)
        for session in list(agent.sessions):
            session.bye("shutdown")
        for run in list(agent.runs.values()):
            run.cancel()
        if self._jobs:
            agent.jobs.stop_all()
        self._look()

    def _look(self) -> None:
        agent = self._agent
        jobs = agent.jobs.running() if self._jobs else []
        busy = jobs or agent.runs or agent.sessions
        if not busy or self._waited > GRACE + 3:
            agent.loop.running = False
            return
        step = 0.02
        if jobs and self._waited <= GRACE < self._waited + step:
            for job in jobs:
                job.kill()
        self._waited += step
        agent.loop.later(step, self._look)
