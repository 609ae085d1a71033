"""One featuriser, one linear head a label column; all heads are scored in the same pass.

Each output is a linear support-vector machine over features that may be weighted by how much more often they occur
with the label than without it (`model.linear`), one against the rest. Only `fit` needs scipy.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from model.calibration import (
    PAIR,
    SEVERAL,
    SINGLE,
    TOP,
    best_cut,
    calibrate,
    decide,
    fit_sigmoids,
    fit_softmax,
    thresholds,
)
from model.errors import DataError
from model.features import Vocabulary, join_codes
from model.kernel import score_texts
from model.labels import SEPARATOR, split_cell
from model.linear import HUGE, Recipe, fit_blend, quantise
from model.scope import learn_scope
from model.text import point_table

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["ComplaintClassifier", "HeadSpec", "Held", "Progress", "layout_of"]

Progress = Callable[[int, int, str], None]
_BATCH = 8192
_CHARACTERS = 90_000_000  # learnt from at most: more would need more than about 3 GB
_MATTERS = 0.005  # macro-F1 that shifts towards frequent labels may cost before they are left out


@dataclass(frozen=True)
class HeadSpec:
    """A head: its labels in output order, whether a complaint may have several, whether they are ordered.

    `cut` is the probability from which a label beside the likeliest is named, where a complaint may have several.
    """

    name: str
    labels: tuple[str, ...]
    several: bool = False
    ordered: bool = False
    cut: float = 0.5

    @property
    def kind(self) -> int:
        return SEVERAL if self.several else PAIR if len(self.labels) == 2 else SINGLE

    @property
    def outputs(self) -> int:
        return 1 if self.kind == PAIR else len(self.labels)


@dataclass(frozen=True)
class Held:
    """Cross-fitted probabilities of one head: `rows` of the fit, `chances` and `truth` (rows, labels), its recipes."""

    rows: NDArray[np.int64]
    chances: NDArray[np.float64]
    truth: NDArray[np.bool_]
    recipes: tuple[Recipe, ...]


@dataclass(frozen=True)
class _Fitted:
    weights: NDArray[np.float32]
    bias: NDArray[np.float64]
    slope: NDArray[np.float64]
    shift: NDArray[np.float64]
    threshold: NDArray[np.float64]
    cut: float
    held: Held


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
        at_least: int = 2,
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
        self.vocabulary_ = Vocabulary.fit(texts, self.grams, self.at_least, self.most)
        matrix = self.vocabulary_.matrix(texts)
        folds = self.folds if self.folds > 0 else 5 if len(texts) < HUGE else 20
        fold = np.array([crc32(text.encode("utf-8", "surrogatepass")) % folds for text in texts], np.int64)
        fitted = []
        for at, spec in enumerate(self.heads_):
            say(at + 1, todo, spec.name)
            fitted.append(self._fit_head(spec, matrix, fold, labels[spec.name]))
        self.heads_ = tuple(replace(spec, cut=one.cut) for spec, one in zip(self.heads_, fitted, strict=True))
        self.held_ = {spec.name: one.held for spec, one in zip(self.heads_, fitted, strict=True)}
        self.scope_ = learn_scope(self.vocabulary_, texts, matrix)
        weights = np.concatenate([*[one.weights for one in fitted], self.scope_.weights], 1)
        self.weights_, self.scale_ = quantise(weights, self.vocabulary_.idf)
        self.bias_ = np.concatenate([*[one.bias for one in fitted], self.scope_.bias])
        self.slope_ = np.concatenate([one.slope for one in fitted])
        self.shift_ = np.concatenate([one.shift for one in fitted])
        self.threshold_ = np.concatenate([one.threshold for one in fitted])
        self.limits_ = np.array([self.scope_.shortest, self._known_limit(texts, fold), self.scope_.limit])
        say(todo, todo, "done")
        return self

    def score(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Decision values (texts, outputs), and (texts, 2): characters read, share of their features that are known.

        The last output is no label's: it says how much a text is one of the bundle's (`model.scope`).
        """
        return self.score_spans(*join_codes(texts))

    def score_spans(
        self, codes: NDArray[np.uint32], spans: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As `score`, of spans (texts, 2) of code points; spans may overlap."""
        scores, reads = np.empty((len(spans), len(self.bias_))), np.empty((len(spans), 2))
        vocabulary = self.vocabulary_
        score_texts(
            codes, spans, point_table(), vocabulary.grams, vocabulary.dictionary, vocabulary.marks, vocabulary.ranks,
            self.weights_, self.scale_, self.bias_, scores, reads,
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

    def predict_proba(self, texts: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Head → probabilities (texts, labels); a several-labels head's rows need not sum to 1."""
        parts = [self.chances(self.score(texts[at : at + _BATCH])[0]) for at in range(0, len(texts), _BATCH)]
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

    def _bounded(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts, or only their beginnings when all of them together are too much for the memory."""
        if sum(map(len, texts)) <= _CHARACTERS:
            return texts
        each = max(_CHARACTERS // len(texts), 1)
        self.warnings_.append(f"The texts are long: the first {each:,} characters of each are learnt from.")
        return [text[:each] for text in texts]

    def _fit_head(
        self, spec: HeadSpec, matrix: "csr_matrix", fold: NDArray[np.int64], cells: Sequence[str]
    ) -> "_Fitted":
        split = [split_cell(cell) for cell in cells]
        rows = np.flatnonzero([bool(labels) for labels in split])
        place = {label: at for at, label in enumerate(spec.labels)}
        truth = np.zeros((len(rows), len(spec.labels)), np.bool_)
        for at, row in enumerate(rows.tolist()):
            truth[at, [place[label] for label in split[row]]] = True
        blend = fit_blend(
            matrix if len(rows) == len(cells) else matrix[rows],
            truth[:, 1:] if spec.kind == PAIR else truth,
            fold[rows],
            lambda values, seen: _macro_f1(spec, values, truth[seen]),
            (self.recipes or {}).get(spec.name, ()),
        )
        rows, truth, scores = rows[blend.rows], truth[blend.rows], blend.scores
        if spec.several:
            slope, shift = fit_sigmoids(scores, truth)
        else:
            sides, wanted = _sides(spec, scores), truth.argmax(1)
            steepness, shift = fit_softmax(sides, wanted)
            plain, still = fit_softmax(sides, wanted, shifts=False)
            if _macro_f1(spec, sides, truth) > _macro_f1(spec, steepness * sides + shift, truth) + _MATTERS:
                steepness, shift = plain, still
            slope = np.full(len(spec.labels), steepness)
        chances = np.empty(truth.shape)
        calibrate(scores, np.array([[spec.kind, 0, 0, len(spec.labels)]]), slope, shift, chances)
        best = chances.argmax(1)
        right = truth[np.arange(len(best)), best]
        others = self.targets.get(spec.name, {})
        precision = np.array([others.get(label, self.precision) for label in spec.labels])
        limit = thresholds(chances.max(1), right, best, precision)
        cut = best_cut(chances, truth) if spec.several else 0.5
        return _Fitted(blend.weights, blend.bias, slope, shift, limit, cut, Held(rows, chances, truth, blend.recipes))

    def _known_limit(self, texts: Sequence[str], fold: NDArray[np.int64]) -> float:
        """The share of known n-grams that all but one in a hundred new texts of this kind reach."""
        here = [text for text, one in zip(texts, fold.tolist(), strict=True) if one == 0]
        rest = [text for text, one in zip(texts, fold.tolist(), strict=True) if one != 0]
        if len(here) < 20:
            return 0.0
        kept = Vocabulary.fit(rest, self.grams, self.at_least, self.most)
        shares = kept.known_shares(here)
        return float(np.quantile(shares, 0.01))


def layout_of(heads: Sequence[HeadSpec]) -> NDArray[np.int64]:
    """For each head its kind, first output, first label and number of labels, shape (heads, 4).

    >>> layout_of([HeadSpec("sentiment", ("好", "差")), HeadSpec("category", ("甲", "乙", "丙"))]).tolist()
    [[1, 0, 0, 2], [0, 1, 2, 3]]
    """
    output, label, rows = 0, 0, []
    for spec in heads:
        rows.append((spec.kind, output, label, len(spec.labels)))
        output, label = output + spec.outputs, label + len(spec.labels)
    return np.array(rows, np.int64).reshape(-1, 4)


def _macro_f1(spec: HeadSpec, scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    said = scores > 0
    if not spec.several:
        sides = scores if scores.shape[1] == len(spec.labels) else _sides(spec, scores)
        said = np.zeros(truth.shape, np.bool_)
        said[np.arange(len(said)), sides.argmax(1)] = True
    return float(np.mean(2 * (said & truth).sum(0) / np.maximum(said.sum(0) + truth.sum(0), 1)))


def _sides(spec: HeadSpec, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """One decision value a label: a pair's single output speaks for its second label and against its first."""
    return np.hstack((-scores, scores)) if spec.kind == PAIR else scores


def _silent(done: int, total: int, what: str) -> None:
    return None
