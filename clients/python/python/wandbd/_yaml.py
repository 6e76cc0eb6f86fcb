"""YAML files of settings and parameters: read by PyYAML where it is installed, else by a reader of the usual subset.

The subset: nested tables and lists by indentation, `[...]` and `{...}` (also over several lines), plain, single and
double quoted text, text blocks (`|`, `>`), comments, one document. Words mean what they mean to PyYAML: `yes` is true,
`1e-3` is text and `1.0e-3` a number. Anything else (anchors, tags, several documents) is an error that names the line
and says that PyYAML can read it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_BOOL = {
    **dict.fromkeys(["yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True),
    **dict.fromkeys(["no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False),
}
_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|[-+]?\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_KEY = re.compile(
    r"""((?:"(?:[^"\\]|\\.)*")|(?:'(?:[^']|'')*')|[^\s#\[\]{},&*!|>'"%@`?-][^#]*?|-[^\s#][^#]*?)\s*:(?=\s|$)"""
)
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "0": "\0",
    "\\": "\\",
    '"': '"',
    "/": "/",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
}
_FOREIGN = "&*!%@`?"


class NotReadable(ValueError):
    """The text is no YAML, or more of it than this reader knows."""


def load(text: str, where: str) -> Any:
    """The value of a YAML document; None when it is empty.

    Raises:
        NotReadable: It cannot be read; the message names `where`.
    """
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return subset(text, where)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise NotReadable(f"{where} is no YAML: {error}") from None


def subset(text: str, where: str) -> Any:
    """As `load`, without PyYAML."""
    return _Reader(text, where).document()


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


class _Reader:
    def __init__(self, text: str, where: str) -> None:
        self._where = where
        self._raw = text.splitlines()
        self._at = 0

    def document(self) -> Any:
        first = self._peek()
        if first is not None and first.text == "---":
            self._at = first.number
            first = self._peek()
        if first is None:
            return None
        value = self._block(first.indent)
        rest = self._peek()
        if rest is not None and rest.text != "...":
            raise self._error(rest.number, "the indentation does not fit what is above it")
        return value

    def _error(self, number: int, what: str) -> NotReadable:
        return NotReadable(f"{self._where}, line {number}: {what}; if it is good YAML, install PyYAML to read it")

    def _peek(self) -> _Line | None:
        """The next line that says something."""
        while self._at < len(self._raw):
            raw = self._raw[self._at]
            text = raw.strip(" ")
            if text and not text.startswith("#"):
                if text.startswith("\t"):
                    raise self._error(self._at + 1, "tabs cannot indent")
                return _Line(self._at + 1, len(raw) - len(raw.lstrip(" ")), text)
            self._at += 1
        return None

    def _block(self, indent: int) -> Any:
        line = self._peek()
        if line is None:
            return None
        if line.text == "-" or line.text.startswith("- "):
            return self._list(indent)
        if _KEY.match(line.text):
            return self._table(indent)
        self._at += 1
        return self._value(line, line.text, indent - 1)

    def _list(self, indent: int) -> list[Any]:
        items: list[Any] = []
        while True:
            line = self._peek()
            if line is None or line.indent != indent or not (line.text == "-" or line.text.startswith("- ")):
                return items
            rest = line.text[1:].lstrip(" ")
            if not rest or rest.startswith("#"):
                self._at += 1
                items.append(self._below(indent))
            elif rest.startswith("- ") or rest == "-" or _KEY.match(rest):
                # What follows the dash is a block of its own, indented to where it begins.
                inner = indent + len(line.text) - len(rest)
                self._raw[self._at] = " " * inner + rest
                items.append(self._block(inner))
            else:
                self._at += 1
                items.append(self._value(line, rest, indent))

    def _table(self, indent: int) -> dict[Any, Any]:
        table: dict[Any, Any] = {}
        while True:
            line = self._peek()
            if line is None or line.indent != indent:
                return table
            found = _KEY.match(line.text)
            if found is None:
                return table
            key = self._word(line.number, found[1])
            rest = line.text[found.end() :].strip(" ")
            self._at += 1
            if not rest or rest.startswith("#"):
                table[key] = self._below(indent, lists=True)
            else:
                table[key] = self._value(line, rest, indent)

    def _below(self, indent: int, lists: bool = False) -> Any:
        """The block below a key or dash; None when there is none. A list may stand right under its key."""
        line = self._peek()
        if line is None or line.indent < indent:
            return None
        if line.indent == indent:
            return self._list(indent) if lists and (line.text == "-" or line.text.startswith("- ")) else None
        return self._block(line.indent)

    def _value(self, line: _Line, text: str, indent: int) -> Any:
        """What stands behind a key or dash."""
        if text[0] in "|>":
            return self._text_block(line, text, indent)
        if text[0] in "[{":
            return self._flow(line, text)
        if text[0] in "\"'":
            found = re.match(r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')(?=\s*(?:#.*)?$)""", text)
            if found is None:
                raise self._error(line.number, "quoted text has to end on its line, and nothing may follow it")
            return self._word(line.number, found[0])
        plain = re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()
        if re.search(r":(?:\s|$)", plain):
            raise self._error(line.number, "a table cannot begin here")
        while (below := self._peek()) is not None and below.indent > indent:  # plain text goes on
            if _KEY.match(below.text):
                raise self._error(below.number, "a table cannot begin here")
            plain += " " + re.split(r"\s#", below.text, maxsplit=1)[0].rstrip()
            self._at += 1
        return self._word(line.number, plain)

    def _text_block(self, line: _Line, text: str, indent: int) -> str:
        found = re.fullmatch(r"([|>])([-+]?)\s*(?:#.*)?", text)
        if found is None:
            raise self._error(line.number, "this kind of text block is not known here")
        lines: list[str] = []
        inner = 0
        while self._at < len(self._raw):
            raw = self._raw[self._at]
            depth = len(raw) - len(raw.lstrip(" "))
            if raw.strip(" "):
                if depth <= max(indent, 0) and not (indent < 0 and depth == 0):
                    break
                inner = inner or depth
            lines.append(raw[inner:] if raw.strip(" ") else "")
            self._at += 1
        trailing = 0
        while lines and not lines[-1]:
            lines.pop()
            trailing += 1
        body = "\n".join(lines) if found[1] == "|" else _folded(lines)
        if not body:
            return "\n" * trailing if found[2] == "+" else ""
        return body + {"-": "", "+": "\n" * (trailing + 1), "": "\n"}[found[2]]

    def _flow(self, line: _Line, text: str) -> Any:
        while True:  # may go on over more lines
            try:
                value, rest = _Flow(text, self, line.number).value(0)
            except IndexError:
                if self._at >= len(self._raw):
                    raise self._error(line.number, "a bracket is not closed") from None
                text += "\n" + self._raw[self._at]
                self._at += 1
                continue
            after = text[rest:].strip()
            if after and not after.startswith("#"):
                raise self._error(line.number, "something follows the closing bracket")
            return value

    def _word(self, number: int, text: str) -> Any:
        """A scalar."""
        if text[:1] == '"':
            return re.sub(r"\\(x..|u....|.)", lambda found: self._escape(number, found[1]), text[1:-1])
        if text[:1] == "'":
            return text[1:-1].replace("''", "'")
        if text[:1] and text[0] in _FOREIGN:
            raise self._error(number, f"{text[0]!r} cannot begin a value here")
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _INT.fullmatch(text):
            return _integer(text.replace("_", ""))
        if _FLOAT.fullmatch(text):
            return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
        return text

    def _escape(self, number: int, code: str) -> str:
        if code[0] in "xu" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise self._error(number, f"the escape \\{code} is not known here")
        return _ESCAPES[code]


class _Flow:
    """`[...]` and `{...}`. An IndexError means that the text ends too early."""

    def __init__(self, text: str, reader: _Reader, number: int) -> None:
        self._text = text
        self._reader = reader
        self._number = number

    def value(self, at: int) -> tuple[Any, int]:
        """The value that begins at `at`, and where it ends."""
        at = self._skip(at)
        letter = self._text[at]
        if letter == "[":
            return self._items(at + 1)
        if letter == "{":
            return self._pairs(at + 1)
        found = re.compile(
            r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,\[\]{}\n]*?)\s*(?=[,\]}\n]|:(?:\s|$)|\s#)"""
        ).match(self._text, at)
        if found is None:
            raise IndexError
        return self._reader._word(self._number, found[1]), found.end()

    def _skip(self, at: int) -> int:
        """Past blanks, line ends and comments."""
        while self._text[at].isspace() or (self._text[at] == "#" and self._text[at - 1].isspace()):
            at = self._text.index("\n", at) if self._text[at] == "#" and "\n" in self._text[at:] else at + 1
        return at

    def _items(self, at: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while self._text[at := self._skip(at)] != "]":
            item, at = self.value(at)
            items.append(item)
            at = self._comma(at, "]")
        return items, at + 1

    def _pairs(self, at: int) -> tuple[dict[Any, Any], int]:
        pairs: dict[Any, Any] = {}
        while self._text[at := self._skip(at)] != "}":
            key, at = self.value(at)
            at = self._skip(at)
            pairs[key] = None
            if self._text[at] == ":":
                at = self._skip(at + 1)
                if self._text[at] not in ",}":
                    pairs[key], at = self.value(at)
            at = self._comma(at, "}")
        return pairs, at + 1

    def _comma(self, at: int, end: str) -> int:
        at = self._skip(at)
        if self._text[at] == ",":
            return at + 1
        if self._text[at] != end:
            raise self._reader._error(self._number, f"a comma or {end!r} is missing")
        return at


def _integer(text: str) -> int:
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    if digits.startswith("0b"):
        return sign * int(digits[2:], 2)
    if digits.startswith("0x"):
        return sign * int(digits[2:], 16)
    return sign * int(digits, 8 if digits.startswith("0") and digits != "0" else 10)


def _folded(lines: list[str]) -> str:
    """Lines of a `>` block: neighbours are joined by a blank, an empty line is a line end."""
    text = ""
    for index, line in enumerate(lines):
        if index and line and lines[index - 1]:
            kept = line.startswith(" ") or lines[index - 1].startswith(" ")
            text += "\n" if kept else " "
        elif index and not line:
            text += "\n"
        text += line
    return text
