"""Tokens, switches, replicas, the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vibn.store.tables import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "fs_tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column(
            "workspace",
            sa.Text,
            sa.ForeignKey("fs_workspaces.slug", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("project_id", sa.Text, sa.ForeignKey("fs_projects.id", ondelete="CASCADE")),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("access", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant),
        sa.Column("revoked_at", Instant),
    )
    op.create_index("fs_tokens_ws_idx", "fs_tokens", ["workspace", "created_at"])
    op.create_index("fs_tokens_project_idx", "fs_tokens", ["project_id"])
    op.create_table(
        "fs_switches",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("kill", sa.Boolean, nullable=False),
    )
    op.create_table(
        "fs_switch_revision",
        sa.Column("singleton", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.CheckConstraint("singleton = 1", name="fs_switch_revision_one_row"),
    )
    op.create_table(
        "fs_replicas",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("applied", sa.Integer, nullable=False),
    )
    op.create_table(
        "fs_audit",
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
    )
    op.create_index("fs_audit_at_idx", "fs_audit", ["at"])
    op.create_index("fs_audit_ws_idx", "fs_audit", ["workspace", "at"])
    op.create_table(
        "fs_audit_heads",
        sa.Column("chain", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("mac", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("final", sa.Boolean, primary_key=True),
        sa.Column("signature", sa.Text, nullable=False),
    )
