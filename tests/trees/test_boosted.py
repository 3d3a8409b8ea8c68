"""Promises of boosted trees, for exclusive classes and for targets side by side."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.tabular import rules_boosted as boosted_trees
from pedecg.tabular import rules_trees as random_trees
from pedecg.tabular.shared import logistic as linear

SETTINGS = boosted_trees.Settings(
    models=2, rounds=12, learning_rate=0.2, depth=2, min_leaf=2, record_share=0.7,
    feature_share=0.7, balance=1,
)  # fmt: skip


def cohort(classes=("calm", "fast", "odd"), n=300, seed=0):
    """Recordings whose class is told by two measures."""
    rng = np.random.default_rng(seed)
    ids = pd.Series([f"R{i:04d}" for i in range(n)])
    rate, odd = rng.normal(100, 25, n), rng.uniform(0, 1, n)
    which = np.where(odd > 0.85, len(classes) - 1, (rate > 110).astype(int))
    table = pd.DataFrame({"rate": np.where(rng.random(n) < 0.05, np.nan, rate), "odd": odd})
    labels = pd.DataFrame({"record_id": ids}).assign(
        **{name: (which == k).astype(int) for k, name in enumerate(classes)}
    )
    splits = pd.DataFrame({"record_id": ids, "patient_id": ids})
    splits["split"] = np.where(np.arange(n) < n // 2, "train", "test")
    return table, ids, labels.astype(dict.fromkeys(classes, "Int8")), splits, which


def grown(*arguments, seed=0):
    table, ids, labels, splits, _ = cohort(*arguments)
    return boosted_trees.train(table, ids, labels, splits, seed, SETTINGS, exclusive=True)


@pytest.mark.parametrize("classes", [("calm", "fast", "odd"), ("calm", "fast")])
def test_finds_the_class_and_its_probabilities_sum_to_one(classes):
    model, predictions = grown(classes)
    tables.check(predictions, tables.PREDICTIONS, "predictions")
    table, *_, which = cohort(classes)
    p = model.predict(table)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p.argmax(axis=1) == which)[150:].mean() > 0.85


@pytest.mark.parametrize("classes", [("calm", "fast", "odd"), ("calm", "fast")])
def test_own_tables_answer_as_scikit_learns_boosting_does(classes):
    table, *_, which = cohort(classes)
    mean, sd = linear.scale(table[:150])
    x = linear.design(table, mean, sd)
    weight = random_trees.weights(np.eye(len(classes))[which[:150]], 1)
    expected = [
        boosted_trees._grow(x[:150], which[:150], weight, int(seed), SETTINGS).predict_proba(x)
        for seed in np.random.SeedSequence(0).generate_state(2)
    ]
    np.testing.assert_allclose(grown(classes)[0].predict(table), np.mean(expected, 0), atol=1e-5)


def test_answers_alike_after_it_was_written_and_read(tmp_path):
    model, _ = grown()
    model.save(tmp_path)
    table = cohort()[0]
    np.testing.assert_array_equal(boosted_trees.load(tmp_path).predict(table), model.predict(table))


def test_a_class_without_training_records_gets_nothing():
    table, ids, labels, splits, which = cohort()
    splits.loc[which == 2, "split"] = "test"
    model, _ = boosted_trees.train(table, ids, labels, splits, 0, SETTINGS, exclusive=True)
    p = model.predict(table)
    assert (p[:, 2] == 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_same_seed_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        grown(seed=seed)[0].save(tmp_path / name)
    a, b, c = ((tmp_path / name / "boosted.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_record_with_two_classes_is_refused():
    table, ids, labels, splits, _ = cohort()
    with pytest.raises(PedecgError, match="exactly one class"):
        boosted_trees.train(
            table, ids, labels.assign(odd=1).astype({"odd": "Int8"}), splits, 0, SETTINGS,
            exclusive=True,
        )  # fmt: skip


def side_by_side():
    """Targets that hold together or not at all, some of them unknown, one never there."""
    table, ids, _, splits, _ = cohort()
    labels = pd.DataFrame(
        {"record_id": ids, "fast": table["rate"] > 110, "odd": table["odd"] > 0.6}
    )
    labels = labels.assign(never=0).astype(dict.fromkeys(("fast", "odd", "never"), "Int8"))
    labels.loc[::3, "odd"] = pd.NA
    return table, ids, labels, splits


def test_targets_side_by_side_are_found_each_by_itself():
    table, ids, labels, splits = side_by_side()
    model, predictions = boosted_trees.train(
        table, ids, labels, splits, 0, SETTINGS, exclusive=False
    )
    tables.check(predictions, tables.PREDICTIONS, "predictions")
    p = model.predict(table)
    assert ((p[:, 0] > 0.5) == (table["rate"] > 110))[150:].mean() > 0.9
    assert ((p[:, 1] > 0.5) == (table["odd"] > 0.6))[150:].mean() > 0.9
    np.testing.assert_allclose(p[:, 2], 0.5 / 151, rtol=1e-5)


def test_an_unknown_label_is_no_absent_one():
    table, ids, labels, splits = side_by_side()
    changed = splits.copy()
    changed.loc[labels["odd"].isna(), "split"] = "test"
    masked, _ = boosted_trees.train(table, ids, labels, splits, 0, SETTINGS, exclusive=False)
    without, _ = boosted_trees.train(table, ids, labels, changed, 0, SETTINGS, exclusive=False)
    # The scale of measures is that of other records: the same trees, cut at about the same places.
    difference = np.abs(masked.predict(table)[:, 1] - without.predict(table)[:, 1])
    assert np.quantile(difference, 0.9) < 0.02


def test_side_by_side_own_tables_answer_as_scikit_learns_boosting_does(tmp_path):
    table, ids, labels, splits = side_by_side()
    model, _ = boosted_trees.train(table, ids, labels, splits, 0, SETTINGS, exclusive=False)
    model.save(tmp_path)
    mean, sd = linear.scale(table[:150])
    x, y = linear.design(table, mean, sd), labels["fast"].to_numpy(int)[:150]
    weight = random_trees.weights(np.eye(2)[y], 1)
    expected = [
        boosted_trees._grow(x[:150], y, weight, int(seed), SETTINGS).predict_proba(x)[:, 1]
        for seed in np.random.SeedSequence(0).generate_state(2)
    ]
    found = boosted_trees.load(tmp_path).predict(table)
    np.testing.assert_allclose(found[:, 0], np.mean(expected, 0), atol=1e-5)


def test_a_missing_measure_is_named():
    model, _ = grown()
    with pytest.raises(PedecgError, match="odd"):
        model.predict(cohort()[0].drop(columns="odd"))


@pytest.mark.parametrize("refit", [False, True])
def test_grown_again_it_has_seen_validation_records_but_their_predictions_have_not(refit):
    table, ids, labels, splits, _ = cohort()
    splits["split"] = np.where(np.arange(300) % 3 == 0, "validation", splits["split"])
    settings = SETTINGS.model_copy(update={"refit": refit})
    train = partial(boosted_trees.train, exclusive=True)
    once, told = train(table, ids, labels, splits, 0, SETTINGS)
    model, predictions = random_trees.grow(train, table, ids, labels, splits, 0, settings)
    tables.check(predictions, tables.PREDICTIONS, "predictions")
    assert (predictions["split"] == told["split"]).all()
    unseen = (told["split"] == "validation").to_numpy()
    np.testing.assert_array_equal(
        predictions.loc[unseen, "probability"], told.loc[unseen, "probability"]
    )
    assert refit != np.allclose(predictions["probability"], told["probability"])
    test = (splits["split"] == "test").to_numpy()
    said = predictions.loc[predictions["split"] == "test", "probability"].to_numpy()
    np.testing.assert_allclose(model.predict(table)[test].ravel(), said)
    assert refit != np.allclose(model.predict(table), once.predict(table))
