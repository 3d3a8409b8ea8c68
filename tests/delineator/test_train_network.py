"""Training the delineator: the same bytes again, after a kill too, and a loss for each taste."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_heart
from ruamel.yaml import YAML
from safetensors.torch import save

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.delineator import train_network, wave_losses
from pedecg.learning.loop import TrainingLoop

STEPS = 200
CODE = """
import sys
from pathlib import Path
import toy_heart
from pedecg.delineator import train_network
train_network.fit([toy_heart.record()], toy_heart.settings(int(sys.argv[2])), Path(sys.argv[1]))
"""


def weights(fitted: train_network.Fitted) -> bytes:
    return save({name: t.contiguous() for name, t in fitted.network.state_dict().items()})


def train(steps: int, state_root: Path | None = None, **changes: object) -> train_network.Fitted:
    settings = toy_heart.settings(steps).model_copy(update=changes)
    return train_network.fit([toy_heart.record()], settings, state_root)


def test_training_twice_gives_the_same_weights_and_another_seed_others():
    first, second, other = train(3), train(3), train(3, seed=1)
    assert weights(first) == weights(second) != weights(other)
    assert first.curves == second.curves


def test_a_training_that_broke_off_goes_on_and_ends_with_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(train_network, "STEPS_PER_EPOCH", 5)
    steps = []
    one_step = TrainingLoop.step

    def break_off_at_12(loop, batches):
        steps.extend(batches)
        if len(steps) == 13:
            raise InterruptedError
        return one_step(loop, batches)

    monkeypatch.setattr(TrainingLoop, "step", break_off_at_12)
    with pytest.raises(InterruptedError):
        train(22, tmp_path / "state")
    resumed = train(22, tmp_path / "state")
    assert steps[13:] == list(range(10, 22))
    monkeypatch.setattr(TrainingLoop, "step", one_step)
    assert weights(resumed) == weights(whole := train(22))
    assert resumed.curves == whole.curves
    assert not (tmp_path / "state").exists(), "the state outlives the training"


@pytest.mark.slow
def test_sigkill_at_any_moment_then_a_rerun_ends_with_the_same_bytes(tmp_path):
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(tmp_path / "state"), str(STEPS)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stderr=subprocess.DEVNULL,
    )
    give_up = time.monotonic() + 120
    while not list(tmp_path.glob("state/*/state.safetensors")) and time.monotonic() < give_up:
        time.sleep(0.01)
    time.sleep(np.random.default_rng().uniform(0, 0.3))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
    assert weights(train(STEPS, tmp_path / "state")) == weights(train(STEPS))


def test_another_setting_or_another_label_never_resumes_an_old_state():
    record = toy_heart.record()
    moved = toy_heart.record()
    moved.marks[0].waves[0, 1] += 0.001
    settings = toy_heart.settings(3)
    keys = [
        train_network._key([record], settings),
        train_network._key([record], settings.model_copy(update={"loss": "focal"})),
        train_network._key([record], settings.model_copy(update={"threads": 2})),
        train_network._key([moved], settings),
        train_network._key([toy_heart.record()], settings),
    ]
    assert len(set(keys)) == 4
    assert keys[0] == keys[-1]


def test_a_loss_that_explodes_is_one_line_with_the_mend(monkeypatch):
    nothing = {"bce": lambda logits, *_: logits.sum() * float("nan")}
    monkeypatch.setattr(wave_losses, "LOSSES", nothing)
    with pytest.raises(PedecgError, match=r"loss is nan in step 1; lower train\.learning_rate"):
        train(2)


@pytest.mark.parametrize(
    ("mixture", "says"),
    [
        ({"ludb": 1.0}, "no weight for source simulated; weights: ludb"),
        ({"simulated": 0.0}, "no labelled training record"),
    ],
)
def test_a_mixture_that_fits_no_record_says_so(mixture, says):
    with pytest.raises(PedecgError, match=rf"train\.mixture: {says}"):
        train(1, mixture=mixture)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("steps: -3", r"train\.steps must be integer ≥ 1 \(found -3\)"),
        ("loss: huber", r"train\.loss must be bce or focal or dice_bce \(found 'huber'\)"),
        ("network: {widths: [8, 8], blocks: [1, 1], dilations: [1], kernel: 5}",
         r"train\.network.blocks must be one fewer than widths"),
        ("network: {widths: [8, 8], blocks: [1], dilations: [1], kernel: 4}",
         r"train\.network.kernel must be odd \(found 4\)"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line(change, says, tmp_path):
    plain = toy_heart.settings(3).model_dump()
    key, value = next(iter(YAML(typ="safe", pure=True).load(change).items()))
    with pytest.raises(PedecgError, match=says):
        params.parse({**plain, key: value}, "train", train_network.Settings, "params.yaml")


def random_batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 3, 40, generator=generator)
    shares, weights = torch.rand(2, 2, 3, 3, 40, generator=generator)
    return logits, shares, weights


@pytest.mark.parametrize("name", wave_losses.LOSSES)
def test_every_loss_is_least_where_the_probability_is_the_share(name):
    _, shares, weights = random_batch()
    best = torch.logit(shares.clamp(0.01, 0.99)).requires_grad_()
    loss = wave_losses.LOSSES[name](best, shares.clamp(0.01, 0.99), weights)
    loss.backward()
    assert best.grad.abs().max() < 1e-3
    assert wave_losses.LOSSES[name](best.detach() + 0.5, shares, weights) > loss


@pytest.mark.parametrize("name", wave_losses.LOSSES)
def test_what_the_source_does_not_know_changes_no_loss(name):
    logits, shares, weights = random_batch()
    unknown = weights < 0.5
    weights[unknown] = 0.0
    other = torch.where(unknown, 1 - shares, shares)
    loss = wave_losses.LOSSES[name]
    assert loss(logits, shares, weights) == loss(logits, other, weights)
    assert loss(logits, shares, torch.zeros_like(weights)) == 0


@pytest.mark.parametrize("name", wave_losses.LOSSES)
def test_every_loss_learns_the_toy_heart(name):
    loss = [row["train_loss"] for row in train(60, loss=name).curves]
    assert loss[-1] < 0.6 * loss[0]
