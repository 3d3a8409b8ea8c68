"""Samplers, schedules and groups of parameters do what their parameters say."""

import numpy as np
import pytest
from small_hospital import train_settings
from torch import nn

from pedecg.core.errors import PedecgError
from pedecg.learning import optimiser, sampler, weight_average
from pedecg.learning.optimiser import Schedule

STEPS = 80  # 8 epochs of 10


def rates(**changes):
    schedule = Schedule(train_settings(**changes), 10)
    return np.array([schedule.rate(step) for step in range(STEPS)])


@pytest.mark.parametrize("kind", ["cosine", "one_cycle", "plateau", "constant"])
def test_every_schedule_rises_to_the_peak_within_the_warm_up(kind):
    found = rates(schedule=kind, warmup_epochs=2)
    assert found.max() == pytest.approx(1e-2)
    assert found.argmax() <= 20
    assert (np.diff(found[:20]) > 0).all()


@pytest.mark.parametrize("kind", ["cosine", "one_cycle"])
def test_cosine_and_one_cycle_fall_to_almost_nothing(kind):
    found = rates(schedule=kind)
    assert (np.diff(found[10:]) < 0).all()
    assert found[-1] < 0.01 * found.max()


def test_a_plateau_lowers_the_rate_by_its_factor():
    schedule = Schedule(train_settings(schedule="plateau"), 10)
    assert schedule.rate(50, 0.09) == pytest.approx(0.09 * schedule.rate(50))
    with pytest.raises(PedecgError, match="monitor must be a metric where schedule is plateau"):
        train_settings(schedule="plateau", monitor="last")


def test_momentum_goes_against_the_rate_in_one_cycle_alone():
    cycle, cosine = (
        Schedule(train_settings(schedule=kind), 10) for kind in ("one_cycle", "cosine")
    )
    assert cycle.beta(0) > 0.9 > cycle.beta(10) < cycle.beta(79)
    assert {cosine.beta(step) for step in range(STEPS)} == {0.9}


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
    optimizer = optimiser.optimizer(network, train_settings(weight_decay=0.05))
    optimiser.set_rate(optimizer, 1e-2, 0.9)
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


def test_a_natural_epoch_shows_every_record_equally_often():
    often = sampler.frequencies(np.zeros((7, 2), "f4"), "natural")
    drawn = sampler.order(21, often, np.random.default_rng(0))
    assert np.bincount(drawn).tolist() == [3] * 7


def test_a_balanced_epoch_draws_every_target_and_none_equally_often():
    labels = np.zeros((100, 2), "f4")
    labels[:5, 0] = 1
    labels[5:25, 1] = 1
    labels[99] = np.nan
    often = sampler.frequencies(labels, "balanced")
    drawn = sampler.order(30_000, often, np.random.default_rng(0))
    share = np.bincount(np.array([0] * 5 + [1] * 20 + [2] * 75)[drawn]) / 30_000
    np.testing.assert_allclose(share, 1 / 3, atol=0.02)


def test_the_average_follows_and_without_decay_is_the_network():
    network, mean = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    nn.init.constant_(network.weight, 3.0)
    network.num_batches_tracked += 5
    weight_average.Follower(mean, network, 0.5).follow(step=100)
    assert mean.weight.tolist() == [2.0, 2.0]
    assert mean.num_batches_tracked == 5
    weight_average.Follower(mean, network, 0.0).follow(step=100)
    assert mean.weight.tolist() == [3.0, 3.0]
