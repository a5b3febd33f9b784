"""The tools of the fake that work on file contents: edit, glob, grep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vibn.client.testing.files import Entry, FakeFiles, normal, sha256
from vibn.errors import EditAmbiguous, EditNoMatch, InvalidInput


def edit(files: FakeFiles, given: Mapping[str, Any]) -> dict[str, object]:
    """Raises EditNoMatch, EditAmbiguous."""
    path, old, new = given["file_path"], given["old_string"], given["new_string"]
    text = files.read(path).decode()
    found = text.count(old)
    if not found:
        raise EditNoMatch(f"old_string does not occur in {path}.")
    if found > 1 and not given.get("replace_all"):
        raise EditAmbiguous(f"old_string occurs {found} times in {path}.")
    changed = text.replace(old, new).encode()
    files.write(path, changed)
    line = text[: text.index(old)].count("\n") + 1
    diff = f"--- a/{path}\n+++ b/{path}\n-{old}\n+{new}\n"
    size, digest = len(changed), sha256(changed)
    return {"replaced": found, "size": size, "sha256": digest, "line": line, "diff": diff}


def glob(files: FakeFiles, given: Mapping[str, Any]) -> dict[str, object]:
    base = given.get("path", ".")
    found = _matching(files, base, given["pattern"])
    found.sort(key=lambda one: one[1].mtime, reverse=True)
    limit = given.get("limit", 1000)
    shown = [
        {"path": name, "size": len(entry.data or b""), "mtime": entry.mtime.isoformat()}
        for name, entry in found[:limit]
    ]
    return {"files": shown, "truncated": len(found) > limit, "total": len(found)}


def grep(files: FakeFiles, given: Mapping[str, Any]) -> dict[str, object]:
    """In the mode ``content`` only. Raises InvalidInput."""
    try:
        wanted = re.compile(given["pattern"], re.I if given.get("ignore_case") else 0)
    except re.error as error:
        raise InvalidInput(f"Not a regular expression: {error}.") from None
    matches: list[dict[str, object]] = []
    include = given.get("include") or "**"
    only = include if "/" in include or include == "**" else f"**/{include}"
    for name, entry in _matching(files, given.get("path", "."), only):
        lines = (entry.data or b"").decode(errors="replace").splitlines()
        matches += _lines(name, lines, wanted, given.get("context", 0))
    limit = given.get("limit", 200)
    shown, more = matches[:limit], len(matches) > limit
    return {"files": [], "matches": shown, "counts": [], "truncated": more}


def _lines(
    name: str, lines: list[str], wanted: re.Pattern[str], around: int
) -> list[dict[str, object]]:
    hits = {n for n, line in enumerate(lines) if wanted.search(line)}
    near = {m for n in hits for m in range(n - around, n + around + 1)}
    return [
        {"path": name, "line": n + 1, "text": lines[n], "context": n not in hits}
        for n in sorted(near)
        if 0 <= n < len(lines)
    ]


def _matching(files: FakeFiles, base: str, pattern: str) -> list[tuple[str, Entry]]:
    where = normal(base)
    skip = 0 if where == "." else len(where) + 1
    wanted = _compiled(pattern)
    return [
        (name, entry)
        for name, entry in files.below(where)
        if entry.data is not None and wanted.fullmatch(name[skip:])
    ]


def _compiled(pattern: str) -> re.Pattern[str]:
    """``**`` is any directories, ``*`` anything but a slash, ``{a,b}`` one of both."""
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts |= {"{": "(?:", "}": ")", ",": "|"}
    tokens = re.findall(r"\*\*/|\*\*|.", pattern)
    return re.compile("".join(parts.get(token) or re.escape(token) for token in tokens))
