"""Promises of the logistic models: of age and sex alone, and of rule features alone."""

import numpy as np
import pandas as pd
import pytest
from small_tables import fit, rows

from pedecg.tabular import age_sex

STRENGTH = {"strength": 1.0}
TRAIN, TEST = np.arange(600) < 300, np.arange(600) >= 300


def cohort():
    """Children whose illness depends on age, on sex and on how fast the heart beats."""
    rng = np.random.default_rng(0)
    age = pd.Series(rng.uniform(0, 5000, 600).round()).astype("Int64")
    sex = pd.Series(rng.choice(["female", "male"], 600), dtype="string")
    rate = rng.normal(110, 20, 600)
    features = pd.DataFrame({"heart_rate_bpm": rate, "z_heart_rate": rate / 20})
    features["rule_tachycardia"] = pd.array(rate > 140, "boolean")
    features.loc[::7] = pd.NA
    labels = pd.DataFrame({"young": age < 400, "fast": pd.array(rate > 125, "boolean")})
    labels.loc[5, "fast"] = pd.NA
    age[::11], sex[::11] = pd.NA, pd.NA
    return rows(features, labels, age, sex)


def right(name, target):
    """Share of test records on the right side of one half, those with unknown inputs included."""
    every = cohort()
    p = fit(name, STRENGTH, every.take(TRAIN)).predict(every.take(TEST))[:, target]
    return float(((p > 0.5) == (every.labels[TEST, target] == 1)).mean())


def test_age_alone_finds_what_depends_on_age_and_nothing_else():
    assert right("age_sex", 0) > 0.95
    assert right("age_sex", 1) < 0.85


def test_rule_features_alone_find_what_depends_on_the_rate():
    assert right("rules_linear", 1) > 0.9


def test_its_probabilities_follow_from_the_numbers_in_its_card():
    model = fit("rules_linear", STRENGTH, cohort().take(TRAIN))
    one = rows(
        pd.DataFrame({"heart_rate_bpm": [150.0], "z_heart_rate": [None], "rule_tachycardia": [1]}),
        pd.DataFrame(index=[0]),
    )
    x = [
        (150.0 - model.scale.mean[0]) / model.scale.sd[0],
        0.0,
        (1 - model.scale.mean[2]) / model.scale.sd[2],
        0,
        1,
        0,
    ]
    odds = model.intercepts["fast"] + np.dot(model.coefficients["fast"], x)
    assert model.predict(one)[0, 1] == pytest.approx(1 / (1 + np.exp(-odds)))


def test_a_measure_that_is_far_out_does_not_decide_alone():
    model = fit("rules_linear", STRENGTH, cohort().take(TRAIN))
    p = [
        model.predict(
            rows(
                pd.DataFrame(
                    {"heart_rate_bpm": [rate], "z_heart_rate": 5.5, "rule_tachycardia": 0}
                ),
                pd.DataFrame(index=[0]),
            )
        )[0]
        for rate in (400.0, 4e6)
    ]
    np.testing.assert_array_equal(p[0], p[1])


def test_a_target_of_one_class_is_as_likely_as_it_is_often():
    every = cohort()
    every.labels[:, 0] = 0
    p = fit("age_sex", STRENGTH, every).predict(every)[:, 0]
    assert (p == p[0]).all()
    assert p[0] < 0.01


def test_age_is_smooth_and_straight_beyond_the_oldest_knot():
    columns = age_sex.age_basis(np.arange(0, 9000.0))
    basis, x = np.stack(list(columns.values()), axis=1), columns["log_age"]
    assert np.abs(np.diff(basis, axis=0)).max() < 0.2
    slope = np.diff(basis[6000:], axis=0) / np.diff(x[6000:])[:, None]
    assert np.allclose(slope, slope[0])
