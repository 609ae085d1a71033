"""Complaints about the same matter share one issue key: one pass, no training, bounded memory, durable."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import log, sqrt
from typing import Any, NamedTuple
from zlib import crc32

from model.opening import PLAIN, terms_of

__all__ = ["IssueIndex", "IssueSettings", "Match", "StateRow"]

DAY = 86400
_SHARDS = 64
_LOG = 1024


class StateRow(NamedTuple):
    """One durable fact: `part` says what kind, `key` which one, `value` is JSON-ready; None deletes it."""

    part: str
    key: str
    value: dict[str, Any] | None


class Match(NamedTuple):
    """Where a text went: the issue key, whether it founded it, and its likeness to the issue (0 when founded)."""

    issue: str
    founded: bool
    likeness: float


@dataclass(frozen=True, slots=True)
class IssueSettings:
    """`near`: likeness needed to join, `titled` more with a title; `bonus`: per ln(size), `most` together.

    `apart`: likeness lost when the categories differ. Strict clusters inside a category measured worse: people put one
    matter in different words, and a classifier hears different categories in them.
    """

    near: float = 0.16
    titled: float = 0.03
    bonus: float = 0.02
    most: float = 0.04
    apart: float = 0.03
    keep: int = 80
    idle_days: int = 30
    crowd: int = 400
    vocabulary: int = 200_000


@dataclass(slots=True)
class _Cluster:
    number: int
    category: str | None
    weights: dict[str, int] = field(default_factory=dict)
    square: int = 0
    size: int = 0
    last: int = 0


def _value(cluster: _Cluster) -> dict[str, Any]:
    terms = cluster.weights.copy()
    return {"terms": terms, "size": cluster.size, "last": cluster.last, "category": cluster.category}


class IssueIndex:
    """Single-pass clustering of complaint openings (tf-idf cosine, nearest cluster or a new one).

    Method: first story detection as in Mazoyer et al. 2020; terms are character pairs, idf comes from the stream, and
    only postings shorter than `crowd` nominate clusters. A cluster idle for `idle_days` is dropped.

    >>> index = IssueIndex()
    >>> first = index.assign("城西店鲜牛奶喝了拉肚子", 0)
    >>> index.assign("在城西店买的鲜牛奶，喝完一家人拉肚子", 60).issue == first.issue
    True
    >>> index.assign("充电桩付了钱不出电", 90).issue == first.issue
    False
    """

    def __init__(self, settings: IssueSettings = IssueSettings()) -> None:
        self.settings = settings
        self.clusters_: dict[str, _Cluster] = {}
        self._postings: dict[str, dict[str, int]] = {}
        self._counts: dict[str, int] = {}
        self._texts = 0
        self._next = 0
        self._log: list[str] = []
        self._logged = 0  # rows of the log that are on disk
        self._touched: dict[str, None] = {}
        self._folded: set[int] = set()  # shards of the counts that a compaction has changed
        self._stale_log = 0

    def assign(self, text: str, seconds: int, category: str | None = None) -> Match:
        """Join the nearest issue or found one. `seconds` is the event time since 1970; `text` is masked."""
        terms = terms_of(text)
        weights = self._weigh(terms)
        near = self.settings.near + (self.settings.titled if "\n" in text.strip() else 0.0)
        best, likeness = self._nearest(weights, seconds, category, near)
        founded = best is None
        if best is None:
            best = f"i{self._next}"
            self.clusters_[best] = _Cluster(self._next, category, last=seconds)
            self._next += 1
        self._join(best, weights, seconds)
        self._count(terms)
        return Match(best, founded, round(likeness, 4))

    def extend(self, issue: str, seconds: int) -> bool:
        """A copy or a reminder of a known complaint keeps its issue alive without teaching it words."""
        cluster = self.clusters_.get(issue)
        if cluster is None:
            return False
        cluster.last = max(cluster.last, seconds)
        self._touched[issue] = None
        return True

    def likeness(self, text: str, issue: str) -> float:
        """Cosine of a text with a known issue, 0..1; 0 for an issue that is not known."""
        cluster = self.clusters_.get(issue)
        if cluster is None:
            return 0.0
        product = sum(weight * cluster.weights.get(term, 0) for term, weight in self._weigh(terms_of(text)).items())
        return product / sqrt(cluster.square)

    def drop_idle(self, seconds: int) -> list[str]:
        """Forget the issues without a complaint for `idle_days` before `seconds`; returns their keys."""
        cut = seconds - self.settings.idle_days * DAY
        gone = [issue for issue, cluster in self.clusters_.items() if cluster.last < cut]
        for issue in gone:
            for term in self.clusters_.pop(issue).weights:
                self._unpost(term, issue)
            self._touched[issue] = None
        return gone

    def rarity(self, term: str) -> float:
        """How rare a term is, in nats: half in complaints, half in live issues; a hundred imagined ones start it.

        A matter that many complain about makes its words frequent, but not in many issues: they stay telling.
        """
        imagined = 20 if PLAIN.issuperset(term) else 0.5
        seen, spread = self._counts.get(term, 0) + imagined, len(self._postings.get(term, ())) + imagined
        texts, issues = self._texts + 100.5, len(self.clusters_) + 100.5
        return 0.5 * log(texts / min(seen, texts - 1) * (issues / min(spread, issues - 1)))

    def ownership(self, term: str, issue: str) -> float:
        """Share of a term's weight over all live issues that lies in this one: 1 when nobody else uses the word."""
        posting = self._postings.get(term, {})
        return posting.get(issue, 0) / sum(posting.values()) if issue in posting else 0.0

    def share(self, term: str) -> float:
        """Share of the stream's complaints that carry the term, smoothed."""
        return (self._counts.get(term, 0) + 0.5) / (self._texts + 100.0)

    def _weigh(self, terms: Sequence[str]) -> dict[str, float]:
        raw = {term: self.rarity(term) for term in terms}
        norm = sqrt(sum(value * value for value in raw.values())) or 1.0
        return {term: value / norm for term, value in raw.items()}

    def _nearest(
        self, weights: dict[str, float], seconds: int, category: str | None, near: float
    ) -> tuple[str | None, float]:
        products: dict[str, float] = {}
        crowded = []
        for term, weight in weights.items():
            posting = self._postings.get(term, {})
            if len(posting) > self.settings.crowd:
                crowded.append((weight, posting))
                continue
            for issue, other in posting.items():
                products[issue] = products.get(issue, 0.0) + weight * other
        for weight, posting in crowded:
            for issue in products:
                if issue in posting:
                    products[issue] += weight * posting[issue]
        settings = self.settings
        best, most, oldest = None, near, 0
        cut = seconds - self.settings.idle_days * DAY
        for issue, product in products.items():
            cluster = self.clusters_[issue]
            likeness = product / sqrt(cluster.square) + min(settings.most, settings.bonus * log(cluster.size))
            if category is not None and cluster.category is not None and category != cluster.category:
                likeness -= self.settings.apart
            if cluster.last < cut or likeness < most or (best and likeness == most and cluster.number > oldest):
                continue
            best, most, oldest = issue, likeness, cluster.number
        return best, most if best else 0.0

    def _join(self, issue: str, weights: dict[str, float], seconds: int) -> None:
        cluster = self.clusters_[issue]
        own = cluster.weights
        for term, weight in weights.items():
            # Whole numbers: sums of floats would depend on the order in which a store hands the terms back.
            own[term] = own.get(term, 0) + round(weight * 1000)
        if len(own) > 2 * self.settings.keep:
            for term in sorted(own, key=lambda one: (own[one], one))[: len(own) - self.settings.keep]:
                del own[term]
                self._unpost(term, issue)
        for term in weights:
            if term in own:
                self._postings.setdefault(term, {})[issue] = own[term]
        cluster.square = max(1, sum(value * value for value in own.values()))
        cluster.size += 1
        cluster.last = max(cluster.last, seconds)
        self._touched[issue] = None

    def _unpost(self, term: str, issue: str) -> None:
        posting = self._postings.get(term)
        if posting is not None and posting.pop(issue, None) is not None and not posting:
            del self._postings[term]

    def _count(self, terms: Sequence[str]) -> None:
        for term in terms:
            self._counts[term] = self._counts.get(term, 0) + 1
        self._texts += 1
        self._log.append(" ".join(terms))
        if len(self._log) < _LOG:
            return
        self._folded.update(crc32(term.encode()) % _SHARDS for line in self._log for term in line.split())
        if len(self._counts) > self.settings.vocabulary:
            self._counts = {term: seen // 2 for term, seen in self._counts.items() if seen > 1}
            self._texts //= 2
            self._folded.update(range(_SHARDS))
        self._stale_log, self._logged = max(self._stale_log, self._logged), 0
        self._log.clear()

    def changes(self) -> list[StateRow]:
        """What changed since the last call: touched clusters, the log of terms, and now and then the folded counts."""
        rows = []
        for issue in self._touched:
            cluster = self.clusters_.get(issue)
            rows.append(StateRow("cluster", issue, None if cluster is None else _value(cluster)))
        if self._folded:
            shards: dict[int, dict[str, int]] = {shard: {} for shard in sorted(self._folded)}
            unfolded = Counter(term for line in self._log for term in line.split())
            for term, seen in self._counts.items():
                shard = crc32(term.encode()) % _SHARDS
                if shard in shards and seen > unfolded[term]:
                    shards[shard][term] = seen - unfolded[term]
            rows += [StateRow("terms", str(shard), values) for shard, values in shards.items()]
            rows += [StateRow("term_log", str(line), None) for line in range(self._stale_log)]
            self._folded.clear()
            self._stale_log = 0
        fresh = range(self._logged, len(self._log))
        rows += [StateRow("term_log", str(line), {"terms": self._log[line]}) for line in fresh]
        if rows:
            rows.append(StateRow("index", "index", {"texts": self._texts - len(self._log), "next": self._next}))
        self._logged = len(self._log)
        self._touched.clear()
        return rows

    @classmethod
    def restore(cls, rows: Iterable[StateRow], settings: IssueSettings = IssueSettings()) -> "IssueIndex":
        """The index as it was when `changes` was last drained, from the rows that are left, in any order."""
        index = cls(settings)
        lines: dict[int, str] = {}
        for part, key, value in rows:
            if value is None:
                continue
            if part == "cluster":
                terms = dict(value["terms"])
                square = max(1, sum(weight * weight for weight in terms.values()))
                cluster = _Cluster(int(key[1:]), value["category"], terms, square, value["size"], value["last"])
                index.clusters_[key] = cluster
                for term, weight in cluster.weights.items():
                    index._postings.setdefault(term, {})[key] = weight
            elif part == "terms":
                index._counts.update(value)
            elif part == "term_log":
                lines[int(key)] = value["terms"]
            elif part == "index":
                index._texts, index._next = value["texts"], value["next"]
        index._log = [lines[number] for number in sorted(lines)]
        index._logged = len(index._log)
        index._texts += len(index._log)
        for line in index._log:
            for term in line.split():
                index._counts[term] = index._counts.get(term, 0) + 1
        return index
