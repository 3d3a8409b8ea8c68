"""Promises of the ensemble: calibrated members, and their mean."""

import numpy as np
import pandas as pd
import pytest

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import ensemble

SETTINGS = ensemble.EnsembleSettings(members=["a", "b"], method="platt", min_positives=5)


def member(sharpness, seeds=(0, 1), n=400):
    """Predictions that rank alike and are too sure, or not sure enough, by their sharpness."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, n)
    ill = (rng.random(n) < 1 / (1 + np.exp(-truth))).astype(int)
    split = np.where(np.arange(n) < 200, "validation", "test")
    ids = [f"R{i:03d}" for i in range(n)]
    tables_ = [
        pd.DataFrame({"record_id": ids, "split": split, "seed": seed, "label": "ill",
                      "probability": 1 / (1 + np.exp(-sharpness * truth))})
        for seed in seeds
    ]  # fmt: skip
    labels = pd.DataFrame({"record_id": ids, "ill": pd.array(ill, "Int8")})
    return pd.concat(tables_, ignore_index=True), labels


def log_loss(table, labels):
    y = labels.set_index("record_id")["ill"].reindex(table["record_id"]).to_numpy(float)
    p = table["probability"].to_numpy()
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def test_members_are_calibrated_and_no_ranking_changes():
    predictions, labels = member(sharpness=2)
    _, calibrated = ensemble.fit("a", predictions, labels, SETTINGS)
    assert log_loss(calibrated, labels) < 0.9 * log_loss(predictions, labels)
    both = predictions.merge(calibrated, on=["record_id", "seed", "label"])
    ranks = both[["probability_x", "probability_y"]].rank()
    assert (ranks["probability_x"] == ranks["probability_y"]).all()


def test_test_labels_change_no_calibration():
    predictions, labels = member(sharpness=4)
    flipped = labels.copy()
    flipped.loc[200:, "ill"] = 1 - flipped.loc[200:, "ill"]
    first, _ = ensemble.fit("a", predictions, labels, SETTINGS)
    assert first == ensemble.fit("a", predictions, flipped, SETTINGS)[0]


def test_a_member_that_is_too_sure_does_not_speak_louder():
    sure, labels = member(sharpness=20)
    fair, _ = member(sharpness=1)
    both = [ensemble.fit(name, table, labels, SETTINGS)[1] for name, table in
            (("a", sure), ("b", fair))]  # fmt: skip
    mean = ensemble.mean(both, seed=1)
    tables.check(mean, tables.PREDICTIONS, "test")
    assert set(mean["seed"]) == {1}
    raw = ensemble.mean([sure, fair], seed=1)
    assert log_loss(mean, labels) < log_loss(raw, labels)


def test_a_target_with_too_few_cases_is_left_as_it_is():
    predictions, labels = member(sharpness=4)
    none = labels.assign(ill=pd.array([0] * len(labels), "Int8"))
    members, calibrated = ensemble.fit("a", predictions, none, SETTINGS)
    assert members[0].curves == {"ill": {}}
    assert set(calibrated["probability"]) == set(predictions["probability"])


def test_what_is_read_back_calibrates_the_same(tmp_path):
    predictions, labels = member(sharpness=4)
    members, calibrated = ensemble.fit("a", predictions, labels, SETTINGS)
    ensemble.save(members, tmp_path / "model.json", seed=0)
    again = ensemble.load(tmp_path / "model.json")
    assert again == members
    mine = predictions[predictions["seed"] == 1].sort_values(["split", "record_id"])
    p = again[1].calibrated(mine["probability"].to_numpy(), "ill")
    assert np.array_equal(p, calibrated.loc[calibrated["seed"] == 1, "probability"].to_numpy())


def test_members_of_other_records_or_targets_are_reported():
    predictions, labels = member(sharpness=1)
    with pytest.raises(PedecgError, match="do not predict the same records"):
        ensemble.mean([predictions, predictions.iloc[1:]], seed=0)
    with pytest.raises(PedecgError, match="trained for targets"):
        ensemble.fit("a", predictions.assign(label="other"), labels, SETTINGS)
