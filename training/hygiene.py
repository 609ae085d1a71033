"""Is labelled data fit to learn from: the spellings of its labels, and columns that are no texts or no labels.

What is certain is mended and told, what is only likely is told.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from re import compile as pattern
from statistics import median
from unicodedata import category, normalize

from model.errors import DataError
from model.labels import SEPARATOR, split_cell
from model.table import Table
from model.text import normalise
from training.findings import Cell, Finding, Kind

__all__ = [
    "LABELS",
    "alike_labels",
    "head_fault",
    "label_columns",
    "require_text",
    "said_cell",
    "several_findings",
    "spellings",
    "tidy",
]

LABELS = 500  # more is no set of labels that people can tell apart
_FEW = 5
_EMPTY = frozenset(("nan", "null", "n/a", "#n/a", "#ref!", "#value!", "#name?", "-", "--", "/", "?"))
_JOINERS = pattern(r"\s*[、，,；;/／+＋&和及与\n]\s*")
_BAR = pattern(r"\s*[|｜]\s*")
_INNER = pattern(r"(?<![a-z0-9]) | (?![a-z0-9])")  # a space between words in Latin letters means something
_OPPOSITES = frozenset(
    "0123456789零一二三四五六七八九十百千甲乙丙丁戊上中下左右前后东西南北内外大小多少高低正负新旧男女是非不无未有已再"
)
_WORD = pattern(r"[^\W\d_]{2,}")
_HAN = pattern(r"[\u3400-\u9fff]")
_OF_TIMES = str.maketrans("", "", "年月日号时点分秒上下午星期周")
_SAMPLE = 2_000


@lru_cache(4096)  # a column of labels says the same again and again
def tidy(label: str) -> str:
    """A label without what nobody sees: spaces around it, doubled spaces, zero-width and control characters.

    >>> tidy(" 物流\\u200b配送　")
    '物流配送'
    """
    seen = "".join(" " if sign.isspace() else sign for sign in label if sign.isspace() or category(sign)[0] != "C")
    return " ".join(seen.split())


@lru_cache(4096)
def parts_of(cell: str) -> tuple[str, ...]:
    """The labels of a cell as they are written; a full-width bar separates them too."""
    return tuple(part for part in _BAR.split(cell) if tidy(part))


def spellings(head: str, cells: Sequence[Cell], known: Sequence[str] = ()) -> tuple[dict[str, str], list[Finding]]:
    """Which label each spelling in the cells of `head` stands for, and what was merged.

    Spellings are one label when only spaces, width, case, invisible signs or traditional characters tell them apart.
    It is called as `known` has it when the file does too, else by the spelling of most rows.

    >>> from training.findings import Place
    >>> said, found = spellings("类型", [Cell(Place("a.csv", n), l) for n, l in ((2, "物流配送"), (3, "物流 配送"))])
    >>> said["物流 配送"], found[0].said
    ('物流配送', '“类型”的“物流 配送”是“物流配送”的另一种写法，已合并')
    """
    rows: dict[str, list[Cell]] = {}
    for cell in cells:
        for part in parts_of(cell.label):
            rows.setdefault(part, []).append(Cell(cell.place, part))
    groups: dict[str, list[str]] = {}
    for part in rows:
        groups.setdefault(label_key(part), []).append(part)
    said: dict[str, str] = {}
    found = []
    for written in groups.values():
        counts: Counter[str] = Counter()
        for part in written:
            counts[tidy(part)] += len(rows[part])
        best = min(counts, key=lambda one: (one not in known, -counts[one], normalize("NFKC", one) != one, len(one)))
        said |= dict.fromkeys(written, best)
        for part in written:
            if part != best:
                what = f"“{head}”的“{_shown(part)}”是“{best}”的另一种写法，已合并"
                found.append(Finding(Kind.SPELLING, what, f"改成“{best}”", head, tuple(rows[part]), best))
    return said, found


def said_cell(cell: str, said: Mapping[str, str]) -> str:
    """A cell with each label in the spelling that `spellings` chose, joined by `|`.

    >>> said_cell("物流 配送｜服务", {"物流 配送": "物流配送", "服务": "服务"})
    '物流配送|服务'
    """
    return SEPARATOR.join(dict.fromkeys(said[part] for part in parts_of(cell)))


def label_key(label: str) -> str:
    """What all spellings of a label share.

    >>> label_key("ＡＰＰ 閃退"), label_key("VIP card")
    ('app闪退', 'vip card')
    """
    return _INNER.sub("", normalise(normalize("NFC", label))) or tidy(label)


def alike_labels(head: str, rows: Mapping[str, Sequence[Cell]], known: Sequence[str] = ()) -> list[Finding]:
    """Labels that are likely another one miswritten, are empty by another word, or have few rows; nothing is changed.

    Miswritten: the same but for punctuation, or a rare label one sign away from a frequent one (三级 and 四级 are not).
    """
    found = []
    plain = {label: "".join(sign for sign in label_key(label) if sign.isalnum()) for label in rows}
    for label, cells in rows.items():
        near = []
        for other, theirs in rows.items() if label not in known else ():
            if other == label or len(theirs) < len(cells):
                continue
            if plain[other] == plain[label]:
                near.append((True, len(theirs), other))
            elif len(cells) <= max(2, len(theirs) // 10) and _slip(plain[label], plain[other]):
                near.append((False, len(theirs), other))
        if label.casefold() in _EMPTY and label not in known:
            what, remedy = f"“{head}”的“{label}”（{len(cells)} 行）像是空单元格", "若是，请清空这些单元格"
            found.append(Finding(Kind.ALIKE, what, remedy, head, tuple(cells)))
        elif near and not (len(rows[max(near)[2]]) == len(cells) and label < max(near)[2]):
            other = max(near)[2]
            what = f"“{head}”的“{label}”（{len(cells)} 行）与“{other}”（{len(rows[other])} 行）只差一点"
            found.append(Finding(Kind.ALIKE, what, f"若是笔误，改成“{other}”", head, tuple(cells), other))
        if len(cells) < _FEW:
            what = f"“{head}”的“{label}”只有 {len(cells)} 行，学不好"
            found.append(Finding(Kind.FEW, what, "补到 20 行以上，或并入相近的标签", head, tuple(cells)))
    return found


def several_findings(head: str, rows: Mapping[str, Sequence[Cell]], cells: Sequence[Cell]) -> list[Finding]:
    """Cells that seem to hold several labels with another separator than `|`, and a few `|` among single labels.

    `rows` are the cells by label, `cells` all of them with the whole cell as label.
    """
    found = []
    for label, mine in rows.items():
        parts = [part for part in _JOINERS.split(label) if part]
        if len(parts) > 1 and all(part in rows for part in parts):
            cell = SEPARATOR.join(parts)
            what = f"“{head}”的“{label}”像是 {len(parts)} 个标签，现在算作一个标签"
            found.append(Finding(Kind.SEVERAL, what, f"若是，改成“{cell}”", head, tuple(mine), cell))
    mixed = [cell for cell in cells if SEPARATOR in cell.label]
    if 0 < len(mixed) < 0.05 * len(cells):
        what = f"“{head}”只有 {len(mixed)} 个单元格（共 {len(cells)} 个）含“|”，整列因此按可多选来学"
        found.append(Finding(Kind.SEVERAL, what, "若每行只该有一个标签，改掉这些单元格", head, tuple(mixed)))
    return found


def head_fault(column: str, cells: Sequence[str], known: Sequence[str] = ()) -> tuple[str, str] | None:
    """Why a head with these cells (one a text, empty where unknown) cannot be learnt: as an error and as a finding.

    >>> head_fault("类型", ["物流", "", "物流"])[0]
    "Column '类型' has only the label '物流': give rows of two or more labels or leave the head out."
    """
    there = [cell for cell in cells if cell]
    counts = Counter(label for cell in there for label in split_cell(cell))
    single = sum(1 for count in counts.values() if count == 1)
    if not counts:
        return f"Column {column!r} has no label: fill it in or leave the head out.", f"“{column}”列是空的，没有学习"
    if len(counts) == 1:
        only = next(iter(counts))
        return (
            f"Column {column!r} has only the label {only!r}: give rows of two or more labels or leave the head out.",
            f"“{column}”列只有“{only}”一个标签，没有学习",
        )
    if len(there) >= 10 and single >= 0.8 * len(there) and not set(counts) <= set(known):
        return (
            f"Column {column!r} has {len(counts):,} labels in {len(there):,} rows and looks like an id or free text: "
            "name the column of the labels with --head.",
            f"“{column}”列 {len(there)} 行就有 {len(counts)} 种值，像编号或文字而不是标签，没有学习",
        )
    if len(counts) > LABELS:
        return (
            f"Column {column!r} has {len(counts):,} labels, {LABELS} are allowed: merge them into groups.",
            f"“{column}”列有 {len(counts)} 个标签，最多 {LABELS} 个，没有学习",
        )
    return None


def require_text(table: Table) -> None:
    """Raise DataError without a text column, or when it holds numbers, ids or labels; it names what reads like text."""
    like = [column for column in table.columns if _reads_like_text([row[column] for row in _sample(table)])]
    column = table.roles.get("text") or table.roles.get("title")
    if column is None:
        found = ", ".join(table.columns)
        hint = (
            f"rename {' or '.join(map(repr, like))}, which reads like text, to 投诉内容" if like else "name it 投诉内容"
        )
        raise DataError(f"{table.name} has no text column (found: {found}): {hint}.")
    texts = [text for row in _sample(table) if (text := table.text(row))]
    others = [name for name in like if name != column]
    hint = f"name the column of the complaints 投诉内容 (these read like text: {', '.join(others)})"
    if not others:
        hint = "give the column of the complaints, named 投诉内容"
    if texts and sum(map(_is_number, texts)) >= 0.9 * len(texts):
        examples = ", ".join(repr(text[:20]) for text in texts[:3])
        raise DataError(f"Column {column!r} of {table.name} holds numbers or ids ({examples}), no texts: {hint}.")
    if others and len(texts) >= 50 and len(set(texts)) * 20 < len(texts) and median(map(len, texts)) <= 6:
        raise DataError(f"Column {column!r} of {table.name} holds {len(set(texts))} short values, no texts: {hint}.")


def label_columns(table: Table) -> list[str]:
    """The columns that look like labels: few short values, each again and again.

    >>> from model.table import read_table_bytes
    >>> lines = ["内容,线路"] + [f"第{n}次没到,{'甲乙'[n % 2]}线" for n in range(20)]
    >>> label_columns(read_table_bytes("\\n".join(lines).encode(), "a.csv"))
    ['线路']
    """
    found = []
    for column in table.columns:
        values = [row[column] for row in table.rows if row[column].strip()]
        distinct = set(values)
        if 2 <= len(distinct) <= min(50, len(values) / 3) and max(map(len, distinct)) <= 20:
            found.append(column)
    return found


def _shown(label: str) -> str:
    """A spelling with its invisible signs made visible."""
    shown = "".join(f"\\u{ord(sign):04x}" if category(sign)[0] == "C" else sign for sign in label)
    return shown if shown == shown.strip() else shown.replace(" ", "␣").replace("\u3000", "␣")


def _slip(rare: str, frequent: str) -> bool:
    """Whether a label is one slip of the pen from another one, and the slip does not mean something."""
    shorter, longer = sorted((rare, frequent), key=len)
    if len(longer) < 3 or len(longer) - len(shorter) > 1:
        return False
    start = next((n for n, (a, b) in enumerate(zip(longer, shorter, strict=False)) if a != b), len(shorter))
    size = len(longer) - len(shorter)
    a, b = longer[start:], shorter[start:]
    if size == 0 and a[:2] == b[1::-1] and a[2:] == b[2:]:
        return True  # two signs changed places
    return a[1:] == b[1 - size :] and not {*a[:1], *b[: 1 - size]} <= _OPPOSITES


def _sample(table: Table) -> list[dict[str, str]]:
    return table.rows[:: max(1, len(table.rows) // _SAMPLE)]


def _is_number(text: str) -> bool:
    """Whether a text is a number, a date or an id: digits, and no words but for a short prefix.

    >>> [_is_number(text) for text in ("2024年3月5日 下午3点", "GD-1024", "订单1024", "等了三十3天", "paid 2 times")]
    [True, True, True, False, False]
    """
    digits, han = sum(sign.isdigit() for sign in text), len(_HAN.findall(text.translate(_OF_TIMES)))
    words = sum(1 for word in text.split() if _WORD.fullmatch(word.strip(".,!?")))
    return digits > 0 and han < 4 and han < digits and (han > 0 or words < 2)


def _reads_like_text(values: Sequence[str]) -> bool:
    texts = [value for value in values if value.strip()]
    if not texts or median(map(len, texts)) < 6 or len(set(texts)) * 2 < len(texts):
        return False
    return sum(_is_number(text) or not _WORD.search(text) for text in texts) < 0.4 * len(texts)
