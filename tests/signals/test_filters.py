"""Amplitude and time are kept by every filter."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as dsp

from pedecg.signals import filters

RATES = st.sampled_from([100.0, 128.0, 250.0, 257.0, 300.0, 360.0, 500.0, 997.0, 1000.0])
quickly = settings(max_examples=30, deadline=None)


def times(fs_hz: float, seconds: float = 12) -> np.ndarray:
    return np.arange(round(seconds * fs_hz)) / fs_hz


def amplitude_and_phase(signal: np.ndarray, fs_hz: float, f_hz: float) -> tuple[float, float]:
    """Fit a sine of known frequency to the middle of a signal."""
    t = np.arange(len(signal)) / fs_hz
    inside = (t > 3) & (t < t[-1] - 3)
    basis = np.column_stack([np.sin(2 * np.pi * f_hz * t), np.cos(2 * np.pi * f_hz * t)])[inside]
    a, b = np.linalg.lstsq(basis, signal[inside], rcond=None)[0]
    return float(np.hypot(a, b)), float(np.arctan2(b, a))


@given(fs=RATES, f=st.floats(2, 30), phase=st.floats(-3, 3))
@quickly
def test_a_sine_in_the_pass_band_keeps_amplitude_and_phase(fs, f, phase):
    sine = np.sin(2 * np.pi * f * times(fs) + phase)
    kept, at = amplitude_and_phase(filters.band_pass(sine, fs, 0.5, 100, 3), fs, f)
    assert kept == pytest.approx(1, abs=0.002)
    assert np.angle(np.exp(1j * (at - phase))) == pytest.approx(0, abs=0.002)


@given(fs_from=RATES, fs_to=RATES, f=st.floats(1, 30), phase=st.floats(-3, 3))
@quickly
def test_resampling_keeps_a_sine(fs_from, fs_to, f, phase):
    sine = np.sin(2 * np.pi * f * times(fs_from) + phase)
    resampled = filters.resample(sine, fs_from, fs_to)
    kept, at = amplitude_and_phase(resampled, fs_to, f)
    assert kept == pytest.approx(1, abs=0.01)
    assert np.angle(np.exp(1j * (at - phase))) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("f_hz", [0.5, 100])
def test_at_the_cut_offs_the_amplitude_is_one_half(f_hz):
    sine = np.sin(2 * np.pi * f_hz * times(500, 40))
    kept, _ = amplitude_and_phase(filters.band_pass(sine, 500, 0.5, 100, 3), 500, f_hz)
    assert kept == pytest.approx(0.5, abs=0.01)


@given(fs_from=RATES, fs_to=RATES, second=st.floats(2, 8))
@quickly
def test_a_peak_keeps_its_place_in_time(fs_from, fs_to, second):
    peak = np.exp(-0.5 * ((times(fs_from) - second) / 0.02) ** 2)
    filtered = filters.band_pass(peak, fs_from, 0.5, 100, 3)
    resampled = filters.resample(filtered, fs_from, fs_to)
    assert np.argmax(resampled) / fs_to == pytest.approx(second, abs=0.5 / fs_to + 0.5 / fs_from)


@given(n=st.integers(1, 30_000), fs_from=RATES, fs_to=RATES)
@quickly
def test_nothing_is_stretched(n, fs_from, fs_to):
    expected = -(-n * int(fs_to) // int(fs_from))
    assert filters.resample(np.zeros(n), fs_from, fs_to).shape == (expected,)


def test_an_odd_length_and_an_odd_rate_keep_the_clock():
    assert filters.resample(np.zeros((3, 9_999)), 1000, 250).shape == (3, 2_500)
    assert filters.resample(np.zeros(200), 200 / 3, 250).shape == (750,)


@given(offset=st.floats(-300, 300), fs=RATES)
@quickly
def test_a_constant_offset_is_removed(offset, fs):
    filtered = filters.band_pass(np.full((2, round(7 * fs)), offset), fs, 0.5, 100, 3)
    assert np.abs(filtered).max() < 1e-6


@given(offset=st.floats(-300, 300), fs_from=RATES, fs_to=RATES)
@quickly
def test_resampling_keeps_an_offset_up_to_the_ends(offset, fs_from, fs_to):
    resampled = filters.resample(np.full(999, offset), fs_from, fs_to)
    np.testing.assert_allclose(resampled, offset, rtol=0.001)


def test_baseline_wander_goes_and_the_beat_stays():
    t = times(500, 20)
    beats = np.exp(-0.5 * (((t % 0.6) - 0.3) / 0.01) ** 2)
    wander = 1.5 * np.sin(2 * np.pi * 0.15 * t + 1)
    filtered = filters.band_pass(beats + wander, 500, 0.5, 100, 3)
    inside = slice(1000, -1000)
    error = filtered[inside] - (beats - beats.mean())[inside]
    assert np.abs(error).max() < 0.03


def test_a_rate_that_does_not_carry_the_band_is_not_low_passed():
    sine = np.sin(2 * np.pi * 48 * times(100))
    kept, _ = amplitude_and_phase(filters.band_pass(sine, 100, 0.5, 100, 3), 100, 48)
    assert kept == pytest.approx(1, abs=0.001)
    assert not filters.carries(100, 100)
    assert filters.carries(500, 100)


@given(n=st.integers(1, 300))
@quickly
def test_a_record_shorter_than_the_filter_is_filtered_too(n):
    filtered = filters.band_pass(np.linspace(0, 1, n), 500, 0.5, 100, 3)
    assert filtered.shape == (n,)
    assert np.isfinite(filtered).all()


def test_gaps_are_bridged_by_a_line_and_stay_level_at_the_ends():
    signal = np.array([np.nan, 1, np.nan, np.nan, 4, 5, np.nan])
    np.testing.assert_allclose(
        filters.bridge(signal, np.isnan(signal)), [1, 1, 2, 3, 4, 5, 5]
    )  # fmt: skip


def test_a_spike_at_the_rail_leaves_no_trace_beside_itself():
    t = times(500, 10)
    ecg = np.exp(-0.5 * (((t % 0.7) - 0.3) / 0.012) ** 2)
    spiked = ecg.copy()
    spiked[2500:2502] = 26.6
    gaps = filters.no_signal(spiked, 500, 15, 0.02)
    assert list(np.flatnonzero(gaps)) == list(range(2490, 2512))
    clean, rung = (
        filters.band_pass(filters.bridge(spiked, marked), 500, 0.5, 100, 3)
        for marked in (gaps, np.zeros_like(gaps))
    )
    beside = np.r_[2300:2480, 2520:2700]
    whole = filters.band_pass(ecg, 500, 0.5, 100, 3)
    assert np.abs(clean - whole)[beside].max() < 0.01
    assert np.abs(rung - whole)[beside].max() > 0.1


def test_an_electrode_offset_is_no_spike():
    assert not filters.no_signal(np.full(500, 120.0), 500, 15, 0.02).any()


def test_leads_are_filtered_and_bridged_one_by_one():
    leads = np.random.default_rng(0).normal(size=(3, 2000))
    leads[1, 500:510] = np.nan
    leads[2, 700] = 26.6
    gaps = filters.no_signal(leads, 500, 15, 0.02)
    together = filters.band_pass(filters.bridge(leads, gaps), 500, 0.5, 100, 3)
    for row, lead in enumerate(leads):
        gap = filters.no_signal(lead, 500, 15, 0.02)
        np.testing.assert_array_equal(gaps[row], gap)
        alone = filters.band_pass(filters.bridge(lead, gap), 500, 0.5, 100, 3)
        np.testing.assert_allclose(together[row], alone, atol=1e-12)


@given(n=st.integers(2, 3000), order=st.integers(1, 8))
@quickly
def test_the_band_pass_is_the_textbook_filter_forward_and_backward(n, order):
    noise = np.random.default_rng(n).normal(size=n)
    corners = ((0.5, "highpass"), (100, "lowpass"))
    parts = [dsp.butter(order, hz, kind, fs=500, output="sos") for hz, kind in corners]
    edge = min(n - 1, 1000)
    expected = dsp.sosfiltfilt(np.concatenate(parts), noise, padtype="even", padlen=edge)
    filtered = filters.band_pass(noise, 500, 0.5, 100, order)
    np.testing.assert_allclose(filtered, expected, atol=1e-6)


def test_a_spike_in_a_snippet_marks_no_more_than_the_snippet():
    snippet = np.zeros(9)
    snippet[4] = 26.6
    assert filters.no_signal(snippet, 500, 15, 0.02).all()


@given(
    fs=RATES,
    order=st.integers(1, 5),
    low=st.floats(0.05, 10),
    high=st.floats(12, 45),
    kind=st.sampled_from(["lowpass", "highpass", "bandpass"]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=100, deadline=None)
def test_zero_phase_filters_equal_those_of_scipy(fs, order, low, high, kind, seed):
    """SciPy solves a system whose condition rises with the square of rate over corner."""
    corner = {"lowpass": high, "highpass": low, "bandpass": (low, high)}[kind]
    sections = dsp.butter(order, corner, kind, fs=fs, output="sos")
    lost = max(1.0, (fs / low / 100) ** 2)
    right = dsp.sosfilt_zi(sections)
    state = filters.steady_state(sections)
    assert np.abs(state - right).max() < 1e-12 * lost * np.abs(right).max()
    signal = np.random.default_rng(seed).normal(size=(2, 400))
    right = dsp.sosfiltfilt(sections, signal)
    assert np.abs(filters.zero_phase(sections, signal) - right).max() < 1e-12 * lost
    edge = 130
    right = dsp.sosfiltfilt(sections, signal, padlen=edge)
    assert np.abs(filters.zero_phase(sections, signal, edge) - right).max() < 1e-12 * lost


@given(
    fs=RATES,
    order=st.integers(1, 6),
    low=st.floats(0.05, 10),
    high=st.floats(12, 45),
    kind=st.sampled_from(["lowpass", "highpass", "bandpass"]),
)
@settings(max_examples=100, deadline=None)
def test_butterworth_filters_are_those_of_scipy(fs, order, low, high, kind):
    corner = {"lowpass": high, "highpass": low, "bandpass": (low, high)}[kind]
    sections = filters.butterworth(order, corner, kind, fs)
    hz = np.geomspace(low, 0.49 * fs, 200)
    right = dsp.freqz_sos(dsp.butter(order, corner, kind, fs=fs, output="sos"), hz, fs=fs)[1]
    assert dsp.freqz_sos(sections, hz, fs=fs)[1] == pytest.approx(right, abs=1e-7)
    signal = np.random.default_rng(0).normal(size=500)
    sections = [sections, dsp.butter(order, corner, kind, fs=fs, output="sos")]
    ours, scipys = (filters.zero_phase(each, signal) for each in sections)
    assert ours == pytest.approx(scipys, abs=1e-12 * max(1.0, (fs / low / 10) ** 2))


def test_a_corner_beyond_half_the_rate_is_refused():
    with pytest.raises(ValueError, match="half of 100"):
        filters.butterworth(2, 60.0, "lowpass", 100.0)


@given(fs=RATES, order=st.integers(1, 5), corner=st.floats(0.05, 45), kind=st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_steady_state_is_exact_where_that_of_scipy_is_not(fs, order, corner, kind):
    """A constant goes in and a constant comes out, in rational numbers."""
    sections = dsp.butter(order, corner, "highpass" if kind else "lowpass", fs=fs, output="sos")
    level = Fraction(1)
    for section, state in zip(sections, filters.steady_state(sections), strict=True):
        b0, b1, b2, a0, a1, a2 = map(Fraction, section.tolist())
        gain = (b0 + b1 + b2) / (a0 + a1 + a2)
        exact = [float(level * (gain - b0)), float(level * (b2 - a2 * gain))]
        assert state == pytest.approx(exact, rel=1e-12, abs=1e-12 * float(level))
        level *= gain


@given(order=st.integers(1, 4), corner=st.floats(0.02, 0.9))
@quickly
def test_the_steady_state_of_numerator_and_denominator_equals_that_of_scipy(order, corner):
    b, a = dsp.butter(order, corner)
    right = dsp.lfilter_zi(b, a)
    tolerance = 1e-12 / corner**order * np.abs(right).max()
    assert filters.steady_state_of(b, a) == pytest.approx(right, abs=tolerance)
