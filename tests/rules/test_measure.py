"""Measures equal what the waves and the signal say, and are NaN where these say nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.core import tables
from pedecg.core.records import LEADS, NINE_LEADS
from pedecg.rules import axes, heart_rhythm, measure, measured_value, wave_shape
from pedecg.rules.measured_value import Reading

FS_HZ = 500.0
NOT_PACED = np.empty(0)  # times of pacemaker spikes


def measured(record, **kwargs):
    waves, signal = record(**kwargs)
    leads = kwargs.get("leads", LEADS)
    return measure.measure(waves, signal, FS_HZ, leads, spikes_s=NOT_PACED)


def without(record, *leads):
    """Measure as if these leads had been masked, with garbage in them."""
    waves, signal = record()
    rows = [LEADS.index(lead) for lead in leads]
    signal[rows] = 5.0 * np.random.default_rng(0).normal(size=(len(rows), signal.shape[1]))
    mask = np.array([lead not in leads for lead in LEADS])
    return measure.measure(waves, signal, FS_HZ, LEADS, mask, spikes_s=NOT_PACED)


def values(found):
    return np.array([found[name] for name in measure.COLUMNS])


# What the record of conftest.py shows, and how near each measure must come.
EXPECTED = {
    "heart_rate_bpm": (120, 0.01), "rr_sd_ms": (0, 0.01), "sdnn_ms": (0, 0.01),
    "rmssd_ms": (0, 0.01), "rr_change": (0, 1e-6), "p_share": (1, 0), "p_ms": (80, 0.01),
    "pr_ms": (120, 0.01), "qrs_ms": (70, 0.01), "qt_ms": (270, 0.01),
    "qtc_bazett_ms": (270 / np.sqrt(0.5), 0.1), "qtc_fridericia_ms": (270 / np.cbrt(0.5), 0.1),
    "qtc_framingham_ms": (270 + 154 * 0.5, 0.1), "qtc_hodges_ms": (270 + 1.75 * 60, 0.1),
    "p_axis_deg": (60, 1), "qrs_axis_deg": (45, 1), "qrs_initial_axis_deg": (45, 1),
    "t_axis_deg": (60, 1),
    "qrs_t_angle_deg": (15, 2), "r_v1_mv": (1.2, 0.02), "s_v1_mv": (0.4, 0.02),
    "rs_ratio_v1": (3, 0.2), "r_v6_mv": (0.8, 0.02), "s_v6_mv": (0.3, 0.02), "q_v6_mv": (0, 0.02),
    "sv1_rv6_mv": (1.2, 0.03), "t_v1_mv": (-0.3, 0.02), "t_v6_mv": (0.3, 0.02),
    "q_v6_ms": (0, 0), "qr_ratio_v6": (0, 0.02), "r_i_mv": (0.495, 0.02), "s_avr_mv": (0.586, 0.02),
    "st_ii_mv": (0, 0.02), "r2_v1_mv": (0, 0), "r_peak_v1_ms": (20, 2), "s_i_mv": (0, 0.02),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_a_measure_is_what_was_put_in_with_no_spread_and_valid(record, name):
    found = measured(record)
    value, off = EXPECTED[name]
    assert found[name] == pytest.approx(value, abs=off + 1e-9)
    assert found[f"valid_{name}"]
    assert not found[f"spread_{name}"] > 0.02 * max(abs(value), 1)


@pytest.mark.parametrize("name", [n for n in EXPECTED if n not in ("s_i_mv",)])
def test_an_artefact_beat_changes_no_measure(record, name):
    """A detector's extra beat 200 ms too early, and a spike of 8 mV on one QRS in every lead."""
    waves, signal = record()
    clean = measure.measure(waves, signal, FS_HZ, LEADS)[name]
    extra = waves[waves["wave"] == "QRS"].iloc[[7]].copy()
    extra[["onset_s", "peak_s", "offset_s"]] += 0.31
    at = round(3.0 * FS_HZ)
    signal[:, at - 10 : at + 40] += 8.0
    found = measure.measure(pd.concat([waves, extra]), signal, FS_HZ, LEADS)
    near = {"p_share": 0.06, "heart_rate_bpm": 3, "rr_change": 0.05}.get(name, EXPECTED[name][1])
    if name in ("sdnn_ms", "rmssd_ms"):
        near = 110  # what is left of one interval of 310 ms and one of 190
    if name.startswith("qtc"):
        near = 8  # by the rate
    assert found[name] == pytest.approx(clean, abs=near + 1e-6)


LIMB_MEASURES = (
    "p_axis_deg", "qrs_axis_deg", "qrs_initial_axis_deg", "t_axis_deg", "qrs_t_angle_deg",
)  # fmt: skip


@pytest.mark.parametrize("lost", [("aVF",), ("I",), ("I", "aVF", "aVR"), ("II", "III", "aVL")])
@pytest.mark.parametrize("name", LIMB_MEASURES)
def test_an_axis_needs_any_two_limb_leads(record, name, lost):
    found = without(record, *lost)
    assert found[name] == pytest.approx(EXPECTED[name][0], abs=2)
    assert np.isnan(found["qrs_limb_mv"])


def test_one_limb_lead_has_no_axis(record):
    found = without(record, "I", "II", "III", "aVR", "aVL")
    assert np.isnan([found[name] for name in LIMB_MEASURES]).all()
    assert not any(found[f"valid_{name}"] for name in LIMB_MEASURES)


def test_a_noisy_limb_lead_does_not_turn_the_axis(record):
    waves, signal = record()
    row = LEADS.index("aVL")
    signal[row] += 1.0 * np.random.default_rng(1).normal(size=signal.shape[1])
    found = measure.measure(waves, signal, FS_HZ, LEADS)
    assert found["qrs_axis_deg"] == pytest.approx(45, abs=2)


@pytest.mark.parametrize("lead", LEADS)
def test_a_masked_lead_has_no_heights_and_the_others_keep_theirs(record, lead):
    found, whole = without(record, lead), measured(record)
    of_all = {"qrs_limb_mv", "qrs_precordial_mv", "sv1_rv6_mv", "delta_wave_ms"}
    for name in measure.COLUMNS:
        if f"_{lead.lower()}_" in f"{name}_":
            assert np.isnan(found[name])
            assert not found[f"valid_{name}"]
        elif name not in of_all:
            assert found[name] == pytest.approx(whole[name], abs=1.0)


def test_nine_leads_say_nothing_about_the_others_and_all_about_their_own(record):
    found = measured(record, leads=NINE_LEADS)
    for name in measure.COLUMNS:
        of_lost = any(f"_{lead}_" in f"{name}_" for lead in ("v2", "v4", "v6"))
        assert np.isnan(found[name]) == (of_lost or name in ("sv1_rv6_mv", "qrs_precordial_mv")), (
            name
        )


def test_a_noisy_lead_is_measured_but_not_valid(record):
    waves, signal = record()
    row = LEADS.index("V6")
    signal[row] += 1.5 * np.random.default_rng(2).normal(size=signal.shape[1])
    found = measure.measure(waves, signal, FS_HZ, LEADS)
    assert not found["valid_q_v6_mv"]
    assert not found["valid_t_v6_mv"]
    assert found["spread_t_v6_mv"] > 0.5
    assert found["valid_t_v5_mv"]


def test_a_pr_that_changes_from_beat_to_beat_is_not_valid(record):
    waves, signal = record()
    p = waves["wave"] == "P"
    shift = np.resize([0.0, -0.05, -0.1, 0.05], p.sum())
    waves.loc[p, ["onset_s", "peak_s", "offset_s"]] += shift[:, None]
    found = measure.measure(waves, signal, FS_HZ, LEADS)
    assert np.isfinite(found["pr_ms"])
    assert not found["valid_pr_ms"]
    assert found["valid_qrs_ms"]


def test_without_p_waves_there_is_no_pr_and_no_p(record):
    waves, signal = record()
    for r in waves.loc[waves["wave"] == "QRS", "peak_s"]:
        signal[:, round((r - 0.16) * FS_HZ) : round((r - 0.03) * FS_HZ)] = 0.0
    found = measure.measure(waves[waves["wave"] != "P"], signal, FS_HZ, LEADS)
    assert np.isnan([found[name] for name in ("p_ms", "pr_ms", "p_axis_deg")]).all()
    assert found["p_share"] == 0
    assert found["qrs_ms"] == pytest.approx(70)


def test_without_t_waves_there_is_no_qt_and_no_t(record):
    waves, signal = record()
    found = measure.measure(waves[waves["wave"] != "T"], signal, FS_HZ, LEADS)
    lost = ["qt_ms", "qtc_bazett_ms", "qtc_hodges_ms", "t_axis_deg", "qrs_t_angle_deg", "t_v1_mv"]
    assert np.isnan([found[name] for name in lost]).all()
    assert found["st_v1_mv"] == pytest.approx(0, abs=0.02)
    assert found["r_v1_mv"] == pytest.approx(1.2, abs=0.02)


def test_a_few_premature_wide_beats_leave_the_usual_ones_as_they_are(record):
    waves, signal = record()
    qrs = np.flatnonzero(waves["wave"] == "QRS")[[4, 9, 14]]
    for row in qrs:
        at = round(waves.iloc[row]["peak_s"] * FS_HZ)
        signal[:, at - 40 : at + 60] = -2.0 * np.hanning(100)
    found = measure.measure(waves, signal, FS_HZ, LEADS)
    assert found["qrs_axis_deg"] == pytest.approx(45, abs=1)
    assert found["r_v1_mv"] == pytest.approx(1.2, abs=0.02)
    assert found["spread_r_v1_mv"] < 0.02


def test_st_is_read_after_j_against_the_pr_segment(record):
    waves, signal = record()
    for j in waves.loc[waves["wave"] == "QRS", "offset_s"]:
        first, last = round((j + 0.035) * FS_HZ), round((j + 0.065) * FS_HZ)
        signal[LEADS.index("V2"), first:last] += 0.25
    wander = 0.5 * np.sin(2 * np.pi * 0.3 * np.arange(signal.shape[1]) / FS_HZ)
    found = measure.measure(waves, signal + wander, FS_HZ, LEADS)
    assert found["st_v2_mv"] == pytest.approx(0.25, abs=0.04)
    assert found["st_v3_mv"] == pytest.approx(0, abs=0.04)


def test_q_lasts_until_it_is_over_and_a_qs_complex_counts_whole(record):
    waves, signal = record()
    for r in waves.loc[waves["wave"] == "QRS", "peak_s"]:
        at = round(r * FS_HZ)
        signal[LEADS.index("II"), at - 10 : at - 3] = -0.15  # 14 ms, then R
        signal[LEADS.index("V2"), at - 10 : at + 26] = -0.8 * np.hanning(36)
        signal[LEADS.index("V3"), at - 10 : at + 26] = -0.05  # hardly there: no QS
    found = measure.measure(waves, signal, FS_HZ, LEADS)
    assert found["q_ii_ms"] == pytest.approx(14, abs=4)
    assert found["q_ii_mv"] == pytest.approx(0.15, abs=0.02)
    assert found["qr_ratio_ii"] == pytest.approx(0.15 / found["r_ii_mv"], rel=0.15)
    assert found["q_v2_ms"] == pytest.approx(70, abs=10)
    assert found["q_v2_mv"] == 0
    assert found["q_v3_ms"] == 0


def pulses(*waves, n=120):
    """Return a complex made of (place, height, width) Gaussians, samples and mV."""
    t = np.arange(n)
    return sum(h * np.exp(-0.5 * ((t - at) / width) ** 2) for at, h, width in waves)


def test_r_prime_is_a_second_wave_after_an_s_not_a_notch():
    rsr = pulses((30, 0.3, 4), (50, -0.4, 5), (75, 0.8, 6))
    assert wave_shape.second_r(rsr) == pytest.approx(0.8, abs=0.02)
    assert wave_shape.second_r(pulses((30, 0.8, 4), (55, -0.9, 6))) == 0
    assert wave_shape.second_r(pulses((40, 0.8, 9), (60, 0.82, 9))) == 0
    assert wave_shape.second_r(np.zeros(50)) == 0


def test_a_slow_beginning_is_a_slur_and_a_fast_one_is_not():
    fast = pulses((20, 1.0, 5), (40, -0.6, 5))
    delta = np.concatenate([np.linspace(0, 0.3, 25), 0.3 + fast])
    assert wave_shape.slur(delta[None]) > wave_shape.slur(fast[None]) + 20
    assert wave_shape.slur(np.zeros((3, 50))) == 0


def test_q_comes_before_the_first_r_and_s_after_it(record):
    assert wave_shape.first_r(pulses((20, -0.2, 4), (40, 1.0, 5), (60, -0.5, 5))) == 40
    assert wave_shape.first_r(pulses((40, -1.0, 8))) is None


@given(degrees=st.floats(-179, 179), lost=st.sampled_from([None, "I", "aVF", "II"]))
def test_every_axis_is_found_from_the_limb_leads(degrees, lost):
    x, y = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    leads = {n: (a * x + b * y) * np.hanning(40) for n, (a, b) in axes.LIMB_FIELD.items()}
    leads.pop(lost, None)
    beat = type("Beat", (), {})()
    beat.median, beat.fs_hz = leads, FS_HZ
    beat.each = {name: np.stack([wave] * 4) for name, wave in leads.items()}
    found = axes.axis(beat, slice(0, 40), "qrs")
    assert axes.turned(found.value - degrees) == pytest.approx(0, abs=1e-6)
    assert found.spread == pytest.approx(0, abs=1e-6)


@given(bpm=st.integers(30, 300))
def test_the_rate_is_found_from_30_to_300(bpm):
    r = np.arange(12) * 60 / bpm
    assert heart_rhythm.rhythm(r, np.ones(12, bool))["heart_rate_bpm"].value == pytest.approx(bpm)


@pytest.mark.parametrize("pause_s", [2.4, 6.0, 30.0])
def test_a_pause_is_time_without_a_beat(pause_s):
    rr = np.array([0.8] * 6 + [pause_s] + [0.8] * 5)
    found = heart_rhythm.rhythm(np.append(0, np.cumsum(rr)), np.ones(13, bool))
    assert found["heart_rate_bpm"].value == pytest.approx(60 * 12 / rr.sum())
    assert found["heart_rate_bpm"].valid
    assert found["longest_rr_ms"].value == pytest.approx(1000 * pause_s)
    assert found["shortest_rr_ms"].value == pytest.approx(800)


def test_a_silence_at_an_edge_counts_where_it_is_too_long_for_the_rhythm():
    r = 0.4 + 0.8 * np.arange(4)
    found = heart_rhythm.rhythm(r, np.ones(4, bool), (0.0, 12.0))
    assert found["longest_rr_ms"].value == pytest.approx(9200)
    assert found["heart_rate_bpm"].value == pytest.approx(60 * 4 / 11.6)
    usual = heart_rhythm.rhythm(r, np.ones(4, bool), (0.0, 3.5))
    assert usual["heart_rate_bpm"].value == pytest.approx(75)


@pytest.mark.parametrize("coupling", [0.36, 0.4, 0.45])
@pytest.mark.parametrize("n_beats", [14, 15, 16, 17])
def test_bigeminy_is_counted_over_whole_cycles(coupling, n_beats):
    rr = np.resize([coupling, 1.2 - coupling], n_beats - 1)
    r = np.append(0, np.cumsum(rr))
    found = heart_rhythm.rhythm(r, np.ones(n_beats, bool), cycle=2)["heart_rate_bpm"]
    assert found.value == pytest.approx(100)
    assert found.valid


def test_an_irregular_rate_is_the_one_that_is_counted():
    r = np.concatenate([[0], np.cumsum(np.array([0.6, 0.6, 0.9] * 10))])
    found = heart_rhythm.rhythm(r, np.ones(31, bool))
    assert found["heart_rate_bpm"].value == pytest.approx(60 / 0.7)
    assert found["rr_change"].value > 0.3


def test_sdnn_and_rmssd_are_those_of_their_definitions():
    rr = 0.8 + 0.05 * np.sin(np.arange(40))
    found = heart_rhythm.rhythm(np.concatenate([[0], np.cumsum(rr)]), np.ones(41, bool))
    assert found["sdnn_ms"].value == pytest.approx(1000 * rr.std())
    assert found["rmssd_ms"].value == pytest.approx(1000 * np.sqrt(np.mean(np.diff(rr) ** 2)))


def test_a_fast_heart_is_not_taken_for_noise():
    found = heart_rhythm.rhythm(0.2 * np.arange(50), np.zeros(50, bool))
    assert found["heart_rate_bpm"].value == pytest.approx(300)
    assert found["heart_rate_bpm"].valid


def test_detections_without_any_rhythm_give_no_valid_rate():
    rr = np.random.default_rng(3).choice([0.2, 0.5, 1.4], 40, p=[0.35, 0.3, 0.35])
    found = heart_rhythm.rhythm(np.cumsum(rr), np.ones(40, bool))
    assert not found["heart_rate_bpm"].usable("heart_rate_bpm")


@pytest.mark.parametrize("n_beats", [1, 2])
def test_too_few_beats_give_nothing(record, n_beats):
    found = measured(record, n_beats=n_beats)
    assert np.isnan(values(found)).all()
    assert not any(found[f"valid_{name}"] for name in measure.COLUMNS)


def test_no_waves_at_all_give_nothing(record):
    waves, signal = record()
    found = measure.measure(waves.iloc[:0], signal, FS_HZ, LEADS)
    assert np.isnan(values(found)).all()


def test_no_usable_lead_still_gives_rate_and_intervals(record):
    waves, signal = record()
    found = measure.measure(waves, signal, FS_HZ, LEADS, np.zeros(12, bool))
    assert found["pr_ms"] == pytest.approx(120)
    assert np.isnan(found["r_v1_mv"])


def test_the_result_does_not_depend_on_the_sampling_rate(record):
    waves, signal = record()
    fine = measure.measure(waves, signal, FS_HZ, LEADS)
    coarse = measure.measure(waves, signal[:, ::2], FS_HZ / 2, LEADS)
    for name in ("r_v1_mv", "s_v6_mv", "t_v1_mv", "qrs_axis_deg", "delta_wave_ms"):
        assert coarse[name] == pytest.approx(fine[name], rel=0.03, abs=1.5), name


def test_every_measure_has_a_column_in_the_table(record):
    row = pd.DataFrame([{"record_id": "a", **measured(record), "why": ""}])
    assert len(tables.check(row, tables.RULES, "rules")) == 1


def test_validity_follows_the_spread():
    assert Reading(100.0, 5.0).usable("qrs_ms")
    assert not Reading(100.0, 16.0).usable("qrs_ms")
    assert not Reading(np.nan, 1.0).usable("qrs_ms")
    assert Reading(1.0, np.nan).usable("p_share")
    assert not Reading(100.0, 1.0, valid=False).usable("qrs_ms")
    assert {"ms", "deg", "mv", "ratio"} <= measured_value.LARGEST_SPREAD.keys()
