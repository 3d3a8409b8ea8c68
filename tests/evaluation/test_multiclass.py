"""Classes of which one holds: the figures of scikit-learn and of the CinC 2017 challenge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

from pedecg.core.errors import PedecgError
from pedecg.evaluation import bootstrap, multiclass
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.evaluate import Scoring

CLASSES = ("normal", "af", "other", "noisy")


@given(st.integers(0, 10_000))
def test_figures_equal_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true, called = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    matrices = multiclass.tables(true, called, 4, np.ones((60, 1)))
    np.testing.assert_array_equal(matrices[0], confusion_matrix(true, called, labels=[0, 1, 2, 3]))
    found = {k: v[0] for k, v in multiclass.scores(matrices, CLASSES, CLASSES[:3]).items()}
    each = f1_score(true, called, labels=range(4), average=None, zero_division=0)
    assert found["accuracy"] == pytest.approx(accuracy_score(true, called))
    assert found["f1_macro"] == pytest.approx(each.mean())
    assert found["f1_weighted"] == pytest.approx(
        f1_score(true, called, average="weighted", zero_division=0)
    )
    assert found["f1_challenge"] == pytest.approx(each[:3].mean())
    for k, name in enumerate(CLASSES):
        assert found[f"f1 {name}"] == pytest.approx(each[k])
        if (true == k).any():
            sensitivity = recall_score(true == k, called == k)
            assert found[f"sensitivity {name}"] == pytest.approx(sensitivity)
        specificity = recall_score(true != k, called != k)
        assert found[f"specificity {name}"] == pytest.approx(specificity)


def test_a_weight_is_a_repeated_record() -> None:
    rng = np.random.default_rng(0)
    true, called = rng.integers(0, 4, 40), rng.integers(0, 4, 40)
    weights = bootstrap.counts(np.arange(40), 5, 0)
    drawn = multiclass.tables(true, called, 4, weights.astype(float))
    for column, matrix in enumerate(drawn):
        index = np.repeat(np.arange(40), weights[:, column])
        np.testing.assert_array_equal(
            matrix, confusion_matrix(true[index], called[index], labels=[0, 1, 2, 3])
        )


def made(y: np.ndarray) -> Cases:
    return Cases(tuple(f"r{i}" for i in range(len(y))), CLASSES, y, np.arange(len(y)))


def test_the_likeliest_class_is_scored_with_intervals() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 200)
    y = np.eye(4)[true]
    y[0] = np.nan
    p = 0.6 * np.eye(4)[np.where(rng.random(200) < 0.8, true, 1)] + 0.1
    settings = Scoring(bootstrap=50, seed=0, min_positives=1)
    found = multiclass.as_metrics(
        made(y), np.stack([p, p, 1 - p]), ["normal", "af", "other"], settings
    )
    accuracy = found["accuracy"]
    assert 0.7 < accuracy["low"] < accuracy["value"] < accuracy["high"] < 1
    assert accuracy["mean"] < accuracy["value"]  # the second training is wrong nearly always
    assert accuracy["sd"] > 0.3
    table = multiclass.as_table(found, "one")
    assert set(table["figure"]) == set(found) - {"confusion"}
    assert sum(map(sum, found["confusion"]["true"].values())) == 199


def test_a_record_of_two_classes_is_named() -> None:
    y = np.eye(4)
    y[2, 0] = 1
    with pytest.raises(PedecgError, match="labels: r2 has 2 classes"):
        multiclass.truth(made(y))
    settings = Scoring(bootstrap=0, seed=0, min_positives=1)
    with pytest.raises(PedecgError, match="no class AF; there are normal, af"):
        multiclass.as_metrics(made(np.eye(4)), np.eye(4)[None], ["AF"], settings)
