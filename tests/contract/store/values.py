"""Values to store. ``NOW`` is fixed: nothing here depends on the time of the run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vibn.models import Box, BoxState, Project, Workspace
from vibn.store.base import Store

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def workspace(slug: str = "acme") -> Workspace:
    return Workspace(id=f"ws-{slug}", slug=slug, name=slug.title(), created_at=NOW)


def project(slug: str = "shop", workspace: str = "acme") -> Project:
    return Project(f"{workspace}-{slug}", workspace, slug, slug.title(), NOW)


def box(project_id: str = "acme-shop", box_id: str = "", image: str = "vibn-dev") -> Box:
    return Box(
        project_id=project_id,
        workspace="acme",
        box_id=box_id or f"box-{project_id}",
        service_uuid="",
        image=image,
        state=BoxState.PROVISIONING,
        last_active_at=NOW,
        created_at=NOW,
        runtime="memory",
    )


async def furnish(store: Store, *slugs: str) -> None:
    """Workspace ``acme`` with projects of these slugs, ``shop`` by default."""
    await store.add_workspace(workspace())
    for slug in slugs or ("shop",):
        await store.add_project(project(slug))
