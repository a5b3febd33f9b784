"""Alembic's entry. The connection, its transaction and its lock are ``store/migrate.py``'s."""

from __future__ import annotations

from alembic import context

from vibn.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
