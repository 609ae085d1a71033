"""A bundle: a folder of data only that classifies: `manifest.json` and the arrays in `weights.safetensors`.

Nothing in it is run when it is opened; every file is named in the manifest with its SHA-256, and a few fixed sentences
are tried against their expected probabilities before the first complaint is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.archive import read_archive, write_archive
from model.calibration import REASONS, Reason
from model.classifier import ComplaintClassifier
from model.clauses import Part, cut_clauses
from model.features import join_codes
from model.manifest import describe, restore
from model.parts import PartFinder
from model.tone import move_tone
from model.versions import versions_of

__all__ = ["Bundle", "Prediction", "Verdict", "load_bundle"]

_REASONS = (None, *REASONS)
_BATCH = 4096


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
        self._finder = PartFinder(classifier, self._category, self._department) if "category" in names else None

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
        size = len(texts)
        clauses, bounds = (
            cut_clauses(codes, spans) if self._finder else (np.empty((0, 3), np.int64), np.zeros(size + 1, np.int64))
        )
        scores, reads = self.classifier.score_spans(codes, np.concatenate((spans, clauses[:, :2])), toned=False)
        lengths = reads[:size, 0].copy()
        fitted = self.classifier
        move_tone(
            fitted.heads_,
            self._layout,
            fitted.slope_,
            fitted.shift_,
            fitted.heat_,
            codes,
            spans,
            lengths,
            scores[:size],
        )
        chances = self.classifier.chances(scores[:size])
        best, reason = self.classifier.decide(chances, scores[:size], reads[:size])
        each = zip(chances.tolist(), best.tolist(), reason.tolist(), strict=True)
        verdicts = [self._verdicts(*one) for one in each]
        parts: list[tuple[Part, ...]] = [()] * size
        if self._finder and len(clauses):
            found, ends = self._finder.find(scores[size:], reads[size:], clauses[:, 2], bounds)
            parts = self._parts(clauses, found, ends, spans[:, 0])
        return [
            Prediction(said, mine or (self._whole(text, said),), self.version, versions=self.versions)
            for text, said, mine in zip(texts, verdicts, parts, strict=True)
        ]

    def _whole(self, text: str, said: Mapping[str, Verdict]) -> Part:
        category = said["category"].label if self._category >= 0 else None
        return Part(0, len(text), category, said["department"].label if self._department >= 0 else None)

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

    def _parts(
        self, clauses: NDArray[np.int64], found: NDArray[np.int64], ends: NDArray[np.int64], begins: NDArray[np.int64]
    ) -> list[tuple[Part, ...]]:
        """Each text's parts, none where it is about one matter; what was found is as `PartFinder.find` gives it."""
        categories = self.classifier.heads_[self._category].labels
        departments = self.classifier.heads_[self._department].labels if self._department >= 0 else ()
        starts, stops, rows = clauses[:, 0].tolist(), clauses[:, 1].tolist(), found.tolist()
        return [
            tuple(
                [
                    Part(
                        starts[first] - shift,
                        stops[last] - shift,
                        categories[at],
                        departments[by] if departments else None,
                    )
                    for first, last, at, by in rows[begin:end]
                ]
            )
            for shift, (begin, end) in zip(begins.tolist(), pairwise(ends.tolist()), strict=True)
        ]


def load_bundle(folder: Path | str) -> Bundle:
    """Open a bundle's folder; BundleError with a remedy when anything in it is not as it was written."""
    manifest, arrays, extra = read_archive(Path(folder))
    bundle = Bundle(restore(manifest, arrays, str(folder)), str(manifest["version"]), extra)
    bundle.predict(
        ["快递三天没到，客服态度很差"], explain=True
    )  # all that is compiled is compiled before the first complaint
    return bundle
