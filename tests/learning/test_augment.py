"""Augmentation keeps length, padding and absent leads as they are, and can be turned off."""

import math

import pytest
import torch
from small_hospital import AUGMENT

from pedecg.core.errors import PedecgError
from pedecg.core.params import parse
from pedecg.core.records import LEADS, NINE_LEADS
from pedecg.learning.crops import rate_targets
from pedecg.signals import augmentation, augmentation_steps
from pedecg.signals.augmentation import AugmentSettings, Crops

FS_HZ = 250
N = 4 * FS_HZ
NINE = torch.tensor([lead in NINE_LEADS for lead in LEADS])
OFF = dict.fromkeys(AUGMENT, 0) | {
    "probability": 1.0,
    "amplitude": None,
    "noise_snr_db": None,
    "rate": None,
    "wander_hz": 0.5,
    "powerline_hz": [50.0],
    "rate_targets": ["fast"],
}
ON = {
    "time_shift_s": 1.0,
    "amplitude": [0.8, 1.2],
    "noise_snr_db": [20, 40],
    "jitter_mv": 0.02,
    "wander_mv": 0.2,
    "powerline_mv": 0.1,
    "lead_dropout": 2,
    "nine_leads": 0.5,
    "cutout_s": 1.0,
    "polarity": 0.5,
    "rate": [0.8, 1.2],
    "time_warp": 0.1,
    "mixup": 0.4,
}
OF_THEIR_OWN = {"nine_leads", "polarity"}  # their parameter is a probability itself


def seeded(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def ecg() -> Crops:
    """64 crops of 4 s, the last second of each second one being padding; aVF is absent."""
    time = torch.arange(N) / FS_HZ
    hz = torch.linspace(1, 3, 64).view(-1, 1, 1)
    signal = torch.sin(2 * math.pi * hz * time).expand(64, 12, -1).clone()
    mask = torch.ones(64, 12)
    mask[:, 5] = 0
    length = torch.tensor([N, 3 * FS_HZ] * 32)
    signal[1::2, :, 3 * FS_HZ :] = 0
    labels = torch.stack([torch.arange(64) % 2, torch.arange(64) // 32], dim=1).float()
    labels[7, 1] = math.nan
    return Crops(signal * mask.unsqueeze(-1), mask, length, labels)


def run(ecg, seed=0, **changed) -> Crops:
    settings = parse(OFF | changed, "train.augment", AugmentSettings, "test")
    targets = rate_targets(settings, ("ill", "fast"))
    return augmentation.augment(ecg, FS_HZ, NINE, targets, settings, seeded(seed))


def same(a: Crops, b: Crops) -> bool:
    pairs = zip(vars(a).values(), vars(b).values(), strict=True)
    return all(torch.equal(x.nan_to_num(9), y.nan_to_num(9)) for x, y in pairs)


def test_every_change_is_tried_here():
    named = set(AugmentSettings.model_fields)
    assert named == set(ON) | {"probability", "wander_hz", "powerline_hz", "rate_targets"}


def test_off_changes_nothing(ecg):
    assert same(run(ecg), ecg)
    everything = parse(OFF | ON, "train.augment", AugmentSettings, "test")
    settings = everything.off()
    assert not settings.changes_rate
    unchanged = augmentation.augment(ecg, FS_HZ, NINE, torch.tensor([0, 1]) > 0, settings, seeded())
    assert same(unchanged, ecg)


@pytest.mark.parametrize("name", ON)
def test_each_one_changes_something_alone_and_no_shape(ecg, name):
    changed = run(ecg, **{name: ON[name]})
    assert not torch.equal(changed.signal_mv, ecg.signal_mv)
    for before, after in zip(vars(ecg).values(), vars(changed).values(), strict=True):
        assert before.shape == after.shape
        assert before.dtype == after.dtype


@pytest.mark.parametrize("name", ON)
def test_probability_zero_leaves_all_alone_that_has_none_of_its_own(ecg, name):
    unchanged = same(run(ecg, probability=0.0, **{name: ON[name]}), ecg)
    assert unchanged == (name not in OF_THEIR_OWN)


@pytest.mark.parametrize("name", [*ON, "all"])
def test_padding_and_absent_leads_stay_zero(ecg, name):
    changed = run(ecg, **(ON if name == "all" else {name: ON[name]}))
    beyond = torch.arange(N) >= changed.length.unsqueeze(1)
    assert not changed.signal_mv.masked_select(beyond.unsqueeze(1)).any()
    assert not changed.signal_mv[changed.lead_mask == 0].any()
    assert not changed.lead_mask[:, 5].any()
    assert (changed.length > 0).all()
    assert torch.isfinite(changed.signal_mv).all()


@pytest.mark.parametrize(
    "name",
    ["time_shift_s", "amplitude", "cutout_s", "polarity", "rate", "time_warp", "mixup"],
)
def test_leads_move_together(ecg, name):
    changed = run(ecg, **{name: ON[name]}).signal_mv
    torch.testing.assert_close(changed[:, 3], changed[:, 0])


def test_the_same_generator_gives_the_same_batch(ecg):
    first, again, other = (run(ecg, seed, **ON) for seed in (3, 3, 4))
    assert same(first, again)
    assert not same(first, other)


def test_all_leads_are_scaled_by_one_factor_within_the_limits(ecg):
    signal = run(ecg, amplitude=[0.8, 1.2]).signal_mv
    factors = signal[:, 0].amax(-1) / ecg.signal_mv[:, 0].amax(-1)
    assert factors.min() >= 0.8 - 1e-6
    assert factors.max() <= 1.2 + 1e-6
    assert factors.std() > 0.05


def test_noise_has_the_power_that_was_asked(ecg):
    whole = slice(0, None, 2), 0
    clean = ecg.signal_mv[whole]
    by_ratio = run(ecg, noise_snr_db=[20, 20]).signal_mv[whole] - clean
    snr_db = 10 * torch.log10(clean.var(-1) / by_ratio.var(-1))
    assert snr_db.mean().item() == pytest.approx(20, abs=0.5)
    by_mv = run(ecg, jitter_mv=0.05).signal_mv[whole] - clean
    assert by_mv.std().item() == pytest.approx(0.05, rel=0.05)


def test_wander_is_slow_and_within_its_amplitude(ecg):
    wander = (run(ecg, wander_mv=0.2).signal_mv - ecg.signal_mv)[::2, 0]
    assert wander.abs().max() <= 0.2 + 1e-6
    assert wander.diff(dim=-1).abs().max() < 0.2 * 2 * math.pi * 0.5 / FS_HZ * 1.01


@pytest.mark.parametrize("hz", [50.0, 60.0])
def test_hum_has_the_frequency_of_the_mains(ecg, hz):
    hum = (run(ecg, powerline_mv=0.1, powerline_hz=[hz]).signal_mv - ecg.signal_mv)[::2, 0]
    assert hum.abs().max() <= 0.1 + 1e-6
    peak = torch.fft.rfft(hum).abs().argmax(-1) * FS_HZ / N
    assert (peak == hz).all()


def test_mains_above_half_of_the_rate_are_left_out(ecg):
    assert same(run(ecg, powerline_mv=0.1, powerline_hz=[130.0]), ecg)


def test_a_shift_moves_samples_and_invents_none(ecg):
    moved = run(ecg, time_shift_s=1.0)
    for k in (0, 10, 21):
        before, after = ecg.signal_mv[k, 0], moved.signal_mv[k, 0]
        found = [
            d for d in range(-FS_HZ, FS_HZ + 1)
            if torch.equal(after[max(d, 0) : N + min(d, 0)], before[max(-d, 0) : N - max(d, 0)])
        ]  # fmt: skip
        assert len(found) >= 1
        assert not after[: max(found[0], 0)].any()
        assert moved.length[k] == min(N, ecg.length[k] + found[0])


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_scaling_the_rate_makes_a_sine_faster(ecg, factor):
    scaled = run(ecg, rate=[factor, factor])
    row = 32  # 2 Hz
    end = int(scaled.length[row])
    time = torch.arange(end) / FS_HZ
    hz = torch.linspace(1, 3, 64)[row]
    expected = torch.sin(2 * math.pi * hz * factor * time)
    inside = slice(2, end - 3)
    torch.testing.assert_close(
        scaled.signal_mv[row, 0, :end][inside], expected[inside], atol=2e-3, rtol=0
    )
    assert end == min(N, math.ceil(N / factor))


@pytest.mark.parametrize("name", ["rate", "time_warp"])
def test_labels_that_depend_on_rate_become_unknown_where_it_changed(ecg, name):
    changed = run(ecg, probability=0.5, **{name: ON[name]})
    moved = (changed.signal_mv != ecg.signal_mv).flatten(1).any(1)
    assert 10 < moved.sum() < 54
    assert changed.labels[moved, 1].isnan().all()
    assert torch.equal(changed.labels[:, 0], ecg.labels[:, 0])
    kept = ~moved & ~ecg.labels[:, 1].isnan()
    assert torch.equal(changed.labels[kept, 1], ecg.labels[kept, 1])


def test_a_rate_target_that_is_none_is_reported_where_the_rate_is_changed():
    settings = parse(OFF | {"rate": [0.8, 1.2]}, "train.augment", AugmentSettings, "test")
    with pytest.raises(PedecgError, match=r"rate_targets: no target 'fast'; there are ill, slow"):
        rate_targets(settings, ("ill", "slow"))


def test_labels_are_mixed_as_signals_are(ecg):
    alone = ecg.labels[:, 0].view(-1, 1, 1).expand_as(ecg.signal_mv).clone()
    crops = Crops(alone, torch.ones(64, 12), torch.full((64,), N), ecg.labels)
    mixed = run(crops, mixup=0.4)
    torch.testing.assert_close(mixed.signal_mv[:, 0, 0], mixed.labels[:, 0])
    own = ecg.labels[:, 0]
    assert (mixed.labels[:, 0] - own).abs().max() <= 0.4 + 1e-6
    assert ((mixed.labels[:, 0] > 0) & (mixed.labels[:, 0] < 1)).any()
    assert mixed.labels[7, 1].isnan()
    assert mixed.labels[:, 1].isnan().sum() == 2  # itself, and whoever was mixed with it


def test_mixing_changes_no_record_where_no_two_share_a_lead(ecg):
    mask = torch.eye(12)
    one_lead_each = ecg.signal_mv[:12, :1] * mask.unsqueeze(-1)
    crops = Crops(one_lead_each, mask, ecg.length[:12], ecg.labels[:12])
    assert same(run(crops, mixup=0.4), crops)
    assert not same(run(ecg, mixup=0.4), ecg)


def test_cutout_hides_one_stretch_in_all_leads(ecg):
    ones = Crops(torch.ones(64, 12, N), torch.ones(64, 12), torch.full((64,), N), ecg.labels)
    hidden = run(ones, cutout_s=1.0).signal_mv[:, 0] == 0
    assert (hidden.sum(1) <= FS_HZ).all()
    assert (hidden.long().diff(dim=1).abs().sum(1) <= 2).all()


def test_one_or_two_present_leads_are_dropped_and_never_the_last(ecg):
    mask = run(ecg, lead_dropout=2).lead_mask
    assert set((ecg.lead_mask - mask).sum(1).tolist()) == {1.0, 2.0}
    alone = torch.zeros(8, 12)
    alone[:, 3] = 1
    assert torch.equal(augmentation_steps.drop_leads(alone, 2, 1.0, seeded()), alone)


def test_nine_leads_are_those_of_small_children(ecg):
    mask = run(ecg, nine_leads=1.0).lead_mask
    hidden = {lead for lead, seen in zip(LEADS, mask[0], strict=True) if not seen}
    assert hidden == {"V2", "V4", "V6", "aVF"}


@pytest.mark.parametrize(("name", "wrong"), [("amplitude", [1.2, 0.8]), ("rate", [1.2, 0.8])])
def test_limits_in_the_wrong_order_are_reported(name, wrong):
    with pytest.raises(PedecgError, match=rf"{name} must be \[smallest, largest\]"):
        parse(OFF | {name: wrong}, "train.augment", AugmentSettings, "params.yaml")
