"""Which address of the fake does what."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from vibn.client.testing import beside, inside
from vibn.client.testing.answer import Asked, Told, told

if TYPE_CHECKING:
    from vibn.client.testing.server import FakeServer

Handler = Callable[["FakeServer", Asked], Told]


def _exec(server: FakeServer, asked: Asked, start: Callable[..., Told]) -> Told:
    project = server.reach(asked, asked.parts[0])
    process = inside.process_of(project, asked.json())
    return start(project, asked, server.script(process), process)


def _jobs(server: FakeServer, asked: Asked) -> Told:
    if asked.method == "POST":
        return _exec(server, asked, inside.start_job)
    jobs = server.reach(asked, asked.parts[0]).jobs.values()
    return told({"jobs": [job.shown() for job in jobs]})


def _job(server: FakeServer, asked: Asked) -> Told:
    project = server.reach(asked, asked.parts[0])
    job = inside.job_of(project, asked.parts[1])
    does = {"output": inside.job_output, "input": inside.job_input, "signal": inside.job_signal}
    action = asked.parts[2] if len(asked.parts) > 2 else ""
    return does[action](job, asked) if action else told(job.shown())


def _file(server: FakeServer, asked: Asked) -> Told:
    return inside.file(server.reach(asked, asked.parts[0]), asked.parts[1], asked)


def _look(server: FakeServer, asked: Asked) -> Told:
    files = server.reach(asked, asked.parts[0]).files
    path, what = asked.query.get("path", "."), asked.parts[1]
    if what == "stat":
        return told(files.stat(path))
    if what == "tree":
        depth, limit = int(asked.query.get("depth", 1)), int(asked.query.get("limit", 1000))
        return told(files.tree(path, depth, limit))
    return inside.watch(server.reach(asked, asked.parts[0]), path)


def _change(server: FakeServer, asked: Asked) -> Told:
    files = server.reach(asked, asked.parts[0]).files
    body = asked.json()
    if asked.parts[1] == "mkdir":
        return told({"created": files.mkdir(body["path"])})
    files.move(body["path"], body["to"], bool(body.get("overwrite")))
    return told({"path": body["to"]})


def _archive(server: FakeServer, asked: Asked) -> Told:
    files = server.reach(asked, asked.parts[0]).files
    path = asked.query.get("path", ".")
    if asked.method == "PUT":
        return told(files.unpack(asked.body, path))
    return Told(200, files.pack(path), {"content-type": "application/x-tar"})


def _call_tool(server: FakeServer, asked: Asked) -> Told:
    return inside.call_tool(server.reach(asked, asked.parts[0]), asked.parts[1], asked)


def _route(methods: str, path: str, handler: Handler) -> tuple[str, re.Pattern[str], Handler]:
    return methods, re.compile(path.replace("{}", "([^/]+)").replace("{path}", "(.*)")), handler


_IN = "/api/v1/projects/{}"
ROUTES = (
    _route("GET", "/api/v1/me", beside.me),
    _route("GET POST", "/api/v1/projects", beside.projects),
    _route("GET PATCH DELETE", _IN, beside.project),
    _route("GET", f"{_IN}/secrets", beside.secrets),
    _route("PUT DELETE", f"{_IN}/secrets/{{}}", beside.secrets),
    _route("GET DELETE", f"{_IN}/box", beside.box),
    _route("GET", f"{_IN}/box/info", beside.box_info),
    _route("POST", f"{_IN}/box/(ensure|suspend|resume|recreate)", beside.box_does),
    _route("POST", f"{_IN}/exec", partial(_exec, start=inside.execute)),
    _route("GET POST", f"{_IN}/jobs", _jobs),
    _route("GET", f"{_IN}/jobs/{{}}", _job),
    _route("GET", f"{_IN}/jobs/{{}}/(output)", _job),
    _route("POST", f"{_IN}/jobs/{{}}/(input|signal)", _job),
    _route("GET HEAD PUT DELETE", f"{_IN}/files/{{path}}", _file),
    _route("GET", f"{_IN}/(tree|stat|watch)", _look),
    _route("POST", f"{_IN}/(move|mkdir)", _change),
    _route("GET PUT", f"{_IN}/archive", _archive),
    _route("POST", f"{_IN}/tools/{{}}", _call_tool),
    _route("GET", "/api/v1/tools", beside.tools),
    _route("GET POST", "/api/v1/workspaces", beside.workspaces),
    _route("GET DELETE", "/api/v1/workspaces/{}", beside.workspace),
    _route("GET POST", "/api/v1/workspaces/{}/tokens", beside.tokens),
    _route("DELETE", "/api/v1/workspaces/{}/tokens/{}", beside.revoke),
    _route("GET", "/api/v1/audit", beside.audit),
    _route("GET", "/api/v1/audit/verify", beside.verify),
    _route("GET", "/api/v1/flags", beside.flags),
    _route("POST", "/api/admin/path-b/(disable|enable)", beside.throw),
    _route("POST", "/api/admin/path-b/drill", beside.drill),
)
