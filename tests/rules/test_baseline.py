"""The rule baseline: no training in the score, a monotone curve, unknown is not negative."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.rules import criteria, norms
from pedecg.tabular import rules as rule_score

SETTINGS = rule_score.Settings(max_slope=5.0)


def cohort(n=300, seed=0):
    """Records of which those with right ventricular signs tend to have a heart defect."""
    rng = np.random.default_rng(seed)
    ill = rng.random(n) < 0.3
    ids = [f"r{i:03}" for i in range(n)]
    rules = pd.DataFrame(
        {
            "record_id": ids,
            "z_r_v1": rng.normal(0, 1, n) + 1.5 * ill,
            "z_heart_rate": rng.normal(0, 1, n),
            "rule_rvh": pd.array(ill & (rng.random(n) < 0.5), "boolean"),
        }
    )
    labels = pd.DataFrame({"record_id": ids, "chd": ill.astype("int8"), "abnormal": ill})
    splits = pd.DataFrame({"record_id": ids, "patient_id": ids})
    splits["split"] = rng.choice(["train", "validation", "test"], n, p=[0.6, 0.2, 0.2])
    return rules, labels.astype({"chd": "Int8", "abnormal": "Int8"}), splits


def test_predictions_cover_every_record_and_target_and_separate_them():
    rules, labels, splits = cohort()
    about, predictions = rule_score.train(rules, labels, splits, 3, SETTINGS)
    checked = tables.check(predictions, tables.PREDICTIONS, "predictions")
    assert len(checked) == 600
    assert set(checked["seed"]) == {3}
    chd = checked[checked["label"] == "chd"]["probability"].to_numpy()
    ill = labels["chd"].to_numpy() == 1
    assert chd[ill].mean() > chd[~ill].mean() + 0.1
    assert about["curves"]["chd"]["slope"] > 0


def test_labels_outside_the_training_split_change_nothing():
    rules, labels, splits = cohort()
    other = labels.copy()
    outside = (splits["split"] != "train").to_numpy()
    other.loc[outside, ["chd", "abnormal"]] = 1 - other.loc[outside, ["chd", "abnormal"]]
    before, after = (rule_score.train(rules, y, splits, 0, SETTINGS) for y in (labels, other))
    assert before[0] == after[0]
    pd.testing.assert_frame_equal(before[1], after[1])


def test_an_unknown_label_is_left_out_not_negative():
    rules, labels, splits = cohort()
    hidden = labels.copy()
    hidden.loc[hidden["chd"] == 0, "chd"] = pd.NA
    about, _ = rule_score.train(rules, hidden, splits, 0, SETTINGS)
    assert about["curves"]["chd"]["intercept"] > 1


@given(seed=st.integers(0, 50), flip=st.booleans())
def test_the_curve_never_falls(seed, flip):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=80)
    label = ((score + rng.normal(size=80) > 0) != flip).astype(float)
    intercept, slope = rule_score.fit(score, label, SETTINGS)
    assert 0 <= slope <= SETTINGS.max_slope
    assert np.isfinite(intercept)


@pytest.mark.parametrize("label", [np.zeros(20), np.ones(20), np.full(20, np.nan)])
def test_a_target_with_one_class_or_none_still_gives_probabilities(label):
    curve = rule_score.fit(np.arange(20.0), label, SETTINGS)
    probability = rule_score.predict(np.arange(20.0), *curve)
    assert ((probability >= 0) & (probability <= 1)).all()


def test_a_target_without_weights_is_scored_by_any_abnormality_and_says_so():
    rules, _, _ = cohort()
    assert rule_score.scored_by("brugada") == "any abnormality"
    assert np.array_equal(rule_score.scores(rules, "brugada"), rule_score.scores(rules, "abnormal"))
    assert np.array_equal(rule_score.scores(rules, "norm"), -rule_score.scores(rules, "abnormal"))


def test_every_weight_names_a_column_that_rule_features_write():
    limits = norms.load(Path(norms.__file__).with_name("limits.csv"))
    known = {f"z_{name}" for name in limits.units} | {f"rule_{c.name}" for c in criteria.CRITERIA}
    named = {key.split()[-1] for weights in rule_score.WEIGHTS.values() for key in weights}
    assert named <= known


def test_a_cohort_without_targets_is_told():
    rules, labels, splits = cohort(20)
    with pytest.raises(PedecgError, match="no target"):
        rule_score.train(rules, labels[["record_id"]], splits, 0, SETTINGS)
