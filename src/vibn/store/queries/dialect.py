"""What the two databases spell alike but SQLAlchemy keeps apart, and how they name a violation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Insert = sqlite.Insert | postgresql.Insert


def each_dialect(
    table: sa.Table, finish: Callable[[Insert], sa.Executable]
) -> Mapping[str, sa.Executable]:
    """An insert with an ON CONFLICT clause, by the name of the dialect."""
    return {
        "sqlite": finish(sqlite.insert(table)),
        "postgresql": finish(postgresql.insert(table)),
    }


def lacks_parent(error: sa.exc.IntegrityError) -> bool:
    """Whether a foreign key was violated; else it was a key that exists already."""
    name = getattr(error.orig, "sqlite_errorname", "")
    state = getattr(error.orig, "sqlstate", "")
    return name == "SQLITE_CONSTRAINT_FOREIGNKEY" or state == "23503"
