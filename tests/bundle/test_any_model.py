"""Bundles of tabular models, of a hybrid of folds and of an ensemble of all of them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import small_project
from alone import alone
from small_project import CURVES, LINE, ROOT, TARGETS, Ecg

from pedecg.bundle import assemble, table_export
from pedecg.cohorts.recordings import Recording
from pedecg.core import params, tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import ensemble
from pedecg.evaluation.calibration import MEAN, Calibration
from pedecg.learning import batches
from pedecg.models import model_inputs, registry
from pedecg.models.contract import Rows, Training
from pedecg.predict import loaded_model, prepared_recording
from pedecg.rules import rule_features
from pedecg.signals.signal_store import open_store

TABULAR = ("age_sex", "rules", "rules_linear", "rules_trees", "rules_boosted")
MEMBERS = ("hybrid", "age_sex", "rules", "rules_linear", "rules_trees")
SMALL_TREES = {
    "rules_trees": {"trees": 20, "min_leaf": 1},
    "rules_boosted": {"models": 2, "rounds": 10, "min_leaf": 1, "record_share": 1.0},
}


def recording(name: str, ecg: Ecg) -> Recording:
    return Recording(name, ecg.signal_mv, ecg.fs_hz, ecg.leads, ecg.age_days, ecg.sex)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory, ecgs) -> Path:
    """A pipeline with rule features that has trained every tabular model and a hybrid of folds."""
    folder = small_project.written(tmp_path_factory.mktemp("hospital"), ecgs)
    opened = loaded_model.load(folder / "models" / small_project.MODEL)
    measured = [
        prepared_recording.prepare(recording(name, ecg), opened.recipe).measured
        for name, ecg in ecgs.items()
    ]
    tables.write(rule_features.table(measured), folder / model_inputs.RULES, tables.RULES)
    rows, validation = rows_of(folder), np.arange(len(ecgs)) >= 4
    train = params.read_section("train", ROOT / "params.yaml") | {"epochs": 1}
    statistics = json.loads((folder / "data/processed/lead_statistics.json").read_text())
    for name in (*TABULAR, "hybrid"):
        values = small_project.settings_of(name) | SMALL_TREES.get(name, {})
        if name == "hybrid":
            sides = (small_project.MODEL, "rules_boosted", "age_sex")
            values |= {"network": sides[0], "rules": list(sides[1:]), "folds": 2}
            values["sides"] = {
                side: small_project.settings_of(side) | SMALL_TREES.get(side, {}) for side in sides
            }
        training = Training(name, values, 0, train, statistics)
        fitted = registry.fit(rows, validation, training)
        fitted.model.save(folder / "models" / name / "seed0")
    curves = dict.fromkeys(TARGETS, LINE) | {"kawasaki": {}}
    members = [ensemble.Member(name, 0, "platt", curves) for name in MEMBERS]
    ensemble.write(folder / "models/ensemble/seed0", 0, sorted(TARGETS), members)
    for name in (*TABULAR, "hybrid", "ensemble"):
        targets = tuple(sorted(TARGETS)) if name == "ensemble" else TARGETS
        fitted = Calibration(name, targets, False, "f1", dict.fromkeys(("0", MEAN), CURVES))
        fitted.save(folder / "calibration" / f"{name}.json")
    return folder


def rows_of(project: Path) -> Rows:
    records = tables.read(project / "data/interim/records.parquet", tables.RECORDS)
    labels = tables.read(project / "data/interim/labels.parquet", tables.LABELS)
    for k, target in enumerate(TARGETS):
        labels[target] = (np.arange(len(labels)) // (k + 1)) % 2
    rules = tables.read(project / model_inputs.RULES, tables.RULES)
    return batches.dataset(open_store(project / "data/processed/signals"), records, labels, rules)


def bundled(hospital: Path, name: str, out: Path) -> loaded_model.Model:
    assemble.write(hospital / "models" / name, out, hospital)
    return loaded_model.load(out)


def assert_equal_to_the_pipeline(
    opened: loaded_model.Model, hospital: Path, name: str, ecgs: dict[str, Ecg]
) -> None:
    """Raw ECGs, answered by a bundle, against the stored tables, answered by the saved model."""
    model = registry.load(hospital / "models" / name / "seed0", accelerator="cpu")
    own = rows_of(hospital)
    if not model.feature_names and "rules" not in model.reads:
        own = Rows(**{**vars(own), "features": own.features[[]]})
    expected = dict(zip(model.targets, model.predict(own).T, strict=True))
    spread = []
    for k, (record, ecg) in enumerate(ecgs.items()):
        exam = prepared_recording.prepare(recording(record, ecg), opened.recipe)
        found = opened.ask(exam)[0]
        wanted = [expected[target][k] for target in opened.targets]
        np.testing.assert_allclose(found, wanted, atol=1e-4, err_msg=record)
        spread.append(found)
    assert np.ptp(spread, axis=0).max() > 0.01  # so that agreement says something


@pytest.mark.slow
def test_an_ensemble_of_a_hybrid_of_folds_and_tabular_models_answers_as_the_pipeline(
    hospital, ecgs, tmp_path
):
    opened = bundled(hospital, "ensemble", tmp_path / "bundle")
    about = json.loads((tmp_path / "bundle/bundle.json").read_text())
    assert len(about["networks"]) == 2
    assert [one["model"] for one in about["tables"]] == [
        "rules_boosted", "age_sex", "age_sex", "rules", "rules_linear", "rules_trees",
    ]  # fmt: skip
    assert not [file for file in (tmp_path / "bundle").iterdir() if file.suffix in (".pkl", ".pt")]
    assert_equal_to_the_pipeline(opened, hospital, "ensemble", ecgs)

    np.save(tmp_path / "ecg.npy", ecgs["P0"].signal_mv)
    about = ("--fs-hz", 500, "--leads", ",".join(ecgs["P0"].leads), "--age-days", 400)
    found = alone(tmp_path / "bundle", tmp_path / "ecg.npy", *about)
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (1, "", 1)
    assert "rule features, which this runner does not measure; `pedecg predict" in found.stderr


def test_a_tabular_model_that_reads_no_rule_features_answers_without_pedecg(
    hospital, ecgs, tmp_path
):
    opened = bundled(hospital, "age_sex", tmp_path / "bundle")
    assert_equal_to_the_pipeline(opened, hospital, "age_sex", ecgs)
    ecg = ecgs["P0"]
    np.save(tmp_path / "ecg.npy", ecg.signal_mv)
    asked = (
        "--fs-hz", 500, "--leads", ",".join(ecg.leads), "--age-days", ecg.age_days, "--sex", "F",
    )  # fmt: skip
    found = alone(tmp_path / "bundle", tmp_path / "ecg.npy", *asked)
    assert found.returncode == 0, found.stderr
    exam = prepared_recording.prepare(recording("P0", ecg), opened.recipe)
    expected = opened.calibrated(opened.ask(exam))
    p = json.loads(found.stdout)["probabilities"]
    np.testing.assert_allclose([p[target] for target in opened.targets], expected, atol=1e-6)


@pytest.mark.parametrize("name", ["rules_linear", "rules_trees", "rules_boosted"])
def test_a_tabular_model_with_nan_among_its_numbers_is_refused(hospital, tmp_path, name):
    model = registry.load(hospital / "models" / name / "seed0")
    head = model.table_layers(list(rows_of(hospital).features)).layers
    damaged = next(values for values in head.buffers() if values.is_floating_point())
    damaged.view(-1)[0] = np.nan

    class Damaged:
        name = "damaged"

        def table_layers(self, columns):
            return type("Made", (), {"layers": head, "names": ()})

    with pytest.raises(PedecgError, match=r"damaged: .* not numbers"):
        table_export.export(Damaged(), [], tmp_path / "table.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_side_that_is_not_there_is_named(hospital, tmp_path):
    copy = shutil.copytree(hospital, tmp_path / "hospital")
    shutil.rmtree(copy / "models/hybrid/seed0/rules_boosted")
    with pytest.raises(PedecgError, match="rules_boosted"):
        assemble.write(copy / "models/hybrid", tmp_path / "bundle", copy)
    assert not (tmp_path / "bundle").exists()
