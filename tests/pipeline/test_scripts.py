"""Presets fit their pipelines, and a trained delineator is shipped whole."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from dvc.utils.hydra import apply_overrides
from safetensors.torch import load_file
from scratch import PAEDIATRIC, ROOT, pipelines, settings_of

sys.path.insert(0, str(ROOT / "scripts"))

import ship_delineator

from pedecg.commands import parameter_sections, presets
from pedecg.core import params, tables
from pedecg.waves import (
    delineator_inference,
    integer_network,
    shipped_delineator,
    wave_network,
)

PRESETS = sorted(
    file for pipeline in pipelines() for file in (ROOT / pipeline / "presets").glob("*.yaml")
)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_preset_changes_parameters_that_there_are(preset):
    file = preset.parents[1] / params.PARAMS_FILE
    known = parameter_sections.sections(file)
    for key in settings_of(preset):
        assert key.split(".")[0] in {section.split(".")[0] for section in known}
        params.read_section(key, file)


@pytest.mark.parametrize("pipeline", pipelines())
def test_every_parameter_of_every_pipeline_is_checked(pipeline):
    file = ROOT / pipeline / params.PARAMS_FILE
    parameter_sections.check(file)
    assert (
        pipeline == PAEDIATRIC or parameter_sections.sections(file) != parameter_sections.sections()
    )


@pytest.mark.parametrize("preset", PRESETS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_dvc_takes_every_preset_as_overrides(preset, tmp_path):
    file = tmp_path / params.PARAMS_FILE
    file.write_bytes((preset.parents[1] / params.PARAMS_FILE).read_bytes())
    wanted = settings_of(preset)
    apply_overrides(file, presets.overrides(preset))
    assert {key: params.read_section(key, file) for key in wanted} == wanted


def test_shipping_copies_the_network_and_says_what_it_did_not_learn_from(tmp_path):
    pipeline, target = tmp_path / "pipeline", tmp_path / "learned"
    ids = ["ludb/1", "ludb/2", "ludb/3", "qtdb/sel1", "simulated/c1"]
    splits = pd.DataFrame({"record_id": ids, "patient_id": ids})
    splits["split"] = ["train", "validation", "test", "test", "test"]
    tables.write(splits, pipeline / "data/interim/splits.parquet", tables.SPLITS)
    parameters = ROOT / "pipelines/delineation/params.yaml"
    (pipeline / "params.yaml").write_bytes(parameters.read_bytes())
    for name in ship_delineator.FILES:
        tables.write_text(name, pipeline / "models/delineator" / name)
    ship_delineator.ship(pipeline, target)
    assert [(target / name).read_text() for name in ship_delineator.FILES] == [
        *ship_delineator.FILES
    ]
    assert json.loads((target / "held_out.json").read_text()) == {
        "ludb": ["2", "3"],
        "qtdb": ["sel1"],
        "simulated_seed": params.read_section("simulate.seed", parameters),
    }


def test_a_training_writes_exactly_the_files_that_are_shipped(tmp_path):
    text = (shipped_delineator.WEIGHTS / "network.json").read_text(encoding="utf-8")
    settings = wave_network.Settings.model_validate_json(text)
    delineator_inference.save(
        wave_network.Network(settings).eval(), settings, [(np.zeros((1, 500)), 250.0)], tmp_path
    )
    assert {file.name for file in tmp_path.iterdir()} == set(ship_delineator.FILES)


def test_the_shipped_files_are_a_network_of_the_pipeline_and_its_settings_as_they_are_kept():
    folder = shipped_delineator.WEIGHTS
    kept = load_file(folder / "weights.safetensors")
    stored = integer_network.stored(delineator_inference.load(folder))
    assert kept.keys() == stored.keys()
    assert all(torch.equal(kept[name], stored[name]) for name in kept)
    text = (folder / "network.json").read_text(encoding="utf-8")
    settings = wave_network.Settings.model_validate_json(text)
    assert text == settings.model_dump_json(indent=2) + "\n"
