"""Each rule's threshold is the one that an exhaustive search finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, f1_score

from pedecg.evaluation import thresholds

Case = tuple[NDArray[np.float64], NDArray[np.float64]]


@st.composite
def labelled(draw: st.DrawFn) -> Case:
    n = draw(st.integers(4, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = (rng.random(n) < draw(st.floats(0.1, 0.9))).astype(float)
    y[:2] = 0, 1
    levels = draw(st.sampled_from([2, 5, 10**9]))
    return y, np.round(rng.random(n) * levels) / levels


@pytest.mark.parametrize("rule", ["f1", "youden"])
@given(case=labelled())
def test_no_other_threshold_is_better(rule: str, case: Case) -> None:
    y, p = case
    worth = f1_score if rule == "f1" else balanced_accuracy_score
    cut = thresholds.fit(y, p, rule)
    best = max(worth(y, p >= other) for other in np.unique(p))
    assert worth(y, p >= cut) == pytest.approx(best)


@given(labelled(), st.sampled_from([0.5, 0.8, 0.95]))
def test_the_highest_threshold_that_keeps_the_sensitivity(case: Case, rate: float) -> None:
    y, p = case
    cut = thresholds.fit(y, p, "sensitivity", rate)
    assert (p[y == 1] >= cut).mean() >= rate - 1e-9
    higher = p[p > p[p >= cut].min()]
    if len(higher):
        assert (p[y == 1] >= higher.min()).mean() < rate


@given(labelled(), st.sampled_from([0.5, 0.8, 0.95]))
def test_the_lowest_threshold_that_keeps_the_specificity(case: Case, rate: float) -> None:
    y, p = case
    cut = thresholds.fit(y, p, "specificity", rate)
    assert (p[y == 0] < cut).mean() >= rate - 1e-9
    lower = p[p < cut]
    if len(lower):
        assert (p[y == 0] < lower.max()).mean() < rate


def test_unknown_labels_are_left_out_and_one_class_has_no_threshold() -> None:
    y, p = np.array([0, 1, np.nan, 1]), np.array([0.2, 0.6, 0.9, 0.7])
    assert thresholds.fit(y, p, "youden") == 0.4
    for rule in thresholds.RULES:
        assert np.isnan(thresholds.fit(np.ones(4), p, rule))


@pytest.mark.parametrize("rule", thresholds.RULES)
@given(case=labelled(), seed=st.integers(0, 1000))
def test_no_decision_depends_on_the_eighth_decimal(rule: str, case: Case, seed: int) -> None:
    """Seen: of two children at 0.2142856517 and 0.2142856252, one was positive."""
    y, p = case
    p = np.round(p, 2)
    shaken = p + np.random.default_rng(seed).uniform(0, 1e-6, len(p))
    cut = thresholds.fit(y, shaken, rule)
    np.testing.assert_array_equal(shaken >= cut, p + 5e-7 >= cut)
    np.testing.assert_array_equal(shaken >= cut, p >= thresholds.fit(y, p, rule))


def test_a_threshold_lies_midway_between_two_plateaus() -> None:
    y = np.array([0, 0, 1, 0, 1, 1])
    p = np.array([0.1, 0.1 + 3e-7, 0.2142856252, 0.2142856517, 0.6, 0.6 + 8e-7])
    assert thresholds.fit(y, p, "youden") == pytest.approx((0.2142856517 + 0.6) / 2)
    assert thresholds.fit(y, p, "sensitivity") == pytest.approx((0.1 + 0.2142856252) / 2, abs=1e-6)
