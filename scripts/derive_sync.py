"""Makes the blocking half of the SDK of its async half: `python scripts/derive_sync.py`.

It works on tokens, so that layout and comments stay: `async` and `await` go, names lose their
Async, and what has another name in the blocking world gets that. The result is checked in; a test
holds that it is fresh.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

CLIENT = Path(__file__).parents[1] / "src" / "vibn" / "client"
SOURCE, DERIVED = CLIENT / "_async", CLIENT / "_sync"
NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "_async": "_sync",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "anext": "next",
    "aread": "read",
    "asynccontextmanager": "contextmanager",
    "asynchronous": "blocking",
}
HEAD = "# Made by scripts/derive_sync.py: change its source, {source}.\n"


def derived(source: Path) -> str:
    """The blocking module of the async module ``source``, formatted."""
    text = source.read_text()
    head = HEAD.format(source=f"src/vibn/client/_async/{source.name}")
    return _formatted(head + _sync(text))


def _sync(text: str) -> str:
    out: list[str] = []
    at = (1, 0)
    lines = text.splitlines(keepends=True)
    dropped = False
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        between = _between(lines, at, token.start)
        out.append(between.lstrip(" ") if dropped else between)
        dropped = token.type == tokenize.NAME and token.string in ("async", "await")
        out.append("" if dropped else _token(token))
        at = token.end
    return "".join(out)


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]] if start[0] <= len(lines) else ""
    first = lines[start[0] - 1][start[1] :]
    last = lines[end[0] - 1][: end[1]] if end[0] <= len(lines) else ""
    return first + "".join(lines[start[0] : end[0] - 1]) + last


def _token(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.NAME:
        return _name(token.string)
    if token.type in (tokenize.STRING, tokenize.COMMENT):
        prose = re.sub(r"\b(async|await) (?=with\b|for\b|def\b|\w+\.|\w+\()", "", token.string)
        return re.sub(r"\b\w+\b", lambda word: _name(word[0]), prose)
    return token.string


def _name(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    return re.sub(r"^async_(?=\w)|^(_?)Async(?=[A-Z])", r"\1", name)


def _formatted(text: str) -> str:
    ruff = [Path(sys.executable).parent / "ruff"]
    rules = ["--select", "I,SIM117,UP028"]
    fix = ["check", "--fix", "--unsafe-fixes", "--exit-zero", "-q", *rules]
    for command in (fix, ["format", "-q"]):
        done = subprocess.run(
            [*ruff, *command, "--stdin-filename", DERIVED / "module.py", "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = done.stdout
    return text


def main() -> None:
    for source in sorted(SOURCE.glob("*.py")):
        (DERIVED / source.name).write_text(derived(source))


if __name__ == "__main__":
    main()
