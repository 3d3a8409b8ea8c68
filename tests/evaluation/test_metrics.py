"""Metrics equal the field's reference and the neutral scorer, whatever the labels and ties."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from pedecg.evaluation import bootstrap, metrics, thresholds

Case = tuple[NDArray[np.float64], NDArray[np.float64]]


def scored(y: NDArray[np.float64], p: NDArray[np.float64], *cuts: float) -> dict[str, float]:
    """All figures of one target at the chosen threshold and those for 95%; one for all three."""
    points = np.array([cuts if len(cuts) == 3 else cuts * 3])
    row = metrics.values(y[:, None], p[:, None], points)[0]
    return dict(zip(metrics.METRICS, row.tolist(), strict=True))


def known(case: Case) -> Case:
    there = ~np.isnan(case[0])
    return case[0][there], case[1][there]


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


@given(labelled(), st.sampled_from([0.0, 0.4, 0.5, 1.1]))
def test_values_equal_scikit_learn(case: Case, cut: float) -> None:
    row = scored(*case, cut)
    y, p = known(case)
    called = p >= cut
    assert row["auroc"] == pytest.approx(roc_auc_score(y, p))
    assert row["auprc"] == pytest.approx(average_precision_score(y, p))
    assert row["brier"] == pytest.approx(brier_score_loss(y, p))
    assert row["sensitivity"] == row["sens_at_spec95"] == pytest.approx(recall_score(y, called))
    assert row["specificity"] == pytest.approx(recall_score(y, called, pos_label=0))
    assert row["youden"] == pytest.approx(row["sensitivity"] + row["specificity"] - 1)
    assert row["accuracy"] == pytest.approx(accuracy_score(y, called))
    assert row["f1"] == pytest.approx(f1_score(y, called))
    if called.any():
        assert row["ppv"] == pytest.approx(precision_score(y, called))
    else:
        assert np.isnan(row["ppv"])
    if not called.all():
        assert row["npv"] == pytest.approx(precision_score(y, called, pos_label=0))
    else:
        assert np.isnan(row["npv"])


@given(labelled())
def test_calibration_error_is_that_of_scikit_learns_curve(case: Case) -> None:
    row = scored(*case, 0.5)
    y, p = known(case)
    observed, predicted = calibration_curve(y, p, n_bins=10, strategy="quantile")
    share = np.unique(
        np.searchsorted(np.percentile(p, np.linspace(0, 100, 11))[1:-1], p), return_counts=True
    )[1] / len(p)
    assert row["ece"] == pytest.approx(float(share @ np.abs(observed - predicted)))


@given(st.integers(0, 1000))
def test_the_parts_of_the_brier_score_add_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.choice([0.1, 0.3, 0.8], 200)  # one value per bin: nothing varies within
    y = (rng.random(200) < rng.permutation([0.1, 0.3, 0.8])[rng.integers(0, 3, 200)]).astype(float)
    row = scored(y, p, 0.5)
    parts = row["brier_reliability"] - row["brier_resolution"] + row["brier_uncertainty"]
    assert row["brier"] == pytest.approx(parts)
    assert row["brier_uncertainty"] == pytest.approx(y.mean() * (1 - y.mean()))


@given(st.integers(0, 1000), st.sampled_from([150, 1500]))
def test_the_calibration_line_is_that_of_logistic_regression(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(-1, 1, n)
    p = special.expit(z)
    y = (rng.random(n) < special.expit(0.6 * z + 0.5)).astype(float)
    row = scored(y, p, 0.5)
    theirs = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(z[:, None], y)
    exact = n <= 512
    assert row["calibration_slope"] == pytest.approx(
        theirs.coef_[0, 0], abs=1e-4 if exact else 5e-3
    )
    shifted = special.expit(z + row["calibration_intercept"])
    assert shifted.mean() == pytest.approx(y.mean(), abs=1e-6 if exact else 1e-4)


def test_separated_classes_have_no_calibration_line() -> None:
    y = np.repeat([0.0, 1.0], 20)
    assert np.isnan(scored(y, np.linspace(0.1, 0.9, 40), 0.5)["calibration_slope"])


@given(labelled(), st.integers(0, 1000))
def test_a_weight_is_a_repeated_record(case: Case, seed: int) -> None:
    y, p = case
    weights = np.random.default_rng(seed).integers(0, 4, (len(y), 3)).astype(np.uint16)
    cuts = np.array([[0.4, 0.1, 0.9]])
    weighted = metrics.scores(y[:, None], p[:, None], weights, cuts)[:, 0]
    free = [  # these look at bins, which the sample itself sets
        name not in ("ece", "brier_reliability", "brier_resolution") for name in metrics.METRICS
    ]
    for column, row in enumerate(weighted):
        index = np.repeat(np.arange(len(y)), weights[:, column])
        repeated = metrics.values(y[index][:, None], p[index][:, None], cuts)[0]
        np.testing.assert_allclose(row[free], repeated[free], atol=1e-6)


def test_the_number_of_resamples_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    y, p = (rng.random((300, 2)) < 0.3).astype(float), rng.random((300, 2))
    weights = rng.integers(0, 3, (300, 20)).astype(np.uint16)
    cuts = np.full((2, 3), 0.5)
    before = metrics.scores(y, p, weights, cuts)
    monkeypatch.setattr(metrics, "_CELLS_AT_ONCE", 1)
    np.testing.assert_allclose(metrics.scores(y, p, weights, cuts), before, rtol=1e-9, atol=1e-9)


@given(case=labelled())
def test_values_and_threshold_equal_the_neutral_scorer(neutral: ModuleType, case: Case) -> None:
    theirs = neutral.metrics(*case)
    cut = thresholds.fit(*case, "specificity")
    ours = scored(*case, cut)
    p = known(case)[1]
    np.testing.assert_array_equal(p >= cut, p >= theirs["threshold"])
    for name in ("auroc", "auprc", "sens_at_spec95", "brier"):
        assert ours[name] == pytest.approx(theirs[name]), name
    assert ours["spec_at_spec95"] == pytest.approx(theirs["specificity"])


def test_intervals_equal_the_neutral_scorer(neutral: ModuleType) -> None:
    rng = np.random.default_rng(3)
    groups = np.sort(rng.integers(0, 80, 150))
    groups = np.unique(groups, return_inverse=True)[1]
    y = (rng.random((150, 2)) < (0.4, 0.2)).astype(float)
    y[rng.random((150, 2)) < 0.05] = np.nan
    p = np.clip(rng.normal(0.4, 0.2, y.shape) + 0.2 * np.nan_to_num(y), 0, 1)
    cuts = np.array([[thresholds.fit(y[:, k], p[:, k], "specificity")] * 3 for k in range(2)])
    theirs = neutral.score(["a", "b"], y, p, groups, list(cuts[:, 0]), boot=60, seed=5)
    weights = bootstrap.counts(groups.astype(np.int64), 60, 5)
    drawn = metrics.with_averages(y, p, weights, cuts, np.array([True, True]))
    cells = [theirs["labels"]["a"], theirs["labels"]["b"], theirs["macro"]]
    for row, cell in enumerate(cells):
        for name in ("auroc", "auprc", "sens_at_spec95", "brier"):
            low, high = bootstrap.interval(drawn[:, row, metrics.METRICS.index(name)])
            assert (low, high) == pytest.approx((cell[name]["low"], cell[name]["high"])), name


def test_one_class_alone_has_no_figure() -> None:
    y, p = np.array([1.0, 1.0, np.nan]), np.array([0.2, 0.9, 0.5])
    assert np.isnan(list(scored(y, p, 0.5).values())).all()


def test_without_a_threshold_its_figures_alone_are_open() -> None:
    y, p = np.array([0.0, 1, 0, 1, 1, 0]), np.array([0.2, 0.9, 0.5, 0.4, 0.7, 0.3])
    row = scored(y, p, np.nan, 0.5, np.nan)
    assert {name for name, value in row.items() if np.isnan(value)} >= {
        *metrics.POINTS["chosen"].values(),
        *metrics.POINTS["sens95"].values(),
    }
    assert np.isfinite([row["auroc"], row["brier"], row["sens_at_spec95"]]).all()


@given(st.integers(0, 1000))
def test_micro_pools_all_decisions_and_macro_averages_targets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = (rng.random((80, 3)) < (0.5, 0.3, 0.2)).astype(float)
    y[:2] = [[0, 0, 0], [1, 1, 1]]
    p = np.round(rng.random((80, 3)), 2)
    cuts = np.array([[0.5] * 3, [0.3] * 3, [0.7] * 3])
    counted = np.array([True, False, True])
    ones = np.ones((80, 1), np.uint16)
    rows = metrics.with_averages(y, p, ones, cuts, counted)[0]
    assert np.isnan(rows[1]).all()
    np.testing.assert_allclose(rows[3], rows[[0, 2]].mean(axis=0))
    flat, stated = y[:, counted].ravel(), p[:, counted].ravel()
    micro = dict(zip(metrics.METRICS, rows[4], strict=True))
    assert micro["auroc"] == pytest.approx(roc_auc_score(flat, stated))
    assert micro["auprc"] == pytest.approx(average_precision_score(flat, stated))
    called = (p >= cuts[:, 0])[:, counted].ravel()
    assert micro["f1"] == pytest.approx(f1_score(flat, called))
    tn, fp, _, _ = confusion_matrix(flat, called).ravel()
    assert micro["specificity"] == pytest.approx(tn / (tn + fp))


def test_no_target_with_enough_cases_has_no_average() -> None:
    y, p = np.array([[0.0], [1.0]]), np.array([[0.2], [0.4]])
    ones = np.ones((2, 1), np.uint16)
    rows = metrics.with_averages(y, p, ones, np.full((1, 3), 0.5), np.array([False]))
    assert np.isnan(rows).all()
