"""DeLong's variance by ranks equals its definition, and patients count once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from pedecg.evaluation import bootstrap, delong, metrics


def by_definition(y: NDArray, p: NDArray) -> tuple[NDArray, NDArray]:
    """DeLong 1988, equations 4 to 7, pair by pair: the slow second implementation."""
    ill, well = p[:, y == 1], p[:, y == 0]
    kernel = np.zeros((len(p), ill.shape[1], well.shape[1]))
    for model in range(len(p)):
        for i, positive in enumerate(ill[model]):
            for j, negative in enumerate(well[model]):
                kernel[model, i, j] = 1.0 if positive > negative else 0.5 * (positive == negative)
    values = kernel.mean(axis=(1, 2))
    s10 = np.cov(kernel.mean(axis=2), ddof=1)
    s01 = np.cov(kernel.mean(axis=1), ddof=1)
    return values, s10 / ill.shape[1] + s01 / well.shape[1]


@given(st.integers(0, 10_000), st.sampled_from([4, 20, 10**6]))
def test_ranks_give_what_the_definition_gives(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 50))
    y = (rng.random(n) < 0.4).astype(float)
    y[:4] = 0, 0, 1, 1
    p = np.round(rng.random((3, n)) * levels) / levels
    found = delong.areas(y, p, np.arange(n))
    values, covariance = by_definition(y, p)
    np.testing.assert_allclose(found.values, values, atol=1e-12)
    np.testing.assert_allclose(found.values, [roc_auc_score(y, one) for one in p], atol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-12)


def test_unknown_labels_are_left_out() -> None:
    rng = np.random.default_rng(0)
    y, p = (rng.random(60) < 0.4).astype(float), rng.random((2, 60))
    y[:10] = np.nan
    found, apart = delong.areas(y, p, np.arange(60)), delong.areas(y[10:], p[:, 10:], np.arange(50))
    np.testing.assert_allclose(found.covariance, apart.covariance)


def test_a_record_twice_is_no_second_piece_of_evidence() -> None:
    rng = np.random.default_rng(1)
    y, p = (rng.random(80) < 0.4).astype(float), rng.random((2, 80))
    once = delong.areas(y, p, np.arange(80))
    twice = delong.areas(np.tile(y, 2), np.tile(p, 2), np.tile(np.arange(80), 2))
    np.testing.assert_allclose(twice.values, once.values)
    np.testing.assert_allclose(twice.covariance, once.covariance, rtol=1e-9)


def test_the_spread_is_that_of_a_bootstrap_over_patients() -> None:
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(150), 2)
    y = np.repeat((rng.random(150) < 0.4).astype(float), 2)
    p = np.repeat(rng.random(150) + 0.5 * y[::2], 2) + 0.05 * rng.random(300)
    found = delong.areas(y, p[None], patients).covariance[0, 0]
    weights = bootstrap.counts(patients, 800, 0)
    none = np.full((1, 3), np.nan)
    drawn = metrics.scores(y[:, None], p[:, None], weights, none)[:, 0, 0]
    assert np.sqrt(found) == pytest.approx(drawn.std(), rel=0.1)


def test_equal_models_differ_with_p_1() -> None:
    rng = np.random.default_rng(3)
    y, p = (rng.random(40) < 0.5).astype(float), rng.random(40)
    assert delong.areas(y, np.array([p, p]), np.arange(40)).p_value(0, 1) == 1.0
