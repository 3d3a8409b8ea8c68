"""Promises of figures by segment and by recording."""

import numpy as np
import pytest

from pedecg.evaluation import segments
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.evaluate import Scoring

CLASSES = ("normal", "af", "other")
SETTINGS = Scoring(bootstrap=40, seed=0, min_positives=1)


def recordings(n=60, n_segments=5, right=0.6, seed=0):
    """Recordings of three classes; each segment alone is right with a chance."""
    rng = np.random.default_rng(seed)
    true = np.arange(n) % 3
    who = Cases(tuple(f"r{i:03d}" for i in range(n)), CLASSES, np.eye(3)[true], np.arange(n))
    row = np.repeat(np.arange(n), n_segments)
    stated = np.where(rng.random(len(row)) < right, true[row], rng.integers(0, 3, len(row)))
    return who, row, 0.7 * np.eye(3)[stated] + 0.1


def test_a_recording_is_called_by_the_mean_of_its_segments() -> None:
    who, row, p = recordings()
    found = segments.as_metrics(who, [(row, p)], [], SETTINGS)
    one, whole = found["segment"], found["recording"]
    assert (one["n"], whole["n"]) == (300, 60)
    means = np.array([p[row == k].mean(axis=0) for k in range(60)])
    assert whole["accuracy"]["value"] == pytest.approx(
        (means.argmax(axis=1) == who.y.argmax(axis=1)).mean()
    )
    assert whole["accuracy"]["value"] > one["accuracy"]["value"] + 0.1
    assert whole["auroc macro"]["value"] > one["auroc macro"]["value"]


def test_equal_votes_are_a_tie_whatever_their_order() -> None:
    """Three votes each: the sums of rounded numbers would differ by their order."""
    votes = 0.7 * np.eye(3)[[0, 0, 0, 1, 1, 1]] + 0.1
    rng = np.random.default_rng(0)
    p = np.concatenate([votes[rng.permutation(6)] for _ in range(50)])
    means = segments._means(np.stack([p, p[::-1]]), np.repeat(np.arange(50), 6), 50)
    assert (means[..., 0] == means[..., 1]).all()
    assert (means.argmax(axis=2) == 0).all()
    assert means[0] == pytest.approx(np.tile([0.45, 0.45, 0.1], (50, 1)), abs=1e-15)


def test_segments_of_a_recording_are_drawn_together() -> None:
    """Five copies of a segment tell no more than one: the interval is as wide."""
    who, row, p = recordings(n_segments=1)
    single = segments.as_metrics(who, [(row, p)], [], SETTINGS)["segment"]["accuracy"]
    copied = [(np.repeat(row, 5), np.repeat(p, 5, axis=0))]
    many = segments.as_metrics(who, copied, [], SETTINGS)["segment"]["accuracy"]
    assert many["high"] - many["low"] == pytest.approx(single["high"] - single["low"], rel=0.25)


def test_the_table_has_both_levels_and_the_spread_over_trainings() -> None:
    who, row, p = recordings()
    table = segments.as_table(
        segments.as_metrics(who, [(row, p), (row, 1 - p)], [], SETTINGS), "cnn"
    )
    assert set(table["level"]) == {"segment", "recording"}
    assert table["sd"].notna().all()
