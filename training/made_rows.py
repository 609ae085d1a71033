"""Any number of distinct labelled complaints for measuring: clauses of texts of one label put together anew."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from re import compile as pattern

import numpy as np

from model.table import read_table
from training.accuracy_bench import read_task

__all__ = ["made_rows", "seed_texts"]

_END = pattern(r"(?<=[，。！？；,!?;…\n])")
_MEAN = 58  # characters of a text on average, as the reviews of the measuring data have

Row = tuple[str, tuple[str, ...]]


def seed_texts(data: Path | None, starter: Path) -> tuple[tuple[str, ...], list[Row]]:
    """The heads and the texts with their labels to make rows from: the reviews in `data`, else the starter corpus."""
    if data is not None:
        (texts, products), _ = read_task(data, "product")
        (_, moods), _ = read_task(data, "sentiment")
        return ("product", "sentiment"), list(zip(texts, zip(products, moods, strict=True), strict=True))
    heads = ("category", "department", "sentiment", "pain_point")
    rows = [row for path in sorted(starter.glob("*.csv")) for row in read_table(path).rows]
    return heads, [(row["text"], tuple(row[head] for head in heads)) for row in rows if row.get("text")]


def made_rows(seeds: Sequence[Row], count: int, seed: int = 20260101) -> Iterator[Row]:
    """`count` distinct texts with labels, about 58 characters on average and as unequal in length as `seeds` are.

    >>> seeds = [("快递慢，还丢件，没人管。", ("物流",)), ("客服不理人，态度差。", ("服务",))]
    >>> rows = list(made_rows(seeds, 20))
    >>> len({text for text, _ in rows}), {labels for _, labels in rows} == {("物流",), ("服务",)}
    (20, True)
    """
    random = np.random.default_rng(seed)
    clauses: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for text, labels in seeds:
        clauses[labels] += [clause for clause in _END.split(text.strip()) if len(clause) > 1]
    lengths = np.array([len(text) for text, _ in seeds], float)
    lengths *= _MEAN / lengths.mean()
    seen: set[int] = set()
    while len(seen) < count:
        owners = random.integers(len(seeds), size=4096).tolist()
        sizes = lengths[random.integers(len(seeds), size=4096)].tolist()
        draws = random.random((4096, 64))
        for owner, size, draw in zip(owners, sizes, draws, strict=True):
            labels = seeds[owner][1]
            pool = clauses[labels]
            text = ""
            for at in (draw * len(pool)).astype(int).tolist():
                text += pool[at]
                if len(text) >= size:
                    break
            text = text[: max(int(size), 8)]
            if hash(text) not in seen and len(seen) < count:
                seen.add(hash(text))
                yield text, labels
