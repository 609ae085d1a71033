"""Labels: which columns are heads, what they are called, which are ordered; the starter's from `data/labels.toml`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from re import compile as pattern
from tomllib import TOMLDecodeError, loads

from model.errors import DataError

__all__ = ["HEADS", "SEPARATOR", "HeadLabels", "head_columns", "load_labels", "shipped", "split_cell"]

SEPARATOR = "|"
_BARE = pattern(r"(?m)^([^\s\"'=#\[\x00-\x7f][^\s\"'=#\[]*)[ \t]*=")  # TOML wants 快递 = … quoted; people do not
_KEYS = ("title", "labels", "ordered", "describe")
_LISTED = pattern(r"[、，,；;]\s*")
HEADS: Mapping[str, tuple[str, ...]] = {
    "category": ("category", "投诉类型", "投诉类别", "问题类型", "问题类别", "类型", "类别", "分类", "一级标签"),
    "department": ("department", "责任部门", "处理部门", "部门"),
    "sentiment": ("sentiment", "情绪", "情感"),
    "emotion": ("emotion",),
    "exposure_stage": ("exposure_stage", "曝光阶段"),
    "pain_point": ("pain_point", "痛点"),
}


@dataclass(frozen=True)
class HeadLabels:
    """One head of the label file: its title for people, its labels, whether they are ordered, what each means."""

    name: str
    title: str
    labels: tuple[str, ...]
    ordered: bool
    describe: Mapping[str, str]

    def phrases(self) -> list[tuple[str, str]]:
        """Words for the labels, each with its label: the label itself if it is longer than a sign, and its description.

        >>> HeadLabels("line", "", ("公交", "无"), False, {"公交": "晚点、拥挤，司机"}).phrases()
        [('公交', '公交'), ('晚点', '公交'), ('拥挤', '公交'), ('司机', '公交')]
        """
        return [
            (phrase, label)
            for label in self.labels
            for phrase in dict.fromkeys((label, *_LISTED.split(self.describe.get(label, ""))))
            if len(phrase) > 1 or (phrase and phrase != label)
        ]


def load_labels(path: Path | None = None) -> dict[str, HeadLabels]:
    """Read a label file, the starter's without a path; DataError names what is wrong in it.

    >>> starter = load_labels()
    >>> starter["sentiment"].labels, starter["sentiment"].ordered
    (('正面', '中性', '不满', '愤怒'), True)
    """
    path = path if path is not None else shipped("labels.toml")
    try:
        tables = loads(_BARE.sub(r'"\1" =', path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, TOMLDecodeError) as error:
        raise DataError(f"The label file {path} cannot be read: {error}.") from error
    if not tables:
        raise DataError(f"The label file {path} describes no head: give it a table such as [category] with labels.")
    return {name: _head(path, name, table) for name, table in tables.items()}


def shipped(name: str) -> Path:
    """A file or folder that comes with kesu: in a checkout below `data/`, in an installed wheel beside the packages.

    >>> shipped("starter").is_dir()
    True
    """
    root = Path(__file__).resolve().parent.parent
    places = (root / "data" / name, root / "kesu_data" / name)
    return next((place for place in places if place.exists()), places[0])


def head_columns(
    columns: Iterable[str], names: Iterable[str] | None = None, described: Iterable[str] = ()
) -> dict[str, str]:
    """Head → column: the known label columns among `columns`, or the ones that `names` asks for.

    The `described` heads are known too, and may be asked for where they have no column.

    >>> head_columns(["内容", "投诉类型", "情绪"])
    {'category': '投诉类型', 'sentiment': '情绪'}
    >>> head_columns(["text", "mood"], ["mood"])
    {'mood': 'mood'}
    """
    present, described = list(columns), list(described)
    if names is None:
        looked = {**HEADS, **{head: (head,) for head in described if head not in HEADS}}
        found = {head: next((name for name in known if name in present), None) for head, known in looked.items()}
        return {head: column for head, column in found.items() if column is not None}
    chosen = {}
    for name in names:
        column = next((known for known in (name, *HEADS.get(name, ())) if known in present), None)
        if column is None and name in described:
            continue
        if column is None:
            told = f", nor in the label file ({', '.join(described)})" if described else ""
            columns = ", ".join(present)
            raise DataError(f"There is no column {name!r} among {columns}{told}: name a label column with --head.")
        chosen[next((head for head, known in HEADS.items() if name in known), name)] = column
    return chosen


def split_cell(cell: str) -> tuple[str, ...]:
    """The labels of a cell, without blanks and repeats.

    >>> split_cell(" 物流配送 | 服务质量")
    ('物流配送', '服务质量')
    """
    return tuple(dict.fromkeys(part.strip() for part in cell.split(SEPARATOR) if part.strip()))


def _head(path: Path, name: str, table: object) -> HeadLabels:
    labels = table.get("labels") if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(labels, list) or not all(isinstance(one, str) for one in labels):
        raise DataError(f"The label file {path} gives [{name}] no list `labels` of strings: add it.")
    if wrong := sorted(set(table) - set(_KEYS)):
        raise DataError(f"[{name}] in {path} has the unknown key {wrong[0]!r}: it may have {', '.join(_KEYS)}.")
    if not isinstance(table.get("title", ""), str) or not isinstance(table.get("ordered", False), bool):
        raise DataError(f"[{name}] in {path} must have a string as title, and true or false as ordered: correct it.")
    if len(set(labels)) != len(labels) or len(labels) < 2 or any(SEPARATOR in one or not one.strip() for one in labels):
        raise DataError(f"The labels of [{name}] in {path} must be two or more, distinct, without {SEPARATOR!r}.")
    describe = table.get("describe", {})
    if not isinstance(describe, dict) or not all(isinstance(words, str) for words in describe.values()):
        raise DataError(f"[{name}.describe] in {path} must give each label a string of words: correct it.")
    unknown = sorted(set(describe) - set(labels))
    if unknown:
        raise DataError(f"The label file {path} describes {unknown[0]!r}, which is no label of [{name}]: correct it.")
    return HeadLabels(name, table.get("title", name), tuple(labels), table.get("ordered", False), describe)
