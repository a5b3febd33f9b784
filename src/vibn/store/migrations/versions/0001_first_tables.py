"""Workspaces, projects, dev containers, the warm pool, secrets, the installation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from vibn.store.tables import Instant

revision = "0001"
down_revision = None


def _now() -> sa.TextClause:
    """The database's clock, in the very form that ``Instant`` stores."""
    if op.get_bind().dialect.name == "sqlite":
        return sa.text("(strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'))")
    return sa.text("now()")


def _box_columns() -> list[sa.Column[Any]]:
    empty = sa.text("''")
    return [
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("service_uuid", sa.Text, nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="provisioning"),
        sa.Column("last_active_at", Instant, nullable=False, server_default=_now()),
        sa.Column("suspended_at", Instant),
        sa.Column("created_at", Instant, nullable=False, server_default=_now()),
        sa.Column("box_id", sa.Text, nullable=False, unique=True),
        sa.Column("tier", sa.Text),
        sa.Column("reason", sa.Text, nullable=False, server_default=empty),
        sa.Column("runtime", sa.Text, nullable=False, server_default=empty),
        sa.Column("operation", sa.Text, nullable=False, server_default=empty),
        sa.Column("operation_owner", sa.Text, nullable=False, server_default=empty),
        sa.Column("operation_until", Instant),
        sa.Column("seeded", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("version", sa.Integer, nullable=False, server_default="0"),
    ]


def upgrade() -> None:
    op.create_table(
        "fs_workspaces",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("slug", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False, server_default=_now()),
    )
    op.create_table(
        "fs_projects",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, sa.ForeignKey("fs_workspaces.slug"), nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False, server_default=_now()),
        sa.Column("env", sa.JSON, nullable=False, server_default="{}"),
        sa.Column("limits", sa.JSON),
        sa.Column("seed", sa.JSON),
        sa.UniqueConstraint("workspace", "slug"),
    )
    op.create_table(
        "fs_project_dev_containers",
        sa.Column("project_id", sa.Text, sa.ForeignKey("fs_projects.id"), primary_key=True),
        *_box_columns(),
    )
    op.create_index("fs_project_dev_containers_ws_idx", "fs_project_dev_containers", ["workspace"])
    op.create_index(
        "fs_project_dev_containers_active_idx", "fs_project_dev_containers", ["last_active_at"]
    )
    op.create_table(
        "fs_warm_boxes", sa.Column("project_id", sa.Text, nullable=False), *_box_columns()
    )
    op.create_index("fs_warm_boxes_choice_idx", "fs_warm_boxes", ["image", "runtime", "created_at"])
    op.create_table(
        "fs_project_secrets",
        sa.Column(
            "project_id",
            sa.Text,
            sa.ForeignKey("fs_projects.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "fs_installation",
        sa.Column("singleton", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.CheckConstraint("singleton = 1", name="fs_installation_one_row"),
    )
