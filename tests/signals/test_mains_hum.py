"""Mains hum is measured and removed; a heart without hum is left as it is."""

import numpy as np
import pytest

from pedecg.signals import mains_hum


def heart(fs_hz, seconds=10.0, rr_s=0.75, breathing=0.06):
    """R of 1 mV, S of 0.3 mV and T of 0.25 mV; RR breathes, so that beats meet any phase."""
    time = np.arange(round(seconds * fs_hz)) / fs_hz
    intervals = rr_s * (1 + breathing * np.sin(np.arange(int(seconds / rr_s) + 3)))
    r = 0.3 + np.concatenate([[0.0], np.cumsum(intervals)])
    shapes = ((0.0, 0.010, 1.0), (0.03, 0.009, -0.3), (0.25, 0.04, 0.25), (-0.15, 0.02, 0.1))
    wave = sum(
        height * np.exp(-0.5 * ((time[:, None] - (r + delay)) / width) ** 2).sum(1)
        for delay, width, height in shapes
    )
    return time, np.stack([wave, -0.6 * wave, 0.1 * wave])


@pytest.mark.parametrize("fs_hz", [250.0, 400.0, 500.0, 512.5, 1000.0])
@pytest.mark.parametrize("hz", [50.0, 60.0])
@pytest.mark.parametrize("amplitude", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("rr_s", [0.25, 0.75])
def test_hum_is_measured_and_what_is_left_is_the_heart(fs_hz, hz, amplitude, rr_s):
    time, clean = heart(fs_hz, rr_s=rr_s)
    hum = amplitude * np.sin(2 * np.pi * hz * time + 0.7)
    found, measured = mains_hum.without(clean + hum, fs_hz)
    assert measured.hz == hz
    assert measured.amplitude_mv == pytest.approx(amplitude, rel=0.15)
    assert np.abs(found - clean).max() < 0.03


@pytest.mark.parametrize("drift_hz", [-0.1, 0.1])
def test_a_mains_that_drifts_by_a_tenth_of_a_hertz_is_followed(drift_hz):
    time, clean = heart(500.0)
    hum = 0.3 * np.sin(2 * np.pi * (50 + drift_hz) * time)
    found, _ = mains_hum.without(clean + hum, 500.0)
    assert np.abs(found - clean)[:, 250:-250].max() < 0.05


@pytest.mark.parametrize("fs_hz", [100.0, 250.0, 500.0])
@pytest.mark.parametrize("rr_s", [0.22, 0.4, 0.75])
def test_a_heart_without_hum_is_returned_untouched(fs_hz, rr_s):
    _, clean = heart(fs_hz, rr_s=rr_s)
    found, measured = mains_hum.without(clean, fs_hz)
    assert found is clean
    assert np.isnan(measured.hz)
    assert not measured.amplitude_mv.any()


def test_noise_is_no_hum():
    noise = 0.15 * np.random.default_rng(0).normal(size=(12, 5000))
    found, _ = mains_hum.without(noise, 500.0)
    assert found is noise


def test_only_leads_that_hum_are_changed():
    time, clean = heart(500.0)
    signal = clean.copy()
    signal[1] += 0.2 * np.sin(2 * np.pi * 60 * time)
    found, measured = mains_hum.without(signal, 500.0)
    np.testing.assert_array_equal(found[[0, 2]], clean[[0, 2]])
    assert (measured.amplitude_mv > 0).tolist() == [False, True, False]


def test_less_than_a_second_says_nothing():
    short = np.zeros((2, 200))
    assert mains_hum.without(short, 500.0)[0] is short
