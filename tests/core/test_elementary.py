"""Sums and functions that are the same on every processor are also right."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pedecg.core import elementary
from pedecg.core import logistic_curve as logistic

SEEDS = st.integers(0, 2**32 - 1)
quickly = settings(max_examples=50, deadline=None)


@given(arrays.arrays(np.float64, 20, elements=st.floats(-708, 700)))
@quickly
def test_the_exponential_is_right_to_the_last_digit(x: np.ndarray) -> None:
    right = np.array([math.exp(each) for each in x])
    assert elementary.exp(x) == pytest.approx(right, rel=1e-15, abs=0)


def test_the_exponential_ends_in_zero() -> None:
    assert elementary.exp(np.array([-709.0, -np.inf, 0.0])).tolist() == [0.0, 0.0, 1.0]


@given(seed=SEEDS, n=st.integers(1, 12), more=st.integers(0, 10), wanted=st.integers(1, 4))
@quickly
def test_least_squares_equals_lapack(seed: int, n: int, more: int, wanted: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, sides = rng.normal(size=(n + more, n)), rng.normal(size=(n + more, wanted))
    condition = np.linalg.cond(matrix)
    right = np.linalg.lstsq(matrix, sides, rcond=None)[0]
    found = elementary.least_squares(matrix, sides)
    assert np.abs(found - right).max() < 1e-13 * condition**2 * (1 + np.abs(right).max())


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 5, 14])
def test_medians_are_those_of_numpy_to_the_bit(n: int, kind: type) -> None:
    values = np.random.default_rng(n).normal(size=(4, n, 30)).astype(kind)
    values[1, 0, 3:5], values[2, 0, 7] = np.nan, np.inf
    found = elementary.median(values, axis=1)
    assert found.dtype == kind
    assert np.array_equal(found, np.median(values, axis=1), equal_nan=True)


@given(seed=SEEDS)
@quickly
def test_products_lengths_angles_and_correlations_equal_those_of_numpy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, rows = rng.normal(size=(4, 12, 3)), rng.normal(size=(3, 50))
    assert elementary.product(matrix, rows) == pytest.approx(matrix @ rows, abs=1e-14)
    assert elementary.norm(rows, axis=0) == pytest.approx(np.linalg.norm(rows, axis=0), rel=1e-14)
    right = np.degrees(np.arctan2(rows[1], rows[0]))
    assert elementary.angle_deg(rows[0], rows[1]) == pytest.approx(right, rel=1e-14)
    right = np.corrcoef(rows[:2])[0, 1]
    assert elementary.correlation(rows[0], rows[1]) == pytest.approx(right, abs=1e-14)


@given(
    seed=SEEDS,
    penalty=st.sampled_from([1e-3, 0.1]),
    most=st.floats(0.1, 5),
    sharp=st.sampled_from([0.0, 1.0, 50.0, -3.0]),
)
@quickly
def test_no_neighbour_of_the_logistic_curve_is_likelier(
    seed: int, penalty: float, most: float, sharp: float
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=60)
    y = (sharp * x + rng.logistic(size=60) > 0).astype(float)

    def loss(intercept: float, slope: float) -> float:
        logit = intercept + slope * x
        likelihood = np.mean(np.logaddexp(0, logit) - y * logit)
        return float(likelihood + penalty / 2 * (intercept**2 + slope**2))

    found = logistic.line(x, y, (0.0, 0.0), (0.0, most), (-2.0, 2.0), penalty)
    assert -2 <= found[0] <= 2
    assert 0 <= found[1] <= most
    for step in np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)]) * 1e-4:
        there = np.clip(np.array(found) + step, [-2, 0], [2, most])
        assert loss(*found) <= loss(*there) + 1e-15


def test_perfect_separation_without_a_penalty_ends_at_a_bound() -> None:
    x = np.array([-2.0, -1.0, 1.0, 2.0])
    intercept, slope = logistic.line(x, (x > 0).astype(float), (0.0, 1.0), (0.05, 20.0))
    assert intercept == pytest.approx(0, abs=1e-6)
    assert slope == 20.0
