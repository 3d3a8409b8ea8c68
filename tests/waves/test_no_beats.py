"""Calibration pulses, steps, electrode pops, triangles and tall T waves are no beats."""

import numpy as np
import pandas as pd
import pytest

from pedecg.core.records import LEADS
from pedecg.waves import delineate, no_beats, qrs_detection

FS_HZ = 500.0
GAIN = np.array((0.7, 1.0, 0.3, -0.85, 0.2, 0.65, -0.6, -0.4, 0.4, 0.9, 1.1, 0.9))[:, None]


def heart(r_s, length_s, t_mv=0.25, t_width=0.04, seed=0, noise_mv=0.005):
    """Return twelve leads with P, QRS and T at each R peak."""
    times = np.arange(round(length_s * FS_HZ)) / FS_HZ
    signal = noise_mv * np.random.default_rng(seed).normal(size=(12, len(times)))
    for r in r_s:
        for delay, height, width in (
            (-0.15, 0.12, 0.018), (0, 1.0, 0.011), (0.028, -0.25, 0.011), (0.25, t_mv, t_width),
        ):  # fmt: skip
            signal += GAIN * height * np.exp(-0.5 * ((times - r - delay) / width) ** 2)
    return signal


def beats(signal, method="learned", fs_hz=FS_HZ):
    settings = delineate.DelineateSettings(method=method, leads=["II"])
    waves = delineate.delineate(signal, fs_hz, LEADS, settings)
    return waves, no_beats.beats_of(waves)


def squares(length_s, on_s, width_s, mv=1.0):
    times = np.arange(round(length_s * FS_HZ)) / FS_HZ
    return mv * sum(((times >= a) & (times < a + width_s)).astype(float) for a in on_s)


R = 0.5 + 0.8 * np.arange(12)


@pytest.mark.parametrize("method", ["learned", "slopes"])
@pytest.mark.parametrize("width_s", [0.1, 0.2, 0.3])
def test_a_calibration_pulse_is_no_beat_and_its_neighbours_stay(method, width_s):
    signal = heart(R, 11.0) + squares(11.0, [10.1], width_s)
    waves, r = beats(signal, method)
    assert r == pytest.approx(R, abs=0.02)
    assert not ((waves["peak_s"] > 9.95) & (waves["wave"] == "QRS")).any()


@pytest.mark.parametrize("method", ["learned", "slopes"])
@pytest.mark.parametrize(("period_s", "width_s"), [(1.0, 0.5), (1.0, 0.1), (0.8, 0.2)])
def test_a_square_wave_has_no_beats(method, period_s, width_s):
    wave = squares(10.0, np.arange(0.3, 9.5, period_s), width_s)
    signal = np.abs(GAIN) * wave + 0.003 * np.random.default_rng(1).normal(size=(12, len(wave)))
    assert not len(beats(signal, method)[1])


def test_electrode_pops_are_no_beats():
    times = np.arange(5000) / FS_HZ
    pop = sum(np.where(times >= a, np.exp(-(times - a) / 0.1), 0.0) for a in np.arange(0.4, 9.5))
    signal = 2.5 * GAIN * pop + 0.01 * np.random.default_rng(2).normal(size=(12, 5000))
    assert not len(beats(signal)[1])


def test_triangles_are_no_beats():
    times = np.arange(5000) / FS_HZ
    triangle = 2 * np.abs(times / 0.77 % 1 - 0.5)
    signal = GAIN * triangle + 0.005 * np.random.default_rng(3).normal(size=(12, 5000))
    assert not len(beats(signal)[1])


@pytest.mark.parametrize("fs_hz", [100, 250, 360, 500, 1000])
def test_steps_are_found_and_qrs_complexes_are_none(fs_hz):
    signal = heart(R, 11.0)
    step = 1000 / FS_HZ * np.arange(signal.shape[1])
    fine = np.arange(0, step[-1], 1000 / fs_hz)
    resampled = np.stack([np.interp(fine, step, lead) for lead in signal])
    assert not len(no_beats.steps(resampled, fs_hz))
    resampled[:, round(4.05 * fs_hz) :] += 0.8
    assert no_beats.steps(resampled, fs_hz) == pytest.approx([4.05], abs=0.02)


def test_the_step_of_one_electrode_takes_no_beat_away():
    signal = heart(R, 11.0)
    signal[8, round(R[5] * FS_HZ) :] += 1.0
    assert len(beats(signal)[1]) == len(R)


@pytest.mark.parametrize(("t_mv", "t_width"), [(1.2, 0.021), (1.6, 0.025), (1.0, 0.03)])
def test_a_tall_narrow_t_does_not_double_the_rate(t_mv, t_width):
    waves, r = beats(heart(R, 10.5, t_mv, t_width))
    assert r == pytest.approx(R, abs=0.02)
    assert (waves.loc[waves["lead"] == "II", "wave"] == "QRS").sum() == len(R)


def table(r_s, p=True, t=True):
    """Return global waves with T (or, where `t` is false, none) after each R peak."""
    rows = [("QRS", r - 0.03, r, r + 0.06) for r in r_s]
    rows += [("P", r - 0.2, r - 0.16, r - 0.12) for r in r_s[::2]] if p else []
    rows += [("T", r + 0.12, r + 0.17, r + 0.21) for r in r_s] if t else []
    waves = pd.DataFrame(rows, columns=["wave", "onset_s", "peak_s", "offset_s"])
    return waves.assign(lead="global", confidence=np.nan)


@pytest.mark.parametrize(
    ("r_s", "p", "t"),
    [
        (np.cumsum([0.5] + [0.4, 0.8] * 6), True, True),  # bigeminy: each beat has its T
        (0.5 + 0.32 * np.arange(30), False, False),  # ventricular tachycardia: no P, no T
    ],
)
def test_early_beats_with_a_t_of_their_own_and_tachycardia_stay(r_s, p, t):
    waves = table(r_s, p, t)
    assert len(no_beats.beats_of(no_beats._t_called_t(waves))) == len(r_s)


def test_t_waves_taken_for_beats_are_called_t():
    r = 0.5 + 0.8 * np.arange(10)
    both = np.sort(np.concatenate([r, r + 0.26]))
    called = no_beats._t_called_t(table(both, t=False))
    assert no_beats.beats_of(called) == pytest.approx(r)
    assert (called["wave"] == "T").sum() == len(r)


@pytest.mark.parametrize("method", ["learned", "slopes"])
@pytest.mark.parametrize("last", [4, 5])
def test_a_heart_that_stops_for_most_of_the_record_was_beating(method, last):
    r = 0.4 + 0.8 * np.arange(last)
    assert beats(heart(r, 14.0), method)[1] == pytest.approx(r, abs=0.02)
    again = np.append(r[:3], [11.6, 12.4])
    assert beats(heart(again, 13.0), method)[1] == pytest.approx(again, abs=0.02)


def test_beats_of_a_mostly_silent_record_must_be_alike():
    signal = 0.005 * np.random.default_rng(4).normal(size=(12, 6000))
    signal[:, 400:1200] += 0.8 * np.random.default_rng(5).normal(size=(12, 800))
    assert not len(qrs_detection.detect(signal, FS_HZ))
    assert not len(beats(signal)[1])
