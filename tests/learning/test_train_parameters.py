"""What the stage reads is what it declares, and params.yaml fits its types."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pedecg.core import params
from pedecg.learning.train_settings import TrainSettings

LISTS = {"models", "pretrained_models", "fused_models", "seeds"}
ROOT = Path(__file__).resolve().parents[2]


def test_the_defaults_fit_their_types():
    params.load("train", TrainSettings, ROOT / "params.yaml")


@pytest.mark.parametrize("name", ["train", "train_pretrained", "train_fused"])
def test_the_stage_declares_every_setting_but_the_lists_that_make_its_matrix(name):
    stage = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"][name]
    declared = {name.removeprefix("train.") for name in stage["params"] if name.startswith("train")}
    assert declared == set(TrainSettings.model_fields) - LISTS
