"""The manifest of a bundle: a fitted classifier as plain values and arrays, and back again with every value checked."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.classifier import ComplaintClassifier
from model.errors import BundleError
from model.features import Vocabulary
from model.heads import HeadSpec, layout_of
from model.kernel import LANES
from model.leaning import leanings_layout

__all__ = ["FORMAT", "describe", "restore"]

FORMAT = 3
_GOLDEN = (
    "快递三天没到，打电话也没人接。",
    "客服态度很差，一直推诿！",
    "多扣了两百块钱，要求退款",
    "谢谢，问题已经解决了",
    "ＡＰＰ總是閃退[捂脸]",
)
_LEARNT = ("bias", "scale", "slope", "shift", "threshold")
_TOLERANCE = 1e-6


def describe(classifier: ComplaintClassifier, created: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The manifest, without `files` and `version`, and the arrays of a fitted classifier."""
    golden = classifier.predict_proba(_GOLDEN, toned=False)
    manifest = {
        "format": FORMAT,
        "created": created,
        "libraries": {name: _version(name) for name in ("kesu", "numpy", "numba", "safetensors")},
        "grams": classifier.vocabulary_.grams,
        "limits": classifier.limits_.tolist(),
        "heat": classifier.heat_,
        "leanings": [list(pair) for pair in classifier.leanings_],
        "heads": [
            {
                "name": spec.name,
                "labels": list(spec.labels),
                "several": spec.several,
                "ordered": spec.ordered,
                "cut": spec.cut,
            }
            for spec in classifier.heads_
        ],
        **{name: getattr(classifier, f"{name}_").tolist() for name in _LEARNT},
        "golden": [
            {"text": text, "chances": {head: chances[at].tolist() for head, chances in golden.items()}}
            for at, text in enumerate(_GOLDEN)
        ],
    }
    vocabulary = classifier.vocabulary_
    arrays: dict[str, NDArray[Any]] = {
        "dictionary": vocabulary.dictionary,
        "marks": vocabulary.marks,
        "weights": classifier.weights_,
    }
    return manifest, arrays


def restore(manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], where: str) -> ComplaintClassifier:
    """The classifier of a manifest and its arrays; BundleError with `where` when they do not fit together."""
    if manifest.get("format") != FORMAT:
        raise BundleError(
            f"{where} has format {manifest.get('format')!r}, this kesu reads {FORMAT}: train it again or use its kesu."
        )
    try:
        classifier = _build(manifest, arrays, where)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{where} has a manifest that cannot be used ({error!r}): train the bundle again.") from error
    _try_golden(classifier, manifest["golden"], where)
    return classifier


def _build(manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], where: str) -> ComplaintClassifier:
    specs = tuple(
        HeadSpec(
            str(head["name"]),
            tuple(map(str, head["labels"])),
            bool(head["several"]),
            bool(head["ordered"]),
            float(head["cut"]),
        )
        for head in manifest["heads"]
    )
    dictionary, marks, weights = arrays["dictionary"], arrays["marks"], arrays["weights"]
    leanings = tuple((int(head), int(gate)) for head, gate in manifest["leanings"])
    if any(not (min(pair) >= 0 and max(pair) < len(specs)) or pair[0] == pair[1] for pair in leanings):
        raise BundleError(f"{where} has a head that leans on one that is not there: train the bundle again.")
    outputs, labels = 1 + sum(spec.outputs for spec in specs), sum(len(spec.labels) for spec in specs)
    sets = sum(specs[head].outputs * len(specs[gate].labels) for head, gate in leanings)
    lanes = -(-(outputs + sets + 1) // LANES) * LANES
    grams = int(manifest["grams"])
    bitmaps = dictionary.dtype == marks.dtype == np.uint64
    if not bitmaps or weights.dtype != np.int8 or not 1 <= grams <= 8 or not specs:
        raise BundleError(f"{where} holds arrays of another type than kesu writes: train the bundle again.")
    if any(len(spec.labels) < 2 or len(set(spec.labels)) != len(spec.labels) for spec in specs):
        raise BundleError(f"{where} has a head with fewer than two distinct labels: train the bundle again.")
    vocabulary = Vocabulary.of(grams, dictionary, marks, weights)
    if weights.shape != (vocabulary.size, lanes):
        need = (vocabulary.size, lanes)
        raise BundleError(f"{where} has weights of shape {weights.shape}, its labels need {need}: train it again.")
    classifier = ComplaintClassifier(grams=grams)
    classifier.heads_, classifier.vocabulary_, classifier.weights_ = specs, vocabulary, weights
    classifier.layout_, classifier.leanings_ = layout_of(specs), leanings
    classifier.places_ = leanings_layout(specs, leanings)
    classifier.heat_ = float(manifest["heat"])
    if not 1.0 <= classifier.heat_ < 100.0:
        raise BundleError(f"{where} has heat {classifier.heat_}, which is none: train the bundle again.")
    for name in _LEARNT:
        values = np.array(manifest[name], np.float64)
        size = {"bias": outputs, "scale": outputs + sets}.get(name, labels)
        if values.shape != (size,) or not np.isfinite(values).all():
            raise BundleError(f"{where} has {name} values that are not {size} finite numbers: train the bundle again.")
        setattr(classifier, f"{name}_", values)
    classifier.limits_ = np.array(manifest["limits"], np.float64)
    if classifier.limits_.shape != (3,) or not np.isfinite(classifier.limits_).all():
        raise BundleError(f"{where} has limits that are not 3 finite numbers: train the bundle again.")
    return classifier


def _try_golden(classifier: ComplaintClassifier, golden: list[dict[str, Any]], where: str) -> None:
    said = classifier.predict_proba([one["text"] for one in golden], toned=False)
    for at, one in enumerate(golden):
        for head, expected in one["chances"].items():
            if not np.allclose(said[head][at], expected, rtol=0, atol=_TOLERANCE):
                raise BundleError(
                    f"{where} answers {one['text']!r} otherwise than when it was made ({head}): train the bundle again."
                )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
