"""What is wrong with labelled data, told by file and row: as lines, as a file for spreadsheets, and on the card."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import Any, NamedTuple

from model.export import BOM, csv_bytes

__all__ = ["Cell", "Finding", "Kind", "Place", "data_section", "findings_file", "findings_summary", "told"]

_MOST = 10  # lines of a kind that are printed and put on the card
_ROWS = 6  # row numbers of a file that a line names
_COLUMNS = ("问题", "说明", "文件", "行号", "标签列", "标签", "建议标签", "把握", "怎么办")


class Kind(StrEnum):
    """What can be wrong, in the order in which it is told; the value is its title."""

    UNREADABLE = "读不出的行"
    BLANK = "没有正文的行"
    LEFT_OUT = "没有学习的标签列"
    SPELLING = "写法不同的同一标签（已合并）"
    ALIKE = "疑似写错的标签（未合并）"
    SEVERAL = "多标签单元格"
    FEW = "行数太少的标签"
    CONFLICT = "同一投诉标得不一样"
    SUSPECT = "疑似标错的行"


class Place(NamedTuple):
    """A row of a file, numbered as a spreadsheet shows it."""

    file: str
    row: int


class Cell(NamedTuple):
    """A row and the label that it gives."""

    place: Place
    label: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a sentence that also says what was done about it, the remedy, and the rows concerned.

    `likelier` is the label that a row should perhaps have, `confidence` (0..1) how sure it is that its own is wrong.
    """

    kind: Kind
    said: str
    remedy: str
    head: str = ""
    cells: tuple[Cell, ...] = ()
    likelier: str = ""
    confidence: float | None = None

    def line(self) -> str:
        """The finding in one line.

        >>> Finding(Kind.BLANK, "2 行没有正文", "补上", "", (Cell(Place("a.csv", 3)), Cell(Place("a.csv", 9)))).line()
        '2 行没有正文（a.csv 第 3、9 行）；补上'
        """
        where = f"（{_rows(self.cells)}）" if self.cells else ""
        return f"{self.said}{where}；{self.remedy}"


def told(findings: Iterable[Finding], most: int = _MOST) -> list[str]:
    """Lines for people: each kind with its count, at most `most` findings of it, and where the rest is.

    >>> told([Finding(Kind.FEW, "“物流”只有 1 行", "补到 20 行以上")])
    ['行数太少的标签：1 处', '  “物流”只有 1 行；补到 20 行以上']
    """
    lines = []
    for kind, mine in _by_kind(findings):
        lines.append(f"{kind}：{len(mine)} 处")
        lines += [f"  {finding.line()}" for finding in mine[:most]]
        lines += [f"  另有 {len(mine) - most} 处，见 data_report.csv"] * (len(mine) > most)
    return lines


def findings_summary(findings: Iterable[Finding], most: int = _MOST) -> list[dict[str, Any]]:
    """What a card keeps of the findings: for each kind `title`, `count`, and at most `most` lines."""
    return [
        {"title": str(kind), "count": len(mine), "lines": [finding.line() for finding in mine[:most]]}
        for kind, mine in _by_kind(findings)
    ]


def findings_file(findings: Iterable[Finding]) -> bytes:
    """All findings as CSV for a spreadsheet (with BOM, no cell runs as a formula): one line a row concerned.

    >>> few = Finding(Kind.FEW, "只有 1 行", "补", "类别", (Cell(Place("a.csv", 2), "=1+1"),))
    >>> findings_file([few]).decode("utf-8-sig").splitlines()[1]
    "行数太少的标签,只有 1 行,a.csv,2,类别,'=1+1,,,补"
    """
    return BOM + csv_bytes([_COLUMNS, *_lines(findings)])


def data_section(summary: Sequence[Mapping[str, Any]]) -> str:
    """The card's section 数据问题 as HTML, from `findings_summary`.

    >>> data_section([{"title": "没有正文的行", "count": 1, "lines": ["<b>"]}])[-34:]
    '><li>&lt;b&gt;</li></ul></section>'
    """
    body = "<p>没有发现问题。</p>" if not summary else ""
    for kind in summary:
        items = "".join(f"<li>{escape(line)}</li>" for line in kind["lines"])
        more = kind["count"] - len(kind["lines"])
        items += f"<li>另有 {more} 处，见 data_report.csv</li>" if more else ""
        body += f"<h3>{escape(kind['title'])}：{kind['count']} 处</h3><ul>{items}</ul>"
    return f"<section><h2>数据问题</h2>{body}</section>"


def _by_kind(findings: Iterable[Finding]) -> list[tuple[Kind, list[Finding]]]:
    found: dict[Kind, list[Finding]] = {kind: [] for kind in Kind}
    for finding in findings:
        found[finding.kind].append(finding)
    return [(kind, mine) for kind, mine in found.items() if mine]


def _lines(findings: Iterable[Finding]) -> Iterator[tuple[object, ...]]:
    for kind, mine in _by_kind(findings):
        for one in mine:
            sure = "" if one.confidence is None else f"{one.confidence:.3f}"
            for cell in one.cells or (None,):
                where = ("", "", "") if cell is None else (cell.place.file, cell.place.row, cell.label)
                yield (str(kind), one.said, *where[:2], one.head, where[2], one.likelier, sure, one.remedy)


def _rows(cells: Sequence[Cell]) -> str:
    """The rows of the cells by file, the first few of each."""
    files: dict[str, list[int]] = {}
    for cell in cells:
        files.setdefault(cell.place.file, []).append(cell.place.row)
    parts = []
    for file, rows in list(files.items())[:_ROWS]:
        more = f" 等 {len(rows)} 行" if len(rows) > _ROWS else " 行"
        parts.append(f"{file} 第 {'、'.join(map(str, rows[:_ROWS]))}{more}")
    return "；".join(parts) + (f"；等 {len(files)} 个文件" if len(files) > _ROWS else "")
