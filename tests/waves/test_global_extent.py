"""The extent of a wave: from the earliest onset to the latest offset in any lead, but one."""

import itertools

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


def one_by_one(waves, steady):
    """The rule lead by lead and wave by wave: the shift of one kind of wave, both ends."""
    together, shifts = waves[waves["lead"] == "global"], {}
    for edge, outwards in (("onset_s", -1.0), ("offset_s", 1.0)):
        middles = []
        known = together[edge].notna().sum()
        for _, own in waves[waves["lead"] != "global"].groupby("lead"):
            away = []
            for peak, end in zip(together["peak_s"], together[edge], strict=True):
                near = (own["peak_s"] - peak).abs().idxmin()
                if abs(own.loc[near, "peak_s"] - peak) <= global_extent.FARTHEST_S:
                    away.append(outwards * (own.loc[near, edge] - end))
            away = np.array(away)[np.isfinite(away)]
            if len(away) < max(3, 0.5 * known):
                continue
            middle = np.median(away)
            if 1.4826 * np.median(np.abs(away - middle)) <= steady.largest_sd:
                middles.append(float(middle))
        middles.sort(reverse=True)
        pairs = itertools.pairwise(middles)
        near = [a for a, b in pairs if a - b <= steady.largest_gap]
        shifts[edge] = outwards * max(near[0], 0.0) if near and known >= 3 else 0.0
    return shifts


@pytest.mark.parametrize("seed", range(12))
def test_all_leads_at_once_give_the_bits_of_one_lead_after_the_other(seed):
    rng = np.random.default_rng(seed)
    parts = [rows("global", rng.normal(0, 0.002, len(BEATS)))]
    for lead in ("I", "II", "V1", "V2", "V6"):
        kept = BEATS[rng.random(len(BEATS)) < 0.8] + rng.normal(0, 0.01)
        ends = rng.normal(rng.normal(0, 0.01), 0.004, (2, len(kept)))
        part = rows(lead, *ends, beats=kept)
        part.loc[rng.random(len(kept)) < 0.1, "onset_s"] = np.nan
        parts.append(part)
    parts[0].loc[2, "offset_s"] = np.nan
    waves = pd.concat(parts, ignore_index=True)
    extent, shifts = global_extent.extended(waves), one_by_one(waves, global_extent.STEADY["QRS"])
    for edge, shift in shifts.items():
        wanted = (parts[0][edge] + shift).to_numpy()
        assert np.array_equal(extent[edge].to_numpy(), wanted, equal_nan=True)
