"""Wildcards as git reads them, turned into regular expressions.

``*`` and ``?`` never match a slash, ``**`` between slashes matches any number of directories,
``[...]`` knows ranges, ``!`` or ``^``, and ``[:classes:]``; a backslash takes the next character
as it is. A pattern that can match nothing (an open bracket, a backslash at the end) is None.
Git compares bytes: for its answers give both pattern and path decoded as Latin-1.
"""

from __future__ import annotations

import re
from itertools import count

from .failure import Failure

MAX_ALTERNATIVES = 256
STAR = "*"
DEEP = "**/"
ALL = "**"
_names = count()
_CLASSES = {
    "alnum": r"0-9A-Za-z",
    "alpha": r"A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": r"0-9",
    "graph": r"\x21-\x7e",
    "lower": r"a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r"\t-\r ",
    "upper": r"A-Z",
    "xdigit": r"0-9A-Fa-f",
}


def literal_length(pattern: str) -> int:
    """How many characters stand before the first wildcard or backslash."""
    for at, char in enumerate(pattern):
        if char in "*?[\\":
            return at
    return len(pattern)


def expression(pattern: str, base: int = 0) -> str | None:
    """The source of the regular expression (match it to the end, with DOTALL) for ``pattern``.

    A ``**`` counts as a whole component at ``base`` too: git compares the literal beginning of a
    pattern first and reads the rest as if it stood alone.
    """
    tokens = _tokens(pattern, base)
    return None if tokens is None else _joined(tokens)


def _tokens(pattern: str, base: int) -> list[str] | None:
    """One source for each character, and the marks STAR, DEEP (``**/``) and ALL."""
    out: list[str] = []
    at = 0
    size = len(pattern)
    while at < size:
        char = pattern[at]
        if char == "*":
            stop = at
            while pattern[stop : stop + 1] == "*":
                stop += 1
            fresh = at == base or pattern[at - 1 : at] == "/"
            rest = pattern[stop : stop + 2]
            whole = stop - at > 1 and fresh and (not rest or rest[0] == "/" or rest == "\\/")
            if not whole:
                out.append(STAR)
            elif rest[:1] == "/":
                out.append(DEEP)
                stop += 1
            else:
                out.append(ALL)
            at = stop
        elif char == "?":
            out.append("[^/]")
            at += 1
        elif char == "[":
            found = _bracket(pattern, at + 1)
            if found is None:
                return None
            out.append(found[0])
            at = found[1]
        else:
            if char == "\\":
                at += 1
                if at == size:
                    return None
            out.append(re.escape(pattern[at]))
            at += 1
    return out


def _joined(tokens: list[str]) -> str:
    """The tokens as one source that never tries more ways than there are characters.

    Between two stars the first place that fits is as good as any later one, so it is taken and
    not tried again (a look-ahead and a back reference make an atomic group); without this a
    pattern like ``*a*a*a*a*b`` would take time without bound.
    """
    out: list[str] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == STAR:
            stop = at
            while stop < len(tokens) and tokens[stop] not in (STAR, DEEP, ALL, "/"):
                stop += 1
            body = "".join(tokens[at:stop])
            at = stop
            if stop < len(tokens) and tokens[stop] == STAR:
                out.append(_atomic("[^/]*?" + body))
            else:
                out.append("[^/]*" + body)
        elif token == DEEP:
            stop = at
            while stop < len(tokens) and tokens[stop] not in (DEEP, ALL):
                stop += 1
            if stop < len(tokens):
                out.append(_atomic("(?:[^/]*/)*?" + _joined(tokens[at:stop])))
                at = stop
            else:
                out.append("(?:.*/)?")
        elif token == ALL:
            out.append(".*")
        else:
            out.append(token)
    return "".join(out)


def _atomic(source: str) -> str:
    name = "g%d" % next(_names)
    return "(?=(?P<%s>%s))(?P=%s)" % (name, source, name)


def _char(char: str) -> str:
    return "\\U%08x" % ord(char)


def _bracket(pattern: str, at: int) -> tuple[str, int] | None:
    """The class that begins after the bracket at ``at``, and where the rest begins."""
    members: list[str] = []
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    before = ""
    first = True
    while True:
        if at >= len(pattern):
            return None
        char = pattern[at]
        if char == "]" and not first:
            break
        first = False
        if char == "-" and before and pattern[at + 1 : at + 2] not in ("", "]"):
            at += 1
            if pattern[at] == "\\":
                at += 1
                if at >= len(pattern):
                    return None
            if before <= pattern[at]:
                members.append(_char(before) + "-" + _char(pattern[at]))
            before = ""
            at += 1
            continue
        if char == "[" and pattern[at + 1 : at + 2] == ":":
            stop = pattern.find("]", at + 2)
            if stop < 0:
                return None
            if stop > at + 2 and pattern[stop - 1] == ":":
                name = pattern[at + 2 : stop - 1]
                if name not in _CLASSES:
                    return None
                members.append(_CLASSES[name])
                before = ""
                at = stop + 1
                continue
        if char == "\\":
            at += 1
            if at >= len(pattern):
                return None
            char = pattern[at]
        members.append(_char(char))
        before = char
        at += 1
    if not members:
        return ("[^/]" if negated else "(?!)"), at + 1
    if negated:
        return "[^/" + "".join(members) + "]", at + 1
    return "(?!/)[" + "".join(members) + "]", at + 1


def braces(pattern: str) -> list[str]:
    """``{a,b}`` written out: every alternative, in order. Raises Failure above 256 of them."""
    done: list[str] = []
    todo = [pattern]
    while todo:
        one = todo.pop()
        span = _brace(one)
        if span is None:
            done.append(one)
        else:
            opened, closed, commas = span
            edges = [opened, *commas, closed]
            for at in range(len(edges) - 2, -1, -1):
                chosen = one[edges[at] + 1 : edges[at + 1]]
                todo.append(one[:opened] + chosen + one[closed + 1 :])
        if len(done) + len(todo) > MAX_ALTERNATIVES:
            raise Failure("invalid_input", "the pattern has too many alternatives in braces")
    return list(dict.fromkeys(done))


def _brace(pattern: str) -> tuple[int, int, list[int]] | None:
    """The first brace that holds a comma and is closed: where, and its own commas."""
    stack: list[tuple[int, list[int]]] = []
    found: list[tuple[int, int, list[int]]] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "{":
            stack.append((at, []))
        elif char == "," and stack:
            stack[-1][1].append(at)
        elif char == "}" and stack:
            opened, commas = stack.pop()
            if commas:
                found.append((opened, at, commas))
        at += 1
    return min(found) if found else None
