"""The one exception by which an operation says no; the session turns it into an `error` frame."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Failure(Exception):
    """``code`` is a code of ``vibn/errors.py``; the rest is for people (and ``detail`` for
    programs: JSON-able, never a secret)."""

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.detail = detail


def from_os_error(error: OSError, what: str) -> Failure:
    """The failure for an OSError; ``what`` names the path or the thing that was tried."""
    import errno

    number = error.errno or 0
    reason = "%s: %s" % (what, error.strerror or error)
    if number in (errno.ENOENT, errno.ENOTDIR):
        return Failure("file_missing", reason)
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Failure("denied", reason)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return Failure("disk_full", reason)
    if number == errno.EEXIST:
        return Failure("already_exists", reason)
    if number == errno.ENOMEM:
        return Failure("out_of_memory", reason)
    if number == errno.EAGAIN:
        return Failure("pids_limit", reason)
    if number in (errno.EMFILE, errno.ENFILE):
        return Failure("limit_reached", reason)
    return Failure("invalid_input", reason)
