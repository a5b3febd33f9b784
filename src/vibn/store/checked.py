"""What every store refuses or mends before it stores: no database keeps NUL or half a surrogate
pair in text, and a time without a zone means nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from vibn.authority import AuditRow, Switch, Token
from vibn.errors import InvalidInput
from vibn.models import Box, Project, Workspace


def storable(text: str) -> bool:
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def texts(**named: str) -> None:
    for name, text in named.items():
        if not storable(text):
            raise InvalidInput(f"{name} holds a NUL or is not valid Unicode: {text!r}")


def moments(**named: datetime | None) -> None:
    for name, at in named.items():
        if at is not None and at.utcoffset() is None:
            raise InvalidInput(f"{name} has no time zone: {at!r}")


def workspace(value: Workspace) -> Workspace:
    texts(id=value.id, slug=value.slug, name=value.name)
    moments(created_at=value.created_at)
    return value


def project(value: Project) -> Project:
    texts(id=value.id, workspace=value.workspace, slug=value.slug, name=value.name)
    moments(created_at=value.created_at)
    return value


def box(value: Box) -> Box:
    """The reason of a failure may quote anything: it is mended, not refused."""
    texts(
        project_id=value.project_id,
        workspace=value.workspace,
        box_id=value.box_id,
        service_uuid=value.service_uuid,
        image=value.image,
        runtime=value.runtime,
        operation=value.operation,
        operation_owner=value.operation_owner,
    )
    moments(
        last_active_at=value.last_active_at,
        created_at=value.created_at,
        suspended_at=value.suspended_at,
        operation_until=value.operation_until,
    )
    if storable(value.reason):
        return value
    mended = value.reason.replace("\0", "\ufffd").encode(errors="replace").decode()
    return replace(value, reason=mended)


def activity(batch: Mapping[str, datetime]) -> dict[str, datetime]:
    """A copy. Ids that no store can hold name no box, and are left out as others are."""
    moments(**batch)
    return {project_id: at for project_id, at in batch.items() if storable(project_id)}


def token(value: Token) -> Token:
    texts(id=value.id, digest=value.digest, workspace=value.workspace, name=value.name)
    texts(project_id=value.project_id or "")
    moments(created_at=value.created_at, expires_at=value.expires_at, revoked_at=value.revoked_at)
    return value


def switch(value: Switch) -> Switch:
    texts(workspace=value.workspace, project=value.project)
    texts(reason=value.reason, author=value.author)
    moments(at=value.at)
    return value


def audit_row(value: AuditRow) -> AuditRow:
    texts(request=value.request, surface=value.surface, token=value.token, tool=value.tool)
    texts(workspace=value.workspace, project=value.project, outcome=value.outcome)
    for path in value.paths:
        texts(path=path)
    moments(at=value.at)
    return value
