"""Samplers, schedules, the average and groups of parameters do what their parameters say."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from small_hospital import train_settings
from torch import nn

from pedecg.core.errors import PedecgError
from pedecg.learning import optimiser, sampler, schedules
from pedecg.learning.weight_average import WeightAverage

STEPS = 80  # 8 epochs of 10
PEAK = 1e-2
KINDS = {
    "cosine": partial(schedules.cosine, total=STEPS),
    "one_cycle": partial(schedules.one_cycle, total=STEPS),
    "plateau": partial(schedules.plateau, factor=0.3, patience=3),
    "constant": schedules.constant,
}


def adamw(peak: float = PEAK) -> torch.optim.AdamW:
    return torch.optim.AdamW([nn.Parameter(torch.zeros(1))], peak)


def go(optimizer, schedule, steps=STEPS):
    """Take steps; return learning rate and momentum of each."""
    taken = []
    for _ in range(steps):
        group = optimizer.param_groups[0]
        taken.append((group["lr"], group["betas"][0]))
        optimizer.step()
        schedule.after_step()
    return np.array(taken).T


def rates(kind, warmup=10, steps=STEPS):
    optimizer = adamw()
    return go(optimizer, KINDS[kind](optimizer, warmup), steps)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("warmup", [0, 1, 2, 20])
def test_every_schedule_rises_to_the_peak_within_the_warm_up(kind, warmup):
    rate, _ = rates(kind, warmup)
    assert rate[: max(warmup, 1)].max() == pytest.approx(PEAK, rel=0.01)
    assert rate.max() <= PEAK * (1 + 1e-12)
    assert (np.diff(rate[:warmup]) > 0).all()


@pytest.mark.parametrize("kind", ["cosine", "one_cycle"])
def test_cosine_and_one_cycle_fall_to_almost_nothing(kind):
    rate, _ = rates(kind)
    assert (np.diff(rate[10:]) < 0).all()
    assert rate[-1] < 0.01 * rate.max()


@pytest.mark.parametrize("warmup", [0, 7, 80])
def test_cosine_is_its_formula(warmup):
    rate, _ = rates("cosine", warmup)
    step = np.arange(STEPS)
    fall = np.maximum(step - warmup, 0) / max(1, STEPS - warmup)
    expected = np.where(step < warmup, (step + 1) / max(1, warmup), (1 + np.cos(np.pi * fall)) / 2)
    np.testing.assert_allclose(rate, PEAK * expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("total", [1, 2, 3, 11])
@pytest.mark.parametrize("warmup", [0, 1, 2, 11])
def test_a_cycle_of_few_steps_has_a_learning_rate_in_each(total, warmup):
    optimizer = adamw()
    rate, _ = go(optimizer, schedules.one_cycle(optimizer, warmup, total), total)
    assert (rate > 0).all()
    assert PEAK / 25 <= rate.max() <= PEAK * (1 + 1e-12)


def test_a_plateau_lowers_the_rate_after_epochs_without_a_better_value():
    optimizer = adamw()
    schedule = schedules.plateau(optimizer, 0, factor=0.3, patience=3)
    after = []
    for value in (0.5, 0.6, 0.55, 0.6, 0.4, 0.7, 0.1, 0.1, 0.1):
        schedule.after_epoch(value)
        after.append(optimizer.param_groups[0]["lr"] / PEAK)
    assert after == pytest.approx([1, 1, 1, 1, 0.3, 0.3, 0.3, 0.3, 0.09])


def test_a_plateau_needs_a_metric():
    with pytest.raises(PedecgError, match="monitor must be a metric where schedule is plateau"):
        train_settings(schedule="plateau", monitor="last")


def test_momentum_goes_against_the_rate_in_one_cycle_alone():
    _, cycle = rates("one_cycle")
    assert cycle[0] == pytest.approx(0.95) == pytest.approx(cycle[-1])
    assert cycle.argmin() == 9
    assert cycle.min() == pytest.approx(0.85)
    for kind in KINDS.keys() - {"one_cycle"}:
        assert set(rates(kind)[1]) == {0.9}


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_goes_on_from_its_saved_state(kind):
    whole, first = adamw(), adamw()
    uninterrupted = go(whole, KINDS[kind](whole, 10))
    saved_schedule = KINDS[kind](first, 10)
    go(first, saved_schedule, 33)
    saved = json.loads(
        json.dumps([saved_schedule.state_dict(), first.state_dict()["param_groups"]])
    )
    second = adamw()
    resumed = KINDS[kind](second, 10)
    resumed.load_state_dict(saved[0])
    second.load_state_dict({"state": {}, "param_groups": saved[1]})
    np.testing.assert_array_equal(go(second, resumed, STEPS - 33), uninterrupted[:, 33:])


class Parts(nn.Module):
    """A network that learns its backbone slowly and its stem not at all."""

    def __init__(self):
        super().__init__()
        self.stem, self.backbone, self.head = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 1)

    def learning_rates(self):
        return {"stem": 0.0, "backbone": 0.1, "backbone.bias": 0.2}

    def forward(self, x):
        return self.head(self.backbone(self.stem(x)))


def test_a_model_names_its_parts_and_their_rates():
    network = Parts()
    optimizer = optimiser.adamw(network, 1e-2, weight_decay=0.05)
    groups = {
        name: group
        for name, parameter in network.named_parameters()
        for group in optimizer.param_groups
        if any(parameter is other for other in group["params"])
    }
    assert {name: round(group["lr"], 6) for name, group in groups.items()} == {
        "backbone.weight": 1e-3,
        "backbone.bias": 2e-3,
        "head.weight": 1e-2,
        "head.bias": 1e-2,
    }
    assert groups["head.weight"]["weight_decay"] == 0.05
    assert groups["head.bias"]["weight_decay"] == groups["backbone.bias"]["weight_decay"] == 0
    assert not network.stem.weight.requires_grad
    decaying = optimiser.adamw(network, 1e-2, 0.05, decay_vectors=True)
    assert {group["weight_decay"] for group in decaying.param_groups} == {0.05}


def test_a_natural_epoch_shows_every_record_equally_often():
    often = sampler.frequencies(np.zeros((7, 2), "f4"), "natural")
    drawn = sampler.draw_order(21, often, np.random.default_rng(0))
    assert np.bincount(drawn).tolist() == [3] * 7


def test_a_balanced_epoch_draws_every_target_and_none_equally_often():
    labels = np.zeros((100, 2), "f4")
    labels[:5, 0] = 1
    labels[5:25, 1] = 1
    labels[99] = np.nan
    often = sampler.frequencies(labels, "balanced")
    drawn = sampler.draw_order(30_000, often, np.random.default_rng(0))
    share = np.bincount(np.array([0] * 5 + [1] * 20 + [2] * 75)[drawn]) / 30_000
    np.testing.assert_allclose(share, 1 / 3, atol=0.02)


def test_the_same_generator_draws_the_same_balanced_order():
    often = np.array([1.0, 2.0, 3.0])
    first, same, other = (
        sampler.draw_order(50, often, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert (first == same).all()
    assert (first != other).any()


def updated(decay, values):
    """Return an average after updates by networks whose weights have these values."""
    network = nn.BatchNorm1d(2)
    average = WeightAverage(network, decay)
    for value in values:
        nn.init.constant_(network.weight, value)
        network.running_mean.fill_(value)
        network.num_batches_tracked += 5
        average.update_parameters(network)
    return average.module


def test_the_average_forgets_its_first_steps_soon_and_then_as_its_decay_says():
    expected, steps = 1.0, [1.0, 3.0, 2.0, 5.0]
    for count, value in enumerate(steps):
        keep = min(0.25, (1 + count) / (10 + count)) if count else 0.0
        expected = keep * expected + (1 - keep) * value
    average = updated(0.25, steps)
    assert average.weight.tolist() == pytest.approx([expected] * 2)
    assert average.running_mean.tolist() == pytest.approx([expected] * 2)
    assert average.num_batches_tracked == 20


def test_without_decay_the_average_is_the_network():
    assert updated(0.0, [1.0, 3.0, 2.0]).weight.tolist() == [2.0, 2.0]


def test_an_average_keeps_the_network_apart():
    network = nn.Linear(2, 2)
    average = WeightAverage(network, 0.5)
    before = average.module.weight.clone()
    nn.init.constant_(network.weight, 7.0)
    assert torch.equal(average.module.weight, before)
