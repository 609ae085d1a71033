"""What count to expect: a week's shape, a level that forgets, a prior for new keys."""

import numpy as np
import pytest

from model.baseline import HALF_LIFE, Counter, Prior, Profile, fit_prior

MONDAY = 490_000 - (490_000 + 80) % 168  # an hour since 1970 that is Monday 00:00 in Shanghai


def office_week(weeks: int) -> Profile:
    """Complaints from 9 to 17 on weekdays only."""
    profile = Profile()
    for day in range(7 * weeks):
        start = MONDAY + 24 * day
        if day % 7 < 5:
            for hour in range(9, 17):
                profile.learn(start + hour, 20)
        profile.pass_day(start)
    return profile.fit()


def test_nights_and_weekends_expect_little() -> None:
    profile = office_week(4)
    noon, night = MONDAY + 12, MONDAY + 2
    assert profile.between(noon, noon + 1) > 3.5
    assert profile.between(night, night + 1) < 0.3
    assert profile.between(MONDAY, MONDAY + 168) == pytest.approx(168)


def test_half_a_week_of_history_does_not_call_the_rest_of_the_week_dead() -> None:
    profile = Profile()
    for day in range(3):
        for hour in range(24):
            profile.learn(MONDAY + 24 * day + hour, 30)
        profile.pass_day(MONDAY + 24 * day)
    profile.fit()
    thursday = MONDAY + 24 * 3
    assert profile.between(thursday, thursday + 24) == pytest.approx(24, rel=0.2)


def test_an_event_inside_the_guard_band_teaches_nothing() -> None:
    counter, profile, prior = Counter(0, 0), Profile(), Prior(0.5, 100)
    for hour in range(0, 480, 24):
        counter.add(hour, profile)
    counter.settle(480 - 48, profile)
    quiet = counter.level(prior)
    for _ in range(50):
        counter.add(479, profile)
    counter.settle(480 - 48, profile)
    assert counter.level(prior) == quiet
    assert counter.seen(480, 12) == 50
    counter.settle(480 + 48, profile)
    assert counter.level(prior) > quiet


def test_the_level_forgets_by_half_in_four_weeks() -> None:
    counter = Counter(0, 0)
    for hour in range(100):
        counter.add(hour, Profile())
    counter.settle(100, Profile())
    before = counter.count
    counter.settle(100 + int(HALF_LIFE), Profile())
    assert counter.count == pytest.approx(before / 2)


def test_a_late_complaint_goes_to_its_own_hour() -> None:
    counter, profile = Counter(1000, 1000), Profile()
    counter.add(990, profile)
    assert counter.seen(1010, 48) == 0
    assert 0.9 < counter.count <= 1
    assert counter.born == 990


def test_the_prior_learns_from_many_keys_how_far_levels_differ() -> None:
    rng = np.random.default_rng(5)
    hours = np.full(2000, 600.0)
    alike = fit_prior(rng.poisson(12, 2000).astype(float), hours)
    apart = fit_prior(rng.poisson(rng.gamma(0.2, 60, 2000)).astype(float), hours)
    assert alike.shape > 5 * apart.shape
    assert alike.shape / alike.hours == pytest.approx(12 / 600, rel=0.3)


def test_with_few_keys_the_prior_is_weak_and_around_their_mean() -> None:
    prior = fit_prior(np.array([500.0, 700.0]), np.array([200.0, 200.0]))
    assert prior.shape <= 1
    assert prior.shape / prior.hours == pytest.approx(3.0, rel=0.8)


def test_a_profile_survives_json() -> None:
    profile = office_week(2)
    again = Profile.from_value(profile.as_value())
    assert again.between(MONDAY + 3, MONDAY + 99) == profile.between(MONDAY + 3, MONDAY + 99)
