"""Curves hold the figures that they draw."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pedecg.evaluation import cases, curves, evaluate
from pedecg.plots import reliability_diagram

RNG = np.random.default_rng(0)
Y = (RNG.random(400) < 0.3).astype(float)
P = np.clip(RNG.normal(0.4, 0.2, 400) + 0.2 * Y, 0, 1)


def test_the_area_under_the_drawn_roc_is_the_auroc() -> None:
    curve = curves.roc(Y, P)
    area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
    assert len(curve) <= curves.MAX_POINTS
    assert area == pytest.approx(roc_auc_score(Y, P), abs=0.005)
    assert tuple(curve.iloc[0]) == (0, 0)
    assert tuple(curve.iloc[-1]) == (1, 1)


def test_recall_rises_to_one_and_ends_at_the_prevalence() -> None:
    curve = curves.precision_recall(Y, np.round(P, 1))
    assert curve["recall"].is_monotonic_increasing
    assert curve["recall"].iloc[-1] == 1
    assert curve["precision"].iloc[-1] >= Y.mean()


@given(st.integers(0, 1000))
def test_calibration_bins_hold_every_record_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(rng.integers(1, 80))
    y = (rng.random(len(p)) < p).astype(float)
    table = curves.calibration(y, p)
    assert table["records"].sum() == len(p)
    assert (table["observed_low"] <= table["observed"] + 1e-12).all()
    assert (table["observed"] <= table["observed_high"] + 1e-12).all()
    assert np.average(table["predicted"], weights=table["records"]) == pytest.approx(p.mean())


def test_targets_with_too_few_cases_are_not_drawn(cohort) -> None:
    test = cases.of_split(cohort.labels, cohort.splits, "test")
    p = cases.probabilities(cohort.predictions(1.0), test, "made").mean(axis=0)
    drawn = curves.all_targets(test, p, np.array([True, True, False]), "made")
    assert set(drawn) == {"roc", "precision_recall", "calibration"}
    assert set(drawn["roc"]["target"]) == {"abnormal", "chd"}
    nothing = curves.all_targets(test, p, np.zeros(3, bool), "made")
    assert len(nothing["roc"]) == 0
    assert list(nothing["roc"].columns) == list(drawn["roc"].columns)


def test_learning_curves_are_stacked_over_seeds(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    (folder / "seed1").mkdir(parents=True)
    table = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.7, 0.6], "val_loss": [0.8, 0.7]})
    table.to_csv(folder / "seed1" / "curves.csv", index=False)
    long = curves.learning(folder, [0, 1])
    assert list(long.columns) == ["model", "seed", "epoch", "curve", "value"]
    assert len(long) == 4
    assert set(long["curve"]) == {"train_loss", "val_loss"}
    assert len(curves.learning(folder, [0])) == 0


def test_the_reliability_diagram_holds_both_curves_and_is_the_same_bytes_again(
    cohort, scoring, tmp_path: Path
) -> None:
    done = cohort.evaluate(cohort.predictions(3.0), scoring)
    test = done.scored["test"]
    pair = {"before": done.raw["test"].mean(axis=0), "after": done.stated["test"].p[0]}
    both = curves.before_and_after(test.cases, pair, test.counted, "made")
    assert set(both["calibrated"]) == {"before", "after"}
    counted = both.groupby(["target", "calibrated"])["records"].sum()
    assert (counted["abnormal"] == (~np.isnan(test.cases.y[:, 0])).sum()).all()
    figures = {
        "test": evaluate.as_metrics(test, scoring),
        "test_before_calibration": evaluate.before_calibration(
            test.cases, done.raw["test"], test.counted
        ),
    }
    for name in ("a.png", "b.png"):
        reliability_diagram.draw(
            both, pair, figures, done.fitted, "made-up patients", tmp_path / name, "zzu"
        )
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
