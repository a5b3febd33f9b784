"""Letters whose case ``re`` takes another way than ripgrep does, which goes by Unicode's simple
folding: to Python the dotted capital and the dotless small i are cases of i, to Unicode of none."""

from __future__ import annotations

_DOTTED_AND_DOTLESS = "\u0130\u0131"


def folded(source: str) -> str:
    """``source``, which matches one character, such that it matches under ``(?i)`` what it does in
    ripgrep."""
    import re

    exact, loose = re.compile(source), re.compile("(?i:" + source + ")")
    wanted = {char: exact.match(char) is not None for char in _DOTTED_AND_DOTLESS}
    # A set's cases are added to it before it is negated.
    either = all if source.startswith("[^") else any
    wanted["i"] = wanted["I"] = either(exact.match(char) is not None for char in "iI")
    found = {char for char in wanted if loose.match(char)}
    surplus = "".join(char for char in wanted if char in found and not wanted[char])
    missing = "".join(char for char in wanted if char not in found and wanted[char])
    if surplus:
        source = "(?-i:(?![" + surplus + "]))" + source
    if missing:
        source += "|(?-i:[" + missing + "])"
    return "(?:" + source + ")" if surplus or missing else source
