"""What the stage reads is what it declares, and params.yaml fits its types."""

from pathlib import Path

from ruamel.yaml import YAML

from pedecg import params
from pedecg.learning.settings import TrainSettings

ROOT = Path(__file__).resolve().parents[2]


def test_the_defaults_fit_their_types():
    params.load("train", TrainSettings, ROOT / "params.yaml")


def test_the_stage_declares_every_setting_but_the_lists_that_make_its_matrix():
    stage = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]["train"]
    declared = {name.removeprefix("train.") for name in stage["params"] if name.startswith("train")}
    assert declared == set(TrainSettings.model_fields) - {"models", "seeds"}
