"""What git would ignore: .gitignore files and .git/info/exclude.

The last pattern that matches decides, the deepest file first; a file of an ignored directory
cannot be taken back. Files of a repository inside another are judged by its own rules alone.
Git compares bytes: paths and names come decoded as Latin-1 (``spelled``).
"""

from __future__ import annotations

import os
import re
from stat import S_ISDIR

from .paths import open_entry, open_folder
from .wildcard import expression, literal_length

MAX_FILE = 1 << 20
"""A file of rules is read to this size, in bytes."""


class Rules:
    """The patterns of one file, for paths relative to the directory it speaks of."""

    __slots__ = ("_any", "_exact", "_rules")

    def __init__(self, text: str) -> None:
        self._exact: dict[str, list[int]] = {}
        self._rules: list[tuple[re.Pattern[str] | None, str, bool, bool]] = []
        sources: list[str] = []
        for line in text.split("\n"):
            source = self._add(line)
            if source is not None:
                sources.append(source)
        self._any = re.compile("|".join(sources), re.DOTALL) if sources else None

    def _add(self, line: str) -> str | None:
        if line[:1] == "#":
            return None
        line = _trimmed(line[:-1] if line[-1:] == "\r" else line)
        negated = line[:1] == "!"
        line = line[negated:]
        only_folders = line[-1:] == "/"
        if only_folders:
            line = line[:-1]
        if not line:
            return None
        index = len(self._rules)
        plain = literal_length(line)
        if "/" not in line:
            if plain == len(line):
                self._exact.setdefault(line, []).append(index)
                self._rules.append((None, line, only_folders, negated))
                return None
            body = expression(line, -1)
            source = None if body is None else "(?:.*/)?(?:" + body + ")\\Z"
        else:
            if line[:1] == "/":
                line = line[1:]
                plain -= 1
            body = expression(line, plain)
            source = None if body is None else "(?:" + body + ")\\Z"
        if source is None:
            return None
        self._rules.append((re.compile(source, re.DOTALL), "", only_folders, negated))
        return source

    def verdict(self, path: str, name: str, folder: bool) -> bool | None:
        """True ignored, False taken back, None not spoken of."""
        best = -1
        for index in reversed(self._exact.get(name, ())):
            if folder or not self._rules[index][2]:
                best = index
                break
        if self._any is not None and self._any.match(path):
            for index in range(len(self._rules) - 1, best, -1):
                pattern, _, only_folders, _ = self._rules[index]
                if pattern is not None and (folder or not only_folders) and pattern.match(path):
                    best = index
                    break
        return None if best < 0 else not self._rules[best][3]

    def __bool__(self) -> bool:
        return bool(self._rules)


def _trimmed(line: str) -> str:
    """Without the spaces at the end that no backslash protects."""
    at = 0
    keep = 0
    while at < len(line):
        if line[at] == "\\":
            at += 2
            keep = min(at, len(line))
            continue
        at += 1
        if line[at - 1] != " ":
            keep = at
    return line[:keep]


def spelled(path: str) -> str:
    """``path`` with one character a byte, as rules read it."""
    return path if path.isascii() else os.fsencode(path).decode("latin-1")


class Scope:
    """A directory's rules and those of the directories above it that hold for it."""

    __slots__ = ("_depth", "_exclude", "_own", "_parent")

    def __init__(
        self, parent: Scope | None, depth: int, own: Rules | None, exclude: Rules | None
    ) -> None:
        self._parent = parent
        self._depth = depth
        """Where the paths that ``own`` speaks of begin."""
        self._own = own
        self._exclude = exclude

    def ignores(self, path: str, name: str, folder: bool) -> bool:
        """Whether ``path`` (relative to the workspace, its directory not ignored) is ignored."""
        last: bool | None = None
        scope: Scope | None = self
        while scope is not None:
            if scope._own is not None:
                verdict = scope._own.verdict(path[scope._depth :], name, folder)
                if verdict is not None:
                    return verdict
            if scope._exclude is not None and last is None:
                last = scope._exclude.verdict(path[scope._depth :], name, folder)
            scope = scope._parent
        return bool(last)


def scope_of(folder: int, path: str, above: Scope | None) -> Scope | None:
    """The scope of the open directory ``folder``, whose path from the workspace is ``path``
    (empty for itself); ``above`` is its parent's."""
    depth = len(path) + 1 if path else 0
    exclude = None
    repository = _has_git(folder)
    if repository is not None:
        above = None
        if repository:
            exclude = _rules(folder, [".git", "info"], "exclude")
    own = _rules(folder, [], ".gitignore")
    if own is None and exclude is None:
        return above
    return Scope(above, depth, own, exclude)


def _has_git(folder: int) -> bool | None:
    """None: no repository begins here; else whether its ``.git`` is a directory."""
    try:
        info = os.stat(".git", dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    return S_ISDIR(info.st_mode)


def _rules(folder: int, parts: list[str], name: str) -> Rules | None:
    # What cannot be read ignores nothing, as with git.
    try:
        if not parts:
            text = _text(folder, name)
        else:
            inner = open_folder(folder, parts)
            try:
                text = _text(inner, name)
            finally:
                os.close(inner)
    except OSError:
        return None
    if text.startswith(b"\xef\xbb\xbf"):
        text = text[3:]
    rules = Rules(text.decode("latin-1"))
    return rules if rules else None


def _text(folder: int, name: str) -> bytes:
    from stat import S_ISREG

    from .failure import Failure

    info = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not S_ISREG(info.st_mode):
        return b""
    try:
        opened = open_entry(folder, name, name)
    except Failure:
        return b""
    if opened is None:
        return b""
    try:
        return os.pread(opened[0], MAX_FILE, 0)
    finally:
        os.close(opened[0])
