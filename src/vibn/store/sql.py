"""The store on a database: the queries, through a connector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from vibn.config import Settings
from vibn.models import Box, BoxState, Project, Workspace
from vibn.store import checked, refusals
from vibn.store.connector import Connector
from vibn.store.located import Located
from vibn.store.queries import boxes, projects, secrets, warm, workspaces
from vibn.store.relay import Relay
from vibn.store.sql_authority import SqlSwitches, SqlTokens, SqlTrail
from vibn.store.sqlite import SqliteConnector


def open_store(settings: Settings) -> SqlStore:
    """PostgreSQL when ``database_url`` is set, else SQLite in ``state_dir``. It still has to be
    opened. Raises InvalidInput."""
    url = settings.database_url.get_secret_value()
    if url:
        # asyncpg and SQLAlchemy's asyncio engine would double the start-up of every command.
        from vibn.store.postgres import PostgresConnector
        from vibn.store.postgres_relay import PostgresRelay

        connector = PostgresConnector(url)
        return SqlStore(connector, PostgresRelay(connector))
    return SqlStore(SqliteConnector(settings.state_dir / "vibn.db"))


class SqlStore:
    """``store/base.py`` holds the promises of each method."""

    def __init__(self, connector: Connector, relay: Relay | None = None) -> None:
        self._db = connector
        self.relay = relay
        self.tokens = SqlTokens(connector)
        self.switches = SqlSwitches(connector)
        self.trail = SqlTrail(connector)

    async def open(self) -> None:
        await self._db.open()

    async def close(self) -> None:
        await self._db.close()

    # workspaces and projects

    async def add_workspace(self, workspace: Workspace) -> Workspace:
        value = checked.workspace(workspace)
        return await self._db.write(lambda c: workspaces.add(c, value))

    async def workspace(self, slug: str) -> Workspace:
        if not checked.storable(slug):
            raise refusals.no_workspace(slug)
        return await self._db.read(lambda c: workspaces.one(c, slug))

    async def workspaces(self) -> Sequence[Workspace]:
        return await self._db.scan(workspaces.every)

    async def delete_workspace(self, slug: str) -> None:
        if checked.storable(slug):
            await self._db.write(lambda c: workspaces.delete(c, slug))

    async def add_project(self, project: Project) -> Project:
        value = checked.project(project)
        return await self._db.write(lambda c: projects.add(c, value))

    async def save_project(self, project: Project) -> Project:
        value = checked.project(project)
        return await self._db.write(lambda c: projects.save(c, value))

    async def projects(self, workspace: str) -> Sequence[Project]:
        if not checked.storable(workspace):
            return []
        return await self._db.scan(lambda c: projects.of_workspace(c, workspace))

    async def overview(self, workspace: str) -> Sequence[tuple[Project, Box | None]]:
        if not checked.storable(workspace):
            return []
        return await self._db.scan(lambda c: projects.overview(c, workspace))

    async def delete_project(self, workspace: str, slug: str) -> None:
        if checked.storable(workspace) and checked.storable(slug):
            await self._db.write(lambda c: projects.delete(c, workspace, slug))

    async def locate(self, workspace: str, project: str) -> Located:
        if not (checked.storable(workspace) and checked.storable(project)):
            raise refusals.no_project(workspace, project)
        return await self._db.read(lambda c: projects.locate(c, workspace, project))

    # boxes

    async def claim(self, box: Box) -> tuple[Box, bool]:
        value = checked.box(box)
        return await self._db.write(lambda c: boxes.claim(c, value))

    async def box(self, project_id: str) -> Box | None:
        if not checked.storable(project_id):
            return None
        return await self._db.read(lambda c: boxes.one(c, project_id))

    async def save_box(self, box: Box) -> Box | None:
        value = checked.box(box)
        return await self._db.write(lambda c: boxes.save(c, value))

    async def delete_box(self, box: Box) -> bool:
        return await self._db.write(lambda c: boxes.delete(c, box))

    async def boxes(self, *states: BoxState) -> Sequence[Box]:
        return await self._db.scan(lambda c: boxes.every(c, states))

    async def touch(self, activity: Mapping[str, datetime]) -> None:
        batch = checked.activity(activity)
        if batch:
            await self._db.write(lambda c: boxes.touch(c, batch))

    # secrets

    async def set_secret(self, project_id: str, name: str, sealed: bytes) -> None:
        checked.texts(project_id=project_id, name=name)
        await self._db.write(lambda c: secrets.put(c, project_id, name, sealed))

    async def reseal_secret(self, project_id: str, name: str, old: bytes, new: bytes) -> bool:
        checked.texts(project_id=project_id, name=name)
        return await self._db.write(lambda c: secrets.reseal(c, project_id, name, old, new))

    async def secrets(self, project_id: str) -> Mapping[str, bytes]:
        if not checked.storable(project_id):
            return {}
        return await self._db.read(lambda c: secrets.of_project(c, project_id))

    async def delete_secret(self, project_id: str, name: str) -> None:
        if checked.storable(project_id) and checked.storable(name):
            await self._db.write(lambda c: secrets.delete(c, project_id, name))

    # this installation

    async def installation(self, candidate: str) -> str:
        checked.texts(candidate=candidate)
        return await self._db.write(lambda c: workspaces.installation(c, candidate))

    # the warm pool

    async def add_warm(self, box: Box) -> None:
        value = checked.box(box)
        await self._db.write(lambda c: warm.add(c, value))

    async def claim_warm(self, image: str, runtime: str) -> Box | None:
        checked.texts(image=image, runtime=runtime)
        return await self._db.write(lambda c: warm.claim(c, image, runtime))

    async def warm(self) -> Sequence[Box]:
        return await self._db.scan(warm.every)

    async def remove_warm(self, box_id: str) -> None:
        checked.texts(box_id=box_id)
        await self._db.write(lambda c: warm.remove(c, box_id))
