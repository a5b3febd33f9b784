"""Commands that wrap another one: everything after -- is that one's own."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand
from typer.exceptions import TyperException


class Wrapping(TyperCommand):
    """Shows its use plainly, and says what to do about options of the command to run."""

    def collect_usage_pieces(self, _: Any) -> list[str]:
        optional = not any(p.name == "command" and p.required for p in self.params)
        command = "[-- COMMAND...]" if optional else "-- COMMAND..."
        return ["PROJECT", "[OPTIONS]", command]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            if "--" in args or not hasattr(error, "option_name"):
                raise
            wrong = error.format_message()
        ctx.fail(f"{wrong}. Put -- before the command: {ctx.command_path} PROJECT -- COMMAND")
        raise AssertionError
