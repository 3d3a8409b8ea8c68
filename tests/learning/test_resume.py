"""A training that was killed goes on where it stood and ends with the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import small_hospital
import torch
from safetensors.torch import save
from small_hospital import NORMALISATION, SMALL, TRAINING, VALIDATION

from pedecg.core import checkpoint
from pedecg.core.errors import PedecgError
from pedecg.learning import fit, training_state
from pedecg.learning.loop import TrainingLoop

EPOCHS = 8
AGE = {"conditioning": "film", "age_features": 8, "hide_probability": 0.1}
CODE = """
import sys
from pathlib import Path
import test_resume
test_resume.train(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def train(hospital: Path, state_root: Path, **changes) -> fit.Fitted:
    return fit.fit(
        "resnet1d_age",
        SMALL | AGE,
        small_hospital.load(hospital),
        TRAINING,
        VALIDATION,
        NORMALISATION,
        small_hospital.train_settings(**{"epochs": EPOCHS, "patience": EPOCHS} | changes),
        3,
        state_root,
    )


def environment() -> dict[str, str]:
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def kill_one_in_the_middle(hospital: Path, state_root: Path, after_s: float) -> None:
    """Start a training in its own process; SIGKILL some time after its first saved epoch."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(hospital), str(state_root)],
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    give_up = time.monotonic() + 120
    while not list(state_root.glob("*/state.safetensors")) and time.monotonic() < give_up:
        time.sleep(0.01)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"


@pytest.fixture(scope="module")
def uninterrupted(hospital, tmp_path_factory) -> fit.Fitted:
    return train(hospital, tmp_path_factory.mktemp("state"))


def test_sigkill_at_any_moment_then_a_rerun_ends_with_the_same_bytes(
    hospital, uninterrupted, tmp_path, monkeypatch
):
    state_root = tmp_path / "state"
    kill_one_in_the_middle(hospital, state_root, np.random.default_rng().uniform(0, 0.3))
    epochs_run = []
    one_epoch = TrainingLoop.one_epoch
    monkeypatch.setattr(
        TrainingLoop,
        "one_epoch",
        lambda loop, shown: (epochs_run.append(loop.progress.epoch), one_epoch(loop, shown))[1],
    )
    resumed = train(hospital, state_root)
    assert 0 < len(epochs_run) < EPOCHS, "the rerun did not start at the saved epoch"
    assert save(resumed.trained.network.state_dict()) == save(
        uninterrupted.trained.network.state_dict()
    )
    assert resumed.curves == uninterrupted.curves
    assert resumed.trained.card == uninterrupted.trained.card
    assert not state_root.exists(), "the state outlives the training"


@pytest.mark.parametrize(
    "changes",
    [{"schedule": "one_cycle"}, {"schedule": "constant", "sampler": "balanced"},
     {"schedule": "plateau", "plateau_patience": 1, "monitor": "loss"}],
)  # fmt: skip
def test_every_schedule_goes_on_where_it_stood(hospital, tmp_path, monkeypatch, changes):
    whole = train(hospital, tmp_path / "whole", **changes)
    save_state = training_state.StateFolder.save

    def break_off(folder, tensors, optimizer, values):
        save_state(folder, tensors, optimizer, values)
        if values["progress"]["epoch"] == 5:
            raise InterruptedError

    monkeypatch.setattr(training_state.StateFolder, "save", break_off)
    with pytest.raises(InterruptedError):
        train(hospital, tmp_path / "state", **changes)
    monkeypatch.setattr(training_state.StateFolder, "save", save_state)
    resumed = train(hospital, tmp_path / "state", **changes)
    assert save(resumed.trained.network.state_dict()) == save(whole.trained.network.state_dict())
    assert resumed.curves == whole.curves


MANY = {"epochs": 60, "patience": 60, "crops_per_record": 1, "batch_size": 96}


def kill_at(moment: str, hospital: Path, state_root: Path, rng: np.random.Generator) -> None:
    """Start a training of many short epochs; SIGKILL while a state is written, or anywhere."""
    command = [sys.executable, "-c", "import sys, test_resume; test_resume.many(*sys.argv[1:])"]
    before = {file: file.stat().st_mtime_ns for file in state_root.glob("*/state.safetensors")}
    process = subprocess.Popen(
        [*command, str(hospital), str(state_root)], env=environment(), stderr=subprocess.DEVNULL
    )
    give_up = time.monotonic() + 240
    while time.monotonic() < give_up:
        if moment == "writing" and list(state_root.glob("*/.state.safetensors.*")):
            break
        now = {file: file.stat().st_mtime_ns for file in state_root.glob("*/state.safetensors")}
        if moment == "anywhere" and now != before:
            time.sleep(rng.uniform(0, 0.3))
            break
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"


def many(hospital: str, state_root: str) -> fit.Fitted:
    return train(Path(hospital), Path(state_root), **MANY)


@pytest.mark.nightly
def test_ten_kills_some_while_the_state_is_written_change_no_byte(hospital, tmp_path):
    rng = np.random.default_rng()
    halved = 0
    for moment in ["anywhere", "writing"] * 5:
        kill_at(moment, hospital, tmp_path / "state", rng)
        halved += len(list((tmp_path / "state").glob("*/.state.safetensors.*")))
    resumed = many(str(hospital), str(tmp_path / "state"))
    whole = many(str(hospital), str(tmp_path / "whole"))
    assert halved > 0, "no kill came while a state was written"
    assert save(resumed.trained.network.state_dict()) == save(whole.trained.network.state_dict())
    assert resumed.curves == whole.curves
    assert not (tmp_path / "state").exists()


def test_a_state_of_another_training_is_refused_with_the_difference(hospital, tmp_path):
    kill_one_in_the_middle(hospital, tmp_path, 0)
    (saved,) = tmp_path.iterdir()
    file = saved / training_state.FILE
    tensors, metadata = checkpoint.read_tensors(file, torch.device("cpu"))
    about = json.loads(metadata["about"])
    about["training"]["model_settings"]["width"] = 12
    about["training"]["targets"] = ["wide_qrs"]
    checkpoint.write_tensors(file, tensors, {"about": json.dumps(about)})
    with pytest.raises(PedecgError) as fault:
        train(hospital, tmp_path)
    assert "model_settings.width 12 (asked for 8)" in str(fault.value)
    assert "targets wide_qrs (asked for wide_qrs, inverted_t)" in str(fault.value)


def test_another_setting_never_resumes_an_old_state(hospital, tmp_path, monkeypatch):
    keys = set()

    def stop(task, state_root):
        keys.add(task.key)
        raise InterruptedError

    monkeypatch.setattr(fit, "ClassifierTraining", stop)
    changes = [{}, {}, {"learning_rate": 2e-3}, {"precision": "bfloat16"}, {"threads": 2}]
    for change in changes:
        with pytest.raises(InterruptedError):
            train(hospital, tmp_path, **change)
    assert len(keys) == 4


def test_the_key_follows_labels_and_code(tmp_path):
    code = tmp_path / "model.py"
    code.write_text("width = 1\n")
    labels = np.array([[0.0, np.nan]])
    first = training_state.key({"seed": 0}, {"labels": labels}, [code])
    assert training_state.key({"seed": 0}, {"labels": labels.copy()}, [code]) == first
    assert training_state.key({"seed": 0}, {"labels": 1 - labels}, [code]) != first
    code.write_text("width = 2\n")
    assert training_state.key({"seed": 0}, {"labels": labels}, [code]) != first
