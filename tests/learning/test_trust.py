"""Checks before a long training, and faults that are reported in one line."""

import numpy as np
import pytest
import torch
from small_hospital import AUGMENT, NORMALISATION, SMALL, TRAINING, VALIDATION, train_settings

from pedecg.core.errors import PedecgError
from pedecg.learning import device, lr_find, trained_network
from pedecg.learning.batches import Signals
from pedecg.learning.fit import fit
from pedecg.learning.loop import TrainingLoop
from pedecg.learning.training_task import Task
from pedecg.plots import learning_rate_curve


def train(data, state_root=None, **changes):
    settings = train_settings(**changes)
    return fit(
        "resnet1d", SMALL, data, TRAINING, VALIDATION, NORMALISATION, settings, 0, state_root
    )


def test_one_batch_is_learnt_by_heart(data):
    fitted = train(
        data, overfit_one_batch=True, batch_size=16, epochs=8, monitor="loss",
        augment=AUGMENT | {"mixup": 0.4}, loss=vars(train_settings().loss) | {"name": "focal"},
    )  # fmt: skip
    assert fitted.curves[-1]["train_loss"] < 0.1 * fitted.curves[0]["train_loss"]
    assert fitted.curves[-1]["val_auroc"] > 0.95


def test_a_dev_run_takes_two_steps_and_gives_a_network(data, monkeypatch):
    steps = []
    step = TrainingLoop.step
    monkeypatch.setattr(
        TrainingLoop, "step", lambda loop, parts: (steps.append(1), step(loop, parts))[1]
    )
    fitted = train(data, fast_dev_run=True, schedule="plateau")
    assert (len(steps), len(fitted.curves)) == (2, 1)
    assert fitted.trained.card.best_epoch == 1


@pytest.mark.parametrize("monitor", ["auprc", "f1", "last"])
def test_every_monitor_chooses_an_epoch(data, monitor):
    fitted = train(data, monitor=monitor, epochs=3, smooth_epochs=1)
    values = [row.get(f"val_{monitor}", row["epoch"]) for row in fitted.curves]
    best = fitted.trained.card.best_epoch
    assert best == (3 if monitor == "last" else max(range(3), key=lambda i: (values[i], i)) + 1)


def test_accumulated_batches_are_one_step_of_all(data, monkeypatch):
    steps = []
    step = TrainingLoop.step
    monkeypatch.setattr(
        TrainingLoop, "step", lambda loop, parts: (steps.append(parts), step(loop, parts))[1]
    )
    train(data, epochs=1, batch_size=16, accumulate=4)
    sizes = [[len(batch.rows) for batch in batches] for batches in steps]
    assert sizes == [[16] * 4] * 3  # 96 records, two crops each


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(),
     RuntimeError("DefaultCPUAllocator: can't allocate memory")],
)  # fmt: skip
def test_the_end_of_memory_says_what_to_lower(data, monkeypatch, error):
    def full(*_):
        raise error

    monkeypatch.setattr(TrainingLoop, "step", full)
    with pytest.raises(PedecgError, match=r"out of memory; lower train.batch_size \(now 32; "):
        train(data)


def test_other_errors_are_not_taken_for_the_end_of_memory():
    with pytest.raises(RuntimeError, match="shapes"), device.out_of_memory("train.batch_size"):
        raise RuntimeError("shapes differ")


def test_a_record_of_several_classes_is_reported(data):
    with pytest.raises(PedecgError, match=r"exactly one class per record; \d+ records .* R"):
        train(data, task="multiclass")


def test_weights_for_other_settings_are_refused_by_key(data, tmp_path):
    fitted = train(data, epochs=1)
    fitted.trained.save(tmp_path)
    with pytest.raises(PedecgError, match=r"settings.width 8 \(asked for 16\)"):
        trained_network.load(tmp_path, settings=SMALL | {"width": 16})
    assert trained_network.load(tmp_path, settings=SMALL).card.settings == SMALL


def test_gathering_on_a_device_cuts_what_slicing_cuts(data, monkeypatch):
    sliced = Signals(data.store, NORMALISATION, torch.device("cpu"))
    monkeypatch.setattr("pedecg.learning.batches._fits", lambda *_: True)
    gathered = Signals(data.store, NORMALISATION, torch.device("cpu"))
    rng = np.random.default_rng(0)
    positions = rng.integers(0, len(data.store), 40)
    starts = rng.integers(0, data.store.n_samples[positions])
    for ours, theirs in zip(
        gathered.crop(positions, starts, 400), sliced.crop(positions, starts, 400), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_the_finder_suggests_a_rate_at_which_the_network_learns(data, tmp_path):
    settings = train_settings()
    task = Task("resnet1d", SMALL, data, TRAINING, VALIDATION, NORMALISATION, settings, 0, tmp_path)
    test = lr_find.find(task, lowest=1e-5, highest=1.0, steps=40)
    assert 1e-4 < test.suggestion < 0.3
    learning_rate_curve.draw(test.curve, test.suggestion, "resnet1d", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000
