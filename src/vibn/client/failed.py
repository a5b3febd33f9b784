"""What only the client can say: a command's own failure, as an error for who asks for one."""

from __future__ import annotations

from vibn.errors import VibnError


class CommandFailed(VibnError):
    """The command ran and did not end with status 0; ``CommandResult.check`` raises it."""

    code = "command_failed"
