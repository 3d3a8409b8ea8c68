"""Promises of the measures of a recording of one lead."""

import numpy as np
import pandas as pd
import pytest

from pedecg.rules import norms
from pedecg.rules.rhythm_strip import rr_intervals, strip_features

FS_HZ = 300.0
LIMITS = norms.load(norms.LIMITS)


def recording(rr_s, p_mv=0.15, noise_mv=0.01, seed=0):
    """A trace with narrow QRS, T and, where asked, a P wave 160 ms before, and its waves."""
    rng = np.random.default_rng(seed)
    r_s = 0.6 + np.concatenate([[0.0], np.cumsum(rr_s)])
    t = np.arange(round((r_s[-1] + 0.8) * FS_HZ)) / FS_HZ

    def wave(at, height, width):
        return sum(height * np.exp(-0.5 * ((t - one - at) / width) ** 2) for one in r_s)

    signal = wave(0, 1.0, 0.012) + wave(0.25, 0.25, 0.04) + wave(-0.16, p_mv, 0.02)
    rows = [
        {"lead": "global", "wave": name, "onset_s": at + on, "peak_s": at + peak,
         "offset_s": at + off, "confidence": 0.9}
        for at in r_s
        for name, on, peak, off in (("P", -0.2, -0.16, -0.12), ("QRS", -0.04, 0, 0.04),
                                    ("T", 0.15, 0.25, 0.35))
        if name != "P" or p_mv
    ]  # fmt: skip
    return pd.DataFrame(rows), signal + rng.normal(0, noise_mv, len(t))


def of(rr_s, **how):
    waves, signal = recording(rr_s, **how)
    return strip_features.measure(waves, signal, FS_HZ, LIMITS)


REGULAR = np.full(30, 0.8)


def test_fibrillation_is_irregular_everywhere_and_has_no_p():
    irregular = np.random.default_rng(1).uniform(0.45, 1.1, 40)
    sinus, fibrillating = of(REGULAR), of(irregular, p_mv=0)
    assert fibrillating["strip_rr_window_cv_min"] > 0.1 > sinus["strip_rr_window_cv_min"]
    assert fibrillating["strip_rr_cosen"] > sinus["strip_rr_cosen"] + 1
    assert sinus["strip_p_common_power_fraction"] > 0.9
    assert fibrillating["strip_p_common_power_fraction"] < 0.5


def test_one_early_beat_leaves_the_other_intervals_regular():
    rr = REGULAR.copy()
    rr[12:14] = 0.5, 1.1
    found = of(rr)
    assert found["strip_rr_window_cv_min"] < 0.02 < found["strip_rr_window_cv_max"]
    assert found["strip_rr_short_long_pair_fraction"] == pytest.approx(1 / 29)


def test_noise_lowers_what_adds_up():
    quiet, loud = of(REGULAR), of(REGULAR, noise_mv=0.5)
    assert loud["strip_qrs_common_power_fraction"] < quiet["strip_qrs_common_power_fraction"]
    assert loud["strip_residual_sd_median"] > 3 * quiet["strip_residual_sd_median"]
    assert quiet["strip_bsqi"] > 0.9


def test_a_trace_upside_down_measures_the_same():
    waves, signal = recording(REGULAR)
    upright, turned = (strip_features.measure(waves, s, FS_HZ, LIMITS) for s in (signal, -signal))
    for name, value in upright.items():
        assert turned[name] == pytest.approx(value, abs=1e-6, nan_ok=True), name


@pytest.mark.parametrize("n_beats", [0, 1, 2, 4])
def test_few_beats_or_none_are_no_fault_and_have_the_same_columns(n_beats):
    waves, signal = recording(REGULAR)
    few = waves[waves["peak_s"] < 0.3 + 0.8 * n_beats]
    found = strip_features.measure(few if n_beats else waves.iloc[:0], signal, FS_HZ, LIMITS)
    assert list(found) == list(strip_features.measure(waves, signal, FS_HZ, LIMITS))
    assert np.isnan(found["strip_rr_window_cv_min"])
    assert not np.isinf(list(found.values())).any()


def test_a_flat_trace_is_no_fault():
    waves, signal = recording(REGULAR)
    assert not np.isinf(
        list(strip_features.measure(waves, 0 * signal, FS_HZ, LIMITS).values())
    ).any()


def test_local_median_is_of_the_neighbours():
    np.testing.assert_allclose(
        rr_intervals.local_median(np.arange(20.0))[4:-4], np.arange(20)[4:-4]
    )


def with_beat(rr_s, odd=(), moved=(), shape=-1.0):
    """A trace in which some beats are wide and the other way up, and a hand moves at some times."""
    waves, signal = recording(rr_s)
    r_s = waves.loc[waves["wave"] == "QRS", "peak_s"].to_numpy()
    t = np.arange(len(signal)) / FS_HZ
    for k in odd:
        signal -= np.exp(-0.5 * ((t - r_s[k]) / 0.012) ** 2)
        signal += 1.5 * shape * np.exp(-0.5 * ((t - r_s[k]) / 0.04) ** 2)
    for at in moved:
        signal += 3 * np.exp(-0.5 * ((t - at) / 0.03) ** 2)
    return waves, signal


def test_a_sinus_rhythm_is_beyond_nothing():
    found = of(REGULAR)
    assert found["strip_deviation_total"] == pytest.approx(0, abs=0.05)
    assert found["strip_clean_interval_fraction"] == 1
    assert found["strip_clean_rate_bpm"] == pytest.approx(75, abs=0.5)


@pytest.mark.parametrize(
    ("rr_s", "finding"), [(0.4, "rate"), (1.5, "rate"), ((0.45, 1.1), "premature")]
)
def test_one_finding_is_enough_to_be_beyond_normal(rr_s, finding):
    rr = REGULAR.copy()
    if isinstance(rr_s, tuple):
        rr[12:14] = rr_s
    else:
        rr[:] = rr_s
    found = of(rr)
    assert found[f"strip_deviation_{finding}"] > 1
    assert found["strip_deviation_max"] == found[f"strip_deviation_{finding}"]
    assert found["strip_deviation_total"] >= found["strip_deviation_max"]


def test_a_wide_beat_between_usual_ones_is_odd():
    rr = REGULAR.copy()
    rr[12:14] = 0.55, 1.05
    waves, signal = with_beat(rr, odd=[13])
    found = strip_features.measure(waves, signal, FS_HZ, LIMITS)
    assert found["strip_aberrant_beats"] == 1
    assert found["strip_deviation_aberrant"] > 0.5
    assert found["strip_premature_beats"] == 0  # odd, and not reported twice


def test_a_beat_found_where_a_hand_moved_is_neither_early_nor_odd():
    waves, signal = with_beat(REGULAR, moved=[10.0])
    false = waves[waves["wave"] == "QRS"].iloc[[0]].assign(onset_s=9.96, peak_s=10, offset_s=10.04)
    found = strip_features.measure(pd.concat([waves, false]), signal, FS_HZ, LIMITS)
    assert found["strip_premature_beats"] == found["strip_aberrant_beats"] == 0
    assert found["strip_deviation_total"] < 0.3


def test_width_of_qrs_and_level_of_st_are_reported_from_the_averaged_beat():
    narrow, wide = (
        of(REGULAR),
        strip_features.measure(*with_beat(REGULAR, odd=range(31)), FS_HZ, LIMITS),
    )
    assert wide["strip_average_beat_qrs_s"] > narrow["strip_average_beat_qrs_s"] + 0.05
    assert wide["strip_deviation_qrs"] > 1
    assert abs(narrow["strip_average_beat_st_to_qrs"]) < 0.1


def test_the_limits_of_a_normal_rhythm_are_data_and_may_differ_by_age(tmp_path):
    text = norms.THRESHOLDS.read_text(encoding="utf-8")
    fast = "strip_fast,any,0,,95,bpm"
    assert fast in text
    at_birth, later = fast.replace("0,,95", "0,28,165"), fast.replace("0,,95", "28,,95")
    row = next(line for line in text.splitlines() if line.startswith(fast))
    rows = f"{row.replace(fast, at_birth)}\n{row.replace(fast, later)}"
    (tmp_path / "thresholds.csv").write_text(text.replace(row, rows), encoding="utf-8")
    limits = norms.load(norms.LIMITS, tmp_path / "thresholds.csv")
    waves, signal = recording(np.full(30, 0.5))  # 120 bpm

    def rate(age_days):
        measures = strip_features.measure(waves, signal, FS_HZ, limits, age_days)
        return measures["strip_deviation_rate"]

    assert rate(7) == 0
    assert rate(3650) == pytest.approx(2.5, abs=0.1)
    assert rate(None) == 0  # no limit holds for a child of unknown age
