"""What a model is told of this server when it connects."""

from __future__ import annotations

INSTRUCTIONS = """\
Each project has one dev container, a Linux machine whose files live in /workspace. It is made or \
woken by the first call that needs it. Work as a developer in a terminal would:
- shell_exec runs a command and returns its output: build, test, git, package managers, curl. \
Prefer it for anything that a few commands do at once.
- shell_start is for what goes on (servers, watchers, work of more than two minutes); follow it \
with shell_read. A foreground command is killed when its call is cancelled or its client leaves.
- fs_read, fs_edit and fs_write change files exactly; fs_grep and fs_glob find them. Read a file \
before you edit it.
An error says what happened and what to do next: act on it and go on.\
"""

ACROSS = """
Every tool of a box takes `project`; projects_list tells which there are.\
"""
"""Added where calls name their project."""
