"""The extent of a wave: from the earliest onset to the latest offset in any lead, but one."""

import numpy as np
import pandas as pd
import pytest

from pedecg.waves import global_extent

BEATS = 0.5 + 0.6 * np.arange(10)
QRS = (-0.04, 0.0, 0.05)


def rows(lead, onset=0.0, offset=0.0, beats=BEATS):
    """QRS complexes of one lead, whose ends are shifted by seconds (or seconds for each beat)."""
    table = pd.DataFrame({"lead": lead, "wave": "QRS", "peak_s": beats, "confidence": 1.0})
    return table.assign(onset_s=beats + QRS[0] + onset, offset_s=beats + QRS[2] + offset)


def width_ms(*leads):
    waves = pd.concat([rows("global"), *leads], ignore_index=True)
    extent = global_extent.extended(waves)
    assert set(extent["lead"]) == {"any_lead"}
    assert len(extent) == len(BEATS)
    return 1000 * float((extent["offset_s"] - extent["onset_s"]).median())


def test_the_earliest_onset_and_the_latest_offset_count():
    early, late = rows("I", -0.006), rows("V1", 0.0, 0.008)
    second_early, second_late = rows("II", -0.004), rows("V2", 0.0, 0.007)
    assert width_ms(early, late, second_early, second_late) == pytest.approx(90 + 6 + 8)


def test_a_lead_inside_the_consensus_narrows_nothing():
    assert width_ms(rows("I", 0.01, -0.01), rows("II", 0.01, -0.01)) == pytest.approx(90)


def test_a_single_lead_far_outside_is_not_believed():
    assert width_ms(rows("I", -0.06), rows("II", -0.003), rows("V1")) == pytest.approx(93)


def test_a_lead_whose_boundary_is_unsteady_does_not_count():
    noise = np.random.default_rng(0).normal(0, 0.02, len(BEATS))
    wild = rows("I", noise - 0.005)
    assert width_ms(wild, rows("II", -0.002), rows("V1", -0.001)) == pytest.approx(92)


def test_a_lead_that_shows_the_wave_in_few_beats_does_not_count():
    few = rows("I", -0.007, beats=BEATS[:4])
    assert width_ms(few, rows("II", -0.002), rows("V1", -0.001)) == pytest.approx(92)


def test_a_premature_beat_in_one_lead_moves_nothing():
    shift = np.zeros(len(BEATS))
    shift[3] = -0.05
    assert width_ms(rows("I", shift), rows("II", shift), rows("V1")) == pytest.approx(90)


def test_unknown_edges_stay_unknown_and_no_waves_have_no_extent():
    cut = rows("global")
    cut.loc[0, "onset_s"] = np.nan
    extent = global_extent.extended(pd.concat([cut, rows("I", -0.004), rows("II", -0.004)]))
    assert np.isnan(extent["onset_s"].iloc[0])
    assert extent["onset_s"].notna().sum() == len(BEATS) - 1
    assert global_extent.extended(cut.iloc[:0]).empty
