"""A table of complaints: any file with a header, its columns mapped to what they mean, and tables written safely."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from model.complaint import CHANNELS, Complaint, Social
from model.errors import DataError
from model.export import write_table
from model.sheet import read_sheet
from model.times import parse_time

__all__ = ["SYNONYMS", "RowError", "Table", "read_table", "read_table_bytes", "roles_of", "write_table"]

SYNONYMS: dict[str, tuple[str, ...]] = {
    "text": (
        *("text", "内容", "投诉内容", "留言详情", "反映内容", "工单描述", "诉求", "detail", "content", "complaint"),
        *("投诉详情", "投诉描述", "问题描述", "诉求内容", "工单内容", "留言内容", "反馈内容", "评论内容"),
    ),
    "title": ("title", "标题", "主题", "留言主题", "工单标题", "subject"),
    "id": ("id", "编号", "工单号", "留言编号", "投诉编号", "工单编号", "complaint_id"),
    "customer": (
        "customer",
        "user",
        "客户",
        "客户号",
        "用户",
        "留言用户",
        "手机号",
        "用户id",
        "user_id",
        "customer_id",
    ),
    "time": ("time", "date", "时间", "投诉时间", "留言时间", "受理时间", "created_at", "日期", "提交时间", "创建时间"),
    "channel": ("channel", "渠道", "来源", "投诉渠道", "来源渠道"),
    "product": ("product", "产品", "商品", "产品名称", "商品名称"),
    "region": ("region", "地区", "区域", "所在地区"),
    "platform": ("platform", "平台", "发布平台"),
    "url": ("url", "链接", "网址"),
    "followers": ("followers", "粉丝数", "粉丝"),
    "reposts": ("reposts", "转发数", "转发", "转发量"),
    "likes": ("likes", "点赞数", "点赞", "点赞量"),
    "views": ("views", "阅读量", "播放量", "浏览量", "阅读数"),
}
BRACKETS = re.compile(r"[(（\[【].*?[)）\]】]|[*＊\s:：]")
COUNT = re.compile(r"(\d+(?:\.\d+)?)([万亿kw]?)\+?")
SCALE = {"": 1, "k": 1_000, "w": 10_000, "万": 10_000, "亿": 100_000_000}
COUNT_LIMIT = 10**12


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that cannot be used: its number as a person counts it, the column (blank: the whole row), and why."""

    row: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """A file as text cells. `roles` maps a role of `SYNONYMS` to its column; `numbers` are the rows' numbers.

    `faults` are rows that could not be read into the columns; they are in `complaints()` but not in `rows`.
    """

    name: str
    columns: list[str]
    rows: list[dict[str, str]]
    roles: dict[str, str]
    encoding: str
    numbers: list[int]
    faults: list[RowError] = field(default_factory=list)

    def require_text(self) -> str:
        """The column of the complaint's text. Raises DataError that lists what was found and what is accepted."""
        column = self.roles.get("text") or self.roles.get("title")
        if column is None:
            found, accepted = "、".join(self.columns), "、".join(SYNONYMS["text"][:8])
            raise DataError(f"{self.name} has no text column (found: {found}); name one of them {accepted}")
        return column

    def text(self, row: Mapping[str, str]) -> str:
        """Title and body joined by a line break; the one that is there when the other is blank."""
        parts = (row.get(self.roles.get(role, ""), "").strip() for role in ("title", "text"))
        return "\n".join(part for part in parts if part)

    def complaints(self, default_time: datetime) -> Iterator[tuple[int, Complaint | RowError]]:
        """Every row as a complaint or the reason why not, in the order of the file, with its number.

        `default_time` (aware) is used only when the table has no time column; a blank or unreadable time is a RowError.
        A row without an id gets one from its content, so the same file gives the same ids; equal rows are told apart
        by counting them. Raises DataError when there is no text column.
        """
        self.require_text()
        seen: dict[str, int] = {}
        faults = iter([*self.faults, None])
        fault = next(faults)
        for number, row in zip(self.numbers, self.rows, strict=True):
            while fault is not None and fault.row < number:
                yield fault.row, fault
                fault = next(faults)
            yield number, self._complaint(number, row, default_time, seen)
        while fault is not None:
            yield fault.row, fault
            fault = next(faults)

    def _complaint(
        self, number: int, row: Mapping[str, str], default_time: datetime, seen: dict[str, int]
    ) -> Complaint | RowError:
        def cell(role: str) -> str | None:
            return row.get(self.roles.get(role, ""), "").strip() or None

        text = self.text(row)
        if not text:
            return RowError(number, self.require_text(), "the text is blank")
        moment = default_time
        if "time" in self.roles:
            try:
                moment = parse_time(cell("time") or "")
            except DataError as error:
                return RowError(number, self.roles["time"], str(error) if cell("time") else "the time is blank")
        social: dict[str, int] = {}
        for role in ("followers", "reposts", "likes", "views"):
            count = read_count(cell(role) or "0")
            if count is None:
                return RowError(number, self.roles[role], f"{cell(role)!r} is not a count; write digits such as 12000")
            social[role] = count
        reach = None
        if cell("platform") or cell("url") or any(social.values()):
            reach = Social(cell("platform") or "", cell("url"), **social)
        channel = cell("channel")
        if channel and channel.upper() in CHANNELS:
            channel = channel.upper()
        name = cell("id") or content_id((text, cell("customer"), cell("time"), channel), seen)
        product, region, dated = cell("product"), cell("region"), "time" in self.roles
        return Complaint(name, text, moment, cell("customer"), channel, product, region, reach, dated)


def content_id(parts: Iterable[str | None], seen: dict[str, int]) -> str:
    """An id from what a row says; `seen` counts equal rows so that the second one gets its own."""
    key = hashlib.sha256("\x1f".join(part or "" for part in parts).encode("utf-8", "replace")).hexdigest()[:20]
    seen[key] = seen.get(key, 0) + 1
    return f"row-{key}" if seen[key] == 1 else f"row-{key}-{seen[key]}"


def read_count(cell: str) -> int | None:
    """A count as platforms write it (8000, 8,000, 1.2万, 3w+), or None.

    >>> read_count("1.2万"), read_count("8,000"), read_count("很多")
    (12000, 8000, None)
    """
    match = COUNT.fullmatch(cell.replace(",", "").replace("，", "").lower())
    if match is None or len(match[1]) > 15:
        return None
    count = round(float(match[1]) * SCALE[match[2]])
    return count if count <= COUNT_LIMIT else None


def roles_of(columns: Iterable[str]) -> dict[str, str]:
    """Each role's column: first by the exact name, then without brackets, stars and spaces (投诉内容（必填）)."""
    exact = {column.strip().casefold(): column for column in reversed(list(columns))}
    loose = {BRACKETS.sub("", name): column for name, column in exact.items()}
    roles: dict[str, str] = {}
    for names in (exact, loose):
        for role, synonyms in SYNONYMS.items():
            match = next((names[name] for name in synonyms if name in names), None)
            if match is not None and role not in roles and match not in roles.values():
                roles[role] = match
    return roles


def read_table(path: Path | str, name: str | None = None) -> Table:
    """Read a CSV, XLSX or JSONL file; `name` stands for it in messages (its file name by default).

    Encodings are tried strictly: UTF-8, UTF-16, GB18030. Raises DataError, which names the file and the remedy.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the path") from None
    return read_table_bytes(data, name or path.name)


def read_table_bytes(data: bytes, name: str) -> Table:
    """Read an uploaded file, as `read_table` does.

    >>> table = read_table_bytes("标题,投诉内容,备注\\n牛奶坏了,打开是酸的,急\\n".encode("gb18030"), "三月.csv")
    >>> table.roles, table.text(table.rows[0]), table.rows[0]["备注"]
    ({'text': '投诉内容', 'title': '标题'}, '牛奶坏了\\n打开是酸的', '急')
    """
    sheet = read_sheet(data, name)
    rows = [dict(zip(sheet.columns, cells, strict=True)) for _, cells in sheet.rows]
    faults = [RowError(number, "", reason) for number, reason in sheet.faults]
    return Table(
        name, sheet.columns, rows, roles_of(sheet.columns), sheet.encoding, [number for number, _ in sheet.rows], faults
    )
