"""Metrics equal the field's reference and the neutral scorer, whatever the labels and ties."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from pedecg.evaluation import bootstrap, metrics

AUROC, AUPRC, SENSITIVITY, SPECIFICITY, BRIER = range(len(metrics.METRICS))


@pytest.fixture(scope="session")
def neutral(shared_data: Path) -> ModuleType:
    """The neutral scorer that figures for other tools come from."""
    file = shared_data.parent / "tools" / "score_classification.py"
    if not file.is_file():
        pytest.skip(f"no neutral scorer: {file} does not exist")
    spec = importlib.util.spec_from_file_location("score_classification", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@st.composite
def labelled(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Labels with unknowns and probabilities with ties; both classes present."""
    n = draw(st.integers(4, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = (rng.random(n) < draw(st.floats(0.05, 0.95))).astype(float)
    y[:2] = 0, 1
    y[2:][rng.random(n - 2) < 0.1] = np.nan
    levels = draw(st.sampled_from([2, 5, 20, 10**9]))
    return y, np.round(rng.random(n) * levels) / levels


@given(labelled())
def test_values_equal_scikit_learn(case: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    y, p = case
    row = metrics.values(y[:, None], p[:, None], np.array([0.5]))[0]
    y, p = y[~np.isnan(y)], p[~np.isnan(y)]
    assert row[AUROC] == pytest.approx(roc_auc_score(y, p))
    assert row[AUPRC] == pytest.approx(average_precision_score(y, p))
    assert row[BRIER] == pytest.approx(brier_score_loss(y, p))
    assert row[SENSITIVITY] == pytest.approx((p[y == 1] >= 0.5).mean())
    assert row[SPECIFICITY] == pytest.approx((p[y == 0] < 0.5).mean())


@given(labelled(), st.integers(0, 1000))
def test_a_weight_is_a_repeated_record(
    case: tuple[NDArray[np.float64], NDArray[np.float64]], seed: int
) -> None:
    y, p = case
    weights = np.random.default_rng(seed).integers(0, 4, (len(y), 3)).astype(np.uint16)
    cut = np.array([0.4])
    weighted = metrics.scores(y[:, None], p[:, None], weights, cut)[:, 0]
    for column, row in enumerate(weighted):
        index = np.repeat(np.arange(len(y)), weights[:, column])
        repeated = metrics.values(y[index][:, None], p[index][:, None], cut)[0]
        np.testing.assert_allclose(row, repeated, atol=1e-12)


@settings(deadline=None)
@given(case=labelled())
def test_values_and_threshold_equal_the_neutral_scorer(
    neutral: ModuleType, case: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> None:
    y, p = case
    theirs = neutral.metrics(y, p)
    cut = metrics.threshold(y, p)
    ours = metrics.values(y[:, None], p[:, None], np.array([cut]))[0]
    assert cut == pytest.approx(theirs["threshold"])
    for name, value in zip(metrics.METRICS, ours, strict=True):
        assert value == pytest.approx(theirs[name]), name


def test_intervals_equal_the_neutral_scorer(neutral: ModuleType) -> None:
    rng = np.random.default_rng(3)
    groups = np.sort(rng.integers(0, 80, 150))
    groups = np.unique(groups, return_inverse=True)[1]
    y = (rng.random((150, 2)) < (0.4, 0.2)).astype(float)
    y[rng.random((150, 2)) < 0.05] = np.nan
    p = np.clip(rng.normal(0.4, 0.2, y.shape) + 0.2 * np.nan_to_num(y), 0, 1)
    cuts = metrics.thresholds(y, p)
    theirs = neutral.score(["a", "b"], y, p, groups, list(cuts), boot=60, seed=5)
    weights = bootstrap.counts(groups.astype(np.int64), 60, 5)
    drawn = metrics.with_macro(metrics.scores(y, p, weights, cuts), np.array([True, True]))
    cells = [theirs["labels"]["a"], theirs["labels"]["b"], theirs["macro"]]
    for row, cell in enumerate(cells):
        for name in ("auroc", "auprc", "sens_at_spec95", "brier"):
            low, high = bootstrap.interval(drawn[:, row, metrics.METRICS.index(name)])
            assert (low, high) == pytest.approx((cell[name]["low"], cell[name]["high"])), name


@given(labelled())
def test_the_threshold_keeps_the_specificity_and_is_the_lowest_that_does(
    case: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    y, p = case
    cut = metrics.threshold(y, p, specificity=0.8)
    negatives = p[y == 0]
    assert (negatives < cut).mean() >= 0.8 - 1e-9
    lower = p[~np.isnan(y) & (p < cut)]
    if len(lower):
        assert (negatives < lower.max()).mean() < 0.8


def test_one_class_alone_has_no_figure() -> None:
    y, p = np.array([[1.0], [1.0], [np.nan]]), np.array([[0.2], [0.9], [0.5]])
    assert np.isnan(metrics.values(y, p, metrics.thresholds(y, p))).all()


def test_the_macro_average_is_over_targets_with_enough_cases() -> None:
    values = np.array([[0.8] * 5, [0.2] * 5, [0.6] * 5])
    averaged = metrics.with_macro(values, np.array([True, False, True]))
    np.testing.assert_allclose(averaged[-1], 0.7)
    assert np.isnan(averaged[1]).all()
    assert np.isnan(metrics.with_macro(values, np.zeros(3, bool))[-1]).all()
