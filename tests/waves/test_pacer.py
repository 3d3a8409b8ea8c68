"""Pacemaker spikes are found, and steep children's QRS complexes are not taken for them."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy import signal as dsp

from pedecg.cohorts import recordings
from pedecg.core import params
from pedecg.delineator import simulated_records
from pedecg.signals import pacing_spikes

CHILDREN = Path(__file__).parents[2] / "pipelines" / "delineation" / "params.yaml"

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
    np.testing.assert_allclose(pacing_spikes.spikes(paced, FS_HZ), onsets - 0.004, atol=0.004)


@pytest.mark.parametrize("width_s", [0.045, 0.06, 0.09])
def test_a_childs_steep_qrs_is_no_spike(width_s):
    rng = np.random.default_rng(0)
    assert len(pacing_spikes.spikes(beats(np.arange(0.3, 9.7, 0.3), width_s, 12, rng), FS_HZ)) == 0


def test_one_crackling_electrode_is_no_pacemaker():
    rng = np.random.default_rng(0)
    signal = beats(np.arange(0.5, 9.5, 0.7), 0.08, 12, rng)
    signal[3, rng.integers(0, 5000, 30)] += 2.0
    assert len(pacing_spikes.spikes(signal, FS_HZ)) == 0


def test_flat_empty_or_short_signals_have_no_spikes():
    for signal in (np.zeros((12, 5000)), np.full((2, 5000), np.nan), np.ones((1, 5))):
        assert len(pacing_spikes.spikes(signal, FS_HZ)) == 0


@pytest.mark.slow
def test_ten_of_ten_simulated_paced_children_show_their_spikes_and_no_other_child_does():
    settings = params.load("simulate", simulated_records.Settings, CHILDREN)
    settings = settings.model_copy(update={"findings": 1.0, "rhythms": 1.0, "fastest_bpm": 160.0})
    paced = others = 0
    for number in itertools.count():
        child = simulated_records.simulate(number, settings)
        found = pacing_spikes.of_pacemaker(child.signal_mv, simulated_records.FS_HZ)
        if child.rhythm != "paced":
            others += len(found)
            continue
        qrs = child.fiducials.loc[child.fiducials["wave"] == "QRS", "onset_s"].to_numpy()
        assert np.abs(found[:, None] - (qrs - 0.004)).min(axis=0).max() < 0.01
        assert len(found) <= len(qrs) + 2  # the record's edges cut a QRS, not its spike
        paced += 1
        if paced == 10:
            break
    assert others == 0


# LUDB: "UNIpolar ventricular pacing" and the like; PTB-XL: PACE; QTDB: sel102.
PACED = {
    "ludb": {"104", "45", "8", "90"}, "ptbxl_subset/records500": {"00382_hr"},
    "zzu_sample": set(), "qtdb": {"sel102"}, "cinc2017_sample": set(),
}  # fmt: skip


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("folder", PACED)
def test_real_hearts_without_a_pacemaker_show_under_2_spikes_in_10_s(shared_data, folder):
    places, _ = recordings.find([shared_data / folder])
    opened = [recordings.read(place) for place in places if place.record_id not in PACED[folder]]
    rates = [10 * len(pacing_spikes.spikes(r.signal_mv, r.fs_hz)) / r.length_s for r in opened]
    assert np.mean(rates) < 0.2
    assert np.mean(np.array(rates) >= 2) < 0.05
