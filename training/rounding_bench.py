"""What 8-bit weights cost: macro-F1 of the same fitted machines with weights as floats and as a bundle keeps them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.classifier import ComplaintClassifier
from model.linear import quantise
from training.accuracy_bench import TASKS, read_task
from training.config import TrainConfig
from training.dataset import Labelled
from training.evaluate import measure
from training.fit import fit_bundle

__all__ = ["rounding_bench"]


def rounding_bench(data: Path, tasks: Sequence[str] = tuple(TASKS)) -> dict[str, dict[str, float]]:
    """Print and return for each task the macro-F1 with float weights and with rounded ones, on one text in five by
    hash, and the share of texts whose best label differs. All else is the same, rounded idf included.
    """
    print(f"{'task':12}{'test':>8}{'float F1':>10}{'8-bit F1':>10}{'cost':>9}{'other label':>13}")
    results = {}
    for task in tasks:
        (texts, labels), (unseen, truth) = read_task(data, task)
        bundle, weights = fit_with_floats(texts, labels)
        classifier = bundle.classifier

        rounded, ours = bundle.predict_proba(unseen)["label"], measure(bundle, unseen, {"label": truth})["label"]
        with patch.object(classifier, "score_spans", with_floats(classifier, weights)):
            exact, full = bundle.predict_proba(unseen)["label"], measure(bundle, unseen, {"label": truth})["label"]
        moved = float((rounded.argmax(1) != exact.argmax(1)).mean())
        cost = full["macro_f1"] - ours["macro_f1"]
        print(
            f"{task:12}{len(unseen):8}{full['macro_f1']:10.4f}{ours['macro_f1']:10.4f}{cost:+9.4f}{moved:13.2%}",
            flush=True,
        )
        results[task] = {"float_f1": full["macro_f1"], "int8_f1": ours["macro_f1"], "moved": moved}
    print(
        f"largest cost of 8-bit weights: {100 * max(one['float_f1'] - one['int8_f1'] for one in results.values()):+.2f}"
    )
    return results


def with_floats(classifier: ComplaintClassifier, weights: NDArray[np.float32]) -> Any:
    """What scores spans as the classifier does, by weights (features, outputs) that were not rounded."""
    plain = classifier.score_spans

    def score_spans(
        codes: NDArray[np.uint32], spans: NDArray[np.int64], toned: bool = True
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        texts = [codes[first:last].tobytes().decode("utf-32-le") for first, last in spans.tolist()]
        return classifier.vocabulary_.matrix(texts) @ weights + classifier.bias_, plain(codes, spans, toned)[1]

    return score_spans


def fit_with_floats(texts: Sequence[str], labels: Sequence[str]) -> tuple[Bundle, NDArray[np.float32]]:
    """A bundle fitted on one head, `label`, and its weights (features, outputs) before they were rounded."""
    kept: list[NDArray[np.float32]] = []

    def keep(weights: NDArray[np.float32], idf: NDArray[np.float32]) -> Any:
        kept.append(weights.copy())
        return quantise(weights, idf)

    with patch("model.classifier.quantise", keep):
        bundle = fit_bundle(Labelled(list(texts), {"label": list(labels)}, None, 0, []), TrainConfig())
    return bundle, kept[-1]
