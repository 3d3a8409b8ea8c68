"""Resampling draws patients, pairs models, and its intervals cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.evaluation import bootstrap


def test_a_patients_records_stay_together() -> None:
    patients = np.array([0, 0, 1, 2, 2, 2])
    counts = bootstrap.counts(patients, 50, 1)
    assert counts.shape == (6, 50)
    np.testing.assert_array_equal(counts[0], counts[1])
    np.testing.assert_array_equal(counts[3], counts[5])
    np.testing.assert_array_equal(counts[[0, 2, 3]].sum(axis=0), 3)


def test_equal_seeds_give_equal_resamples() -> None:
    patients = np.arange(40)
    np.testing.assert_array_equal(
        bootstrap.counts(patients, 5, 9), bootstrap.counts(patients, 5, 9)
    )
    assert (bootstrap.counts(patients, 5, 9) != bootstrap.counts(patients, 5, 10)).any()


def test_intervals_cover_the_truth_nineteen_times_of_twenty() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for repeat in range(200):
        clustered = np.repeat(rng.normal(size=60), 3)  # a patient's three records are alike
        weights = bootstrap.counts(np.repeat(np.arange(60), 3), 200, repeat)
        low, high = bootstrap.interval(clustered @ weights / weights.sum(axis=0))
        covered += low <= 0 <= high
    assert 0.90 <= covered / 200 <= 0.98


def test_draws_without_a_value_are_left_out_of_the_interval() -> None:
    low, high = bootstrap.interval(np.array([np.nan, 1.0, 2.0, 3.0]))
    assert 1 <= low < high <= 3
    assert np.isnan(bootstrap.interval(np.array([np.nan]))).all()
    assert np.isnan(bootstrap.interval(np.array([]))).all()


def test_equal_models_differ_with_p_1() -> None:
    assert bootstrap.p_value(0.0, np.zeros(100)) == 1.0


def test_a_difference_of_two_standard_errors_has_p_about_5_percent() -> None:
    draws = np.random.default_rng(0).normal(1.96, 1.0, 20_000)
    assert bootstrap.p_value(1.96, draws) == pytest.approx(0.05, abs=0.002)


def test_holm_equals_the_worked_example() -> None:
    assert bootstrap.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=12))
def test_holm_never_lowers_a_p_and_keeps_their_order(p: list[float]) -> None:
    corrected = np.array(bootstrap.holm(p))
    known = ~np.isnan(p)
    np.testing.assert_array_equal(np.isnan(corrected), ~known)
    raw = np.array(p)[known]
    assert (corrected[known] >= raw).all()
    assert (corrected[known] <= 1).all()
    assert (np.diff(corrected[known][np.argsort(raw, kind="stable")]) >= 0).all()
