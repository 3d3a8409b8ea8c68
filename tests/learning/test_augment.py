"""Augmentation keeps time, padding and absent leads as they are, and can be turned off."""

import math

import pytest
import torch

from pedecg.errors import PedecgError
from pedecg.params import parse
from pedecg.records import LEADS, NINE_LEADS
from pedecg.signals import augment
from pedecg.signals.augment import AugmentSettings

FS_HZ = 250
NINE = torch.tensor([lead in NINE_LEADS for lead in LEADS])
OFF = {
    "probability": 1.0,
    "amplitude": None,
    "noise_snr_db": None,
    "wander_mv": 0,
    "wander_hz": 0.5,
    "lead_dropout": 0,
    "nine_leads": 0,
}
ON = {
    "amplitude": [0.8, 1.2],
    "noise_snr_db": [20, 40],
    "wander_mv": 0.2,
    "lead_dropout": 2,
    "nine_leads": 0.5,
}


def seeded(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def ecg() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """64 crops of 4 s, the last second of each second one being padding; aVF is absent."""
    time = torch.arange(4 * FS_HZ) / FS_HZ
    signal = torch.sin(2 * math.pi * 2 * time).expand(64, 12, -1).clone()
    mask = torch.ones(64, 12)
    mask[:, 5] = 0
    length = torch.tensor([4 * FS_HZ, 3 * FS_HZ] * 32)
    signal[1::2, :, 3 * FS_HZ :] = 0
    return signal * mask.unsqueeze(-1), mask, length


def run(ecg, seed=0, **changes):
    settings = parse(OFF | changes, "train.augment", AugmentSettings, "test")
    return augment.augment(*ecg, FS_HZ, NINE, settings, seeded(seed))


def test_off_changes_nothing(ecg):
    signal, mask = run(ecg)
    assert torch.equal(signal, ecg[0])
    assert torch.equal(mask, ecg[1])


@pytest.mark.parametrize("name", ON)
def test_each_one_changes_something_alone(ecg, name):
    signal, _ = run(ecg, **{name: ON[name]})
    assert not torch.equal(signal, ecg[0])
    assert signal.shape == ecg[0].shape


@pytest.mark.parametrize("name", ON)
def test_probability_zero_leaves_all_but_the_nine_leads_alone(ecg, name):
    signal, _ = run(ecg, probability=0.0, **{name: ON[name]})
    assert torch.equal(signal, ecg[0]) == (name != "nine_leads")


def test_padding_and_absent_leads_stay_zero(ecg):
    signal, mask = run(ecg, **ON)
    assert not signal[1::2, :, 3 * FS_HZ :].any()
    assert not signal[mask == 0].any()
    assert not mask[:, 5].any()


def test_the_same_generator_gives_the_same_batch(ecg):
    (first, _), (same, _), (other, _) = (run(ecg, seed, **ON) for seed in (3, 3, 4))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_all_leads_are_scaled_by_one_factor_within_the_limits(ecg):
    signal, _ = run(ecg, amplitude=[0.8, 1.2])
    present = ecg[1][0] > 0
    factors = (signal.amax(-1) / ecg[0].amax(-1).clamp_min(1e-9))[:, present]
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors))
    assert factors.min() >= 0.8 - 1e-6
    assert factors.max() <= 1.2 + 1e-6
    assert factors.std() > 0.05


def test_noise_has_the_power_that_was_asked(ecg):
    signal, _ = run(ecg, noise_snr_db=[20, 20])
    whole = slice(0, None, 2), 0
    noise = (signal - ecg[0])[whole]
    snr_db = 10 * torch.log10(ecg[0][whole].var(-1) / noise.var(-1))
    assert snr_db.mean().item() == pytest.approx(20, abs=0.5)


def test_wander_is_slow_and_within_its_amplitude(ecg):
    signal, _ = run(ecg, wander_mv=0.2)
    wander = (signal - ecg[0])[::2, 0]
    assert wander.abs().max() <= 0.2 + 1e-6
    assert wander.diff(dim=-1).abs().max() < 0.2 * 2 * math.pi * 0.5 / FS_HZ * 1.01


def test_one_or_two_present_leads_are_dropped_and_never_the_last(ecg):
    _, mask = run(ecg, lead_dropout=2)
    assert set((ecg[1] - mask).sum(1).tolist()) == {1.0, 2.0}
    alone = torch.zeros(8, 12)
    alone[:, 3] = 1
    assert torch.equal(augment.drop_leads(alone, 2, 1.0, seeded()), alone)


def test_nine_leads_are_those_of_small_children(ecg):
    _, mask = run(ecg, nine_leads=1.0)
    hidden = {lead for lead, seen in zip(LEADS, mask[0], strict=True) if not seen}
    assert hidden == {"V2", "V4", "V6", "aVF"}


def test_limits_in_the_wrong_order_are_told():
    with pytest.raises(PedecgError, match=r"amplitude must be \[smallest, largest\]"):
        parse(OFF | {"amplitude": [1.2, 0.8]}, "train.augment", AugmentSettings, "params.yaml")
