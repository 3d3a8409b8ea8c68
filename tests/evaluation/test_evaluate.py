"""Figures of one model: thresholds from validation, too few cases stated, seeds spread."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import cases, evaluate, metrics
from pedecg.evaluation.evaluate import Scoring


def scored(cohort, predictions: pd.DataFrame, scoring: Scoring) -> dict[str, evaluate.Scored]:
    return cohort.evaluate(predictions, scoring).scored


def test_changing_test_rows_changes_no_threshold(cohort, scoring: Scoring) -> None:
    predictions = cohort.predictions(2.0)
    before = scored(cohort, predictions, scoring)
    in_test = predictions["split"] == "test"
    changed = predictions.assign(
        probability=predictions["probability"].where(~in_test, 1 - predictions["probability"])
    )
    test_ids = set(cohort.splits.loc[cohort.splits["split"] == "test", "record_id"])
    labels = cohort.labels.copy()
    here = labels["record_id"].isin(test_ids)
    labels.loc[here, "abnormal"] = 1 - labels.loc[here, "abnormal"]
    perturbed = type(cohort)(cohort.records, labels, cohort.splits)
    after = scored(perturbed, changed, scoring)
    for split in ("validation", "test"):
        np.testing.assert_array_equal(before[split].cuts, after[split].cuts)
    np.testing.assert_array_equal(before["validation"].values, after["validation"].values)
    assert (before["test"].values[0] != after["test"].values[0]).any()


def test_validation_reaches_95_percent_specificity_and_test_says_what_it_reached(
    cohort, scoring: Scoring
) -> None:
    both = scored(cohort, cohort.predictions(2.0), scoring)
    column = metrics.METRICS.index("spec_at_spec95")
    assert both["validation"].values[0, column] >= 0.95
    assert 0.8 < both["test"].values[0, column] <= 1.0


def test_rare_targets_say_too_few_instead_of_a_number(cohort, scoring: Scoring) -> None:
    written = evaluate.as_metrics(scored(cohort, cohort.predictions(2.0), scoring)["test"], scoring)
    rare = written["targets"]["kawasaki"]
    assert rare["positives"] < scoring.min_positives
    assert "min_positives is 10" in rare["too_few"]
    assert "auroc" not in rare
    assert "kawasaki" not in written["macro"]["targets"]
    assert np.isfinite(written["macro"]["auroc"]["value"])


def test_seeds_have_a_mean_and_a_spread(cohort, scoring: Scoring) -> None:
    both = scored(cohort, cohort.predictions(2.0, seeds=(0, 1, 2)), scoring)
    auroc = evaluate.as_metrics(both["test"], scoring)["targets"]["abnormal"]["auroc"]
    alone = both["test"].per_seed[:, 0, metrics.METRICS.index("auroc")]
    assert len(alone) == 3
    assert auroc["mean"] == pytest.approx(np.mean(alone))
    assert auroc["sd"] == pytest.approx(np.std(alone, ddof=1))
    assert auroc["low"] < auroc["value"] < auroc["high"]
    assert auroc["value"] > auroc["mean"]  # averaging independent seeds helps


def test_every_figure_of_the_registry_has_an_interval(cohort, scoring: Scoring) -> None:
    test = scored(cohort, cohort.predictions(1.0), scoring)["test"]
    table = evaluate.as_table({"made": test})
    assert set(table["metric"]) == set(metrics.REGISTRY)
    assert set(table["target"]) == {"abnormal", "chd", "kawasaki", "macro", "micro"}
    there = table[table["target"] != "kawasaki"]
    assert (there["low"] <= there["value"] + 1e-9).mean() > 0.95
    assert (there["value"] <= there["high"] + 1e-9).mean() > 0.95
    assert table.loc[table["target"] == "kawasaki", "value"].isna().all()


def test_patients_are_scored_by_the_mean_of_their_logits(cohort, scoring: Scoring) -> None:
    y = np.array([[1.0, 0], [0, np.nan], [0, 0], [np.nan, 1]])
    four = cases.Cases(("a", "b", "c", "d"), ("x", "y"), y, np.array([0, 0, 1, 1]))
    p = special.expit(np.array([[1.0, 2], [3, 4], [-1, 0], [0, 0]]))
    patients, mean = cases.by_patient(four, p)
    assert patients.record_ids == ("a", "c")
    np.testing.assert_array_equal(patients.y, [[1, np.nan], [np.nan, 1]])
    np.testing.assert_allclose(special.logit(mean), [[2, 3], [-0.5, 0]])
    done = cohort.evaluate(cohort.predictions(2.0), scoring)
    test = done.scored["test"]
    by_patient = evaluate.score_patients(test.cases, done.stated["test"], scoring)
    assert len(by_patient.cases.record_ids) == test.cases.n_patients < len(test.cases.record_ids)
    np.testing.assert_array_equal(by_patient.cuts, test.cuts)


def test_calibration_changes_probabilities_and_no_ranking(cohort, scoring: Scoring) -> None:
    done = cohort.evaluate(cohort.predictions(5.0), scoring)
    test = done.scored["test"]
    before = evaluate.before_calibration(test.cases, done.raw["test"], test.counted)
    after = evaluate.as_metrics(test, scoring)["targets"]
    assert set(before) == {"abnormal", "chd"}
    assert after["abnormal"]["brier"]["value"] < before["abnormal"]["brier"]
    raw = metrics.values(test.cases.y, done.raw["test"].mean(axis=0), np.full((3, 3), np.nan))
    column = metrics.METRICS.index("auroc")
    np.testing.assert_allclose(test.values[:2, column], raw[:2, column])


def test_one_seed_has_no_spread_and_no_resamples_no_interval(cohort) -> None:
    scoring = Scoring(bootstrap=0, seed=0, min_positives=5)
    both = scored(cohort, cohort.predictions(2.0, seeds=(4,)), scoring)
    auroc = evaluate.as_metrics(both["test"], scoring)["macro"]["auroc"]
    assert auroc["sd"] is None
    assert np.isnan(auroc["low"])
    assert np.isfinite(auroc["value"])


def test_the_order_of_the_tables_changes_nothing(cohort, scoring: Scoring, tmp_path: Path) -> None:
    predictions = cohort.predictions(1.0)
    shuffled = type(cohort)(
        cohort.records,
        cohort.labels.sample(frac=1, random_state=1).reset_index(drop=True),
        cohort.splits.sample(frac=1, random_state=2).reset_index(drop=True),
    )
    texts = []
    for who, stated in ((cohort, predictions), (shuffled, predictions.sample(frac=1))):
        written = evaluate.as_metrics(scored(who, stated, scoring)["test"], scoring)
        tables.write_metrics(written, tmp_path / "m.json")
        texts.append((tmp_path / "m.json").read_text())
        json.loads(texts[-1])
    assert texts[0] == texts[1]


def test_a_record_without_a_prediction_is_named(cohort) -> None:
    predictions = cohort.predictions(1.0)
    test = cases.of_split(cohort.labels, cohort.splits, "test")
    lacking = predictions[predictions["record_id"] != test.record_ids[0]]
    with pytest.raises(PedecgError, match=f"made: {test.record_ids[0]} not predicted"):
        cases.probabilities(lacking, test, "made")
    with pytest.raises(PedecgError, match="predicts no chd"):
        cases.probabilities(predictions[predictions["label"] != "chd"], test, "made")
    with pytest.raises(PedecgError, match="predicted twice"):
        cases.probabilities(pd.concat([predictions, predictions]), test, "made")


def test_a_record_without_labels_is_named(cohort) -> None:
    with pytest.raises(PedecgError, match=r"labels: P0.* not found"):
        cases.of_split(cohort.labels.iloc[:5], cohort.splits, "test")
