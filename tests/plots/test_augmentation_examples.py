"""The picture of augmentations shows every change there is, and each alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from pedecg import cli
from pedecg.cohorts.recordings import Recording
from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS
from pedecg.plots import augmentation_examples
from pedecg.signals.augmentation import AugmentSettings

PARAMS = Path(__file__).parents[2] / "params.yaml"
REAL = Path(__file__).parents[3] / "shared/data/zzu_sample"
SHARED_SETTINGS = {"probability", "wander_hz", "powerline_hz", "rate_targets"}


@pytest.fixture(scope="module")
def settings() -> AugmentSettings:
    return params.load("train.augment", AugmentSettings, PARAMS)


@pytest.fixture(scope="module")
def ecg() -> Recording:
    rng = np.random.default_rng(0)
    slow = np.cumsum(rng.normal(0, 0.05, (12, 2000)), axis=1).astype(np.float32)
    return Recording("a", slow, 250.0, tuple(LEADS))


def test_no_augmentation_is_left_out():
    drawn = set(augmentation_examples.EXAMPLES)
    assert drawn == set(AugmentSettings.model_fields) - SHARED_SETTINGS


def test_each_row_makes_its_own_change_and_no_other(settings, ecg):
    other = replace(ecg, record_id="b", signal_mv=ecg.signal_mv[:, ::-1].copy())
    crops = augmentation_examples._crops(ecg, other)
    for change in augmentation_examples.changes_alone(settings):
        changed = augmentation_examples._changed(crops, change.settings, ecg)
        same = torch.equal(changed.signal_mv[0], crops.signal_mv[0])
        assert not same, change.name
        on = {name for name, value in change.settings if value not in (0, None)} - SHARED_SETTINGS
        assert on == {change.name}


def test_what_is_off_is_called_off(settings):
    off = settings.model_copy(update={"wander_mv": 0.0, "amplitude": None})
    titles = {change.name: change.title for change in augmentation_examples.changes_alone(off)}
    assert titles["wander_mv"] == "wander_mv: off; drawn with 0.2 mV"
    assert titles["amplitude"] == "amplitude: off; drawn with 0.8 to 1.2 times"
    on = {change.name: change.title for change in augmentation_examples.changes_alone(settings)}
    assert on["wander_mv"] == "wander_mv: 0.2 mV"


@pytest.mark.parametrize(
    ("wrong", "stated"),
    [({"fs_hz": 500.0}, "at 500 Hz; expected those of a"), ({"leads": LEADS[::-1]}, "b: V6")],
)
def test_a_second_recording_of_another_kind_is_refused(settings, ecg, tmp_path, wrong, stated):
    other = replace(ecg, record_id="b", **wrong)
    with pytest.raises(PedecgError, match=stated):
        augmentation_examples.draw(ecg, other, settings, tmp_path / "a.png")


def test_a_lead_that_is_not_there_is_reported(settings, ecg, tmp_path):
    with pytest.raises(PedecgError, match="a: no lead V9; it has I II"):
        augmentation_examples.draw(ecg, None, settings, tmp_path / "a.png", "V9")


@pytest.mark.real
def test_a_childs_ecg_is_drawn_the_same_twice(tmp_path, monkeypatch):
    if not REAL.is_dir():
        pytest.skip(f"{REAL}: no real ECGs here")
    monkeypatch.chdir(PARAMS.parent)
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        found = CliRunner().invoke(cli.app, ["augment", str(REAL), "--out", str(file)])
        assert found.exit_code == 0, found.output
    assert files[0].read_bytes() == files[1].read_bytes()
