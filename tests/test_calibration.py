"""Probabilities mean what they say, thresholds keep their precision, and a refusal has the right reason."""

import numpy as np
import pytest
from numpy.typing import NDArray

from model.calibration import (
    PAIR,
    REASONS,
    SEVERAL,
    SINGLE,
    Reason,
    bent,
    calibrate,
    decide,
    fit_sigmoids,
    fit_softmax,
    thresholds,
)
from training.evaluate import expected_error

RANDOM = np.random.default_rng(7)


def softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(values - values.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))


def test_the_temperature_and_shifts_that_made_the_labels_are_found_again() -> None:
    scores = RANDOM.normal(size=(20_000, 3))
    chances = softmax(3.0 * bent(scores) + np.array([0.5, 0.0, -0.5]))
    truth = (chances.cumsum(1) > RANDOM.random((20_000, 1))).argmax(1)
    slope, shift = fit_softmax(scores, truth)
    assert slope == pytest.approx(3.0, rel=0.05)
    assert (shift - shift.mean()).tolist() == pytest.approx([0.5, 0.0, -0.5], abs=0.08)


def test_without_shifts_the_best_label_stays_the_best() -> None:
    scores = RANDOM.normal(size=(500, 4))
    slope, shift = fit_softmax(scores, np.zeros(500, np.int64), shifts=False)
    assert slope > 0
    assert np.abs(shift).max() < 1e-6


def test_perfectly_separated_values_stay_finite() -> None:
    scores = np.array([[5.0, -5.0]] * 10 + [[-5.0, 5.0]] * 10)
    slope, shift = fit_softmax(scores, np.array([0] * 10 + [1] * 10))
    assert np.isfinite(slope)
    assert np.isfinite(shift).all()


def test_calibrated_confidence_is_honest_where_raw_confidence_is_not() -> None:
    scores = RANDOM.normal(size=(8_000, 5))
    truth = (softmax(bent(scores)).cumsum(1) > RANDOM.random((8_000, 1))).argmax(1)
    boasting = 4.0 * scores
    slope, shift = fit_softmax(boasting[:4000], truth[:4000])
    before, after = softmax(boasting[4000:]), softmax(slope * bent(boasting[4000:]) + shift)
    right = before.argmax(1) == truth[4000:]
    assert expected_error(before.max(1), right) > 0.2
    assert expected_error(after.max(1), after.argmax(1) == truth[4000:]) < 0.04


def test_three_kinds_of_heads_share_one_pass() -> None:
    heads = np.array([[SINGLE, 0, 0, 3], [PAIR, 3, 3, 2], [SEVERAL, 4, 5, 2]])
    scores = np.array([[1.0, 0.0, -1.0, 2.0, 3.0, -3.0]])
    chances = np.empty((1, 7))
    calibrate(scores, heads, np.ones(7), np.zeros(7), chances)
    assert chances[0, :3].tolist() == pytest.approx(softmax(np.array([[0.3, 0.0, -1.0]]))[0].tolist())
    assert chances[0, 3:5].tolist() == pytest.approx(softmax(np.array([[-2.0, 0.6]]))[0].tolist())
    alone = np.array([1 / (1 + np.exp(-0.9)), 1 / (1 + np.exp(3))])
    assert chances[0, 5:].tolist() == pytest.approx((alone / (1 - (1 - alone).prod())).tolist())


def test_a_text_has_one_label_at_least_however_little_any_fits() -> None:
    heads, chances = np.array([[SEVERAL, 0, 0, 3]]), np.empty((2, 3))
    calibrate(np.array([[-40.0, -60.0, -60.0], [60.0, 60.0, -60.0]]), heads, np.ones(3), np.zeros(3), chances)
    assert chances[0].tolist() == pytest.approx([1, 0, 0], abs=1e-3)
    assert chances[1].tolist() == pytest.approx([1, 1, 0])


def test_sigmoids_of_independent_labels_are_found_among_rows_that_have_one() -> None:
    scores = RANDOM.normal(size=(40_000, 3))
    truth = 1 / (1 + np.exp(-(2 * bent(scores) - 1))) > RANDOM.random((40_000, 3))
    some = truth.any(1)  # nobody labels a complaint with nothing
    scores, truth = scores[some], truth[some]
    slopes, shifts = fit_sigmoids(scores, truth)
    assert slopes.tolist() == pytest.approx([2] * 3, rel=0.1)
    assert shifts.tolist() == pytest.approx([-1] * 3, abs=0.15)
    chances = np.empty(truth.shape)
    calibrate(scores, np.array([[SEVERAL, 0, 0, 3]]), slopes, shifts, chances)
    best = chances.argmax(1)
    assert expected_error(chances.max(1), truth[np.arange(len(best)), best]) < 0.02


def test_a_threshold_keeps_its_precision_on_rows_it_has_not_seen() -> None:
    sure = RANDOM.random(40_000)
    right = RANDOM.random(40_000) < sure
    label = RANDOM.integers(0, 2, 40_000)
    limits = thresholds(sure[:20_000], right[:20_000], label[:20_000], np.full(2, 0.9))
    accepted = sure[20_000:] >= limits[label[20_000:]]
    assert right[20_000:][accepted].mean() == pytest.approx(0.9, abs=0.02)
    assert accepted.mean() == pytest.approx(0.2, abs=0.03)


def test_every_label_may_have_a_precision_of_its_own() -> None:
    sure = RANDOM.random(40_000)
    right = RANDOM.random(40_000) < sure
    label = RANDOM.integers(0, 2, 40_000)
    limits = thresholds(sure, right, label, np.array([0.8, 0.95]))
    for one, wanted in enumerate((0.8, 0.95)):
        accepted = (label == one) & (sure >= limits[one])
        assert right[accepted].mean() == pytest.approx(wanted, abs=0.01)


def test_few_rows_do_not_seem_better_than_they_are() -> None:
    """Of the many labels with few rows, the ones that happen to be right often are not trusted with it."""
    unseen = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        sure, label = random.random(800), random.integers(0, 12, 800)
        right = random.random(800) < 0.5 + 0.5 * sure
        limits = thresholds(sure, right, label, np.full(12, 0.9))
        fresh, which = random.random(20_000), random.integers(0, 12, 20_000)
        accepted = fresh >= limits[which]
        unseen.append(np.mean(0.5 + 0.5 * fresh[accepted]))
    assert np.mean(unseen) >= 0.89


def test_a_label_that_is_never_right_is_never_accepted_and_a_rare_one_leans_on_all_rows() -> None:
    sure = np.full(180, 0.99)
    right = np.array([True] * 150 + [False] * 25 + [True] * 5)
    label = np.array([0] * 150 + [1] * 25 + [2] * 5)
    limits = thresholds(sure, right, label, np.full(4, 0.9))
    assert limits[0] == pytest.approx(0.99)  # (150 + 200 · 155/180) / 350 are right
    assert limits[1] > 1
    assert limits[2] > 1  # all rows together are right in 155 of 180
    assert limits[3] > 1  # no row says it is this label: as all rows together


@pytest.mark.parametrize(
    ("chances", "reads", "scope", "reason"),
    [
        ([0.97, 0.02, 0.01], [20, 0.9], 0.4, None),
        ([0.60, 0.25, 0.15], [20, 0.9], 0.4, Reason.LOW_CONFIDENCE),
        ([0.48, 0.45, 0.07], [20, 0.9], 0.4, Reason.CLOSE_SECOND),
        ([0.97, 0.02, 0.01], [20, 0.1], 0.4, Reason.OUT_OF_SCOPE),
        ([0.97, 0.02, 0.01], [20, 0.9], -0.4, Reason.OUT_OF_SCOPE),
        ([0.97, 0.02, 0.01], [2, 0.9], -0.4, Reason.TOO_SHORT),
    ],
)
def test_a_refusal_says_why(chances: list[float], reads: list[float], scope: float, reason: Reason | None) -> None:
    best, why = np.empty((1, 1, 4), np.int64), np.empty((1, 1), np.int64)
    heads, limits = np.array([[SINGLE, 0, 0, 3]]), np.array([3, 0.3, 0.1])
    scores = np.array([[0.0, 0.0, 0.0, scope]])
    decide(np.array([chances]), heads, np.full(3, 0.9), np.array([reads]), scores, limits, best, why)
    assert (None, *REASONS)[why[0, 0]] == reason
    assert best[0, 0].tolist() == [0, 1, 2, -1]
