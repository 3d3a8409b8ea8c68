"""The hybrid: sides that are fitted by themselves, and their fusion on validation rows."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import example_models
import numpy as np
import pytest

from pedecg.core import folder_hashes
from pedecg.core.errors import PedecgError
from pedecg.learning import fit as learning_fit
from pedecg.learning import training_notes, training_state
from pedecg.models import fold_mean, fusion, registry
from pedecg.models.contract import Fitted
from pedecg.models.fused.hybrid import Model

SIDES = ("resnet1d_age", "rules_boosted", "rules_linear")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("cohort")
    example_models.prepare(folder)
    return folder


def fit(folder: Path, **changes: object) -> Fitted:
    inputs = example_models.inputs(folder, "hybrid", **changes)
    fitted = registry.fit(*inputs.learnt_from, inputs.training)
    assert fitted is not None
    return fitted


@pytest.fixture(scope="module")
def fitted(folder: Path) -> Fitted:
    return fit(folder)


def hybrid(fitted: Fitted) -> Model:
    assert isinstance(fitted.model, Model)
    return fitted.model


def test_its_sides_are_the_models_that_are_trained_by_themselves(
    folder: Path, fitted: Fitted
) -> None:
    rows = example_models.inputs(folder, "hybrid").rows
    for side in hybrid(fitted).sides:
        own = example_models.inputs(folder, side.name)
        alone = registry.fit(*own.learnt_from, own.training)
        assert alone is not None
        features = rows.features if side.feature_names else own.rows.features
        expected = alone.model.predict(own.rows)
        np.testing.assert_array_equal(side.predict(replace(rows, features=features)), expected)


def test_its_network_shares_no_state_with_the_same_network_trained_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both may train at once (`pedecg run --jobs`): one removes its state when it ends."""
    used: dict[str, list[Path]] = {}
    save = training_state.StateFolder.save

    def noted(self: training_state.StateFolder, *arguments: Any) -> None:
        used.setdefault(asked, []).append(self.path)
        save(self, *arguments)

    monkeypatch.setattr(training_state.StateFolder, "save", noted)
    for asked in ("hybrid", "resnet1d_age"):
        inputs = example_models.inputs(folder, asked)
        training = replace(inputs.training, state=folder / "state")
        assert registry.fit(*inputs.learnt_from, training) is not None
    assert used["hybrid"]
    assert used["resnet1d_age"]
    assert not {*used["hybrid"]} & {*used["resnet1d_age"]}
    assert not list(folder.glob("state*")), "a state outlives its training"


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.mark.parametrize("changed", [{}, {"dropout": 0.3}])
def test_a_network_that_the_same_training_made_is_not_trained_again(
    folder: Path, tmp_path: Path, fitted: Fitted, changed: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    alone = example_models.inputs(folder, "resnet1d_age", **changed)
    made = registry.fit(*alone.learnt_from, alone.training)
    assert made is not None
    own = tmp_path / "models/resnet1d_age/seed3"
    made.model.save(own)
    training_notes.write(own, made.key, tmp_path / "notes")
    monkeypatch.setattr(training_notes.taken, "__defaults__", (tmp_path / "notes",))
    runs: list[str] = []
    run = learning_fit.ClassifierTraining.run
    monkeypatch.setattr(
        learning_fit.ClassifierTraining, "run",
        lambda self: (runs.append(self.task.name), run(self))[1],
    )  # fmt: skip
    inputs = example_models.inputs(folder, "hybrid")
    again = registry.fit(*inputs.learnt_from, replace(inputs.training, models=tmp_path / "models"))
    assert runs == (["resnet1d_age"] if changed else [])
    assert again is not None
    again.model.save(tmp_path / "again")
    fitted.model.save(tmp_path / "trained")
    assert files(tmp_path / "again") == files(tmp_path / "trained")
    rows = inputs.rows
    np.testing.assert_array_equal(again.model.predict(rows), fitted.model.predict(rows))


@pytest.mark.parametrize("fault", ["curves.csv", "weights.safetensors", "hashes.json"])
def test_a_damaged_network_is_trained_again(
    folder: Path, tmp_path: Path, fitted: Fitted, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "models/resnet1d_age/seed3"
    alone = example_models.inputs(folder, "resnet1d_age")
    made = registry.fit(*alone.learnt_from, alone.training)
    assert made is not None
    made.model.save(own)
    training_notes.write(own, made.key, tmp_path / "notes")
    monkeypatch.setattr(training_notes.taken, "__defaults__", (tmp_path / "notes",))
    (own / fault).write_bytes((own / fault).read_bytes()[:-9] if fault != "curves.csv" else b"")
    inputs = example_models.inputs(folder, "hybrid")
    again = registry.fit(*inputs.learnt_from, replace(inputs.training, models=tmp_path / "models"))
    assert again is not None
    np.testing.assert_array_equal(
        again.model.predict(inputs.rows), fitted.model.predict(inputs.rows)
    )


def test_it_is_the_fusion_of_its_sides(folder: Path, fitted: Fitted) -> None:
    rows, model = example_models.inputs(folder, "hybrid").rows, hybrid(fitted)
    each = np.stack([side.predict(rows) for side in model.sides])
    np.testing.assert_array_equal(model.predict(rows), model.fusion.apply(each))
    assert tuple(side.name for side in model.sides) == SIDES
    assert (model.fusion.weights >= 0).all()
    assert model.fusion.weights.max() > 0


def test_a_refitted_side_takes_part_in_the_fusion_as_it_was_before(
    folder: Path, fitted: Fitted
) -> None:
    values = example_models.SETTINGS["hybrid"]["sides"]
    refit = {**values, "rules_boosted": {**values["rules_boosted"], "refit": True}}
    again = fit(folder, sides=refit)
    np.testing.assert_array_equal(hybrid(again).fusion.weights, hybrid(fitted).fusion.weights)
    np.testing.assert_array_equal(again.validation, fitted.validation)
    rows = example_models.inputs(folder, "hybrid").rows
    assert np.abs(again.model.predict(rows) - fitted.model.predict(rows)).max() > 1e-3


@pytest.mark.parametrize("network", ["resnet1d", "foundation", "cnn1d", "cnn_rnn"])
def test_any_network_can_be_a_side(folder: Path, network: str) -> None:
    names = (network, "rules_linear")
    model = fit(
        folder, network=network, rules=["rules_linear"],
        sides={name: example_models.SETTINGS[name] for name in names},
    ).model  # fmt: skip
    assert model.reads == registry.reads(network) | registry.reads("rules_linear")
    rows = example_models.inputs(folder, "cnn1d").rows
    table = example_models.inputs(folder, "hybrid").rows.features
    both = replace(rows, features=rows.features.join(table))
    assert model.predict(both).std(axis=0).min() > 0


def test_a_side_without_settings_is_named(folder: Path) -> None:
    sides = {name: example_models.SETTINGS[name] for name in SIDES[:2]}
    inputs = example_models.inputs(folder, "hybrid")
    training = replace(inputs.training, values=inputs.training.values | {"sides": sides})
    with pytest.raises(PedecgError, match="settings of side rules_linear are missing"):
        registry.fit(*inputs.learnt_from, training)


def test_without_validation_rows_it_is_refused_before_a_long_training(folder: Path) -> None:
    inputs = example_models.inputs(folder, "hybrid")
    rows, validation = inputs.learnt_from
    with pytest.raises(PedecgError, match="no known label among validation records"):
        registry.fit(rows.take(~validation), np.zeros(48, bool), inputs.training)


@pytest.fixture(scope="module")
def crossed(folder: Path) -> Fitted:
    names = ("resnet1d_age", "rules_linear")
    return fit(
        folder, rules=["rules_linear"], folds=2,
        sides={name: example_models.SETTINGS[name] for name in names},
    )  # fmt: skip


def test_with_folds_every_row_is_predicted_by_sides_that_have_not_seen_it(
    folder: Path, crossed: Fitted
) -> None:
    inputs = example_models.inputs(folder, "hybrid")
    rows, validation = inputs.learnt_from
    fold = fold_mean.folds(rows, 2, inputs.training.seed)
    network, linear = hybrid(crossed).sides
    assert isinstance(network, fold_mean.Model)
    unseen = np.zeros((2, *rows.labels.shape))
    for k, member in enumerate(network.members):
        unseen[0, fold == k] = member.predict(rows.take(fold == k))
        values = example_models.SETTINGS["rules_linear"]
        training = replace(inputs.training, name="rules_linear", values=values)
        others, none = rows.take(fold != k), np.zeros((fold != k).sum(), bool)
        alone = registry.fit(others, none, training)
        assert alone is not None
        unseen[1, fold == k] = alone.model.predict(rows.take(fold == k))
        alike = registry.fit(
            rows, fold == k, replace(training, name="resnet1d_age",
            values=example_models.SETTINGS["resnet1d_age"]),
        )  # fmt: skip
        assert alike is not None
        np.testing.assert_array_equal(member.predict(rows), alike.model.predict(rows))
    labels = rows.labels.astype(float)
    expected = fusion.fit(unseen, labels, fusion.prior(labels, False), False, 20.0)
    np.testing.assert_allclose(hybrid(crossed).fusion.weights, expected.weights, atol=1e-9)
    np.testing.assert_allclose(crossed.validation, expected.apply(unseen[:, validation]))
    every = registry.fit(rows, np.zeros(len(rows), bool), replace(training, name="rules_linear"))
    assert every is not None
    np.testing.assert_array_equal(linear.predict(rows), every.model.predict(rows))


def test_with_folds_it_predicts_after_saving_as_before(
    folder: Path, crossed: Fitted, tmp_path: Path
) -> None:
    rows = example_models.inputs(folder, "hybrid").rows
    crossed.model.save(tmp_path / "model")
    loaded = registry.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(rows), crossed.model.predict(rows))
    shutil.rmtree(tmp_path / "model/resnet1d_age/fold1")
    with pytest.raises(PedecgError, match=r"fold1/model\.json: not found"):
        registry.load(tmp_path / "model")


def test_folds_are_refused_where_several_processes_share_a_training(folder: Path) -> None:
    inputs = example_models.inputs(folder, "hybrid", folds=2)
    shared = replace(inputs.training, train={**inputs.training.train, "processes": 2})
    with pytest.raises(PedecgError, match=r"models\.hybrid\.folds needs train\.processes 1"):
        registry.fit(*inputs.learnt_from, shared)


def test_folds_keep_patients_together_and_spread_a_rare_target(folder: Path) -> None:
    rows = example_models.inputs(folder, "hybrid").rows
    labels = rows.labels.copy()
    labels[:, 1] = np.arange(len(rows)) % 12 == 0  # 8 records
    patients = tuple(str(k // 2) for k in range(len(rows)))
    fold = fold_mean.folds(replace(rows, labels=labels, patients=patients), 4, 7)
    assert (fold[::2] == fold[1::2]).all()
    assert np.bincount(fold, weights=labels[:, 1]).tolist() == [2, 2, 2, 2]
    assert np.ptp(np.bincount(fold)) <= 4
    with pytest.raises(PedecgError, match="48 patients cannot fill 60 folds"):
        fold_mean.folds(replace(rows, patients=patients), 60, 7)


@pytest.mark.parametrize("side", SIDES)
def test_a_folder_that_lacks_a_side_is_refused(fitted: Fitted, side: str, tmp_path: Path) -> None:
    fitted.model.save(tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / side)
    with pytest.raises(PedecgError, match=f"{side}/model.json: not found"):
        registry.load(tmp_path / "model")


def test_a_card_without_weights_is_refused(fitted: Fitted, tmp_path: Path) -> None:
    fitted.model.save(tmp_path)
    card = tmp_path / "model.json"
    card.write_text(card.read_text(encoding="utf-8").replace('"bias"', '"other"'), encoding="utf-8")
    folder_hashes.seal(tmp_path, [card.name])
    with pytest.raises(PedecgError, match="not a valid hybrid card"):
        registry.load(tmp_path)
