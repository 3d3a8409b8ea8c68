"""Promises of the trees over rule features, age and sex."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesRegressor
from small_tables import fit, rows

from pedecg.models import features
from pedecg.tabular import rules_trees
from pedecg.tabular.shared import tree_arrays
from pedecg.tabular.shared.design import design

VALUES = {"trees": 40, "min_leaf": 2, "feature_share": 0.5}
TRAIN, TEST = np.arange(400) < 200, np.arange(400) >= 200


def cohort():
    """Children of whom the young, and those whose heart beats fast, are ill in one way each."""
    rng = np.random.default_rng(0)
    age = pd.Series(rng.uniform(0, 5000, 400).round()).astype("Int64")
    rate = rng.normal(110, 20, 400)
    measures = pd.DataFrame({"heart_rate_bpm": rate, "qrs_ms": 80.0})
    measures.loc[::7, "heart_rate_bpm"] = np.nan
    labels = pd.DataFrame({"young": age < 1000, "fast": pd.array(rate > 125, "boolean")})
    labels.loc[::5, "fast"] = pd.NA
    age[::11] = pd.NA
    return rows(measures, labels, age, np.where(age.isna(), None, "female"))


def test_finds_what_depends_on_age_and_on_the_rate():
    every = cohort()
    p = fit("rules_trees", VALUES, every.take(TRAIN)).predict(every.take(TEST))
    for k in range(2):
        truth = every.labels[TEST, k]
        known = ~np.isnan(truth)
        assert ((p[known, k] > 0.5) == (truth[known] == 1)).mean() > 0.85


def test_another_seed_grows_other_trees():
    every = cohort()
    first, other = (fit("rules_trees", VALUES, every, seed).predict(every) for seed in (0, 1))
    assert not np.allclose(first, other)


def test_its_arrays_answer_as_scikit_learn_does():
    every = cohort()
    learnt = every.take(TRAIN)
    truth = pd.DataFrame(learnt.labels.astype(float))
    y = truth.fillna(truth.mean()).to_numpy()
    table = rules_trees.Model.table(learnt)
    scale = features.scale(table)
    forest = ExtraTreesRegressor(
        n_estimators=40, min_samples_leaf=2, max_features=0.5, random_state=0
    ).fit(design(scale, table), y / y.std(0))
    expected = forest.predict(design(scale, rules_trees.Model.table(every))) * y.std(0)
    found = fit("rules_trees", VALUES, learnt).predict(every)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_each_class_weighs_the_same_where_they_are_balanced():
    y = np.eye(3)[[0] * 6 + [1] * 3 + [2]]
    assert tree_arrays.weights(y, 0) is None
    weight = tree_arrays.weights(y, 1)
    assert weight.mean() == pytest.approx(1)
    np.testing.assert_allclose(y.T @ weight, 10 / 3)
    two = np.array([[1, 1], [1, 0], [0, 0], [0, 0]])
    assert tree_arrays.weights(two, 1).argmax() == 0
