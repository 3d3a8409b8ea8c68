"""Promises of the models that read no signal."""

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.tabular import linear

SETTINGS = linear.LinearSettings(strength=1.0)


def cohort(n=600, seed=0):
    """Children whose illness depends on age, on sex and on how fast the heart beats."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(0, 5000, n).round()
    sex = rng.choice(["female", "male"], n)
    rate = rng.normal(110, 20, n)
    ids = [f"R{i:04d}" for i in range(n)]
    records = pd.DataFrame({"record_id": ids, "age_days": age, "sex": sex})
    records["age_days"] = records["age_days"].astype("Int64")
    records.loc[::11, ["age_days", "sex"]] = pd.NA
    rules = pd.DataFrame({"record_id": ids, "heart_rate_bpm": rate, "z_heart_rate": rate / 20})
    rules["rule_tachycardia"] = pd.array(rate > 140, "boolean")
    rules.loc[::7, ["heart_rate_bpm", "z_heart_rate", "rule_tachycardia"]] = pd.NA
    labels = pd.DataFrame({"record_id": ids, "young": (age < 400), "fast": rate > 125})
    labels = labels.astype({"young": "Int8", "fast": "Int8"})
    labels.loc[5, "fast"] = pd.NA
    splits = pd.DataFrame({"record_id": ids, "patient_id": ids})
    splits["split"] = np.where(np.arange(n) < n // 2, "train", "test")
    return records, rules, labels, splits


def fitted(name, seed=0, **changes):
    records, rules, labels, splits = cohort()
    labels = changes.get("labels", labels)
    table = records if name == linear.AGE_SEX else rules
    read = linear.age_and_sex if name == linear.AGE_SEX else linear.rule_features
    return linear.train(name, read(table), table["record_id"], labels, splits, seed, SETTINGS)


def right(predictions, label):
    """Share of test records on the right side of one half, those with unknown inputs included."""
    _, _, labels, _ = cohort()
    mine = predictions[(predictions["label"] == label) & (predictions["split"] == "test")]
    truth = labels.set_index("record_id")[label].reindex(mine["record_id"]).astype(float)
    return float(((mine["probability"].to_numpy() > 0.5) == (truth.to_numpy() == 1)).mean())


def test_age_alone_finds_what_depends_on_age_and_nothing_else():
    _, predictions = fitted(linear.AGE_SEX)
    assert right(predictions, "young") > 0.95
    assert right(predictions, "fast") < 0.85


def test_rule_features_alone_find_what_depends_on_the_rate():
    _, predictions = fitted(linear.RULES_LINEAR)
    assert right(predictions, "fast") > 0.9


@pytest.mark.parametrize("name", [linear.AGE_SEX, linear.RULES_LINEAR])
def test_every_record_of_a_split_is_predicted_also_where_all_is_unknown(name):
    _, predictions = fitted(name)
    checked = tables.check(predictions, tables.PREDICTIONS, "test")
    assert len(checked) == 600 * 2
    assert checked["probability"].notna().all()


def test_a_record_without_a_row_of_features_is_predicted_as_one_with_unknown_features():
    _, rules, labels, splits = cohort()
    without = rules.iloc[:-1]
    unknown = rules.copy()
    unknown.loc[unknown.index[-1], unknown.columns.drop("record_id")] = pd.NA

    def probabilities(table):
        features = linear.rule_features(table)
        _, predictions = linear.train(
            linear.RULES_LINEAR, features, table["record_id"], labels, splits, 0, SETTINGS
        )
        return predictions.set_index(["record_id", "label"])["probability"].sort_index()

    pd.testing.assert_series_equal(probabilities(without), probabilities(unknown))
    assert set(labels["record_id"]) == set(probabilities(without).index.get_level_values(0))


@pytest.mark.parametrize("name", [linear.AGE_SEX, linear.RULES_LINEAR])
def test_what_is_read_back_predicts_the_same(name, tmp_path):
    records, rules, *_ = cohort()
    model, predictions = fitted(name)
    model.save(tmp_path / "model.json")
    again = linear.load(tmp_path / "model.json")
    assert again == model
    features = (
        linear.age_and_sex(records) if name == linear.AGE_SEX else linear.rule_features(rules)
    )
    assert np.array_equal(again.predict(features).ravel(), predictions["probability"].to_numpy())


def test_the_number_of_threads_changes_no_bit():
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(1333, 520))).rename(columns=str)
    ids = pd.Series([f"R{i:04d}" for i in range(len(x))])
    labels = pd.DataFrame({"record_id": ids, "ill": (x["0"] + x["1"] > 0).astype("Int8")})
    splits = pd.DataFrame({"record_id": ids, "patient_id": ids, "split": "train"})
    answers = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            model, told = linear.train(
                linear.RULES_LINEAR, x, ids, labels, splits, 0, linear.LinearSettings(strength=0.01)
            )
        answers.append((model.coefficients, told["probability"].tolist()))
    assert answers[0] == answers[1]


def test_test_labels_change_nothing():
    *_, labels, splits = cohort()
    flipped = labels.copy()
    test = (splits["split"] == "test").to_numpy()
    flipped.loc[test, "young"] = 1 - flipped.loc[test, "young"]
    assert fitted(linear.AGE_SEX)[0] == fitted(linear.AGE_SEX, labels=flipped)[0]


def test_a_target_of_one_class_is_as_likely_as_it_is_often():
    *_, labels, _ = cohort()
    _, predictions = fitted(linear.AGE_SEX, labels=labels.assign(young=0))
    young = predictions.loc[predictions["label"] == "young", "probability"]
    assert (young == young.iloc[0]).all()
    assert young.iloc[0] < 0.01


def test_age_is_smooth_and_straight_beyond_the_oldest_knot():
    ages = pd.DataFrame({"record_id": "x", "age_days": np.arange(0, 9000.0), "sex": "male"})
    basis = linear.age_and_sex(ages).drop(columns="female").to_numpy()
    x = linear.age_and_sex(ages)["log_age"].to_numpy()
    assert np.abs(np.diff(basis, axis=0)).max() < 0.2
    slope = np.diff(basis[6000:], axis=0) / np.diff(x[6000:])[:, None]
    assert np.allclose(slope, slope[0])


def test_a_feature_that_is_missing_is_named():
    model, _ = fitted(linear.RULES_LINEAR)
    with pytest.raises(PedecgError, match="heart_rate_bpm; not found"):
        model.predict(pd.DataFrame({"z_heart_rate": [1.0], "rule_tachycardia": [0.0]}))
