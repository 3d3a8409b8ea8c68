"""Promises of boosted trees, for exclusive classes and for targets side by side."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from small_tables import fit, rows

from pedecg.core.errors import PedecgError
from pedecg.models import features
from pedecg.tabular import rules_boosted
from pedecg.tabular.shared import tree_arrays
from pedecg.tabular.shared.design import design

VALUES = {
    "models": 2, "rounds": 12, "learning_rate": 0.2, "depth": 2, "min_leaf": 2,
    "record_share": 0.7, "feature_share": 0.7, "balance": 1,
}  # fmt: skip
TRAIN, TEST = np.arange(300) < 150, np.arange(300) >= 150
of_classes = partial(fit, "rules_boosted", VALUES, task="multiclass")
of_targets = partial(fit, "rules_boosted", VALUES)


def measures():
    rng = np.random.default_rng(0)
    rate, odd = rng.normal(100, 25, 300), rng.uniform(0, 1, 300)
    return pd.DataFrame({"rate": np.where(rng.random(300) < 0.05, np.nan, rate), "odd": odd}), rate


def classes(names=("calm", "fast", "odd")):
    """Recordings whose class is reported by two measures, and the number of each one's class."""
    table, rate = measures()
    which = np.where(table["odd"] > 0.85, len(names) - 1, (rate > 110).astype(int))
    return rows(table, pd.DataFrame({n: which == k for k, n in enumerate(names)})), which


def side_by_side():
    """Targets that hold together or not at all, some of them unknown, one never there."""
    table, _ = measures()
    labels = pd.DataFrame({"fast": table["rate"] > 110, "odd": table["odd"] > 0.6})
    labels = labels.assign(never=False).astype("boolean")
    labels.loc[::3, "odd"] = pd.NA
    return rows(table, labels)


def as_scikit_learn(every, which, n_classes):
    """Return the mean of scikit-learn's own probabilities, grown with the same seeds."""
    table = rules_boosted.Model.table(every)
    scale = features.scale(table[TRAIN])
    x, settings = design(scale, table), rules_boosted.Settings(**VALUES)
    weight = tree_arrays.weights(np.eye(n_classes)[which[TRAIN]], 1)
    seeds = np.random.SeedSequence(0).generate_state(2)
    each = [
        rules_boosted._grow(x[TRAIN], which[TRAIN], weight, int(seed), settings) for seed in seeds
    ]
    return np.mean([grown.predict_proba(x) for grown in each], 0)


@pytest.mark.parametrize("names", [("calm", "fast", "odd"), ("calm", "fast")])
def test_finds_the_class_and_its_probabilities_sum_to_one(names):
    every, which = classes(names)
    p = of_classes(every.take(TRAIN)).predict(every)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p.argmax(axis=1) == which)[TEST].mean() > 0.85


@pytest.mark.parametrize("names", [("calm", "fast", "odd"), ("calm", "fast")])
def test_its_arrays_answer_as_scikit_learns_boosting_does(names):
    every, which = classes(names)
    expected = as_scikit_learn(every, which, len(names))
    np.testing.assert_allclose(of_classes(every.take(TRAIN)).predict(every), expected, atol=1e-5)


def test_side_by_side_its_arrays_answer_as_scikit_learns_boosting_does():
    every = side_by_side()
    expected = as_scikit_learn(every, every.labels[:, 0].astype(int), 2)[:, 1]
    found = of_targets(every.take(TRAIN)).predict(every)[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_class_without_training_records_gets_nothing():
    every, which = classes()
    p = of_classes(every.take(TRAIN & (which != 2))).predict(every)
    assert (p[:, 2] == 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_another_seed_grows_other_trees():
    every, _ = classes()
    assert not np.allclose(
        of_classes(every, seed=0).predict(every), of_classes(every, seed=1).predict(every)
    )


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([1, 0, 1], "exactly one class"),
        ([0, 0, 0], "exactly one class"),
        ([1, 0, 0], "two classes"),
    ],
)
def test_classes_that_cannot_be_learnt_are_refused(labels, says):
    every, _ = classes()
    with pytest.raises(PedecgError, match=says):
        of_classes(replace(every, labels=np.tile(np.float32(labels), (300, 1))))


def test_targets_side_by_side_are_found_each_by_itself():
    every = side_by_side()
    p = of_targets(every.take(TRAIN)).predict(every)
    assert ((p[:, 0] > 0.5) == (every.features["rate"] > 110))[TEST].mean() > 0.9
    assert ((p[:, 1] > 0.5) == (every.features["odd"] > 0.6))[TEST].mean() > 0.9
    np.testing.assert_allclose(p[:, 2], 0.5 / 151, rtol=1e-5)


def test_records_without_any_label_teach_nothing():
    every = side_by_side()
    hidden = np.arange(300) % 4 == 0
    labels = every.labels.copy()
    labels[hidden] = np.nan
    model = of_targets(replace(every, labels=labels))
    np.testing.assert_array_equal(
        model.predict(every), of_targets(every.take(~hidden)).predict(every)
    )
