"""What every classifier of complaints owes its users, as checks that run on ours and on anyone's own.

A classifier is any object with `heads` (name → labels) and `predict_proba(texts)` → name → array (texts, labels). What
it may have besides: `predict`, `several` (the heads whose rows need not sum to 1), and `one_view = True` when
traditional, full-width and zero-width spellings are one text to it. A check that needs what it lacks is skipped.
"""

import pickle
import sys
from collections.abc import Callable, Sequence
from inspect import signature
from itertools import pairwise
from random import Random
from threading import Barrier, Thread
from typing import Any

import numpy as np

from model.bundle import Bundle
from model.checks import Check, Report, run_check, short
from model.faults import Classifier, ask, ask_elsewhere, differs, no_chances, open_labels
from model.hostile import COMPLAINTS, SPELLINGS, hostile_texts

__all__ = [
    "check_batch_invariance",
    "check_classifier",
    "check_closed_labels",
    "check_empty_list",
    "check_hostile",
    "check_probabilities",
    "check_restart",
    "check_spans",
    "check_threads",
    "check_unchanged_input",
    "check_views",
]

_TOGETHER = 500  # hostile texts asked at once


def check_classifier(
    classifier: Classifier,
    texts: Sequence[str] | None = None,
    hostile: int = 10_000,
    *,
    seed: int = 0,
    reopen: Callable[[], Classifier] | None = None,
) -> Report:
    """Run all checks; whatever the classifier does, nothing is raised. `texts` are ordinary ones of its kind.

    `hostile` is the number of hostile texts by `seed`; `reopen` makes the classifier again from where it is kept.

    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> class Mine:
    ...     def __init__(self, texts, labels):
    ...         self.pipeline = make_pipeline(TfidfVectorizer(analyzer="char"), LogisticRegression()).fit(texts, labels)
    ...         self.heads = {"category": self.pipeline.classes_.tolist()}
    ...     def predict_proba(self, texts):
    ...         if not texts:
    ...             return {"category": np.empty((0, len(self.heads["category"])))}
    ...         return {"category": self.pipeline.predict_proba(texts)}
    >>> report = check_classifier(Mine(["快递慢", "物流慢", "客服差"], ["物流", "物流", "服务"]), hostile=99)
    >>> [check.name for check in report.checks if check.passed is None], len(report.failures)
    (['restart', 'views', 'spans'], 0)
    """
    known = list(texts) if texts is not None else list(COMPLAINTS)
    return Report(
        (
            check_closed_labels(classifier, known),
            check_probabilities(classifier, known),
            check_empty_list(classifier),
            check_batch_invariance(classifier, known),
            check_threads(classifier, known),
            check_restart(classifier, known, reopen),
            check_unchanged_input(classifier, known),
            check_views(classifier, known),
            check_spans(classifier, [*known, *hostile_texts(min(hostile, 300), seed, known)]),
            check_hostile(classifier, hostile, seed, known),
        )
    )


def check_closed_labels(classifier: Classifier, texts: Sequence[str] = COMPLAINTS) -> Check:
    """Heads have distinct labels, every answer is for exactly these, and `predict` knows no others."""
    return run_check("closed labels", texts, lambda some: open_labels(classifier, some))


def check_probabilities(classifier: Classifier, texts: Sequence[str] = COMPLAINTS) -> Check:
    """Finite, from 0 to 1, and summing to 1 in every row of a head that is not among `several`."""
    return run_check("probabilities", texts, lambda some: no_chances(classifier, some))


def check_empty_list(classifier: Classifier) -> Check:
    """No text gives arrays of no row."""
    return run_check("empty list", [], lambda none: open_labels(classifier, none))


def check_batch_invariance(classifier: Classifier, texts: Sequence[str] = COMPLAINTS) -> Check:
    """A text's answer is the same bytes at every call, in batches of any size and in any order."""

    def broken(some: list[str]) -> str | None:
        whole, shuffled = ask(classifier, some), list(range(len(some)))
        Random(0).shuffle(shuffled)
        for what, order in (("again", range(len(some))), ("reversed", range(len(some))[::-1]), ("shuffled", shuffled)):
            if said := differs(whole, ask(classifier, [some[at] for at in order]), some, order):
                return f"asked {what}, {said}"
        for size in (1, 2, 7):
            for start in range(0, len(some), size):
                at = range(start, min(start + size, len(some)))
                if said := differs(whole, ask(classifier, some[start : start + size]), some, at):
                    return f"in batches of {size}, {said}"
        return None

    return run_check("batch invariance", texts, broken)


def check_threads(classifier: Classifier, texts: Sequence[str] = COMPLAINTS, threads: int = 4) -> Check:
    """The same bytes when several threads ask at the same time, each for other texts."""

    def broken(some: list[str]) -> str | None:
        alone, problems, start = ask(classifier, some), [], Barrier(threads)

        def work(first: int) -> None:
            start.wait()
            for turn in range(3 * len(some)):
                at = (first * len(some) // threads + turn) % len(some)
                try:
                    said = differs(alone, ask(classifier, [some[at]]), some, [at])
                except Exception as error:
                    said = f"it raises {error!r} on {short(some[at])}"
                if said:
                    problems.append(said)
                    return

        patience = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # threads take turns all the time, so that a race shows
        try:
            workers = [Thread(target=work, args=(number,)) for number in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        finally:
            sys.setswitchinterval(patience)
        return f"with {threads} threads, {problems[0]}" if problems else None

    return run_check("threads", texts, broken, smallest_too=False)


def check_restart(
    classifier: Classifier, texts: Sequence[str] = COMPLAINTS, reopen: Callable[[], Classifier] | None = None
) -> Check:
    """The same bytes after a restart: a bundle in a new process, others by `reopen`, else pickled and read again."""
    if reopen is None and not isinstance(classifier, Bundle):
        try:
            kept = pickle.dumps(classifier)
        except Exception as error:
            return Check("restart", None, f"it cannot be pickled ({type(error).__name__}): give `reopen`")
        reopen = lambda: pickle.loads(kept)  # noqa: E731

    def broken(some: list[str]) -> str | None:
        before = ask(classifier, some)
        after = ask(reopen(), some) if reopen is not None else ask_elsewhere(classifier, some)
        return differs(before, after, some, range(len(some)))

    return run_check("restart", texts, broken, smallest_too=False)


def check_unchanged_input(classifier: Classifier, texts: Sequence[str] = COMPLAINTS) -> Check:
    """Asking changes neither the list nor the heads, and writing into an answer changes no later one."""

    def broken(some: list[str]) -> str | None:
        given, heads = list(some), {name: tuple(labels) for name, labels in classifier.heads.items()}
        answer = classifier.predict_proba(given)
        if given != some:
            return "it changes the list it is given"
        if heads != {name: tuple(labels) for name, labels in classifier.heads.items()}:
            return "it changes its heads"
        before = {name: np.array(values) for name, values in answer.items()}
        for values in answer.values():
            if isinstance(values, np.ndarray) and values.flags.writeable:
                values.fill(0.5)
        said = differs(before, ask(classifier, some), some, range(len(some)))
        return f"after its answer was written into, {said}" if said else None

    return run_check("unchanged input", texts, broken)


def check_views(classifier: Classifier, texts: Sequence[str] = COMPLAINTS, declared: bool | None = None) -> Check:
    """Traditional, full-width, zero-width and capital spellings get the same bytes, where that is declared."""
    if not (declared if declared is not None else getattr(classifier, "one_view", isinstance(classifier, Bundle))):
        return Check("views", None, "it does not declare `one_view = True`")

    def broken(some: list[str]) -> str | None:
        plain = ask(classifier, some)
        for name, vary in SPELLINGS.items():
            if said := differs(plain, ask(classifier, list(map(vary, some))), some, range(len(some))):
                return f"in {name} spelling, {said}"
        return None

    return run_check("views", texts, broken)


def check_spans(classifier: Classifier, texts: Sequence[str] = COMPLAINTS) -> Check:
    """Parts and evidence of `predict` lie inside the text, parts in order and apart from each other."""
    predict: Any = getattr(classifier, "predict", None)
    try:
        explain = {"explain": True} if "explain" in signature(predict).parameters else {}
        known = hasattr(predict([COMPLAINTS[0]], **explain)[0], "parts")
    except Exception:  # then it is another kind of `predict`
        known = False
    if not known:
        return Check("spans", None, "it has no `predict` that gives predictions with parts")

    def broken(some: list[str]) -> str | None:
        for text, said in zip(some, predict(some, **explain), strict=True):
            parts = [(part.start, part.end) for part in said.parts]
            evidence = [span[:2] for spans in getattr(said, "evidence", {}).values() for span in spans]
            odd = [span for span in (*parts, *evidence) if not 0 <= span[0] <= span[1] <= len(text)]
            odd += [two for one, two in pairwise(parts) if two[0] < one[1]]
            if odd:
                return f"the span {odd[0]} does not lie in the text, or in another part"
        return None

    return run_check("spans", texts, broken)


def check_hostile(
    classifier: Classifier, hostile: int = 10_000, seed: int = 0, texts: Sequence[str] = COMPLAINTS
) -> Check:
    """Hostile texts by `seed`: never an unknown label, an exception, or a number that is no probability."""
    made = hostile_texts(hostile, seed, texts)

    def broken(some: list[str]) -> str | None:
        return open_labels(classifier, some) or no_chances(classifier, some)

    for start in range(0, len(made), _TOGETHER):
        found = run_check("hostile texts", made[start : start + _TOGETHER], broken)
        if found.passed is False:
            return found
    return Check("hostile texts", True, f"{len(made):,} texts")
