"""The defaults of a training fit their types."""

from pathlib import Path

from pedecg.core import params
from pedecg.learning.train_settings import TrainSettings

ROOT = Path(__file__).resolve().parents[2]


def test_the_defaults_fit_their_types():
    params.load("train", TrainSettings, ROOT / "params.yaml")
