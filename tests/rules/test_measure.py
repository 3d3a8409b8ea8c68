"""Measures equal what the waves and the signal say, and are NaN where these say nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.records import LEADS, NINE_LEADS
from pedecg.rules import measure


def measured(record, **kwargs):
    waves, signal = record(**kwargs)
    return measure.measure(waves, signal, 500.0, kwargs.get("leads", LEADS))


def test_intervals_are_the_distances_between_the_boundaries(record):
    found = measured(record)
    assert found["heart_rate_bpm"] == pytest.approx(120)
    assert found["p_ms"] == pytest.approx(80)
    assert found["pr_ms"] == pytest.approx(120)
    assert found["qrs_ms"] == pytest.approx(70)
    assert found["qt_ms"] == pytest.approx(270)
    assert found["qtc_bazett_ms"] == pytest.approx(270 / np.sqrt(0.5))
    assert found["qtc_fridericia_ms"] == pytest.approx(270 / np.cbrt(0.5))
    assert found["rr_sd_ms"] == pytest.approx(0, abs=1e-6)


def test_amplitudes_are_those_of_the_named_leads(record):
    found = measured(record)
    assert found["r_v1_mv"] == pytest.approx(1.2, abs=0.02)
    assert found["s_v1_mv"] == pytest.approx(0.4, abs=0.02)
    assert found["rs_ratio_v1"] == pytest.approx(3, abs=0.2)
    assert found["t_v1_mv"] == pytest.approx(-0.3, abs=0.02)
    assert found["r_v6_mv"] == pytest.approx(0.8, abs=0.02)


def test_the_axis_is_that_of_einthovens_triangle(record):
    found = measured(record)
    assert found["qrs_axis_deg"] == pytest.approx(45, abs=1)


@given(degrees=st.floats(-179, 179))
def test_every_axis_is_found_from_leads_i_and_avf(degrees):
    pulse = np.hanning(30)
    i = np.cos(np.radians(degrees)) * pulse
    avf = np.sin(np.radians(degrees)) * np.sqrt(3) / 2 * pulse
    assert measure.axis_deg(i, avf, 500) == pytest.approx(degrees, abs=1e-6)


def test_nine_leads_say_nothing_about_v6_and_v2(record):
    found = measured(record, leads=NINE_LEADS)
    for name in ("r_v6_mv", "s_v6_mv", "q_v6_mv", "rs_ratio_v6", "r_v2_mv"):
        assert np.isnan(found[name])
    assert found["r_v5_mv"] == pytest.approx(0.5, abs=0.02)
    assert found["qrs_axis_deg"] == pytest.approx(45, abs=1)


def test_a_masked_lead_is_as_good_as_missing(record):
    waves, signal = record()
    mask = np.array([lead not in ("aVF", "V1") for lead in LEADS])
    found = measure.measure(waves, signal, 500.0, LEADS, mask)
    assert np.isnan([found["qrs_axis_deg"], found["r_v1_mv"], found["qrs_limb_mv"]]).all()


@pytest.mark.parametrize(("wave", "lost"), [("P", ["p_ms", "pr_ms"]), ("T", ["qt_ms", "t_v1_mv"])])
def test_a_wave_in_too_few_beats_is_not_measured(record, wave, lost):
    waves, signal = record()
    few = waves[(waves["wave"] != wave) | (waves["onset_s"] < 2)]
    found = measure.measure(few, signal, 500.0, LEADS)
    assert np.isnan([found[name] for name in lost]).all()
    assert found["qrs_ms"] == pytest.approx(70)


def test_an_artefact_taken_for_a_beat_does_not_change_the_rate(record):
    r = 0.5 * np.arange(30)
    assert measure.rhythm(np.sort([*r, 3.1, 3.2]))["heart_rate_bpm"] == pytest.approx(120, abs=2)


def test_a_missed_beat_does_not_change_the_rate():
    r = np.delete(0.5 * np.arange(30), [7, 15])
    assert measure.rhythm(r)["heart_rate_bpm"] == pytest.approx(120)


def test_an_irregular_rate_is_the_one_that_is_counted():
    rr = np.array([0.6, 0.6, 0.9] * 10)
    found = measure.rhythm(np.concatenate([[0], np.cumsum(rr)]))
    assert found["heart_rate_bpm"] == pytest.approx(60 / 0.7)


@pytest.mark.parametrize("n_beats", [1, 2])
def test_too_few_beats_give_nothing(record, n_beats):
    assert np.isnan(list(measured(record, n_beats=n_beats).values())).all()


def test_no_waves_at_all_give_nothing(record):
    waves, signal = record()
    found = measure.measure(waves.iloc[:0], signal, 500.0, LEADS)
    assert list(found) == list(measure.COLUMNS)
    assert np.isnan(list(found.values())).all()
