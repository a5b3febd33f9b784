"""What drivers raise, as our errors. Nothing here quotes a statement, a value or an address."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from vibn.errors import StoreUnavailable


@contextmanager
def translated(where: str, hint: str = "") -> Iterator[None]:
    """The database's refusals and silences become StoreUnavailable; bugs in SQL stay what they
    are. ``where`` names the database for a person and holds no password."""
    try:
        yield
    except (sa.exc.ProgrammingError, sa.exc.IntegrityError):
        raise
    except sa.exc.DBAPIError as error:
        raise unavailable(where, _line(error.orig or error), hint) from error
    except sqlite3.Error as error:
        raise unavailable(where, _line(error), hint) from error
    except sa.exc.TimeoutError as error:
        raise unavailable(where, "all its connections are busy", hint) from error
    except TimeoutError as error:
        raise unavailable(where, "no answer in time", hint) from error
    except OSError as error:
        raise unavailable(where, error.strerror or type(error).__name__, hint) from error


def unavailable(where: str, why: str, hint: str = "") -> StoreUnavailable:
    return StoreUnavailable(f"{where} does not answer: {why}.", hint=hint)


def _line(error: BaseException) -> str:
    """SQLAlchemy's asyncpg adapter puts the class before the message."""
    text = str(error).strip().split("\n")[0]
    return text.partition(">: ")[2] or text or type(error).__name__
