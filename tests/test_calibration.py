"""Probabilities mean what they say, thresholds keep their precision, and a refusal has the right reason."""

import numpy as np
import pytest
from numpy.typing import NDArray

from model.calibration import PAIR, SEVERAL, SINGLE, calibrate, decide, fit_sigmoids, fit_softmax, thresholds
from training.evaluate import expected_error

RANDOM = np.random.default_rng(7)


def softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(values - values.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))


def test_the_temperature_and_shifts_that_made_the_labels_are_found_again() -> None:
    scores = RANDOM.normal(size=(20_000, 3))
    chances = softmax(3.0 * scores + np.array([0.5, 0.0, -0.5]))
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
    truth = (softmax(scores).cumsum(1) > RANDOM.random((8_000, 1))).argmax(1)
    boasting = 4.0 * scores
    slope, shift = fit_softmax(boasting[:4000], truth[:4000])
    before, after = softmax(boasting[4000:]), softmax(slope * boasting[4000:] + shift)
    right = before.argmax(1) == truth[4000:]
    assert expected_error(before.max(1), right) > 0.2
    assert expected_error(after.max(1), after.argmax(1) == truth[4000:]) < 0.04


def test_three_kinds_of_heads_share_one_pass() -> None:
    heads = np.array([[SINGLE, 0, 0, 3], [PAIR, 3, 3, 2], [SEVERAL, 4, 5, 2]])
    scores = np.array([[1.0, 0.0, -1.0, 2.0, 3.0, -3.0]])
    chances = np.empty((1, 7))
    calibrate(scores, heads, np.ones(7), np.zeros(7), chances)
    assert chances[0, :3].tolist() == pytest.approx(softmax(np.array([[1.0, 0.0, -1.0]]))[0].tolist())
    assert chances[0, 3:5].tolist() == pytest.approx(softmax(np.array([[-2.0, 2.0]]))[0].tolist())
    assert chances[0, 5:].tolist() == pytest.approx([1 / (1 + np.exp(-3)), 1 / (1 + np.exp(3))])


def test_sigmoids_of_independent_labels() -> None:
    scores = RANDOM.normal(size=(20_000, 2))
    truth = 1 / (1 + np.exp(-(2 * scores - 1))) > RANDOM.random((20_000, 2))
    slopes, shifts = fit_sigmoids(scores, truth)
    assert slopes.tolist() == pytest.approx([2, 2], rel=0.1)
    assert shifts.tolist() == pytest.approx([-1, -1], abs=0.15)


def test_a_threshold_keeps_its_precision_on_rows_it_has_not_seen() -> None:
    sure = RANDOM.random(40_000)
    right = RANDOM.random(40_000) < sure
    label = RANDOM.integers(0, 2, 40_000)
    limits = thresholds(sure[:20_000], right[:20_000], label[:20_000], 2, 0.9)
    accepted = sure[20_000:] >= limits[label[20_000:]]
    assert right[20_000:][accepted].mean() == pytest.approx(0.9, abs=0.02)
    assert accepted.mean() == pytest.approx(0.2, abs=0.03)


def test_a_label_that_is_never_right_is_never_accepted_and_a_rare_one_uses_all_rows() -> None:
    sure = np.full(130, 0.99)
    right = np.array([True] * 100 + [False] * 25 + [True] * 5)
    label = np.array([0] * 100 + [1] * 25 + [2] * 5)
    limits = thresholds(sure, right, label, 3, 0.95)
    assert limits[0] == pytest.approx(0.99)
    assert limits[1] > 1
    assert limits[2] > 1  # all rows together are right in 105 of 130


@pytest.mark.parametrize(
    ("chances", "reads", "reason"),
    [
        ([0.97, 0.02, 0.01], [20, 0.9], 0),
        ([0.60, 0.25, 0.15], [20, 0.9], 1),
        ([0.48, 0.45, 0.07], [20, 0.9], 2),
        ([0.97, 0.02, 0.01], [20, 0.1], 3),
        ([0.97, 0.02, 0.01], [1, 0.9], 4),
    ],
)
def test_a_refusal_says_why(chances: list[float], reads: list[float], reason: int) -> None:
    best, why = np.empty((1, 1, 4), np.int64), np.empty((1, 1), np.int64)
    decide(np.array([chances]), np.array([[SINGLE, 0, 0, 3]]), np.full(3, 0.9), np.array([reads]), 0.3, 0.2, best, why)
    assert why[0, 0] == reason
    assert best[0, 0].tolist() == [0, 1, 2, -1]
