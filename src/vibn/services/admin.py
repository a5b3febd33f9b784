"""The admin secret: what it takes to make workspaces and tokens, and to throw the kill switch."""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from secrets import token_urlsafe

from vibn.errors import AdminRequired, Unauthenticated

FILE = "admin.secret"


class AdminSecret:
    """Empty: nobody is an admin."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __bool__(self) -> bool:
        return bool(self._secret)

    def held_by(self, credential: str) -> bool:
        """In constant time."""
        given, secret = credential.encode(errors="replace"), self._secret.encode(errors="replace")
        return bool(secret) and hmac.compare_digest(given, secret)

    def require(self, credential: str) -> None:
        """Raises Unauthenticated for no credential, AdminRequired for another one."""
        if self.held_by(credential):
            return
        if not credential:
            raise Unauthenticated(
                "This call needs the admin secret.", hint=AdminRequired.default_hint
            )
        raise AdminRequired("This call needs the admin secret; a token is not enough.")


def kept_in(state_dir: Path) -> str:
    """The secret of an installation that was given none: made once, readable by its owner alone.
    Safe when two processes start at once."""
    path = state_dir / FILE
    mine = state_dir / f".{FILE}.{os.getpid()}"
    if not path.exists():
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(mine, path)
        except FileExistsError:
            pass  # another process was first: its secret counts
        finally:
            mine.unlink()
    return path.read_text().strip()
