"""One featuriser, one linear head a label column; all heads are scored in the same pass.

Each output is a linear support-vector machine over features that may be weighted by how much more often they occur
with the label than without it (`model.linear`), one against the rest. Only `fit` needs scipy.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from model.calibration import TOP, calibrate, decide
from model.errors import DataError
from model.features import Vocabulary, join_codes
from model.heads import HeadSpec, fit_head, layout_of
from model.kernel import score_texts
from model.labels import SEPARATOR, split_cell
from model.leaning import fit_leanings, leanings_layout
from model.linear import HUGE, PLENTY, Recipe, quantise
from model.scope import learn_scope
from model.text import point_table
from model.tone import has_tone, move_tone, temper

__all__ = ["ComplaintClassifier", "Progress"]

Progress = Callable[[int, int, str], None]
_BATCH = 8192
_CHARACTERS = 90_000_000  # learnt from at most: more would need more than about 3 GB


class ComplaintClassifier:
    """Texts in, calibrated probabilities for each head out; `fit` returns self, learnt attributes end in `_`.

    >>> texts = ["快递太慢了", "快递还没到", "物流慢", "客服态度差", "客服不理人", "态度恶劣"] * 4
    >>> labels = (["物流"] * 3 + ["服务"] * 3) * 4
    >>> fitted = ComplaintClassifier(grams=2).fit(texts, {"category": labels})
    >>> fitted.heads_[0].labels[int(fitted.predict_proba(["快递很慢"])["category"][0].argmax())]
    '物流'
    """

    def __init__(
        self,
        grams: int = 2,
        at_least: int = 0,
        most: int = 600_000,
        folds: int = 0,
        precision: float = 0.95,
        recipes: Mapping[str, tuple[Recipe, ...]] | None = None,
        targets: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        self.grams = grams
        self.at_least = at_least
        self.most = most
        self.folds = folds
        self.precision = precision
        self.targets = targets if targets is not None else {}  # precision by head and label where it is another
        self.recipes = recipes  # by head, as an earlier fit on the same data chose them: saves the choice

    def fit(
        self,
        texts: Sequence[str],
        labels: Mapping[str, Sequence[str]],
        ordered: Mapping[str, Sequence[str]] | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Fit all heads; `labels` has one cell a text and head, empty where unknown, `a|b` for several labels.

        `ordered` gives the label order of ordered heads. DataError names a head that cannot be learnt; what was
        learnt from little is said in `warnings_`.
        """
        self.warnings_: list[str] = []
        self.heads_ = tuple(self._spec(name, cells, (ordered or {}).get(name)) for name, cells in labels.items())
        self.layout_ = layout_of(self.heads_)
        say = progress if progress is not None else _silent
        todo = len(self.heads_) + 1
        say(0, todo, "features")
        texts = self._bounded(texts)
        at_least = self.at_least or (2 if len(texts) < PLENTY else 4)
        self.vocabulary_ = Vocabulary.fit(texts, self.grams, at_least, self.most)
        matrix = self.vocabulary_.matrix(texts)
        folds = self.folds if self.folds > 0 else 5 if len(texts) < HUGE else 20
        fold = np.array([crc32(text.encode("utf-8", "surrogatepass")) % folds for text in texts], np.int64)
        precision = [self._precision(spec) for spec in self.heads_]
        fitted = []
        for at, spec in enumerate(self.heads_):
            say(at + 1, todo, spec.name)
            chosen = (self.recipes or {}).get(spec.name, ())
            fitted.append(fit_head(spec, matrix, fold, labels[spec.name], precision[at], chosen))
        found = fit_leanings(self.heads_, fitted, matrix, fold, labels, precision)
        self.heat_ = 1.0
        for at, spec in enumerate(self.heads_):
            if has_tone(spec):
                fitted[at], self.heat_ = temper(spec, fitted[at], texts, precision[at])
        self.heads_ = tuple(replace(spec, cut=one.cut) for spec, one in zip(self.heads_, fitted, strict=True))
        self.held_ = {spec.name: one.held for spec, one in zip(self.heads_, fitted, strict=True)}
        self.leanings_ = tuple((one.head, one.gate) for one in found)
        self.places_ = leanings_layout(self.heads_, self.leanings_)
        self.scope_ = learn_scope(self.vocabulary_, texts, matrix)
        sets = [one.weights for one in found]
        weights = np.concatenate([*[one.weights for one in fitted], self.scope_.weights, *sets], 1)
        self.weights_, self.scale_ = quantise(weights, self.vocabulary_.idf)
        self.bias_ = np.concatenate([*[one.bias for one in fitted], self.scope_.bias])
        self.slope_ = np.concatenate([one.slope for one in fitted])
        self.shift_ = np.concatenate([one.shift for one in fitted])
        self.threshold_ = np.concatenate([one.threshold for one in fitted])
        self.limits_ = np.array([self.scope_.shortest, self._known_limit(texts, fold, at_least), self.scope_.limit])
        say(todo, todo, "done")
        return self

    def score(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Decision values (texts, outputs), and (texts, 2): characters read, share of their features that are known.

        The last output is no label's: it says how much a text is one of the bundle's (`model.scope`).
        """
        return self.score_spans(*join_codes(texts))

    def score_spans(
        self, codes: NDArray[np.uint32], spans: NDArray[np.int64], toned: bool = True
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As `score`, of spans (texts, 2) of code points; spans may overlap. Without `toned`, what was learnt alone."""
        scores, reads = np.empty((len(spans), len(self.bias_))), np.empty((len(spans), 2))
        vocabulary = self.vocabulary_
        score_texts(
            codes, spans, point_table(), vocabulary.grams, vocabulary.dictionary, vocabulary.marks, vocabulary.ranks,
            self.weights_, self.scale_, self.bias_, self.places_, scores, reads,
        )  # fmt: skip
        if toned:
            lengths = reads[:, 0].copy()
            move_tone(
                self.heads_, self.layout_, self.slope_, self.shift_, self.heat_, codes, spans, lengths, scores
            )  # fmt: skip
        return scores, reads

    def chances(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities (texts, labels of all heads) of decision values (texts, outputs)."""
        out = np.empty((len(scores), len(self.slope_)))
        calibrate(scores, self.layout_, self.slope_, self.shift_, out)
        return out

    def decide(
        self, chances: NDArray[np.float64], scores: NDArray[np.float64], reads: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The places of the likeliest labels (texts, heads, 4), -1 where there are fewer, and why the first is not
        accepted (texts, heads): 0 where it is, then in the order of `REASONS`."""
        best = np.empty((len(chances), len(self.heads_), TOP), np.int64)
        reason = np.empty((len(chances), len(self.heads_)), np.int64)
        decide(chances, self.layout_, self.threshold_, reads, scores, self.limits_, best, reason)
        return best, reason

    def predict_proba(self, texts: Sequence[str], toned: bool = True) -> dict[str, NDArray[np.float64]]:
        """Head → probabilities (texts, labels); a several-labels head's rows need not sum to 1.

        Without `toned` they are what was learnt alone, before `model.tone` moves the sentiment's.
        """
        chunks = [join_codes(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]
        parts = [self.chances(self.score_spans(*chunk, toned)[0]) for chunk in chunks]
        both = np.concatenate(parts) if parts else np.empty((0, len(self.slope_)))
        columns = zip(self.heads_, self.layout_.tolist(), strict=True)
        return {spec.name: both[:, first : first + size] for spec, (_, _, first, size) in columns}

    def _spec(self, name: str, cells: Sequence[str], order: Sequence[str] | None) -> HeadSpec:
        counts: dict[str, int] = {}
        several = any(SEPARATOR in cell for cell in cells)
        for cell in cells:
            for label in split_cell(cell):
                counts[label] = counts.get(label, 0) + 1
        if len(counts) < 2:
            only = f"only the label {next(iter(counts))!r}" if counts else "no label"
            raise DataError(f"Column {name!r} has {only}: give rows of two or more labels or leave the head out.")
        self.warnings_ += [
            f"Label {label!r} of {name!r} has {count} row{'s' * (count > 1)}: it is kept, but give it 20 or more."
            for label, count in counts.items()
            if count < 5
        ]
        inside = order is not None and set(counts) <= set(order)
        names = tuple(label for label in order or () if label in counts) if inside else tuple(sorted(counts))
        return HeadSpec(name, names, several, inside)

    def _precision(self, spec: HeadSpec) -> NDArray[np.float64]:
        others = self.targets.get(spec.name, {})
        return np.array([others.get(label, self.precision) for label in spec.labels])

    def _bounded(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts, or only their beginnings when all of them together are too much for the memory."""
        if sum(map(len, texts)) <= _CHARACTERS:
            return texts
        each = max(_CHARACTERS // len(texts), 1)
        self.warnings_.append(f"The texts are long: the first {each:,} characters of each are learnt from.")
        return [text[:each] for text in texts]

    def _known_limit(self, texts: Sequence[str], fold: NDArray[np.int64], at_least: int) -> float:
        """Nine tenths of the share of known n-grams that all but one in a hundred new texts of this kind reach."""
        here = [text for text, one in zip(texts, fold.tolist(), strict=True) if one == 0]
        rest = [text for text, one in zip(texts, fold.tolist(), strict=True) if one != 0]
        if len(here) < 20:
            return 0.0
        kept = Vocabulary.fit(rest, self.grams, at_least, self.most)
        shares = kept.known_shares(here)
        return 0.9 * float(np.quantile(shares, 0.01))


def _silent(done: int, total: int, what: str) -> None:
    return None
