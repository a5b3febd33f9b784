"""Between rows and values. Every select names its columns in the order that is read here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from vibn.authority import Access, AuditHead, AuditRow, Replica, Scope, Switch, Token
from vibn.models import Box, BoxState, Limits, Project, Seed, Tier, Workspace
from vibn.store import tables

WORKSPACE = [tables.workspaces.c[n] for n in ("id", "slug", "name", "created_at")]

PROJECT_NAMES = ("id", "workspace", "slug", "name", "created_at", "env", "limits", "seed")
PROJECT = [tables.projects.c[name] for name in PROJECT_NAMES]

BOX_NAMES = tuple(field.name for field in fields(Box))
BOX = [tables.boxes.c[name] for name in BOX_NAMES]
WARM = [tables.warm.c[name] for name in BOX_NAMES]

_STATE, _TIER = BOX_NAMES.index("state"), BOX_NAMES.index("tier")

Row = Sequence[Any]
Values = dict[str, Any]


def workspace(row: Row) -> Workspace:
    return Workspace(*row)


def workspace_values(value: Workspace) -> Values:
    return asdict(value)


def project(row: Row) -> Project:
    id_, workspace_, slug, name, created_at, env, limits, seed = row
    return Project(
        id=id_,
        workspace=workspace_,
        slug=slug,
        name=name,
        created_at=created_at,
        env=env,
        limits=None if limits is None else Limits(**limits),
        seed=None if seed is None else Seed(**seed),
    )


def project_values(value: Project) -> Values:
    return {
        "id": value.id,
        "workspace": value.workspace,
        "slug": value.slug,
        "name": value.name,
        "created_at": value.created_at,
        "env": dict(value.env),
        "limits": None if value.limits is None else asdict(value.limits),
        "seed": None if value.seed is None else asdict(value.seed),
    }


def box(row: Row) -> Box:
    values = list(row)
    values[_STATE] = BoxState(values[_STATE])
    if values[_TIER] is not None:
        values[_TIER] = Tier(values[_TIER])
    return Box(*values)


def box_values(value: Box) -> Values:
    values: Values = {name: getattr(value, name) for name in BOX_NAMES}
    values["state"] = value.state.value
    values["tier"] = None if value.tier is None else value.tier.value
    return values


TOKEN_NAMES = ("id", "digest", "workspace", "name", "access", "created_at", "project_id")
TOKEN_TIMES = ("expires_at", "revoked_at")
TOKEN = [tables.tokens.c[name] for name in (*TOKEN_NAMES, *TOKEN_TIMES)]
"""The slug of the project it is held to comes from a join."""


def token(row: Row, project: str | None) -> Token:
    id_, digest, workspace_, name, access, created_at, project_id, expires_at, revoked_at = row
    return Token(
        id=id_,
        digest=digest,
        workspace=workspace_,
        name=name,
        access=Access(access),
        created_at=created_at,
        project=project,
        project_id=project_id,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )


def token_values(value: Token) -> Values:
    values: Values = {name: getattr(value, name) for name in (*TOKEN_NAMES, *TOKEN_TIMES)}
    values["access"] = value.access.value
    return values


SWITCH_NAMES = tuple(field.name for field in fields(Switch))
SWITCH = [tables.switches.c[name] for name in SWITCH_NAMES]


def switch(row: Row) -> Switch:
    return Switch(Scope(row[0]), *row[1:])


def switch_values(value: Switch) -> Values:
    return {**asdict(value), "scope": value.scope.value}


REPLICA_NAMES = tuple(field.name for field in fields(Replica))
REPLICA = [tables.replicas.c[name] for name in REPLICA_NAMES]


def replica(row: Row) -> Replica:
    return Replica(*row)


AUDIT_NAMES = tuple(field.name for field in fields(AuditRow))
AUDIT = [tables.audit.c[name] for name in AUDIT_NAMES]
_PATHS = AUDIT_NAMES.index("paths")


def audit_row(row: Row) -> AuditRow:
    values = list(row)
    values[_PATHS] = tuple(values[_PATHS])
    return AuditRow(*values)


def audit_values(value: AuditRow) -> Values:
    return {name: getattr(value, name) for name in AUDIT_NAMES} | {"paths": list(value.paths)}


HEAD_NAMES = tuple(field.name for field in fields(AuditHead))
HEAD = [tables.audit_heads.c[name] for name in HEAD_NAMES]


def audit_head(row: Row) -> AuditHead:
    return AuditHead(*row)


def head_values(value: AuditHead) -> Values:
    return {name: getattr(value, name) for name in HEAD_NAMES}
