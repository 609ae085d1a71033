"""Few labels or none: rows without a label are guessed (`guesses`), and the classifier learns from the guesses too.

The guesser knows the rows that have a label and, as short texts of their own, the names of the labels and what a label
file says of them. What is served is the ordinary classifier, which has learnt rows, words and guesses alike.

A guess is no evidence. Confidences and thresholds come from rows with a label, each scored by machines that saw neither
it nor a guess made with its help. With fewer than 50 such rows the confidences come from texts that contain a word of
the descriptions which guesser and classifier were not told, and no label is ever accepted.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.calibration import PAIR, calibrate, fit_softmax, thresholds
from model.classifier import ComplaintClassifier, Progress
from model.errors import DataError
from model.heads import HeadSpec, Held
from model.labels import SEPARATOR, HeadLabels
from model.linear import Recipe, cross_fit, fit_outputs
from model.text import normalise
from training.dataset import Labelled, with_descriptions
from training.guesses import FOLDS, RECIPE, ColdHead, Guesser, fold_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["cold_heads", "fit_cold", "learnt_from"]

_FEW = 150  # labelled rows a label: with more, the rows speak for themselves
_UNLABELLED = 50  # rows without a label that are worth guessing
_TEXTS = 4_000  # that the guesser learns from: its time grows with their cube
_ENOUGH = 50  # labelled rows that confidences can be fitted to
_NEVER = 2.0
_NONE = -1


def cold_heads(data: Labelled, known: Mapping[str, HeadLabels], own: bool = False) -> list[ColdHead]:
    """The heads of `data` for which guesses help: fewer than 150 labelled rows a label, and 50 or more without one.

    `known` describes labels; if it is the user's `own`, all its labels can be guessed, and a head of it needs no
    labelled row. Heads with several labels in a cell are not guessed.

    >>> from model.labels import load_labels
    >>> data = Labelled([f"快递第{n}天没到" for n in range(60)], {"category": [""] * 60}, None, 0, [])
    >>> [len(head.labels) for head in cold_heads(data, load_labels(), own=True)]
    [8]
    """
    found = []
    for name, cells in data.cells.items():
        rows = np.flatnonzero([bool(cell) for cell in cells])
        others = np.flatnonzero([not cell for cell in cells])
        given = {cells[row] for row in rows.tolist()}
        described = known.get(name)
        whole = described.labels if described is not None and own else ()
        labels = (*whole, *sorted(given - set(whole)))
        if any(SEPARATOR in cell for cell in given) or len(labels) < 2 or len(rows) >= _FEW * len(labels):
            continue
        if (len(rows) or not own) and len(others) < _UNLABELLED:
            continue
        random = np.random.default_rng(0)
        chosen = np.sort(random.permutation(others)[: max(_TEXTS - len(rows), 0)])
        place = {label: at for at, label in enumerate(labels)}
        described = described if described is not None else HeadLabels(name, name, labels, False, {})
        words = [(phrase, label) for phrase, label in described.phrases() if label in place]
        if silent := set(labels) - given - {label for _, label in words}:
            raise DataError(
                f"Nothing is known of the label {min(silent)!r} of {name!r}: describe it, or give rows of it."
            )
        truth = np.array([place[cells[row]] for row in rows.tolist()], np.int64)
        meant = np.array([place[label] for _, label in words], np.int64)
        found.append(ColdHead(name, labels, tuple(phrase for phrase, _ in words), meant, rows, truth, chosen))
    return found


def learnt_from(cold: Sequence[ColdHead], known: Mapping[str, HeadLabels]) -> list[dict[str, Any]]:
    """What the cold heads are learnt from, for the card: labelled rows, guessed ones, phrases, and whether confidences
    rest on labelled rows.

    >>> from model.labels import load_labels
    >>> data = Labelled([f"快递第{n}天没到" for n in range(60)], {"category": [""] * 60}, None, 0, [])
    >>> learnt_from(cold_heads(data, load_labels(), own=True), load_labels())[0]["guessed"]
    60
    """
    return [
        {
            "head": head.name,
            "title": known[head.name].title if head.name in known else head.name,
            "labelled": len(head.rows),
            "guessed": len(head.others),
            "phrases": len(head.phrases),
            "enough": len(head.rows) >= _ENOUGH,
        }
        for head in cold
    ]


def fit_cold(
    data: Labelled,
    cold: Sequence[ColdHead],
    known: Mapping[str, HeadLabels],
    fitting: Mapping[str, Any],
    recipes: Mapping[str, tuple[Recipe, ...]] | None = None,
    progress: Progress | None = None,
) -> ComplaintClassifier:
    """A classifier of all heads of `data`, the `cold` ones learnt from rows, words and guesses.

    `fitting` and `recipes` are the classifier's own settings; the recipe of a cold head is a fixed one, because the
    best of several by few rows is mostly not the best. DataError names a head that cannot be learnt.
    """
    if len(data.texts) < _UNLABELLED:
        fitting = {**fitting, "at_least": 1}  # there is little but phrases to learn from, and they share few words
    guessers = [Guesser(head, data.texts, fitting["grams"], fitting["at_least"] or 2) for head in cold]
    guesses = [guesser.guess() for guesser in guessers]
    cells = {name: list(column) for name, column in data.cells.items()}
    for head, guesser, said in zip(cold, guessers, guesses, strict=True):
        for row, label in zip(guesser.rows.tolist(), said.tolist(), strict=True):
            cells[head.name][row] = head.labels[label]
    warm = {name: head for name, head in known.items() if name not in {one.name for one in cold}}
    full = with_descriptions(Labelled(data.texts, cells, None, data.folded, data.warnings), warm)
    texts, cells = list(full.texts), {name: list(column) for name, column in full.cells.items()}
    words = []
    for head in cold:
        words.append(np.arange(len(texts), len(texts) + len(head.phrases)))
        texts += head.phrases
        for name in cells:
            cells[name] += [head.labels[one] for one in head.meant] if name == head.name else [""] * len(head.phrases)
    ordered = {name: head.labels for name, head in known.items() if head.ordered}
    chosen = {**(recipes or {}), **{head.name: (RECIPE,) for head in cold}}
    fitted = ComplaintClassifier(**fitting, recipes=chosen).fit(texts, cells, ordered, progress)
    for guesser, said, places in zip(guessers, guesses, words, strict=True):
        _recalibrate(fitted, guesser, said, [texts[at] for at in [*guesser.rows, *places]])
    return fitted


def _recalibrate(
    fitted: ComplaintClassifier, guesser: Guesser, guesses: NDArray[np.int64], texts: Sequence[str]
) -> None:
    """Put confidences, thresholds and cross-fitted rows into `fitted` that owe nothing to guesses.

    `texts` are those of the guesser, of which `guesses` were made, and then the phrases.
    """
    head = guesser.head
    at = [spec.name for spec in fitted.heads_].index(head.name)
    spec, (_, output, first, size) = fitted.heads_[at], fitted.layout_[at].tolist()
    order = np.array([spec.labels.index(label) for label in head.labels])  # the classifier's order of the labels
    matrix = fitted.vocabulary_.matrix(texts)
    enough = len(head.rows) >= _ENOUGH
    rows, truth, fold, unsaid = _labelled(guesser) if enough else _told(guesser)
    scores = _cross_scores(spec, guesser, matrix, order, rows, fold, unsaid)
    weights, bias = fit_outputs(matrix, _targets(spec, guesser, guesses, order), RECIPE)
    served = fitted.score(texts)[0][:, output : output + spec.outputs]
    scores *= float(served.std() / max(float((matrix @ weights + bias).std()), 1e-9))  # in the classifier's unit
    sides = np.hstack((-scores, scores)) if spec.kind == PAIR else scores
    slope, shift = (1.0, np.zeros(size)) if not len(rows) else fit_softmax(sides, order[truth], shifts=False)
    chances = np.empty((len(rows), size))
    calibrate(scores, np.array([[spec.kind, 0, 0, size]]), np.full(size, slope), shift, chances)
    here = slice(first, first + size)
    fitted.slope_[here], fitted.shift_[here], fitted.threshold_[here] = slope, shift, _NEVER
    held = np.eye(size, dtype=np.bool_)[order[truth]]
    if enough:
        best = chances.argmax(1)
        others = fitted.targets.get(spec.name, {})
        precision = np.array([others.get(label, fitted.precision) for label in spec.labels])
        fitted.threshold_[here] = thresholds(chances.max(1), held[np.arange(len(best)), best], best, precision)
        fitted.held_[spec.name] = Held(head.rows, chances, held, (RECIPE,))
    else:
        fitted.held_[spec.name] = Held(head.rows[:0], chances[:0], held[:0], (RECIPE,))
        fitted.warnings_.append(
            f"Head {head.name!r} has {len(head.rows)} labelled rows: nothing is accepted without a person; label "
            f"{_ENOUGH} or more."
        )


_Evidence = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _labelled(guesser: Guesser) -> _Evidence:
    """The labelled rows as evidence: places among the guesser's texts, labels, folds, and no phrase in any fold."""
    fold = [fold_of(guesser.texts[at]) for at in guesser.at.tolist()]
    return guesser.at, guesser.head.truth, np.array(fold, np.int64), np.full(len(guesser.head.meant), _NONE)


def _told(guesser: Guesser) -> _Evidence:
    """As `_labelled`, of texts with phrases of one label only; they are in the fold of the first, as that is itself."""
    head = guesser.head
    fold = np.arange(len(head.meant)) % FOLDS
    phrases = [normalise(phrase) for phrase in head.phrases]
    found = []
    for at, text in enumerate(map(normalise, guesser.texts)):
        there = [one for one, phrase in enumerate(phrases) if len(phrase) > 1 and phrase in text]
        if there and len(set(head.meant[there].tolist())) == 1:
            found.append((at, int(head.meant[there[0]]), int(fold[there[0]])))
    rows = np.array(found, np.int64).reshape(-1, 3)
    return rows[:, 0], rows[:, 1], rows[:, 2], fold


def _cross_scores(
    spec: HeadSpec,
    guesser: Guesser,
    matrix: "csr_matrix",
    order: NDArray[np.int64],
    rows: NDArray[np.int64],
    fold: NDArray[np.int64],
    unsaid: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Decision values (rows, outputs) of evidence rows, by machines and guesses that know nothing of their fold."""
    scores = np.zeros((len(rows), spec.outputs))
    for one in np.unique(fold).tolist():
        here = rows[fold == one]
        guesses = guesser.guess(np.isin(guesser.at, here), unsaid == one)
        left_out = np.full(matrix.shape[0], _NONE)
        left_out[here] = one
        left_out[len(guesser.rows) :] = unsaid
        values = cross_fit(matrix, _targets(spec, guesser, guesses, order), left_out, RECIPE, [one])
        scores[fold == one] = values[here]
    return scores


def _targets(
    spec: HeadSpec, guesser: Guesser, guesses: NDArray[np.int64], order: NDArray[np.int64]
) -> NDArray[np.bool_]:
    every = np.eye(len(spec.labels), dtype=np.bool_)[order[np.append(guesses, guesser.head.meant)]]
    return every[:, 1:] if spec.kind == PAIR else every
