"""A lead is masked when it holds no heart, and flagged when it was saturated in part."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import params
from pedecg.signals import quality

LIMITS = params.load("ingest", IngestSettings, Path(__file__).parents[2] / "params.yaml")
FS = 500


def heart(seconds: float = 10, fs_hz: float = FS, seed: int = 0) -> np.ndarray:
    """A train of QRS-like bumps with a little noise, mV."""
    time = np.arange(int(seconds * fs_hz)) / fs_hz
    beat = np.exp(-(((time % 0.6) - 0.3) ** 2) / (2 * 0.012**2))
    noise = np.random.default_rng(seed).normal(0, 0.01, len(time))
    return (1.2 * beat + noise).astype(np.float32)


def measure(signal: np.ndarray, fs_hz: float = FS) -> SimpleNamespace:
    """Measure a record of this one lead."""
    found = quality.lead_quality(signal[np.newaxis], fs_hz, LIMITS)
    return SimpleNamespace(**{name: values.tolist()[0] for name, values in vars(found).items()})


@given(
    seed=st.integers(0, 99),
    fs_hz=st.sampled_from([100, 250, 500, 977, 1000]),
    offset=st.floats(-20, 20),
)
@settings(max_examples=25, deadline=None)
def test_a_sound_lead_is_usable_at_any_rate_and_offset(seed, fs_hz, offset):
    found = measure(heart(fs_hz=fs_hz, seed=seed) + np.float32(offset), fs_hz)
    assert found.usable
    assert found.flaw is None
    assert 1 < found.peak_mv < 1.5
    assert found.flat_fraction == 0


@pytest.mark.parametrize("level", [0.0, -3.0, 26.6])
def test_a_constant_lead_is_flat(level):
    found = measure(np.full(5000, level, np.float32))
    assert (found.usable, found.flaw, found.flat_fraction) == (False, "flat", 1.0)


def test_noise_of_a_few_microvolts_is_flat_too():
    found = measure(np.random.default_rng(0).normal(0, 0.002, 5000).astype(np.float32))
    assert (found.usable, found.flaw) == (False, "flat")


def test_a_lead_that_falls_off_for_a_second_stays_in_use():
    signal = heart()
    signal[2000:2500] = 0.3
    found = measure(signal)
    assert found.usable
    assert found.flat_fraction == pytest.approx(0.1, abs=0.002)


def test_a_lead_clipped_at_the_recorders_limit_is_saturated():
    time = np.arange(5000) / FS
    found = measure(np.clip(8 * np.sin(2 * np.pi * time), -5, 5).astype(np.float32))
    assert (found.usable, found.flaw) == (False, "saturated")
    assert found.saturated_fraction > 0.3


def test_a_short_spike_to_the_recorders_limit_is_flagged_and_stays_in_use():
    signal = heart()
    signal[100:103] = 26.6
    found = measure(signal)
    assert (found.usable, found.flaw) == (True, "partly-saturated")
    assert found.peak_mv == pytest.approx(26.6, abs=0.1)
    assert found.saturated_fraction == pytest.approx(3 / 5000)


@pytest.mark.parametrize(("gap", "usable"), [(40, True), (60, False), (5000, False)])
def test_a_gap_is_bridged_only_while_it_is_short(gap, usable):
    signal = heart()
    signal[:gap] = np.nan
    found = measure(signal)
    assert found.usable is usable
    assert found.flaw == (None if usable else "not-finite")
    assert found.nonfinite_fraction == pytest.approx(gap / 5000)


def test_many_short_gaps_are_too_many():
    signal = heart()
    signal[::10] = np.inf
    assert measure(signal).flaw == "not-finite"


def test_wander_lowers_bassqi_and_noise_lowers_psqi():
    clean = heart()
    time = np.arange(5000) / FS
    wandering = measure(clean + np.float32(2) * np.sin(2 * np.pi * 0.3 * time))
    noisy = measure(clean + np.random.default_rng(0).normal(0, 1, 5000))
    assert wandering.bassqi < 0.2 < 0.8 < measure(clean).bassqi
    assert noisy.psqi < measure(clean).psqi


@pytest.mark.parametrize("n_samples", [1, 2, 7])
def test_a_lead_of_a_few_samples_breaks_nothing(n_samples):
    assert 0 <= measure(heart()[:n_samples]).saturated_fraction <= 1


def test_a_lead_is_measured_as_if_it_were_alone():
    leads = np.stack([heart(seed=seed) for seed in range(6)])
    leads[1, 100:130] = np.nan
    leads[2, 100:103] = 26.6
    leads[3] = leads[2, -1]
    leads[4] = np.nan
    together = quality.lead_quality(leads, FS, LIMITS)
    assert together.flaw.tolist() == [None, None, "partly-saturated", "flat", "not-finite", None]
    for row, lead in enumerate(leads):
        alone = measure(lead)
        for name, values in vars(together).items():
            np.testing.assert_equal(values.tolist()[row], getattr(alone, name), err_msg=name)
