"""The server that is measured: that of ``vibn up``, with one more tool that does nothing.

Run as a program by the benchmark, with ``VIBN_*`` settings; it prints one line of JSON when it
answers, and serves until its stdin ends.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

from vibn.bench.subject import WORKSPACE
from vibn.config import Settings
from vibn.server import logs, serve
from vibn.services.admin import AdminSecret
from vibn.services.calls import Call
from vibn.tools import STANDARD, Tool
from vibn.tools.arguments import NoArguments


async def _nothing(_: Call, __: NoArguments) -> str:
    return "done"


NOTHING = Tool(
    name="nothing",
    title="Nothing",
    description="Does nothing: what is left is the cost of every call.",
    arguments=NoArguments,
    result=str,
    run=_nothing,
    render=str,
    read_only=True,
    box=False,
    in_project=False,
)


async def main() -> None:
    logs.configure("json", level=40)
    settings = Settings(rate_limit=0, call_limit=0)
    listening = serve.listen("127.0.0.1", 0)
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    tools = (*STANDARD, NOTHING)
    async with serve.running(settings, AdminSecret("bench"), listening, tools) as server:
        await server.app.projects.create_workspace(WORKSPACE)
        issued = await server.gate.tokens.issue(WORKSPACE, "bench")
        place = {"url": f"http://127.0.0.1:{settings.port}", "token": issued.text}
        print(json.dumps(place), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for project in await server.app.projects.list(WORKSPACE):
            await server.app.projects.delete(WORKSPACE, project.slug)


if __name__ == "__main__":
    uvloop.run(main())
