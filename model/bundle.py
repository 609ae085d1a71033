"""A bundle: a folder of data only that classifies: `manifest.json` and the arrays in `weights.safetensors`.

Nothing in it is run when it is opened; every file is named in the manifest with its SHA-256, and a few fixed sentences
are tried against their expected probabilities before the first complaint is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.archive import read_archive, write_archive
from model.calibration import REASONS, Reason
from model.classifier import ComplaintClassifier
from model.clauses import Part, merge_clauses, split_clauses
from model.features import join_codes
from model.manifest import describe, restore
from model.versions import versions_of

__all__ = ["Bundle", "Prediction", "Verdict", "load_bundle"]

_REASONS = (None, *REASONS)
_BATCH = 4096
_CLAUSE_SURE = 0.7
_HINTED = 0.01  # what a part says must not be ruled out by the whole text,
_CLAUSE_PLAIN = 0.95  # unless it is as plain as this and the whole text's second thought


@dataclass(slots=True)
class Verdict:
    """What one head says: its best label, all its labels (one, or several), and why a person should look, if so."""

    label: str
    labels: tuple[str, ...]
    confidence: float
    accepted: bool
    reason: Reason | None
    alternatives: tuple[tuple[str, float], ...]


@dataclass(slots=True)
class Prediction:
    """One complaint's verdicts by head, its parts, the bundle's version, and with `explain` what carried the verdicts.

    `evidence` maps a head to spans (start, end, weight) of the text, heaviest first; empty unless asked for.
    `versions` names what the answer was made with (`model.versions`).
    """

    heads: dict[str, Verdict]
    parts: tuple[Part, ...]
    model: str
    evidence: dict[str, tuple[tuple[int, int, float], ...]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


class Bundle:
    """A fitted classifier under a version; `training.fit.train` makes one, `load_bundle` opens one."""

    def __init__(
        self, classifier: ComplaintClassifier, version: str = "unsaved", extra: Mapping[str, bytes] | None = None
    ) -> None:
        self.classifier = classifier
        self.version = version
        self.extra = extra
        self.heads: dict[str, tuple[str, ...]] = {spec.name: spec.labels for spec in classifier.heads_}
        self._layout = classifier.layout_
        self.versions = versions_of(version, classifier.heads_, classifier.vocabulary_.dictionary)
        names = list(self.heads)
        self._category = names.index("category") if "category" in names else -1
        self._department = names.index("department") if "department" in names else -1

    def predict_proba(self, texts: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Head → calibrated probabilities (texts, labels); byte-equal for a text in any batch."""
        return self.classifier.predict_proba(texts)

    def reasons(self, texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        """Head → why each text's best label is not accepted (texts,): 0 where it is, then in the order of `REASONS`."""
        parts = [np.empty((0, len(self.heads)), np.int64)]
        for at in range(0, len(texts), _BATCH):
            scores, reads = self.classifier.score(texts[at : at + _BATCH])
            parts.append(self.classifier.decide(self.classifier.chances(scores), scores, reads)[1])
        return dict(zip(self.heads, np.concatenate(parts).T, strict=True))

    def predict(self, texts: Sequence[str], explain: bool = False) -> list[Prediction]:
        """One `Prediction` a text, in order. Any string is answered: `check_text` says which ones deserve to be."""
        predictions: list[Prediction] = []
        for at in range(0, len(texts), _BATCH):
            predictions += self._predict_batch(texts[at : at + _BATCH])
        if explain:
            from model.explain import explain as carried

            for text, prediction in zip(texts, predictions, strict=True):
                prediction.evidence = {name: tuple(carried(self, text, name)) for name in self.heads}
        return predictions

    def save(self, folder: Path | str, created: str = "", extra: Mapping[str, bytes] | None = None) -> str:
        """Write the bundle's folder, whole or not at all, and return its version; `created` is a date and time to note.

        `extra` are further files by name, such as the card's.
        """
        files = extra if extra is not None else self.extra if self.extra is not None else {}
        manifest, arrays = describe(self.classifier, created)
        self.version = write_archive(Path(folder), manifest, arrays, files)
        self.versions = self.versions | {"model": self.version}
        return self.version

    def _predict_batch(self, texts: Sequence[str]) -> list[Prediction]:
        codes, spans = join_codes(texts)
        clauses: list[list[tuple[int, int]]] = []
        further: list[tuple[int, int]] = []
        if self._category >= 0:
            for text, first in zip(texts, spans[:, 0].tolist(), strict=True):
                split = split_clauses(text)
                clauses.append(split)
                if len(split) > 1:
                    further += [(first + start, first + end) for start, end in split]
        if further:
            spans = np.concatenate((spans, np.array(further, np.int64)))
        scores, reads = self.classifier.score_spans(codes, spans)
        chances = self.classifier.chances(scores)
        best, reason = self.classifier.decide(chances, scores, reads)
        size = len(texts)
        found = self._clause_labels(chances, best, [len(split) for split in clauses]) if further else []
        tops, reasons, rows = best[:size].tolist(), reason[:size].tolist(), chances[:size].tolist()
        predictions = []
        at = 0
        for number, text in enumerate(texts):
            verdicts = self._verdicts(rows[number], tops[number], reasons[number])
            parts: tuple[Part, ...] = ()
            split = clauses[number] if clauses else []
            if len(split) > 1:
                labels = found[at : at + len(split)]
                if len({label for label in labels if label >= 0}) > 1:
                    parts = self._parts(split, labels, best[size + at : size + at + len(split)])
                at += len(split)
            if not parts:
                category = verdicts["category"].label if self._category >= 0 else None
                department = verdicts["department"].label if self._department >= 0 else None
                parts = (Part(0, len(text), category, department),)
            predictions.append(Prediction(verdicts, parts, self.version, versions=self.versions))
        return predictions

    def _clause_labels(self, chances: NDArray[np.float64], best: NDArray[np.int64], clauses: list[int]) -> list[int]:
        """The category of each clause, -1 where it is not sure or the whole text rules it out."""
        size = len(clauses)
        first = int(self._layout[self._category, 2])
        top = best[size:, self._category, 0]
        owner = np.repeat(np.arange(size), [count if count > 1 else 0 for count in clauses])
        said = chances[np.arange(size, len(chances)), first + top]
        sure = said >= _CLAUSE_SURE
        second = (best[owner, self._category, 1] == top) & (said >= _CLAUSE_PLAIN)
        hinted = (chances[owner, first + top] >= _HINTED) | second
        labels: list[int] = np.where(sure & hinted, top, -1).tolist()
        return labels

    def _verdicts(self, chances: list[float], tops: list[list[int]], reasons: list[int]) -> dict[str, Verdict]:
        verdicts = {}
        first = 0
        for spec, top, reason in zip(self.classifier.heads_, tops, reasons, strict=True):
            names = spec.labels
            label = names[top[0]]
            held: tuple[str, ...] = (label,)
            if spec.several:
                held = tuple([name for place, name in enumerate(names) if chances[first + place] >= spec.cut]) or held
            others = tuple([(names[place], chances[first + place]) for place in top[1:] if place >= 0])
            verdicts[spec.name] = Verdict(label, held, chances[first + top[0]], reason == 0, _REASONS[reason], others)
            first += len(names)
        return verdicts

    def _parts(self, split: list[tuple[int, int]], labels: list[int], best: NDArray[np.int64]) -> tuple[Part, ...]:
        """The runs of clauses of one category; a run's department is what most of its sure clauses say."""
        specs = self.classifier.heads_
        parts = []
        for start, end, label in merge_clauses(split, labels):
            department = None
            if self._department >= 0:
                mine = [row for row, (begin, _) in enumerate(split) if start <= begin < end and labels[row] == label]
                said = best[mine, self._department, 0].tolist()
                department = specs[self._department].labels[max(said, key=said.count)]
            parts.append(Part(start, end, specs[self._category].labels[label], department))
        return tuple(parts)


def load_bundle(folder: Path | str) -> Bundle:
    """Open a bundle's folder; BundleError with a remedy when anything in it is not as it was written."""
    manifest, arrays, extra = read_archive(Path(folder))
    bundle = Bundle(restore(manifest, arrays, str(folder)), str(manifest["version"]), extra)
    bundle.predict(
        ["快递三天没到，客服态度很差"], explain=True
    )  # all that is compiled is compiled before the first complaint
    return bundle
