"""The next step, in the words of the command line, where an error's own speaks of tools."""

from __future__ import annotations

from collections.abc import Mapping

from vibn.errors import VibnError

OURS: Mapping[str, str] = {
    "unauthenticated": "Set VIBN_TOKEN, or start the server with `vibn up`: it writes a profile.",
    "admin_required": "Set VIBN_ADMIN_SECRET; `vibn up` says where the server keeps its own.",
    "workspace_not_found": "`vibn workspaces list` shows those there are.",
    "project_not_found": (
        "`vibn projects list` shows those there are, `vibn projects create` makes one."
    ),
    "box_absent": "`vibn box ensure` makes it, and so does any command in it.",
    "file_missing": "`vibn fs ls` shows what is there.",
    "job_not_found": "`vibn jobs list` shows those there are.",
    "token_not_found": "`vibn tokens list` shows those there are.",
    "tool_not_found": "`vibn tools list` shows them.",
    "edit_no_match": "`vibn fs cat` shows the file: copy the text exactly.",
    "edit_ambiguous": "Add surrounding text until it is unique, or pass --all.",
    "disk_full": "Free space with `vibn fs rm`, or raise it: `vibn projects set --disk`.",
    "pids_limit": "End processes with `vibn jobs kill`, or raise it: `vibn projects set --pids`.",
    "out_of_memory": "Use less, or raise it: `vibn projects set --memory`.",
    "box_failed": "`vibn doctor` on the server's machine, then `vibn box ensure`.",
    "host_refused": "Use the address that `vibn up` printed, or set VIBN_ALLOWED_HOSTS there.",
    "switched_off": "`vibn killswitch status` shows the switch, `vibn killswitch off` ends it.",
}


def hint_of(error: VibnError) -> str:
    """One that was written for this very error stays."""
    usual = not error.hint or error.hint == type(error).default_hint
    return OURS.get(error.code, error.hint) if usual else error.hint
