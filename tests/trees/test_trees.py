"""Promises of the trees over rule features, age and sex."""

import numpy as np
import pandas as pd
import pytest

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.tabular import rules_trees as random_trees

SETTINGS = random_trees.Settings(trees=40, min_leaf=2, feature_share=0.5)


def cohort(n=400, seed=0):
    """Children of whom the young, and those whose heart beats fast, are ill in one way each."""
    rng = np.random.default_rng(seed)
    ids = [f"R{i:04d}" for i in range(n)]
    age, rate = rng.uniform(0, 5000, n).round(), rng.normal(110, 20, n)
    records = pd.DataFrame({"record_id": ids, "age_days": age, "sex": "female"})
    records["age_days"] = records["age_days"].astype("Int64")
    records.loc[::11, ["age_days", "sex"]] = pd.NA
    rules = pd.DataFrame({"record_id": ids, "heart_rate_bpm": rate, "qrs_ms": 80.0, "why": ""})
    rules.loc[::7, "heart_rate_bpm"] = np.nan
    labels = pd.DataFrame({"record_id": ids, "young": age < 1000, "fast": rate > 125})
    labels = labels.astype({"young": "Int8", "fast": "Int8"})
    labels.loc[::5, "fast"] = pd.NA
    splits = pd.DataFrame({"record_id": ids, "patient_id": ids})
    splits["split"] = np.where(np.arange(n) < n // 2, "train", "test")
    return random_trees.features(rules, records), rules["record_id"], labels, splits


def grown(seed=0):
    return random_trees.train(*cohort(), seed, SETTINGS)


def test_finds_what_depends_on_age_and_on_the_rate():
    _, predictions = grown()
    tables.check(predictions, tables.PREDICTIONS, "predictions")
    _, _, labels, _ = cohort()
    held_out = predictions[predictions["split"] == "test"]
    for label in ("young", "fast"):
        mine = held_out[held_out["label"] == label]
        truth = labels.set_index("record_id")[label].reindex(mine["record_id"])
        known = truth.notna().to_numpy()
        right = (mine["probability"].to_numpy() > 0.5) == (truth == 1).fillna(False).to_numpy(bool)
        assert right[known].mean() > 0.85


def test_answers_alike_after_it_was_written_and_read(tmp_path):
    model, _ = grown()
    model.save(tmp_path)
    table = cohort()[0]
    np.testing.assert_array_equal(random_trees.load(tmp_path).predict(table), model.predict(table))


def test_same_seed_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        grown(seed)[0].save(tmp_path / name)
    a, b, c = ((tmp_path / name / "trees.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_own_tables_answer_as_scikit_learn_does():
    from sklearn.ensemble import ExtraTreesRegressor

    from pedecg.tabular.shared import logistic as linear

    table, _, labels, splits = cohort()
    model, _ = grown()
    training = (splits["split"] == "train").to_numpy()
    truth = labels[["young", "fast"]].astype("Float64").astype("float64")[training]
    y = truth.fillna(truth.mean()).to_numpy()
    mean, sd = linear.scale(table[training])
    forest = ExtraTreesRegressor(
        n_estimators=40, min_samples_leaf=2, max_features=0.5, random_state=0
    ).fit(linear.design(table[training], mean, sd), y / y.std(0))
    expected = forest.predict(linear.design(table, mean, sd)) * y.std(0)
    np.testing.assert_allclose(model.predict(table), expected, atol=1e-6)


def test_a_missing_feature_is_named():
    model, _ = grown()
    with pytest.raises(PedecgError, match="qrs_ms"):
        model.predict(cohort()[0].drop(columns="qrs_ms"))


def test_a_cohort_without_targets_is_refused():
    table, ids, labels, splits = cohort()
    with pytest.raises(PedecgError, match="no target"):
        random_trees.train(table, ids, labels[["record_id"]], splits, 0, SETTINGS)


def test_each_class_weighs_the_same_where_they_are_balanced():
    y = np.eye(3)[[0] * 6 + [1] * 3 + [2]]
    assert random_trees.weights(y, 0) is None
    weight = random_trees.weights(y, 1)
    assert weight.mean() == pytest.approx(1)
    np.testing.assert_allclose(y.T @ weight, 10 / 3)
    two = np.array([[1, 1], [1, 0], [0, 0], [0, 0]])
    assert random_trees.weights(two, 1).argmax() == 0
