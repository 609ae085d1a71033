"""Several matters in one complaint, measured: which are found, with which words, who leads and who handles beside.

A case is a line of JSON: `text`, its `parts` (each `category`, `department` and the exact `quote`), and `lead`, the
leading department; all other departments of the parts handle beside it.
"""

from collections.abc import Sequence
from json import loads
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from model.bundle import Bundle, Prediction, load_bundle
from model.errors import DataError
from model.labels import shipped
from model.lead import assign

__all__ = ["measure_parts", "read_cases", "several_bench", "starter_or"]

_CASES = Path(__file__).resolve().parent.parent / "tests" / "several_cases.jsonl"
_CHOSEN, _HELD = slice(0, None, 2), slice(1, None, 2)  # the settings were chosen on every other case of ours


def several_bench(path: Path | None = None, bundle: Path | None = None) -> dict[str, dict[str, float]]:
    """Print and return the figures of `measure_parts` on the cases of a file; without one on ours, in two halves.

    `bundle` is a folder; without one a bundle is trained from the starter corpus.
    """
    cases = read_cases(path if path is not None else _CASES)
    groups = {"all": cases} if path is not None else {"chosen on": cases[_CHOSEN], "held out": cases[_HELD]}
    model = starter_or(bundle)
    results = {name: measure_parts(model, some) for name, some in groups.items()}
    for name, figures in results.items():
        print(f"{name}: {len(groups[name])} complaints by bundle {model.version}")
        for what, value in figures.items():
            print(f"  {what.replace('_', ' '):18}{value:8.3f}")
    return results


def read_cases(path: Path) -> list[dict[str, Any]]:
    """The cases of a file; DataError names the line whose quotes do not stand in its text."""
    if not path.is_file():
        raise DataError(f"the file {path} with the cases is not there: give --data FILE")
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        case = loads(line)
        if not case["parts"] or any(not part["quote"] or part["quote"] not in case["text"] for part in case["parts"]):
            raise DataError(f"{path.name} line {number} quotes what its text does not hold: copy the words exactly")
        cases.append(case)
    if not cases:
        raise DataError(f"{path.name} holds no case: give one complaint a line")
    return cases


def measure_parts(bundle: Bundle, cases: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How well `bundle` finds the matters of `cases`, from 0 to 1 each.

    `precision`, `recall` and `F1` count categories over all complaints (micro); `span F1` counts characters of the
    categories rightly found; `all right` is the share of complaints with exactly their categories; `kept whole` the
    share of those about one category that stay one part; `lead` the share of right leading departments; `beside F1`
    counts the other departments (micro).
    """
    matters, words, beside = [0, 0, 0], [0, 0, 0], [0, 0, 0]  # rightly found, found, there
    right, lead, single, whole = 0, 0, 0, 0
    for case, prediction in zip(cases, bundle.predict([case["text"] for case in cases]), strict=True):
        there, found = _quoted(case), _found(prediction)
        _count(matters, set(found), set(there))
        for category in there.keys() & found.keys():
            _count(words, found[category], there[category])
        right += there.keys() == found.keys()
        if len(there) == 1:
            single, whole = single + 1, whole + (len(prediction.parts) == 1)
        leading, others = assign(prediction)
        lead += leading is not None and leading.department == case["lead"]
        _count(
            beside,
            {str(part.department) for part in others},
            {part["department"] for part in case["parts"]} - {case["lead"]},
        )
    return {
        "precision": matters[0] / max(matters[1], 1),
        "recall": matters[0] / max(matters[2], 1),
        "F1": _f1(matters),
        "span F1": _f1(words),
        "all right": right / max(len(cases), 1),
        "kept whole": whole / max(single, 1),
        "lead": lead / max(len(cases), 1),
        "beside F1": _f1(beside),
    }


def _quoted(case: dict[str, Any]) -> dict[str, set[int]]:
    """Category → the characters of its quotes."""
    there: dict[str, set[int]] = {}
    for part in case["parts"]:
        begin = case["text"].index(part["quote"])
        there.setdefault(part["category"], set()).update(range(begin, begin + len(part["quote"])))
    return there


def _found(prediction: Prediction) -> dict[str, set[int]]:
    """Category → the characters of its parts."""
    found: dict[str, set[int]] = {}
    for part in prediction.parts:
        found.setdefault(str(part.category), set()).update(range(part.start, part.end))
    return found


def _count(counts: list[int], found: set[Any], there: set[Any]) -> None:
    for at, some in enumerate((found & there, found, there)):
        counts[at] += len(some)


def _f1(counts: list[int]) -> float:
    right, found, there = counts
    return 2 * right / max(found + there, 1)


def starter_or(bundle: Path | None) -> Bundle:
    """The bundle of a folder; without one, a bundle trained from the starter corpus."""
    from training.fit import train

    if bundle is not None:
        return load_bundle(bundle)
    with TemporaryDirectory() as folder:
        train(sorted(shipped("starter").glob("*.csv")), Path(folder) / "bundle")
        return load_bundle(Path(folder) / "bundle")
