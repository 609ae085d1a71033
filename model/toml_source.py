"""TOML as people type it: Chinese keys without quotes, marks of a Chinese keyboard, and the line of every key."""

import re
from dataclasses import dataclass, field
from tomllib import TOMLDecodeError, loads
from typing import Any

from model.errors import DataError
from model.sheet import decode

__all__ = ["Section", "Source", "read_toml"]

# what a Chinese keyboard writes for the marks of TOML; only outside strings and comments
MARKS = str.maketrans("，、；;＝［］｛｝【】．。＃\u3000", ",,,,=[]{}[]..# ")
PLAIN = r"A-Za-z0-9_\-"
TOKEN = re.compile(
    r'(?P<long>"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\')'
    r"|(?P<string>\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*')"
    r'|(?P<curly>[“”＂「『][^“”＂」』"\n]*[“”＂」』"]|[‘’＇][^‘’＇\'\n]*[‘’＇\'])'
    r"|(?P<comment>[#＃][^\n]*)"
    r"|(?P<date>\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?: \d{1,2}:\d{2}(?::\d{2})?)?(?![^\s,，、#＃\]］}｝]))"
    rf"|(?P<word>(?:[{PLAIN}]|[^\x00-\x7f“”＂「」『』‘’＇，、；＝［］｛｝【】．。＃\u3000\s])+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
PLACE = re.compile(r"\(at line (\d+), column \d+\)")


@dataclass(slots=True)
class Section:
    """One table's header and where its keys and the strings in their values stand; lines count from 1.

    `keys` has dotted keys whole and by their first part; `strings` are (first key, string, line) in order.
    """

    name: str
    line: int
    keys: dict[str, int] = field(default_factory=dict)
    strings: list[tuple[str, str, int]] = field(default_factory=list)

    def line_of(self, key: str, value: str | None = None) -> int:
        """The line of a key, of a string in its value where one is given, else of the header."""
        lines = (line for name, said, line in self.strings if name == key and said == value)
        return next(lines, self.keys.get(key, self.line))


@dataclass(frozen=True, slots=True)
class Source:
    """A file's values, and its sections in order; the first section is what stands before any header."""

    values: dict[str, Any]
    sections: list[Section]


def read_toml(data: bytes, name: str) -> Source:
    """Read a TOML file saved by any editor: UTF-8 with or without BOM, UTF-16, GBK. DataError names the line.

    >>> source = read_toml("[[规则]]\\n名称 = “丢件”\\n必须 = [快递， '丢']\\n".encode("gbk"), "rules.toml")
    >>> source.values, source.sections[1].line_of("必须")
    ({'规则': [{'名称': '丢件', '必须': ['快递', '丢']}]}, 3)
    """
    try:
        text = decode(data, name)[0] if data else ""
    except DataError:
        raise DataError(f"{name} is not text in UTF-8 or GBK: in Notepad choose 另存为 with 编码 UTF-8") from None
    text, sections = tidied(text.replace("\r\n", "\n").replace("\r", "\n"))
    try:
        return Source(loads(text), sections)
    except TOMLDecodeError as error:
        at = PLACE.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        reason = PLACE.sub("", str(error)).replace("(at end of document)", "").strip()
        remedy = 'write key = "value" or key = ["a", "b"], each key once; close every quote and bracket'
        raise DataError(f"{name} line {line}: this is no valid TOML ({reason}): {remedy}") from None


def tidied(text: str) -> tuple[str, list[Section]]:
    """Proper TOML with the same lines, and where its tables and keys stand."""
    out, sections, parts = list[str](), [Section("", 1)], list[str]()
    line, depth, header, key = 1, 0, False, None
    for match in TOKEN.finditer(text):
        kind, piece = match.lastgroup, match[0]
        said = piece[1:-1] if kind in ("string", "curly") else piece
        if kind in ("curly", "date") or (kind == "word" and not piece.isascii()):
            piece = '"' + said.replace("\\", "\\\\").replace('"', '\\"') + '"'
        elif kind == "other":
            piece = piece.translate(MARKS)
        out.append(piece)
        if piece == "\n" and depth == 0:
            if header:
                sections.append(Section(".".join(parts), line))
            parts, header, key = [], False, None
        elif kind in ("string", "curly", "word"):
            if key is None:
                parts.append(said)
            else:
                sections[-1].strings.append((key, said, line))
        elif key is None and piece in "[=" and kind == "other":
            header = header or piece == "["
            if piece == "=" and parts:
                key = parts[0]
                sections[-1].keys.setdefault(key, line)
                sections[-1].keys.setdefault(".".join(parts), line)
        elif key is not None and kind == "other":
            depth = max(0, depth + (piece in "[{") - (piece in "]}"))
        line += match[0].count("\n")
    if header:
        sections.append(Section(".".join(parts), line))
    return "".join(out), sections
