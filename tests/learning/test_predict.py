"""A folder of weights answers as the network did that wrote it, or says why it cannot."""

import json
from dataclasses import replace

import numpy as np
import pytest
import small_hospital
from small_hospital import NORMALISATION, SMALL, TEST, TRAINING, VALIDATION

from pedecg.core import folder_hashes, tables
from pedecg.core.errors import PedecgError
from pedecg.learning import batches, trained_network
from pedecg.learning.fit import Fitted, fit


@pytest.fixture(scope="module")
def fitted(data) -> Fitted:
    settings = small_hospital.train_settings(epochs=2)
    return fit(
        "resnet1d", SMALL, data, TRAINING, VALIDATION, NORMALISATION, settings, 0, state_root=None
    )


@pytest.fixture
def folder(fitted, tmp_path):
    fitted.trained.save(tmp_path / "seed0")
    return tmp_path / "seed0"


def ask(trained: trained_network.Trained, data) -> np.ndarray:
    return trained.predict(data.store, data.positions[TEST], data.age_days[TEST], data.sex[TEST])


def test_a_loaded_network_answers_as_the_trained_one_did(folder, fitted, data):
    loaded = trained_network.load(folder, data.targets, "cpu")
    np.testing.assert_array_equal(ask(loaded, data), ask(fitted.trained, data))
    assert loaded.card == fitted.trained.card


def test_saving_again_gives_the_same_bytes(folder, fitted, tmp_path):
    trained_network.load(folder).save(tmp_path / "again")
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_predictions_are_a_checked_table(fitted, data):
    probabilities = fitted.trained.predict(data.store, data.positions, data.age_days, data.sex)
    split = np.array(["train"] * 96 + ["validation"] * 32 + ["test"] * 32)
    table = tables.check(
        batches.predictions(data, split, 0, probabilities), tables.PREDICTIONS, "predictions"
    )
    assert len(table) == 320
    row = table[(table["record_id"] == "R130") & (table["label"] == "inverted_t")].iloc[0]
    assert row["probability"] == probabilities[130, 1]
    assert row["split"] == "test"


def test_the_order_of_the_records_is_no_matter(fitted, data):
    rows = TEST[::-1]
    backwards = fitted.trained.predict(
        data.store, data.positions[rows], data.age_days[rows], data.sex[rows]
    )
    np.testing.assert_allclose(backwards[::-1], ask(fitted.trained, data), rtol=1e-4)


def test_other_targets_are_refused_by_name(folder):
    with pytest.raises(
        PedecgError, match="trained for targets wide_qrs, inverted_t; asked for chd"
    ):
        trained_network.load(folder, ["chd"])


def test_a_store_of_other_leads_or_rate_is_refused(fitted, data):
    with pytest.raises(
        PedecgError, match=r"trained on rate in Hz 125\.0; the signal store has 500"
    ):
        ask(fitted.trained, replace(data, signals=replace(data.store, fs_hz=500.0)))
    other = replace(data.store, leads=data.store.leads[::-1])
    with pytest.raises(PedecgError, match=r"trained on leads I II .*; the signal store has V6 V5"):
        ask(fitted.trained, replace(data, signals=other))


def test_weights_of_another_architecture_are_refused_with_the_tensors_that_differ(folder):
    card = json.loads((folder / "model.json").read_text())
    card["settings"]["width"] = 12
    (folder / "model.json").write_text(json.dumps(card))
    folder_hashes.seal(folder, ["model.json", "weights.safetensors"])
    with pytest.raises(PedecgError, match=r"not those of resnet1d .* tensors differ: blocks|head"):
        trained_network.load(folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json"])
def test_a_missing_or_broken_file_is_reported(folder, name):
    (folder / name).write_bytes(b"{")
    with pytest.raises(PedecgError, match=f"{name}: not "):
        trained_network.load(folder)
    (folder / name).unlink()
    with pytest.raises(PedecgError, match=f"{name}: not found"):
        trained_network.load(folder)
