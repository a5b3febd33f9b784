"""Addresses of the fake that need no box."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from vibn.client.testing.answer import Asked, Told, told
from vibn.client.testing.inside import tool_list
from vibn.client.testing.state import new_token, now
from vibn.errors import Conflict, ReadOnlyToken, TokenNotFound

if TYPE_CHECKING:
    from vibn.client.testing.server import FakeServer


def me(server: FakeServer, asked: Asked) -> Told:
    token = server.caller(asked)
    return told({"token_id": token.id, **token.shown()})


def projects(server: FakeServer, asked: Asked) -> Told:
    token = server.caller(asked)
    if asked.method == "POST":
        if token.access == "read":
            raise ReadOnlyToken("The token may only read.")
        return told(server.add_project(token.workspace, asked.json()).shown(), 201)
    mine = [p for (w, s), p in server.projects.items() if w == token.workspace]
    return told({"projects": [p.shown() for p in mine if token.project in (None, p.slug)]})


def project(server: FakeServer, asked: Asked) -> Told:
    project = server.project(asked, asked.parts[0])
    if asked.method == "DELETE":
        del server.projects[project.workspace, project.slug]
        return Told(204)
    if asked.method == "PATCH":
        body = asked.json()
        for name, value in (body.get("env") or {}).items():
            project.env.pop(name, None)
            if value is not None:
                project.env[name] = value
        if body.get("limits"):
            project.limits = {**(project.limits or {}), **body["limits"]}
        project.seed = body.get("seed") or project.seed
    return told(project.shown())


def secrets(server: FakeServer, asked: Asked) -> Told:
    project = server.project(asked, asked.parts[0])
    if asked.method == "GET":
        return told({"names": sorted(project.secrets)})
    if asked.method == "PUT":
        project.secrets[asked.parts[1]] = asked.json()["value"]
    else:
        project.secrets.pop(asked.parts[1], None)
    return Told(204)


def box(server: FakeServer, asked: Asked) -> Told:
    project = server.project(asked, asked.parts[0])
    if asked.method == "DELETE":
        project.state, project.tier = "absent", None
        return Told(204)
    return told(project.box())


def box_does(server: FakeServer, asked: Asked) -> Told:
    slug, action = asked.parts
    if action == "suspend":
        project = server.project(asked, slug)
        project.state, project.suspended_at = "suspended", now()
        project.tier = asked.json().get("tier") or "stopped"
        return told(project.box())
    project = server.project(asked, slug)
    made = project.state == "absent"
    project = server.reach(asked, slug)
    if action == "ensure":
        ensured = {"service_uuid": f"fake-{slug}", "state": "running", "created": made}
        return told({**ensured, "note": ""})
    return told(project.box())


def box_info(server: FakeServer, asked: Asked) -> Told:
    server.reach(asked, asked.parts[0])
    return told({"version": "fake", "python": "3", "uptime": 1.0, "user": "vibn"})


def workspaces(server: FakeServer, asked: Asked) -> Told:
    if asked.method == "GET" and not server.is_admin(asked):
        return told({"workspaces": [server.workspace(server.caller(asked).workspace)]})
    server.require_admin(asked)
    if asked.method == "POST":
        body = asked.json()
        return told(server.add_workspace(body["slug"], body.get("name", "")), 201)
    return told({"workspaces": list(server.workspaces.values())})


def workspace(server: FakeServer, asked: Asked) -> Told:
    server.require_admin(asked)
    found = server.workspace(asked.parts[0])
    if asked.method == "DELETE":
        if any(workspace == asked.parts[0] for workspace, _ in server.projects):
            raise Conflict(f"The workspace {asked.parts[0]} has projects.")
        del server.workspaces[asked.parts[0]]
        return Told(204)
    return told(found)


def tokens(server: FakeServer, asked: Asked) -> Told:
    server.require_admin(asked)
    slug = server.workspace(asked.parts[0])["slug"]
    if asked.method == "GET":
        mine = [token for token in server.tokens.values() if token.workspace == slug]
        return told({"tokens": [token.shown() for token in mine]})
    body = asked.json()
    seconds = body.get("expires_in_s")
    expires = seconds and (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    more = {"project": body.get("project"), "access": body.get("access", "full")}
    made = server.issue(new_token(slug, body["name"], expires_at=expires, **more))
    return told({"token": made.text, **made.shown()}, 201)


def revoke(server: FakeServer, asked: Asked) -> Told:
    server.require_admin(asked)
    for token in server.tokens.values():
        if (token.workspace, token.id) == asked.parts:
            token.revoked_at = token.revoked_at or now()
            return told(token.shown())
    raise TokenNotFound(f"There is no token {asked.parts[1][:60]!r}.")


def audit(server: FakeServer, asked: Asked) -> Told:
    mine = None if server.is_admin(asked) else server.caller(asked).workspace
    before = int(asked.query.get("before", 1 << 60))
    rows = [row for row in reversed(server.rows) if row["seq"] < before]
    for name in ("workspace", "project"):
        if wanted := asked.query.get(name):
            rows = [row for row in rows if row[name] == wanted]
    rows = [row for row in rows if mine in (None, row["workspace"])]
    limit = int(asked.query.get("limit", 100))
    more = str(rows[limit - 1]["seq"]) if len(rows) > limit else None
    return told({"rows": rows[:limit], "next": more})


def verify(server: FakeServer, asked: Asked) -> Told:
    server.require_admin(asked)
    chain = {"chain": "fake", "rows": len(server.rows), "last": now(), "problem": ""}
    return told({"ok": True, "chains": [chain]})


def flags(server: FakeServer, asked: Asked) -> Told:
    if not server.is_admin(asked):
        mine = server.caller(asked).workspace
        return told({"switches": [s for s in server.switches if s["workspace"] in ("", mine)]})
    return told({"switches": server.switches})


def throw(server: FakeServer, asked: Asked) -> Told:
    server.require_admin(asked)
    body = asked.json()
    where = {name: body.get(name) or "" for name in ("workspace", "project")}
    server.switches = [s for s in server.switches if not _same(s, where)]
    if asked.parts[0] == "disable":
        scope = "project" if where["project"] else "workspace" if where["workspace"] else "global"
        given = {name: body[name] for name in ("reason", "author")}
        server.switches.append(
            {"scope": scope, **where, **given, "at": now(), "kill": bool(body.get("kill"))}
        )
    server.revision += 1
    return told({"revision": server.revision, "switches": server.switches})


def _same(switch: dict[str, Any], where: dict[str, str]) -> bool:
    return all(switch[name] == value for name, value in where.items())


def drill(server: FakeServer, asked: Asked) -> Told:
    server.require_admin(asked)
    return told({"ms": 1.0, "replicas": [{"id": "fake", "ms": 1.0}]})


def tools(server: FakeServer, asked: Asked) -> Told:
    server.caller(asked)
    return told({"tools": tool_list()})
