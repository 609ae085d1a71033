"""Honesty on public data and the starter: refusals, thresholds and their load, explanations, noise; as tables."""

from collections.abc import Mapping, Sequence
from csv import DictReader
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle import Bundle
from model.calibration import REASONS, Reason
from model.errors import DataError
from model.labels import load_labels, shipped
from training.config import TrainConfig
from training.dataset import Labelled
from training.evaluate import measure
from training.fit import fit_bundle
from training.honesty import measure_explanations, measure_noise, measure_off_topic
from training.noise import KINDS
from training.review_load import Outcome, judge_rows, review_load

__all__ = ["DOMAINS", "accepted_over", "honesty_bench", "load_kept", "read_domain"]

DOMAINS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "starter": ("", ()),
    "messages": ("gov_messages_train.csv", ("category",)),
    "reviews": ("shop_reviews_train.csv", ("product", "sentiment")),
    "cars": ("car_opinions_multilabel.csv", ("category",)),
    "posts": ("weibo_emotion_train.csv", ("emotion",)),
}
_EXPLAINED = 300  # texts a head
_DAYS = 30
_PARTS = 5
_Side = tuple[list[str], dict[str, list[str]]]


def honesty_bench(data: Path, domains: Sequence[str] = tuple(DOMAINS)) -> dict[str, dict[str, Any]]:
    """Print a line a head, what each kind of noise costs, and domains against each other; return the figures by domain.

    A bundle a domain is fitted on four texts in five by hash and measured on the fifth: `in` is the share of it that is
    refused as too short or out of scope, `off` the share of the background refused by a scope that has not seen the
    kind of the passage, `taken` the share of the background whose label of this head is accepted. Half of the fifth
    gives the forecast, the other half stands for the month after it: `inside` counts the labels whose precision lies
    in its interval, `load` is its reviews divided by those that were forecast. `cov95` is what a threshold chosen on
    these very rows would accept at 95 % precision, `auto` and `right` what the bundle's own thresholds accept, and how
    much of it is right; `lower` the share of texts whose three heaviest spans carry the verdict.
    """
    head_line = ("acc", "F1", "ECE", "floor", "cov95", "auto", "right", "inside", "load", "taken", "lower", "noise")
    print(f"{'domain':9}{'head':15}{'test':>7}{'in':>7}{'off':>7}" + "".join(f"{name:>8}" for name in head_line))
    bundles: dict[str, Bundle] = {}
    tests: dict[str, list[str]] = {}
    results: dict[str, dict[str, Any]] = {}
    for domain in domains:
        learnt, (texts, cells) = read_domain(data, domain)
        bundle = bundles[domain] = fit_bundle(Labelled(*learnt, None, 0, []), TrainConfig())
        tests[domain] = texts
        away = measure_off_topic(bundle)
        results[domain] = {"refused": _refused(bundle, texts), "off_topic": away, "heads": {}}
        noise, outcomes = measure_noise(bundle, texts, cells), judge_rows(bundle, texts, cells)
        apart = {kind: measure_noise(bundle, texts, cells, (kind,), tries=1) for kind in KINDS}
        for head, figures in measure(bundle, texts, cells).items():
            one = {
                **{name: figures[name] for name in ("n", "accuracy", "macro_f1", "ece", "ece_floor", "accepted")},
                "coverage_95": figures["coverage"]["0.95"],
                "kept": load_kept(bundle.heads[head], outcomes[head]),
                "explanations": measure_explanations(bundle, texts[:_EXPLAINED], head),
                "noise": noise[head]["loss"],
                "noises": {kind: lost[head]["loss"] for kind, lost in apart.items()},
            }
            results[domain]["heads"][head] = one
            _print_head(domain, head, one, results[domain])
    print("\npoints of macro-F1 that 5 % of noise cost, of one kind alone and of all mixed")
    print(f"{'':24}" + "".join(f"{kind:>12}" for kind in (*KINDS, "mixed")))
    for domain, one in results.items():
        for head, figures in one["heads"].items():
            losses = (*figures["noises"].values(), figures["noise"])
            print(f"{domain:9}{head:15}" + "".join(f"{100 * loss:>+12.2f}" for loss in losses))
    if "messages" in domains:
        share, right = results["messages"]["over"] = accepted_over(data, "messages")
        print(f"\nall messages, each by a bundle that has not seen it: {share:.1%} automatic, {right:.1%} of it right")
    print("\nrefused as out of scope or too short, bundle by row, texts by column")
    print(f"{'':9}" + "".join(f"{name:>10}" for name in domains))
    for domain in domains:
        results[domain]["others"] = {name: _refused(bundles[domain], texts) for name, texts in tests.items()}
        print(f"{domain:9}" + "".join(f"{share:>10.3f}" for share in results[domain]["others"].values()))
    return results


def accepted_over(data: Path, domain: str) -> tuple[float, float]:
    """Of all texts of a domain the share that the first head accepts, and the share of it that is right.

    A fifth of few texts says little about a precision of 95 %: five bundles with their own thresholds say more.
    """
    taken = right = rows = 0
    for part in range(_PARTS):
        learnt, (texts, cells) = read_domain(data, domain, part)
        bundle = fit_bundle(Labelled(*learnt, None, 0, []), TrainConfig())
        outcome = next(iter(judge_rows(bundle, texts, cells).values()))
        accepted = outcome.reason == 0
        taken, right = taken + int(accepted.sum()), right + int((accepted & outcome.right).sum())
        rows += len(accepted)
    return taken / rows, right / taken


def read_domain(data: Path, domain: str, part: int = 0) -> tuple[_Side, _Side]:
    """Texts and head → cells to train on and to test on: one text in five, by hash, without repeats; five `part`s."""
    name, heads = DOMAINS[domain]
    files = sorted(shipped("starter").glob("*.csv")) if domain == "starter" else [data / name]
    heads = heads or tuple(load_labels())
    rows: dict[str, list[str]] = {}
    for path in files:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                for row in DictReader(file):
                    rows.setdefault(row["text"], [row[head] for head in heads])
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error}): name the folder with the measuring data.") from error
    sides: tuple[_Side, _Side] = ([], {head: [] for head in heads}), ([], {head: [] for head in heads})
    for text in filter(None, rows):
        texts, cells = sides[int(sha256(text.encode()).hexdigest(), 16) % _PARTS == part]
        texts.append(text)
        for head, cell in zip(heads, rows[text], strict=True):
            cells[head].append(cell)
    return sides


def load_kept(labels: Sequence[str], outcome: Outcome) -> dict[str, Any]:
    """Whether a forecast made on every other row keeps for the rest, taken as the rows of the month after it.

    `labels` how many labels have rows enough to ask (10 accepted), `inside` those whose precision lies in its
    interval, `overall` whether the precision of all does, `load` the reviews divided by the forecast.
    """
    first = np.arange(len(outcome.label)) % 2 == 0
    before, after = (
        review_load(labels, outcome.label[side], outcome.reason[side] == 0, outcome.right[side], side.sum() / _DAYS)
        for side in (first, ~first)
    )
    pairs = [(before["classes"][label], after["classes"][label]) for label in labels]
    asked = [(old, new) for old, new in pairs if min(old["accepted"], new["accepted"]) >= 10]
    total = before["total"], after["total"]
    return {
        "labels": len(asked),
        "inside": sum(_inside(old, new) for old, new in asked),
        "overall": _inside(*total) if all(one["accepted"] for one in total) else None,
        "load": after["total"]["reviews"] / before["total"]["reviews"] if before["total"]["reviews"] else None,
    }


def _inside(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    low, high = old["interval"]
    return bool(low <= new["precision"] <= high)


def _refused(bundle: Bundle, texts: Sequence[str]) -> float:
    refused = [place for place, why in enumerate(REASONS, 1) if why in (Reason.OUT_OF_SCOPE, Reason.TOO_SHORT)]
    return float(np.isin(next(iter(bundle.reasons(texts).values())), refused).mean())


def _print_head(domain: str, head: str, one: Mapping[str, Any], all_: Mapping[str, Any]) -> None:
    away, kept, right = all_["off_topic"], one["kept"], one["accepted"]["precision"]
    cells = (
        *(f"{one[name]:.3f}" for name in ("accuracy", "macro_f1", "ece", "ece_floor", "coverage_95")),
        f"{one['accepted']['share']:.3f}",
        "—" if right is None else f"{right:.3f}",
        f"{kept['inside']}/{kept['labels']}",
        "—" if kept["load"] is None else f"{kept['load']:.2f}",
        "—" if away is None else f"{away['accepted'][head]:.3f}",
        f"{one['explanations']['lowered']:.3f}",
        f"{100 * one['noise']:+.2f}",
    )
    caught = 0.0 if away is None else away["refused"]
    print(
        f"{domain:9}{head:15}{one['n']:7}{all_['refused']:7.3f}{caught:7.3f}" + "".join(f"{cell:>8}" for cell in cells),
        flush=True,
    )
