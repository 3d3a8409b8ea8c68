"""Beats are counted right at any age, and artefacts do not change the count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedecg.waves import qrs_detection


def rate(signal, fs_hz):
    return 60.0 * fs_hz / np.median(np.diff(qrs_detection.detect(signal, fs_hz)))


@settings(max_examples=60, deadline=None)
@given(
    bpm=st.integers(40, 300),
    fs_hz=st.sampled_from([250, 360, 500, 1000]),
    n_leads=st.sampled_from([1, 8]),
    t_height=st.floats(0.05, 0.5),
    seed=st.integers(0, 1000),
)
def test_rate_is_found_at_any_age_and_sampling_rate(ecg, bpm, fs_hz, n_leads, t_height, seed):
    signal, _ = ecg(bpm, fs_hz, seconds=12, n_leads=n_leads, t_height=t_height, seed=seed)
    assert rate(signal, fs_hz) == pytest.approx(bpm, rel=0.02)


def test_every_beat_is_found_once_and_at_its_r_peak(ecg):
    signal, r = ecg(150, 250)
    inside = r[r < 9.95]
    found = qrs_detection.detect(signal, 250) / 250
    assert len(found) == len(inside)
    assert np.abs(found - inside).max() <= 0.012


def test_spikes_of_the_recorders_rail_do_not_hide_the_beats(ecg):
    signal, _ = ecg(120, 250)
    for at in (300, 301, 900, 1500, 1501, 2000):
        signal[:, at] = 26.6
    assert rate(signal, 250) == pytest.approx(120, abs=3)


def test_a_stretch_at_the_rail_does_not_hide_the_beats(ecg):
    signal, _ = ecg(130, 250)
    signal[:, :600] = np.random.default_rng(1).choice([-26.6, 26.6], 600)
    assert rate(signal, 250) == pytest.approx(130, abs=3)


def test_one_lead_of_noise_among_several_changes_nothing(ecg):
    signal, _ = ecg(110, 250)
    signal[3] = 5 * np.random.default_rng(2).standard_normal(signal.shape[1])
    assert rate(signal, 250) == pytest.approx(110, abs=2)


def test_baseline_wander_of_two_millivolts_changes_nothing(ecg):
    signal, _ = ecg(95, 250)
    signal += 2 * np.sin(2 * np.pi * 0.3 * np.arange(signal.shape[1]) / 250)
    assert rate(signal, 250) == pytest.approx(95, abs=2)


def test_tall_t_waves_are_no_beats(ecg):
    signal, r = ecg(60, 250, t_height=0.8)
    assert len(qrs_detection.detect(signal, 250)) == len(r[r < 9.95])


@pytest.mark.parametrize("n_samples", [1, 50, 400, 2500])
def test_without_signal_there_are_no_beats(n_samples):
    assert len(qrs_detection.detect(np.zeros((12, n_samples)), 250)) == 0


def test_beats_never_follow_each_other_sooner_than_the_refractory_time(ecg):
    signal, _ = ecg(90, 250, seconds=20, n_leads=4)
    signal[:, :2000] += np.random.default_rng(3).standard_normal((4, 2000))
    gaps = np.diff(qrs_detection.detect(signal, 250))
    assert len(gaps) > 20
    assert gaps.min() >= qrs_detection.REFRACTORY_S * 250 - 1
