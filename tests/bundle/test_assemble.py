"""A bundle is whole or not written, and says what it was made from."""

import hashlib
import json
import shutil

import pytest
import small_project
from ruamel.yaml import YAML
from small_project import MODEL, SEEDS, TARGETS
from typer.testing import CliRunner

from pedecg import cli
from pedecg.bundle import assemble, onnx_export
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS, NINE_LEADS


@pytest.fixture
def copy(project, tmp_path, monkeypatch):
    """The project to change at will; its networks are written as empty files."""

    def write_nothing(trained, path):
        path.write_bytes(b"")

    monkeypatch.setattr(onnx_export, "export", write_nothing)
    return shutil.copytree(project, tmp_path / "project")


def write(project, out="bundle"):
    return assemble.write(project / "models" / MODEL, project / out, project)


def test_the_card_says_what_the_model_was_made_for(bundle, project):
    about = json.loads((bundle / "bundle.json").read_text())
    assert (about["model"], about["targets"], about["opset"]) == (MODEL, list(TARGETS), 20)
    noise = {name: about["trained_on"].pop(name) for name in ("psqi_low", "bassqi_low")}
    assert all(0 < low < 1 for low in noise.values())
    lowest, highest = about["trained_on"].pop("swing_mv")
    assert 0 < lowest < highest
    assert about["trained_on"] == {
        "records": 6, "patients": 6, "age_days": [300, 2300], "length_s": [4.2, 10.0],
        "leads": [" ".join(LEADS), " ".join(NINE_LEADS)], "fewest_leads": 9,
        "sex": {"female": 3, "male": 3},
    }  # fmt: skip
    assert about["training_data"]["cohort"] == "simulated"
    assert about["training_data"]["children"].startswith("simulated")
    assert about["preprocess"]["fs_hz"] == 250
    assert [one["seed"] for one in about["networks"]] == list(SEEDS)
    weights = (project / "models" / MODEL / "seed1" / "weights.safetensors").read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    assert about["networks"][1]["sha256"]["weights.safetensors"] == digest


def test_every_file_is_there_with_its_hash(bundle):
    hashes = json.loads((bundle / "manifest.json").read_text())
    beside = {"manifest.json", "manifest.sha256", "__pycache__"}
    assert {file.name for file in bundle.iterdir()} - beside == set(hashes)
    hashes["manifest.json"] = (bundle / "manifest.sha256").read_text().strip()
    for name, digest in hashes.items():
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest


def test_the_command_writes_a_bundle_and_replaces_an_older_one(copy, monkeypatch):
    monkeypatch.chdir(copy)
    for _ in range(2):
        arguments = ["bundle", "--model", f"models/{MODEL}", "--out", "out/bundle"]
        found = CliRunner().invoke(cli.app, arguments)
        assert found.exit_code == 0, found.output
        assert (
            "2 networks, 0 tabular models, 4 targets, training children simulated" in found.stdout
        )
    assert [folder.name for folder in (copy / "out").iterdir()] == ["bundle"]


def test_the_same_model_gives_the_same_bytes(copy):
    write(copy, "a")
    write(copy, "b")
    for file in (copy / "a").iterdir():
        assert file.read_bytes() == (copy / "b" / file.name).read_bytes()


def test_a_folder_that_is_no_bundle_is_left_alone(copy):
    (copy / "bundle").mkdir()
    with pytest.raises(PedecgError, match="exists and is not a bundle"):
        write(copy)
    assert list((copy / "bundle").iterdir()) == []


def test_a_failure_leaves_the_older_bundle(copy, monkeypatch):
    write(copy)
    older = {file.name: file.read_bytes() for file in (copy / "bundle").iterdir()}
    monkeypatch.setattr(onnx_export, "export", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(copy)
    assert {file.name: file.read_bytes() for file in (copy / "bundle").iterdir()} == older
    assert not list(copy.glob(".bundle*"))


def change_calibration(project):
    file = project / "calibration" / f"{MODEL}.json"
    file.write_text(file.read_text().replace('"1": {', '"7": {'))


def change_rate(project):
    set_parameter(project, "preprocess", "fs_hz", 500)


def drop_weights(project):
    (project / "models" / MODEL / "seed0" / "weights.safetensors").unlink()


def drop_models(project):
    shutil.rmtree(project / "models" / MODEL / "seed0")
    shutil.rmtree(project / "models" / MODEL / "seed1")


def change_after_the_run(project):
    lock = {"ingest": {}, "preprocess": {"params": {"params.yaml": {"preprocess": {"fs_hz": 1}}}}}
    YAML().dump({"schema": "2.0", "stages": lock}, project / "dvc.lock")


def set_parameter(project, section, key, value):
    yaml, file = YAML(), project / "params.yaml"
    values = yaml.load(file.read_text())
    values[section][key] = value
    yaml.dump(values, file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_calibration, r"fitted on seeds \[0, 7\]; the model has \[0, 1\]"),
        (change_rate, "trained at 250 Hz on I II .*; preprocess is 500 Hz"),
        (drop_weights, "seed0/weights.safetensors: not found"),
        (drop_models, "no trained model in it"),
        (change_after_the_run, "preprocess is not what stage preprocess ran with"),
    ],
)
def test_what_does_not_belong_together_is_refused(copy, change, message):
    change(copy)
    with pytest.raises(PedecgError, match=message):
        write(copy)
    assert not (copy / "bundle").exists()


def test_a_simulated_cohort_of_another_name_is_called_simulated(copy):
    set_parameter(copy, "cohort", "name", "manifest")
    assert write(copy)["training_data"]["children"] == "real"
    lock = {"simulate_xml": {"outs": [{"path": "data/raw/simulated"}]}}
    YAML().dump({"schema": "2.0", "stages": lock}, copy / "dvc.lock")
    assert write(copy)["training_data"]["children"].startswith("simulated")


def test_a_model_that_reads_further_numbers_says_so(copy):
    shutil.rmtree(copy / "models" / MODEL)
    settings = small_project.settings_of("cnn1d")
    for seed in SEEDS:
        one = small_project.trained("cnn1d", settings, seed=seed, n_features=3)
        one.save(copy / "models" / MODEL / f"seed{seed}")
    (copy / "calibration" / f"{MODEL}.json").rename(copy / "calibration" / "cnn1d.json")
    about = write(copy)
    assert about["reads"] == ["signal", "leads", "age", "sex", "numbers"]
    assert about["networks"][0]["feature_names"] == ["feature_0", "feature_1", "feature_2"]
