"""The rule baseline: no training in the score, a monotone curve, unknown is not negative."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_tables import fit, rows

from pedecg.rules import criteria, norms
from pedecg.tabular import rules as rule_score

VALUES = {"max_slope": 5.0}
SETTINGS = rule_score.Settings(**VALUES)


def cohort(n=300, seed=0):
    """Records of which those with right ventricular signs tend to have a heart defect."""
    rng = np.random.default_rng(seed)
    ill = rng.random(n) < 0.3
    rules = pd.DataFrame(
        {
            "z_r_v1": rng.normal(0, 1, n) + 1.5 * ill,
            "z_heart_rate": rng.normal(0, 1, n),
            "rule_rvh": pd.array(ill & (rng.random(n) < 0.5), "boolean"),
        }
    )
    return rows(rules, pd.DataFrame({"chd": ill, "abnormal": ill}))


def test_its_probabilities_separate_the_ill():
    every = cohort()
    model = fit("rules", VALUES, every)
    chd, ill = model.predict(every)[:, 0], every.labels[:, 0] == 1
    assert chd[ill].mean() > chd[~ill].mean() + 0.1
    assert model.curves["chd"][1] > 0
    assert model.scored_by == {"chd": "chd", "abnormal": "any abnormality"}


def test_an_unknown_label_is_left_out_not_negative():
    every = cohort()
    every.labels[every.labels[:, 0] == 0, 0] = np.nan
    intercept, _ = fit("rules", VALUES, every).curves["chd"]
    assert intercept > 1


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
    rules = cohort().features
    assert rule_score.scored_by("brugada") == "any abnormality"
    assert np.array_equal(rule_score.scores(rules, "brugada"), rule_score.scores(rules, "abnormal"))
    assert np.array_equal(rule_score.scores(rules, "norm"), -rule_score.scores(rules, "abnormal"))


def test_every_weight_names_a_column_that_rule_features_write():
    limits = norms.load(Path(norms.__file__).with_name("limits.csv"))
    known = {f"z_{name}" for name in limits.units} | {f"rule_{c.name}" for c in criteria.CRITERIA}
    named = {key.split()[-1] for weights in rule_score.WEIGHTS.values() for key in weights}
    assert named <= known
