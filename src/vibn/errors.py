"""Every error that a user, an agent or a neighbour can cause.

    VibnError
    ├── InvalidInput            the caller can mend the call
    │   ├── PathOutside         the path, or the link it follows, leaves /workspace
    │   ├── NotText             bytes where text was asked for
    │   ├── TooLarge            above a stated cap
    │   ├── EditNoMatch         old_string does not occur; detail holds the nearest lines
    │   ├── EditAmbiguous       old_string occurs more than once
    │   ├── MethodNotAllowed    the address exists, not for this HTTP method
    │   └── HostRefused         the request calls us by a name that is not ours
    ├── Unauthenticated         no token, or one that nobody issued
    │   ├── TokenExpired
    │   └── TokenRevoked
    ├── Forbidden               the caller is known and may not
    │   ├── ReadOnlyToken
    │   ├── AdminRequired
    │   └── OriginRefused       a web page that may not call us
    ├── NotFound
    │   ├── WorkspaceNotFound   also said of a foreign workspace
    │   ├── ProjectNotFound     also said of a foreign project
    │   ├── BoxAbsent           the project has no dev container yet
    │   ├── FileMissing         no such file, directory or working directory
    │   ├── JobNotFound
    │   ├── TokenNotFound
    │   ├── ToolNotFound
    │   └── RouteNotFound       no such address on this server
    ├── Conflict                the world is not as the call expected
    │   ├── AlreadyExists
    │   ├── HashMismatch        the file changed since it was read
    │   └── BoxBusy             another operation holds the box (retryable)
    ├── Unsupported             this runtime or this host cannot do it
    ├── LimitReached
    │   ├── DiskFull
    │   ├── PidsLimit
    │   ├── OutOfMemory
    │   ├── RateLimited         too many calls a second; detail holds retry_after
    │   └── TooManyCalls        too many calls at once; detail holds retry_after
    ├── Denied                  the box's own permissions refuse it
    ├── Unavailable             trying again may help
    │   ├── AgentLost           the agent or the channel went away with the call in flight
    │   ├── BoxFailed           the dev container could not be started
    │   ├── RuntimeUnavailable  the engine does not answer
    │   ├── StoreUnavailable    the database does not answer
    │   ├── ServerUnreachable   said by our clients: no Vibn server answers there
    │   └── ShuttingDown        this server ends; another, or the next, takes the call
    ├── SwitchedOff             the kill switch is on; detail holds reason and scope
    ├── DeadlineExceeded        our own deadline for a step passed
    └── ProtocolViolation       what came from a box was not the protocol

Each class has a stable ``code``, tells whether the same call may be tried again
(``retryable``), and is mapped once a surface: ``http_status`` for REST, ``exit_code`` for the
CLI. The message says what happened; ``hint`` says what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class VibnError(Exception):
    """The base. ``detail`` holds JSON-able facts for programs; it never holds a secret."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    default_hint: ClassVar[str] = ""

    def __init__(
        self, message: str, *, hint: str = "", detail: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint
        self.detail: dict[str, object] = dict(detail or {})

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInput(VibnError, ValueError):
    code = "invalid_input"
    http_status = 400
    exit_code = 2
    default_hint = "Mend what the message names, and call again."


class PathOutside(InvalidInput):
    code = "path_outside"
    default_hint = "Use a path inside /workspace; links that lead out are refused."


class NotText(InvalidInput):
    code = "not_text"
    default_hint = "Ask for bytes, or use shell_exec with a tool that understands the format."


class TooLarge(InvalidInput):
    code = "too_large"
    http_status = 413
    default_hint = "Ask for a part of it: an offset and a limit, or a narrower pattern."


class EditNoMatch(InvalidInput):
    code = "edit_no_match"
    default_hint = "Read the file again and copy old_string exactly, whitespace included."


class EditAmbiguous(InvalidInput):
    code = "edit_ambiguous"
    default_hint = "Add surrounding lines until old_string is unique, or pass replace_all."


class MethodNotAllowed(InvalidInput):
    code = "method_not_allowed"
    http_status = 405
    default_hint = "The Allow header names the methods; /api/v1/openapi.json lists them all."


class HostRefused(InvalidInput):
    code = "host_refused"
    http_status = 421
    default_hint = "Name it in VIBN_ALLOWED_HOSTS or VIBN_PUBLIC_URL of the server."


class Unauthenticated(VibnError):
    code = "unauthenticated"
    http_status = 401
    exit_code = 3
    default_hint = "Send a token as `Authorization: Bearer ...`; `vibn tokens create` makes one."


class TokenExpired(Unauthenticated):
    code = "token_expired"
    default_hint = "Ask for a new token; `vibn tokens create` makes one."


class TokenRevoked(Unauthenticated):
    code = "token_revoked"
    default_hint = "Ask for a new token; `vibn tokens create` makes one."


class Forbidden(VibnError):
    code = "forbidden"
    http_status = 403
    exit_code = 8


class ReadOnlyToken(Forbidden):
    code = "read_only_token"
    default_hint = "Use a token with full access for calls that change something."


class AdminRequired(Forbidden):
    code = "admin_required"
    default_hint = "Send the admin secret (VIBN_ADMIN_SECRET) as the bearer token."


class OriginRefused(Forbidden):
    code = "origin_refused"
    default_hint = "Name it in VIBN_ALLOWED_ORIGINS of the server."


class NotFound(VibnError, LookupError):
    code = "not_found"
    http_status = 404
    exit_code = 4


class WorkspaceNotFound(NotFound):
    code = "workspace_not_found"
    default_hint = "Create the workspace first, or list the ones that exist."


class ProjectNotFound(NotFound):
    code = "project_not_found"
    default_hint = "List the projects to see the names that exist."


class BoxAbsent(NotFound):
    code = "box_absent"
    default_hint = "Call devcontainer_ensure first."


class FileMissing(NotFound):
    code = "file_missing"
    default_hint = "Use fs_list or fs_glob to see what exists."


class JobNotFound(NotFound):
    code = "job_not_found"
    default_hint = "Use shell_list to see the jobs of this box."


class TokenNotFound(NotFound):
    code = "token_not_found"
    default_hint = "List the tokens to see the ids that exist."


class ToolNotFound(NotFound):
    code = "tool_not_found"
    default_hint = "List the tools to see the names that exist."


class RouteNotFound(NotFound):
    code = "route_not_found"
    default_hint = "/api/v1/openapi.json lists the addresses of this server."


class Conflict(VibnError):
    code = "conflict"
    http_status = 409
    exit_code = 5
    default_hint = "Look at how things are now, then decide whether to call again."


class AlreadyExists(Conflict):
    code = "already_exists"


class HashMismatch(Conflict):
    code = "hash_mismatch"
    default_hint = "The file changed since it was read: read it again, then edit."


class BoxBusy(Conflict):
    code = "box_busy"
    retryable = True
    default_hint = "Another operation holds this dev container; try again in a moment."


class Unsupported(VibnError):
    code = "unsupported"
    http_status = 501
    exit_code = 6
    default_hint = "Run `vibn doctor` to see what this host and its runtime can do."


class LimitReached(VibnError):
    code = "limit_reached"
    http_status = 507
    exit_code = 7
    default_hint = "Free some of what is used up, or raise the limit, and try again."


class DiskFull(LimitReached):
    code = "disk_full"
    default_hint = "Free space in the box (fs_delete, caches) or raise VIBN_DEV_DISK_LIMIT."


class PidsLimit(LimitReached):
    code = "pids_limit"
    default_hint = "End processes in the box (shell_list, shell_kill) and try again."


class OutOfMemory(LimitReached):
    code = "out_of_memory"
    default_hint = "Use less memory in the command or raise VIBN_DEV_MEM_LIMIT."


class RateLimited(LimitReached):
    code = "rate_limited"
    retryable = True
    http_status = 429
    default_hint = "Wait as long as Retry-After says, or raise VIBN_RATE_LIMIT."


class TooManyCalls(LimitReached):
    code = "too_many_calls"
    retryable = True
    http_status = 429
    default_hint = "Wait until calls of this token ended, or raise VIBN_CALL_LIMIT."


class Denied(VibnError, PermissionError):
    code = "denied"
    http_status = 403
    exit_code = 8
    default_hint = "The file's owner or mode in the box refuses it; a user=root command can help."


class Unavailable(VibnError):
    code = "unavailable"
    retryable = True
    http_status = 503
    exit_code = 9


class AgentLost(Unavailable, ConnectionError):
    code = "agent_lost"
    default_hint = (
        "The call may or may not have had its effect: check, then try again. Jobs are kept."
    )


class BoxFailed(Unavailable):
    code = "box_failed"
    default_hint = "Run `vibn doctor`; `devcontainer_ensure` tries again."


class RuntimeUnavailable(Unavailable):
    code = "runtime_unavailable"
    default_hint = "Run `vibn doctor` to see why the container engine does not answer."


class StoreUnavailable(Unavailable):
    code = "store_unavailable"
    default_hint = "Check the database that VIBN_DATABASE_URL names."


class ServerUnreachable(Unavailable, ConnectionError):
    code = "server_unreachable"
    default_hint = "Start it with `vibn up`, or set VIBN_URL to where it runs."


class ShuttingDown(Unavailable):
    code = "shutting_down"
    default_hint = "The command was ended; background jobs go on. Try again in a moment."


class SwitchedOff(VibnError):
    code = "switched_off"
    http_status = 503
    exit_code = 12
    default_hint = "An operator switched dev containers off; ask them, or wait until it is over."


class DeadlineExceeded(VibnError, TimeoutError):
    code = "deadline_exceeded"
    retryable = True
    http_status = 504
    exit_code = 10


class ProtocolViolation(VibnError):
    code = "protocol_violation"
    http_status = 502
    exit_code = 11
    default_hint = "The agent in the box is damaged or replaced; suspend and resume the box."


def _tree(root: type[VibnError]) -> dict[str, type[VibnError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found


BY_CODE: Mapping[str, type[VibnError]] = _tree(VibnError)
"""Every class by its code; a test holds that codes are unique."""


def from_code(
    code: str, message: str, *, hint: str = "", detail: Mapping[str, object] | None = None
) -> VibnError:
    """The error for a ``code`` that a box sent. An unknown code is a ProtocolViolation.

    What a box sends is text to show, never a path or a format string; callers bound its length.
    """
    cls = BY_CODE.get(code)
    if cls is None:
        return ProtocolViolation(f"The agent answered with an unknown error code: {message}")
    return cls(message, hint=hint, detail=detail)
