"""Pacemaker spikes are found, and steep children's QRS complexes are not taken for them."""

import numpy as np
import pytest
from scipy import signal as dsp

from pedecg.waves import annotations, pacer

FS_HZ = 500.0


def beats(onsets, width_s, leads, rng):
    """QRS complexes of Q, R and S, as a recorder with 5 µV of noise writes them, mV."""
    time = np.arange(5000) / FS_HZ
    one = np.zeros(len(time))
    for onset in onsets:
        for place, height in ((0.2, -0.3), (0.5, 1.5), (0.8, -0.6)):
            centre = onset + place * width_s
            one += height * np.exp(-0.5 * ((time - centre) / (0.11 * width_s)) ** 2)
    gains = rng.uniform(0.4, 1.2, (leads, 1)) * rng.choice([-1, 1], (leads, 1))
    return gains * one + rng.normal(0, 0.005, (leads, len(time)))


def with_spikes(signal, onsets, rng, height_mv=3.0):
    clean = signal.copy()
    places = np.round((onsets - 0.004) * FS_HZ).astype(int)
    clean[:, places] += height_mv * rng.uniform(0.5, 1.0, (len(signal), 1))
    low = dsp.butter(2, 150, "lowpass", fs=FS_HZ, output="sos")
    return dsp.sosfiltfilt(low, clean, axis=1)


@pytest.mark.parametrize("leads", [1, 9, 12])
@pytest.mark.parametrize("seed", range(3))
def test_every_spike_of_a_paced_heart_is_found_and_nothing_else(leads, seed):
    rng = np.random.default_rng(seed)
    onsets = np.arange(0.5, 9.5, 0.7)
    paced = with_spikes(beats(onsets, 0.16, leads, rng), onsets, rng)
    np.testing.assert_allclose(pacer.spikes(paced, FS_HZ), onsets - 0.004, atol=0.004)


@pytest.mark.parametrize("width_s", [0.045, 0.06, 0.09])
def test_a_childs_steep_qrs_is_no_spike(width_s):
    rng = np.random.default_rng(0)
    assert len(pacer.spikes(beats(np.arange(0.3, 9.7, 0.3), width_s, 12, rng), FS_HZ)) == 0


def test_one_crackling_electrode_is_no_pacemaker():
    rng = np.random.default_rng(0)
    signal = beats(np.arange(0.5, 9.5, 0.7), 0.08, 12, rng)
    signal[3, rng.integers(0, 5000, 30)] += 2.0
    assert len(pacer.spikes(signal, FS_HZ)) == 0


def test_flat_empty_or_short_signals_have_no_spikes():
    for signal in (np.zeros((12, 5000)), np.full((2, 5000), np.nan), np.ones((1, 5))):
        assert len(pacer.spikes(signal, FS_HZ)) == 0


@pytest.mark.real
@pytest.mark.slow
def test_real_hearts_without_a_pacemaker_show_under_2_spikes_in_10_s(shared_data):
    counts = [
        10 * len(pacer.spikes(record.signal_mv, record.fs_hz)) * record.fs_hz
        / record.signal_mv.shape[1]
        for record in annotations.read_ludb(shared_data / "ludb")
    ]  # fmt: skip
    assert np.mean(counts) < 2
