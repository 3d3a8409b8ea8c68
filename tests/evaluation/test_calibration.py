"""Calibration: what is fitted, on whom, what it keeps, and the file that holds it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special
from sklearn.isotonic import IsotonicRegression

from pedecg.core.errors import PedecgError
from pedecg.evaluation import calibration, cases, fit_calibration
from pedecg.evaluation.calibration import METHODS, Calibration
from pedecg.evaluation.fit_calibration import CalibrationSettings

SETTINGS = CalibrationSettings(
    methods=list(METHODS), folds=5, seed=0, rule="specificity", rate=0.95
)


def distorted(
    slope: float, intercept: float, n: int = 4000, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Labels, what a distorted model says of them, and the truth that it distorts."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-1, 1.5, n)
    y = (rng.random(n) < special.expit(z)).astype(float)
    return y, special.expit((z - intercept) / slope), special.expit(z)


def test_temperature_finds_the_slope() -> None:
    y, p, _ = distorted(0.5, 0.0)
    assert METHODS["temperature"].fit(y, p)["slope"][0] == pytest.approx(0.5, abs=0.05)


def test_platt_finds_slope_and_intercept() -> None:
    y, p, truth = distorted(0.7, -0.8)
    found = METHODS["platt"].fit(y, p)
    assert found["slope"][0] == pytest.approx(0.7, abs=0.05)
    assert found["intercept"][0] == pytest.approx(-0.8, abs=0.1)
    np.testing.assert_allclose(METHODS["platt"].apply(p, found), truth, atol=0.03)


@given(st.integers(0, 500), st.sampled_from([3, 20, 10**6]))
def test_isotonic_equals_scikit_learn(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 200))
    p = np.round(rng.random(n) * levels) / levels
    y = (rng.random(n) < p).astype(float)
    fitted = METHODS["isotonic"].fit(y, p)
    theirs = IsotonicRegression().fit(p, y).predict(p)
    inside = np.clip(theirs, 1 / (n + 2), 1 - 1 / (n + 2))
    np.testing.assert_allclose(METHODS["isotonic"].apply(p, fitted), inside, atol=2e-6)


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 500))
def test_no_method_changes_a_ranking(method: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = np.sort(rng.choice(np.linspace(0.001, 0.999, 400), 60, replace=False))
    y = (rng.random(60) < 0.4).astype(float)
    calibrated = METHODS[method].apply(p, METHODS[method].fit(y, p))
    assert (np.diff(calibrated) > 0).all()
    assert 0 <= calibrated.min() <= calibrated.max() <= 1


@pytest.mark.parametrize(
    ("distort", "expected"),
    [
        (lambda z: z, {"none", "temperature"}),
        (lambda z: 3 * z, {"temperature"}),
        (lambda z: 2 * z + 2, {"platt"}),
        (lambda z: 4 * np.floor(z) - 3 * (z > 0), {"isotonic"}),
    ],
)
def test_the_method_that_the_distortion_needs_is_chosen(distort, expected: set[str]) -> None:
    y, _, truth = distorted(1.0, 0.0)
    p = special.expit(distort(special.logit(truth)))
    assert fit_calibration.choose(y, p, np.arange(len(y)), SETTINGS) in expected


@pytest.mark.parametrize(("patients", "expected"), [(4000, True), (400, False)])
def test_isotonic_is_no_candidate_with_few_positives(patients: int, expected: bool) -> None:
    y, _, truth = distorted(1.0, 0.0, patients)
    assert (min(y.sum(), len(y) - y.sum()) >= fit_calibration.ISOTONIC_FROM) == expected
    p = special.expit(4 * np.floor(special.logit(truth)) - 3 * (special.logit(truth) > 0))
    chosen = fit_calibration.choose(y, p, np.arange(len(y)), SETTINGS)
    assert (chosen == "isotonic") == expected
    alone = SETTINGS.model_copy(update={"methods": ["isotonic"]})
    assert fit_calibration.choose(y, p, np.arange(len(y)), alone) == "isotonic"


def test_a_threshold_lies_between_the_steps_of_isotonic_calibration() -> None:
    y, p, _ = distorted(0.7, -0.8, 400)
    alone = SETTINGS.model_copy(update={"methods": ["isotonic"]})
    curve = fit_calibration.fit_one(y, p, np.arange(len(y)), alone)
    steps = np.unique(curve.parameters["calibrated"])
    assert len(steps) > 3
    for cut in curve.thresholds.values():
        assert np.abs(steps - cut).min() > 1e-4


def test_a_patient_is_in_one_fold_and_every_fold_has_positives() -> None:
    rng = np.random.default_rng(1)
    patients = rng.integers(0, 120, 200)
    y = np.isin(patients, np.unique(patients)[:12]).astype(float)
    fold = fit_calibration.folds(y, patients, SETTINGS)
    assert all(len(set(fold[patients == one])) == 1 for one in patients)
    assert all(y[fold == one].sum() > 0 for one in range(SETTINGS.folds))


def fit(cohort, skill: float = 2.0, labels=None) -> Calibration:
    labels = cohort.labels if labels is None else labels
    validation = cases.of_split(labels, cohort.splits, "validation")
    p = cases.probabilities(cohort.predictions(skill), validation, "made")
    enough = np.array([True, True, False])
    return fit_calibration.fit("made", validation, p, [0, 1], SETTINGS, enough)


def test_the_file_gives_back_what_was_fitted(cohort, tmp_path: Path) -> None:
    fitted = fit(cohort)
    fitted.save(tmp_path / "a.json")
    loaded = calibration.load(tmp_path / "a.json")
    loaded.save(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    raw = np.random.default_rng(0).random((50, 3))
    for seed in (None, 0, 1):
        np.testing.assert_array_equal(loaded.apply(raw, seed), fitted.apply(raw, seed))
        np.testing.assert_array_equal(loaded.thresholds(seed), fitted.thresholds(seed))
    z = special.logit(raw)
    np.testing.assert_allclose(loaded.apply(z, 0, logits=True), loaded.apply(raw, 0))


def test_a_target_with_too_few_cases_is_left_alone_and_not_judged(cohort) -> None:
    fitted = fit(cohort)
    raw = np.random.default_rng(0).random((50, 3))
    p = fitted.apply(raw)
    np.testing.assert_array_equal(p[:, 2], raw[:, 2])
    called = fitted.decide(p)
    assert np.isnan(called[:, 2]).all()
    np.testing.assert_array_equal(called[:, 0], p[:, 0] >= fitted.thresholds()[0])


def test_a_threshold_that_nothing_reaches_survives_the_file(tmp_path: Path) -> None:
    y, p = np.array([0.0, 0, 1, 1] * 5), np.full(20, 0.5)
    curve = fit_calibration.fit_one(y, p, np.arange(20), SETTINGS)
    assert np.isinf(curve.threshold)
    Calibration("m", ("a",), False, "specificity", {"mean": {"a": curve}}).save(tmp_path / "c")
    loaded = calibration.load(tmp_path / "c")
    assert np.isinf(loaded.thresholds()[0])
    assert loaded.decide(loaded.apply(p[:, None])).sum() == 0


def test_labels_of_test_records_change_nothing(cohort, tmp_path: Path) -> None:
    in_test = set(cohort.splits.loc[cohort.splits["split"] == "test", "record_id"])
    labels = cohort.labels.copy()
    here = labels["record_id"].isin(in_test)
    labels.loc[here, ["abnormal", "chd"]] = 1 - labels.loc[here, ["abnormal", "chd"]]
    for name, one in {"a": cohort.labels, "b": labels}.items():
        fit(cohort, labels=one).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_exclusive_classes_sum_to_one_and_the_likeliest_is_called(cohort) -> None:
    one = fit(cohort)
    exclusive = Calibration(one.model, one.targets, True, one.rule, one.curves)
    p = exclusive.apply(np.random.default_rng(0).random((50, 3)))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    called = exclusive.decide(p)
    np.testing.assert_array_equal(called.sum(axis=1), 1)
    np.testing.assert_array_equal(called.argmax(axis=1), p.argmax(axis=1))


def test_faults_are_one_line(cohort, tmp_path: Path) -> None:
    with pytest.raises(PedecgError, match="no seed 9; there are mean, 0, 1"):
        fit(cohort).thresholds(9)
    with pytest.raises(PedecgError, match="not found; the evaluate stage writes it"):
        calibration.load(tmp_path / "nowhere.json")
    (tmp_path / "wrong.json").write_text("{}")
    with pytest.raises(PedecgError, match="not a calibration file"):
        calibration.load(tmp_path / "wrong.json")
