"""Pathological Q waves, possible left anterior and left posterior fascicular block."""

import math

import pytest
from judged_child import HEALTHY, ILL, judged

MAN = {"age_days": 18_000, "sex": "male"}
ADULT = HEALTHY | {"heart_rate_bpm": 70, "pr_ms": 160, "qrs_ms": 95}
POSTERIOR = {
    "qrs_axis_deg": 110, "r_i_mv": 0.1, "s_i_mv": 0.7, "r_avl_mv": 0.05, "s_avl_mv": 0.8,
    "q_iii_mv": 0.1, "r_iii_mv": 1.2, "q_avf_mv": 0.1, "r_avf_mv": 1.1, "r_v1_mv": 0.3,
}  # fmt: skip
POSSIBLE_ANTERIOR = {
    "qrs_axis_deg": -38, "q_avl_mv": 0.1, "r_avl_mv": 0.9, "r_peak_avl_ms": 50, "r_peak_v6_ms": 42,
    **{f"r_{lead}_mv": 0.3 for lead in ("ii", "iii", "avf")},
    **{f"s_{lead}_mv": 0.6 for lead in ("ii", "iii", "avf")},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "met"),
    [
        ({}, True),
        ({"q_v6_ms": 34}, False),  # 35 ms in children
        ({"q_v6_mv": 0.08}, False),
        ({"q_v6_mv": 0.02, "q_iii_ms": 40, "q_iii_mv": 0.3}, False),  # leads of two groups
        ({"q_v6_ms": math.nan}, None),
        ({"q_v6_ms": math.nan, "q_v4_ms": 36, "q_v4_mv": 0.2}, True),
    ],
)
def test_q_is_pathological_where_it_is_wide_and_deep_in_two_contiguous_leads(change, met):
    verdict = judged(HEALTHY | ILL["pathological_q"] | change)["pathological_q"]
    assert verdict.met is met
    if met:
        assert "at least 35 ms and 0.10 mV (Towbin 1989)" in verdict.reason


def test_a_qs_complex_counts_with_the_depth_of_its_s():
    qs = {"q_avl_mv": 0.0, "q_avl_ms": 60, "s_avl_mv": 0.5, "q_i_ms": 40, "q_i_mv": 0.2}
    assert judged(HEALTHY | qs)["pathological_q"].met is True


def test_adults_have_the_limit_of_adults():
    q = {"q_v5_ms": 32, "q_v5_mv": 0.2, "q_v6_ms": 32, "q_v6_mv": 0.2}
    assert judged(HEALTHY | q)["pathological_q"].met is False
    assert "30 ms" in judged(ADULT | q, **MAN)["pathological_q"].reason


def test_left_bundle_branch_block_leaves_q_open():
    both = HEALTHY | ILL["pathological_q"] | ILL["lbbb"] | {"q_v6_mv": 0.0}
    verdicts = judged(both)
    assert verdicts["lbbb"].met is True
    assert verdicts["pathological_q"].met is None


@pytest.mark.parametrize(
    ("change", "met"),
    [
        ({}, True),
        ({"qrs_axis_deg": 85}, False),
        ({"qrs_ms": 125}, False),
        ({"q_avf_mv": 0.0}, False),
        ({"r_avl_mv": 0.9}, False),
        ({"r_v1_mv": 2.5}, True),  # no limit of R in V1 for adults
        ({"q_iii_mv": math.nan}, None),
    ],
)
def test_left_posterior_block_is_a_right_axis_with_rs_on_the_left_and_qr_below(change, met):
    assert judged(ADULT | POSTERIOR | change, **MAN)["left_posterior_block"].met is met


def test_the_rightward_axis_of_a_child_is_no_posterior_block():
    verdicts = judged(HEALTHY | POSTERIOR, age_days=3000, sex="male")
    assert verdicts["left_posterior_block"].met is False
    unknown = judged(HEALTHY | POSTERIOR, age_days=None)
    assert unknown["left_posterior_block"].met is None


@pytest.mark.parametrize(
    ("change", "met"),
    [
        ({}, True),
        ({"qrs_axis_deg": -30}, True),
        ({"qrs_axis_deg": -28}, False),
        ({"qrs_axis_deg": -45}, False),  # the block itself
        ({"r_peak_avl_ms": 44, "r_peak_v6_ms": 40}, False),
        ({"r_peak_v6_ms": 50}, False),  # as late in V6: not the anterior fascicle alone
        ({"q_avl_mv": 0.0}, False),
        ({"s_ii_mv": 0.2}, False),
        ({"qrs_ms": 122}, False),
        ({"s_ii_mv": math.nan}, None),
        ({"valid_r_peak_v6_ms": False}, None),
    ],
)
def test_less_left_axis_is_possible_anterior_block_where_r_in_avl_is_late(change, met):
    verdicts = judged(ADULT | POSSIBLE_ANTERIOR | change, **MAN)
    assert verdicts["possible_left_anterior_block"].met is met
    if met:
        assert "later than in V6" in verdicts["possible_left_anterior_block"].reason


def test_one_of_the_two_anterior_blocks_is_met_on_either_side_of_minus_45():
    for axis, names in ((-44, {"possible_left_anterior_block"}), (-45, {"left_anterior_block"})):
        verdicts = judged(ADULT | POSSIBLE_ANTERIOR | {"qrs_axis_deg": axis}, **MAN)
        assert {
            name for name in verdicts if name.endswith("anterior_block") and verdicts[name].met
        } == names


@pytest.mark.parametrize(
    ("age_days", "met"), [(200, False), (5843, False), (5844, True), (None, None)]
)
def test_possible_anterior_block_is_not_looked_for_in_children(age_days, met):
    verdicts = judged(ADULT | POSSIBLE_ANTERIOR, age_days=age_days, sex="male")
    assert verdicts["possible_left_anterior_block"].met is met
