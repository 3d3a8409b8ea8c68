"""Promises of every model of the registry, networks and models of tables alike."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import example_models
import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from pedecg.core import folder_hashes
from pedecg.core.errors import PedecgError
from pedecg.learning.pipeline_inputs import Inputs
from pedecg.models import registry
from pedecg.models.contract import CARD, Fitted

NAMES = registry.names()
TABULAR = [name for name in NAMES if registry.kind(name) == "tabular"]
REFITTED = ["rules_boosted", "rules_trees"]
OF_FEATURES = [  # but the rule score: what it lacks adds nothing
    name for name in NAMES if registry.reads(name) & registry.FEATURES and name != "rules"
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("cohort")
    example_models.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def once(folder) -> Callable[[str], tuple[Inputs, Fitted]]:
    """Fit a model with its usual settings, once for all tests."""
    made: dict[str, tuple[Inputs, Fitted]] = {}

    def fitted(name: str) -> tuple[Inputs, Fitted]:
        if name not in made:
            inputs = example_models.inputs(folder, name)
            made[name] = inputs, fit(inputs)
        return made[name]

    return fitted


def fit(inputs: Inputs) -> Fitted:
    fitted = registry.fit(*inputs.learnt_from, inputs.training)
    assert fitted is not None
    return fitted


def saved(fitted: Fitted, folder: Path) -> dict[str, bytes]:
    """Save a model; return the bytes of its files by name."""
    folder.mkdir(parents=True)
    fitted.model.save(folder)
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def with_labels(inputs: Inputs, chosen: np.ndarray, value: float) -> Inputs:
    labels = inputs.rows.labels.copy()
    labels[chosen, 0] = value
    return replace(inputs, rows=replace(inputs.rows, labels=labels))


def test_every_model_is_tested_here():
    assert sorted(example_models.SETTINGS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_reads_known_inputs_and_a_model_of_tables_reads_no_signals(name):
    reads = registry.reads(name)
    assert reads <= registry.INPUTS
    assert registry.is_network(name) == (registry.kind(name) == "network")
    assert ("signals" in reads) == (registry.kind(name) != "tabular")


@pytest.mark.parametrize("name", NAMES)
def test_it_predicts_a_probability_for_every_row_and_target(once, name):
    inputs, fitted = once(name)
    p = fitted.model.predict(inputs.rows)
    assert p.shape == (96, 2)
    assert ((p >= 0) & (p <= 1)).all()
    assert p.std(axis=0).min() > 0
    model = fitted.model
    assert (model.name, model.seed, model.targets) == (name, 3, inputs.rows.targets)
    assert model.reads == registry.reads(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_loaded_model_predicts_the_same(once, name, tmp_path):
    inputs, fitted = once(name)
    saved(fitted, tmp_path / "model")
    loaded = registry.load(tmp_path / "model", inputs.rows.targets, "cpu")
    assert type(loaded) is type(fitted.model)
    assert (loaded.name, loaded.seed, loaded.targets) == (name, 3, inputs.rows.targets)
    np.testing.assert_array_equal(loaded.predict(inputs.rows), fitted.model.predict(inputs.rows))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_training_gives_the_same_bytes(folder, once, name, tmp_path):
    again = fit(example_models.inputs(folder, name))
    assert saved(again, tmp_path / "b") == saved(once(name)[1], tmp_path / "a")


@pytest.mark.parametrize("name", TABULAR)
def test_the_number_of_threads_changes_no_byte_of_a_model_of_tables(folder, name, tmp_path):
    files = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            inputs = example_models.inputs(folder, name)
            files.append(saved(fit(inputs), tmp_path / f"{threads}"))
    assert files[0] == files[1]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_test_row_changes_a_byte(folder, once, name, tmp_path):
    inputs = example_models.inputs(folder, name)
    rows, test = inputs.rows, inputs.split == "test"
    table = rows.features.copy()
    table.loc[test] = 99.0
    changed = replace(
        rows,
        age_days=np.where(test, 77, rows.age_days).astype(np.float32),
        sex=np.where(test, 0, rows.sex),
        labels=np.where(test[:, None], 1 - rows.labels, rows.labels),
        features=table,
        signals=rows.signals and replace(rows.signals, samples=disturbed(rows, test)),
    )
    fitted = fit(replace(inputs, rows=changed))
    assert saved(fitted, tmp_path / "b") == saved(once(name)[1], tmp_path / "a")
    # The disturbance is seen by a model that is asked about it.
    p, before = fitted.model.predict(changed), fitted.model.predict(rows)
    np.testing.assert_array_equal(p[~test], before[~test])
    assert np.abs(p[test] - before[test]).max() > 1e-3


def disturbed(rows: Any, test: np.ndarray) -> np.ndarray:
    samples, store = np.array(rows.store.samples), rows.store
    for position in rows.positions[test]:
        start = store.offsets[position]
        samples[start : start + len(store.leads) * store.n_samples[position]] = 1500
    return samples


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_label_is_not_an_absent_one(folder, name):
    inputs = example_models.inputs(folder, name)
    half = np.flatnonzero((inputs.rows.labels[:, 0] == 1) & (inputs.split == "train"))[::2]
    unknown, absent = (fit(with_labels(inputs, half, value)) for value in (np.nan, 0.0))
    p, less = (each.model.predict(inputs.rows)[:, 0] for each in (unknown, absent))
    assert np.isfinite(p).all()
    assert p.mean() > less.mean()


@pytest.mark.parametrize("name", NAMES)
def test_other_targets_than_its_own_are_refused(once, name, tmp_path):
    saved(once(name)[1], tmp_path / "model")
    with pytest.raises(
        PedecgError, match=r"trained for targets wide_qrs, inverted_t; asked for chd"
    ):
        registry.load(tmp_path / "model", ["chd"])


@pytest.mark.parametrize("name", OF_FEATURES)
def test_a_feature_that_is_missing_is_named(once, name):
    inputs, fitted = once(name)
    last = inputs.rows.features.columns[-1]
    less = replace(inputs.rows, features=inputs.rows.features.drop(columns=last))
    with pytest.raises(PedecgError, match=last):
        fitted.model.predict(less)


@pytest.mark.parametrize("name", NAMES)
def test_a_variant_of_its_family_is_a_model_of_its_own(folder, name, tmp_path):
    inputs = example_models.inputs(folder, name, family=name)
    assert "family" in registry.settings("deep", inputs.training.values).model_fields
    training = replace(inputs.training, name="deep")
    saved(fit(replace(inputs, training=training)), tmp_path / "model")
    loaded = registry.load(tmp_path / "model")
    assert (loaded.name, loaded.reads) == ("deep", registry.reads(name))
    assert json.loads((tmp_path / "model" / CARD).read_text())["family"] == name


@pytest.mark.parametrize("name", TABULAR)
def test_a_cohort_without_targets_is_refused(folder, name):
    inputs = example_models.inputs(folder, name)
    rows = replace(inputs.rows, targets=(), labels=np.zeros((96, 0), np.float32))
    with pytest.raises(PedecgError, match="no target"):
        fit(replace(inputs, rows=rows))


@pytest.mark.parametrize("name", REFITTED)
def test_refitted_it_has_seen_validation_rows_but_their_probabilities_have_not(folder, once, name):
    inputs, first = once(name)
    again = fit(example_models.inputs(folder, name, refit=True))
    validation = inputs.split == "validation"
    p, before = (each.predict(inputs.rows, validation) for each in (again, first))
    np.testing.assert_array_equal(p[validation], before[validation])
    assert np.abs(p[~validation] - before[~validation]).max() > 1e-3
    np.testing.assert_array_equal(p[~validation], again.model.predict(inputs.rows)[~validation])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "not found; the stage that writes it has not run"),
        ("{", "not a valid model card"),
        ("[]", "names no family of models; train it again"),
        ('{"family": "oracle"}', "no model 'oracle'; there are age_sex"),
        ('{"family": "rules_linear"}', "not a model of rules_linear"),
    ],
)
def test_a_folder_that_holds_no_model_is_refused(tmp_path, text, says):
    if text is not None:
        (tmp_path / CARD).write_text(text)
        folder_hashes.seal(tmp_path, [CARD])
    with pytest.raises(PedecgError, match=says):
        registry.load(tmp_path)


def test_rows_keep_together_what_belongs_to_a_record(folder):
    rows = replace(
        example_models.inputs(folder, "hybrid").rows,
        features=pd.DataFrame({"row": np.arange(96.0)}),
    )
    chosen = rows.take(np.array([5, 2]))
    assert chosen.record_ids == ("R005", "R002")
    assert chosen.features["row"].tolist() == [5, 2]
    assert chosen.positions.tolist() == [5, 2]
    np.testing.assert_array_equal(chosen.labels, rows.labels[[5, 2]])
    assert len(rows.take(np.arange(96) < 7)) == 7
    with pytest.raises(PedecgError, match="no signals"):
        _ = replace(rows, signals=None).store
