"""The regular expressions that a search takes: the common part of ripgrep's and Python's syntax.

A pattern is parsed here and written anew for the engine at hand, so that both mean the same:
text is Unicode, and bytes that are not UTF-8 are matched by nothing; ``.`` and negated classes do
not match a line's end (without ``multiline``); ``$`` also stands before CRLF. What only one engine
can do (look-around, back references, ``\\p{..}``, set operations) is refused.
"""

from __future__ import annotations

from .failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

MAX_PATTERN = 4000
"""Characters."""
MAX_REPEAT = 1000
MAX_EXPANDED = 20000
"""How often the innermost piece may be repeated by counts within counts."""
MAX_NESTED = 50

_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_SPACE = "\\t\\n\\x0b\\x0c\\r \\x85\\xa0"
_WIDE_SPACE = (
    ("\u1680", "\u1680"),
    ("\u2000", "\u200a"),
    ("\u2028", "\u2029"),
    ("\u202f", "\u202f"),
    ("\u205f", "\u205f"),
    ("\u3000", "\u3000"),
)
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \\t",
    "cntrl": "\\x00-\\t\\n\\x0b-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "\\x21-\\x7e",
    "lower": "a-z",
    "print": "\\x20-\\x7e",
    "punct": "\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e",
    "space": "\\t\\n\\x0b\\x0c\\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}


def translate(pattern: str, *, fixed: bool, multiline: bool, rust: bool, fold: bool) -> str:
    """The pattern for the Rust engine or for Python's ``re`` (over text decoded with
    ``surrogateescape``, with MULTILINE); with ``fold`` in either case of its letters. Raises
    Failure(invalid_input)."""
    if len(pattern) > MAX_PATTERN:
        raise Failure("invalid_input", "a pattern has at most %d characters" % MAX_PATTERN)
    try:
        pattern.encode()
    except UnicodeEncodeError:
        raise Failure("invalid_input", "the pattern is not Unicode text") from None
    parser = _Parser(pattern, multiline, rust, fold)
    source = "".join(parser.literal(char) for char in pattern) if fixed else parser.whole()
    return "(?i:" + source + ")" if fold else source


class _Parser:
    def __init__(self, pattern: str, multiline: bool, rust: bool, fold: bool) -> None:
        self._text = pattern
        self._at = 0
        self._multiline = multiline
        self._rust = rust
        self._fold = fold
        self._dot_all = False
        self._depth = 0

    def whole(self) -> str:
        source, _ = self._alternatives()
        if self._at < len(self._text):
            self._refuse("a ) without a (")
        return source

    def _refuse(self, reason: str) -> NoReturn:
        raise Failure(
            "invalid_input",
            "wrong pattern at character %d: %s" % (min(self._at, len(self._text)) + 1, reason),
            "Escape characters that are meant as they are with a backslash, or pass fixed=true.",
        )

    def _peek(self, size: int = 1) -> str:
        return self._text[self._at : self._at + size]

    def _take(self) -> str:
        if self._at >= len(self._text):
            self._refuse("it ends too early")
        char = self._text[self._at]
        self._at += 1
        return char

    # What both engines read the same

    def literal(self, char: str) -> str:
        if char == "\n" and not self._multiline:
            self._refuse("a line's end can only be matched with multiline=true")
        if char.isalnum() or char == "_" or ord(char) > 127:
            return self._either_case(char)
        return "\\x%02x" % ord(char)

    def _class(self, members: str, negated: bool) -> str:
        """A set of characters, given as the inside of brackets."""
        if negated:
            members += "" if self._multiline else "\\n"
            # A byte that is not UTF-8 is no character; Python sees it as a surrogate.
            stray = "" if self._rust else "\\udc80-\\udcff"
            return self._either_case("[^" + members + stray + "]")
        if not self._multiline:
            members = members.replace("\\n", "")
        if not members:
            self._refuse("a line's end can only be matched with multiline=true")
        return self._either_case("[" + members + "]")

    def _either_case(self, source: str) -> str:
        """The source of one character, where case may be of no account."""
        if self._rust or not self._fold:
            return source
        from .folding import folded

        return folded(source)

    def _kind(self, letter: str) -> str:
        """The inside of brackets for ``\\d``, ``\\w``, ``\\s``."""
        if letter == "d":
            return "\\d"
        if letter == "w":
            return "\\p{L}\\p{N}_" if self._rust else "\\w"
        return _SPACE + "".join(self._range(low, high) for low, high in _WIDE_SPACE)

    def _any(self) -> str:
        if self._dot_all and self._multiline:
            return "(?s:.)" if self._rust else "[^\\udc80-\\udcff]"
        return "[^\\n]" if self._rust else "[^\\n\\udc80-\\udcff]"

    # The grammar

    def _alternatives(self) -> tuple[str, int]:
        """Source and how often its innermost piece is repeated."""
        self._depth += 1
        if self._depth > MAX_NESTED:
            self._refuse("too many groups within groups")
        ways: list[str] = []
        most = 1
        flags: list[str] = []
        pieces: list[str] = []
        dot_all, fold = self._dot_all, self._fold
        while self._at < len(self._text) and self._peek() != ")":
            if self._peek() == "|":
                self._at += 1
                ways.append("".join(pieces) + ")" * len(flags))
                # A flag set in one alternative holds for the next ones too.
                pieces = list(flags)
                continue
            opening = self._inline_flags()
            if opening:
                flags.append(opening)
                pieces.append(opening)
                continue
            piece, times = self._repeated()
            pieces.append(piece)
            most = max(most, times)
        ways.append("".join(pieces) + ")" * len(flags))
        self._dot_all, self._fold = dot_all, fold
        self._depth -= 1
        return "|".join(ways), most

    def _inline_flags(self) -> str:
        """Reads ``(?i)`` or ``(?s)``, which hold to the group's end: the opening of a group."""
        if self._peek(2) != "(?":
            return ""
        stop = self._at + 2
        while self._text[stop : stop + 1] in ("i", "s", "-"):
            stop += 1
        if stop == self._at + 2 or self._text[stop : stop + 1] != ")":
            return ""
        opening = self._scoped(self._text[self._at + 2 : stop])
        self._at = stop + 1
        return opening

    def _scoped(self, flags: str) -> str:
        """The opening of a group with these flags; ``s`` is kept by ourselves."""
        on, _, off = flags.partition("-")
        if "-" in off or not (on or off) or (flags.endswith("-")):
            self._refuse("wrong flags")
        if "s" in on:
            self._dot_all = True
        if "s" in off:
            self._dot_all = False
        if "i" in on or "i" in off:
            self._fold = "i" in on
        if "i" in on:
            return "(?i:"
        return "(?-i:" if "i" in off else "(?:"

    def _repeated(self) -> tuple[str, int]:
        start = self._at
        piece, times = self._piece()
        single = True
        while True:
            mark = self._peek()
            if mark == "" or mark not in "*+?{":
                return piece, times
            if mark == "{":
                count, most = self._counted()
            else:
                self._at += 1
                count = mark
                most = 1
            if self._peek() == "?":
                self._at += 1
                count += "?"
            times *= most
            if times > MAX_EXPANDED:
                self._at = start
                self._refuse("it repeats too often")
            piece = (piece if single else "(?:" + piece + ")") + count
            single = False

    def _counted(self) -> tuple[str, int]:
        stop = self._text.find("}", self._at)
        inside = self._text[self._at + 1 : stop] if stop > 0 else ""
        low, comma, high = inside.partition(",")
        wrong = not low.isdecimal() or not low.isascii() or len(low) > 4
        wrong = wrong or (high != "" and (not high.isdecimal() or not high.isascii()))
        if wrong or len(high) > 4:
            self._refuse("{ begins no count such as {2} or {2,5}; write \\{ for the brace")
        least = int(low)
        most = int(high) if high else least
        if most > MAX_REPEAT or least > most:
            self._refuse("a count goes up to %d, the smaller number first" % MAX_REPEAT)
        self._at = stop + 1
        return "{%d%s%s}" % (least, comma, str(most) if high else ""), max(1, most)

    def _piece(self) -> tuple[str, int]:
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return self._brackets(), 1
        if char == ".":
            return self._any(), 1
        if char == "^":
            return "(?:^)", 1
        if char == "$":
            return "(?:\\r?$)", 1
        if char == "\\":
            return self._escape(), 1
        if char in "*+?{":
            self._at -= 1
            self._refuse("there is nothing to repeat before %s" % char)
        return self.literal(char), 1

    def _group(self) -> tuple[str, int]:
        opening = "(?:"
        dot_all, fold = self._dot_all, self._fold
        if self._peek() == "?":
            self._at += 1
            rest = self._text[self._at :]
            if rest[:2] == "P<" or (rest[:1] == "<" and rest[1:2] not in ("=", "!")):
                self._name(2 if rest[:1] == "P" else 1)
            else:
                stop = 0
                while rest[stop : stop + 1] in ("i", "s", "-"):
                    stop += 1
                if rest[stop : stop + 1] != ":":
                    self._refuse("look-around and this kind of group are not supported")
                self._at += stop + 1
                if stop:
                    opening = self._scoped(rest[:stop])
        source, times = self._alternatives()
        self._dot_all, self._fold = dot_all, fold
        if self._peek() != ")":
            self._refuse("a ( is not closed")
        self._at += 1
        return opening + source + ")", times

    def _name(self, skip: int) -> None:
        stop = self._text.find(">", self._at)
        name = self._text[self._at + skip : stop] if stop > 0 else ""
        if not name.isidentifier() or not name.isascii():
            self._refuse("wrong group name")
        self._at = stop + 1

    def _escape(self) -> str:
        char = self._take()
        if char in "dws":
            return self._class(self._kind(char), False)
        if char in "DWS":
            return self._class(self._kind(char.lower()), True)
        if char in "bB":
            return "(?:\\%s)" % char
        self._at -= 1
        return self.literal(self._escaped())

    def _escaped(self) -> str:
        """The character that an escape after its backslash means."""
        char = self._take()
        if char in _PLAIN:
            return _PLAIN[char]
        if char in "xuU":
            return self._by_number({"x": 2, "u": 4, "U": 8}[char])
        if char.isalnum() or ord(char) > 127 or char in "<> ":
            self._at -= 1
            self._refuse("the escape \\%s is not supported" % char)
        return char

    def _by_number(self, digits: int) -> str:
        if self._peek() == "{":
            stop = self._text.find("}", self._at)
            text = self._text[self._at + 1 : stop] if stop > 0 else ""
            after = stop + 1
        else:
            text = self._peek(digits)
            after = self._at + digits
        if (
            not 1 <= len(text) <= 8
            or text.strip("0123456789abcdefABCDEF")
            or (self._peek() != "{" and len(text) != digits)
        ):
            self._refuse("wrong number of a character")
        value = int(text, 16)
        if value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
            self._refuse("there is no such character")
        self._at = after
        return chr(value)

    def _brackets(self) -> str:
        negated = self._peek() == "^"
        self._at += negated
        members: list[str] = []
        first = True
        while True:
            if self._peek() == "":
                self._refuse("a [ is not closed")
            if self._peek() == "]" and not first:
                self._at += 1
                return self._class("".join(members), negated)
            first = False
            if self._peek(2) == "[:":
                members.append(self._posix())
                continue
            if self._peek(2) in ("&&", "--", "~~") or self._peek() == "[":
                self._refuse("escape %s within brackets" % self._peek())
            low = self._member()
            if len(low) != 1:
                members.append(low)
                continue
            if self._peek() == "-" and self._peek(2) not in ("-]", "-"):
                self._at += 1
                if self._peek() in ("[", "-"):
                    self._refuse("escape %s within brackets" % self._peek())
                high = self._member()
                if len(high) != 1 or high < low:
                    self._refuse("wrong range within brackets")
                members.append(self._inner(low, high))
            else:
                members.append(self._inner(low, low))

    def _inner(self, low: str, high: str) -> str:
        if low == high == "\n":
            return "\\n"
        if not self._multiline and low <= "\n" <= high:
            # The line's end is left out of a range: never matched, and refused by ripgrep.
            parts = []
            if low < "\n":
                parts.append(self._range(low, "\t"))
            if high > "\n":
                parts.append(self._range("\x0b", high))
            return "".join(parts)
        return self._range(low, high)

    def _range(self, low: str, high: str) -> str:
        def spell(char: str) -> str:
            return ("\\x{%x}" if self._rust else "\\U%08x") % ord(char)

        return spell(low) if low == high else spell(low) + "-" + spell(high)

    def _member(self) -> str:
        """One character, or the source of a class such as ``\\d``."""
        char = self._take()
        if char != "\\":
            return char
        letter = self._peek()
        if letter != "" and letter in "dws":
            self._at += 1
            return self._kind(letter)
        if letter != "" and letter in "DWSbB":
            self._refuse("\\%s is not supported within brackets" % letter)
        return self._escaped()

    def _posix(self) -> str:
        stop = self._text.find(":]", self._at)
        name = self._text[self._at + 2 : stop] if stop > 0 else ""
        if name not in _POSIX:
            self._refuse("there is no class [:%.20s:]" % name)
        self._at = stop + 2
        return _POSIX[name]
