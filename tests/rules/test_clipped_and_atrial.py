"""Heights that a recorder cut off are not valid; P is measured from the line between its ends."""

import numpy as np
import pytest

from pedecg.core.records import LEADS
from pedecg.rules import atrial, clipped_heights, measure
from pedecg.signals.clipping import Clipped

FS_HZ = 500.0


def test_a_cut_top_spoils_r_and_what_is_made_of_it_and_nothing_else(record):
    waves, signal = record()
    whole = measure.measure(waves, signal, FS_HZ, LEADS)
    cut = measure.measure(waves, signal, FS_HZ, LEADS, None, Clipped({"V6": 3.28}, {}))
    lost = {name for name in measure.COLUMNS if whole[f"valid_{name}"] != cut[f"valid_{name}"]}
    assert lost == {
        "r_v6_mv", "rs_ratio_v6", "qr_ratio_v6", "sv1_rv6_mv", "r_peak_v6_ms", "qrs_precordial_mv",
    }  # fmt: skip
    assert cut["r_v6_mv"] == whole["r_v6_mv"]


def test_a_cut_bottom_spoils_s_and_q():
    spoilt = clipped_heights.spoilt_by(Clipped({}, {"V1": -3.28}))
    assert {"s_v1_mv", "q_v1_mv", "q_v1_ms", "rs_ratio_v1", "sv1_rv6_mv"} <= spoilt
    assert not {"r_v1_mv", "t_v1_mv", "qrs_axis_deg"} & spoilt


def test_leads_that_are_computed_from_a_cut_one_are_spoilt_too():
    spoilt = clipped_heights.spoilt_by(Clipped({"II": 3.28}, {}))
    assert {"r_avf_mv", "s_avr_mv", "r_iii_mv", "qrs_axis_deg", "qrs_limb_mv"} <= spoilt
    assert "r_i_mv" not in spoilt


def test_p_heights_are_those_of_the_record(record):
    waves, signal = record()
    found = measure.measure(waves, signal, FS_HZ, LEADS)
    assert found["p_ii_mv"] == pytest.approx(0.12, abs=0.01)
    assert found["p_v1_mv"] == pytest.approx(0.1, abs=0.01)
    assert found["p_terminal_force_v1_mvms"] == 0


def test_the_terminal_force_is_depth_times_duration_of_the_second_part():
    positive, negative = np.sin(np.pi * np.arange(21) / 20), -np.sin(np.pi * np.arange(26) / 25)
    p = np.concatenate([0.1 * positive, 0.15 * negative[1:]])
    depth, ms = atrial.terminal(p, FS_HZ)
    assert depth == pytest.approx(0.15, abs=0.002)
    assert ms == pytest.approx(50, abs=4)


def test_a_positive_p_and_an_early_dip_have_no_terminal_force():
    assert atrial.terminal(np.sin(np.pi * np.arange(41) / 40), FS_HZ) == (0.0, 0.0)
    early = np.concatenate([-0.1 * np.ones(5), 0.1 * np.ones(40)])
    assert atrial.terminal(early, FS_HZ) == (0.0, 0.0)


def test_a_p_on_the_t_wave_before_it_is_not_valid(record):
    waves, signal = record()
    t = waves["wave"] == "T"
    waves.loc[t, "offset_s"] = waves.loc[t, "peak_s"] + 0.25
    found = measure.measure(waves, signal, FS_HZ, LEADS)
    assert not found["valid_p_ii_mv"]
