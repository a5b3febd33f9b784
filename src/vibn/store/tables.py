"""The tables, as queries see them. The migrations make them; a test holds that both agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment: ``timestamptz`` on PostgreSQL; on SQLite text in UTC of one fixed width, so that
    order of text is order of time. Aware datetimes go in and come out, in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(32))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return None if value is None else value.astimezone(UTC)
        return datetime.fromisoformat(value)


HEAD = "0002"
"""The newest migration; a test holds that the scripts end there."""
VERSION_TABLE = "fs_schema_version"

metadata = sa.MetaData()

workspaces = sa.Table(
    "fs_workspaces",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("slug", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)

projects = sa.Table(
    "fs_projects",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("workspace", sa.ForeignKey("fs_workspaces.slug"), nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("env", sa.JSON, nullable=False),
    sa.Column("limits", sa.JSON(none_as_null=True)),
    sa.Column("seed", sa.JSON(none_as_null=True)),
    sa.UniqueConstraint("workspace", "slug"),
)


def _box_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("service_uuid", sa.Text, nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("last_active_at", Instant, nullable=False),
        sa.Column("suspended_at", Instant),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("box_id", sa.Text, nullable=False, unique=True),
        sa.Column("tier", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("runtime", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("operation_owner", sa.Text, nullable=False),
        sa.Column("operation_until", Instant),
        sa.Column("seeded", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    ]


boxes = sa.Table(
    "fs_project_dev_containers",
    metadata,
    sa.Column("project_id", sa.ForeignKey("fs_projects.id"), primary_key=True),
    *_box_columns(),
    sa.Index("fs_project_dev_containers_ws_idx", "workspace"),
    sa.Index("fs_project_dev_containers_active_idx", "last_active_at"),
)

warm = sa.Table(
    "fs_warm_boxes",
    metadata,
    sa.Column("project_id", sa.Text, nullable=False),
    *_box_columns(),
    sa.Index("fs_warm_boxes_choice_idx", "image", "runtime", "created_at"),
)

secrets = sa.Table(
    "fs_project_secrets",
    metadata,
    sa.Column("project_id", sa.ForeignKey("fs_projects.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

installation = sa.Table(
    "fs_installation",
    metadata,
    sa.Column("singleton", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.CheckConstraint("singleton = 1", name="fs_installation_one_row"),
)

tokens = sa.Table(
    "fs_tokens",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("workspace", sa.ForeignKey("fs_workspaces.slug", ondelete="CASCADE"), nullable=False),
    sa.Column("project_id", sa.ForeignKey("fs_projects.id", ondelete="CASCADE")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("access", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("revoked_at", Instant),
    sa.Index("fs_tokens_ws_idx", "workspace", "created_at"),
    sa.Index("fs_tokens_project_idx", "project_id"),
)

switches = sa.Table(
    "fs_switches",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("kill", sa.Boolean, nullable=False),
)

switch_revision = sa.Table(
    "fs_switch_revision",
    metadata,
    sa.Column("singleton", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.CheckConstraint("singleton = 1", name="fs_switch_revision_one_row"),
)

replicas = sa.Table(
    "fs_replicas",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("applied", sa.Integer, nullable=False),
)

audit = sa.Table(
    "fs_audit",
    metadata,
    sa.Column("chain", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("surface", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("tool", sa.Text, nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("paths", sa.JSON, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("ms", sa.Float, nullable=False),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("sent", sa.BigInteger, nullable=False),
    sa.Column("mac", sa.Text, nullable=False),
    sa.CheckConstraint("seq > 0", name="fs_audit_from_one"),
    sa.Index("fs_audit_at_idx", "at"),
    sa.Index("fs_audit_ws_idx", "workspace", "at"),
)

audit_heads = sa.Table(
    "fs_audit_heads",
    metadata,
    sa.Column("chain", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("mac", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("final", sa.Boolean, primary_key=True),
    sa.Column("signature", sa.Text, nullable=False),
)
