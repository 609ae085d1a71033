"""What can be wrong with a classifier's answers: other bytes than before, unknown labels, no chances."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from json import dumps, loads
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.checks import short

__all__ = ["Classifier", "ask", "ask_elsewhere", "differs", "no_chances", "open_labels"]


class Classifier(Protocol):
    """What a classifier must have at least."""

    heads: Mapping[str, Sequence[str]]

    def predict_proba(self, texts: list[str]) -> Mapping[str, NDArray[Any]]:
        """Head → probabilities (texts, labels)."""


def ask(classifier: Classifier, texts: list[str]) -> dict[str, NDArray[Any]]:
    """What it answers, in arrays that are nobody else's."""
    return {name: np.array(values) for name, values in classifier.predict_proba(list(texts)).items()}


def ask_elsewhere(classifier: Classifier, texts: list[str]) -> dict[str, NDArray[Any]]:
    """What the saved bundle answers in a process of its own."""
    assert isinstance(classifier, Bundle)
    with TemporaryDirectory() as folder:
        Bundle(classifier.classifier, extra=classifier.extra).save(Path(folder) / "bundle")
        home = str(Path(__file__).resolve().parent.parent)
        command = [sys.executable, "-c", _ELSEWHERE, home, str(Path(folder) / "bundle")]
        ran = subprocess.run(command, input=dumps(texts), capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr.strip().splitlines()[-1])
    return {
        name: np.frombuffer(bytes.fromhex(data)).reshape(len(texts), -1) for name, data in loads(ran.stdout).items()
    }


_ELSEWHERE = """
import sys, json
sys.path.insert(0, sys.argv[1])
from model.bundle import load_bundle
said = load_bundle(sys.argv[2]).predict_proba(json.load(sys.stdin))
print(json.dumps({name: values.tobytes().hex() for name, values in said.items()}))
"""


def differs(
    whole: Mapping[str, NDArray[Any]], some: Mapping[str, NDArray[Any]], texts: Sequence[str], order: Sequence[int]
) -> str | None:
    """Where the answers `some` to the texts at `order` are other bytes than in `whole`."""
    for name, values in whole.items():
        for row, at in enumerate(order):
            if some[name][row].tobytes() != values[at].tobytes():
                then, now = values[at].tolist(), some[name][row].tolist()
                return f"head {name!r} answers {short(now)} instead of {short(then)} to {short(texts[at])}"
    return None


def open_labels(classifier: Classifier, texts: list[str]) -> str | None:
    """What is not closed about the labels of the heads and of these texts' answers."""
    heads = {name: list(labels) for name, labels in classifier.heads.items()}
    for name, labels in heads.items():
        plain = all(isinstance(label, str) and label for label in labels)
        if len(labels) < 2 or len(set(labels)) != len(labels) or not plain:
            return f"head {name!r} has labels that are not two or more distinct strings: {short(labels)}"
    answer = classifier.predict_proba(list(texts))
    if set(answer) != set(heads):
        return f"it answers for {short(sorted(answer))} and has the heads {short(sorted(heads))}"
    for name, values in answer.items():
        if np.shape(values) != (len(texts), len(heads[name])):
            return f"head {name!r} has {len(heads[name])} labels and answers {len(texts)} texts by {np.shape(values)}"
    predict = getattr(classifier, "predict", None)
    for name, named in _named(predict(list(texts))) if predict is not None and texts else ():
        if name not in heads or not named <= set(heads[name]):
            return f"head {name!r} says {short(sorted(named))}, which are not all labels of it"
    return None


def _named(predictions: Any) -> Iterator[tuple[str, set[str]]]:
    """The labels that predictions name, by head: of objects with verdicts by head, or of head → labels."""
    if isinstance(predictions, Mapping):
        yield from ((name, set(labels)) for name, labels in predictions.items())
        return
    for prediction in predictions:
        for name, verdict in getattr(prediction, "heads", {}).items():
            others = [label for label, _ in getattr(verdict, "alternatives", ())]
            yield name, {verdict.label, *getattr(verdict, "labels", ()), *others}


def no_chances(classifier: Classifier, texts: list[str]) -> str | None:
    """What is no probability in these texts' answers."""
    several = getattr(classifier, "several", ())
    if isinstance(classifier, Bundle):
        several = [spec.name for spec in classifier.classifier.heads_ if spec.several]
    for name, values in ask(classifier, list(texts)).items():
        sums = values.sum(1) if name not in several else np.ones(len(values))
        for what, wrong in (
            ("a number that is not finite", ~np.isfinite(values).all(1)),
            ("a probability below 0 or above 1", ((values < 0) | (values > 1)).any(1)),
            ("probabilities that do not sum to 1", ~(np.abs(sums - 1) < 1e-6)),
        ):
            if wrong.any():
                row = int(wrong.argmax())
                return f"head {name!r} answers {what}, {short(values[row].tolist())}, to {short(texts[row])}"
    return None
