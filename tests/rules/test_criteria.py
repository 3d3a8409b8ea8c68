"""Every criterion can be met, not met and untold, and says why with value, limit and source."""

import math
import re
from pathlib import Path

import pytest

from pedecg import norms
from pedecg.rules import criteria

LIMITS = norms.load(Path(norms.__file__).with_name("limits.csv"))

HEALTHY = {
    "heart_rate_bpm": 120, "rr_sd_ms": 10, "pr_ms": 110, "qrs_ms": 68, "qtc_bazett_ms": 412,
    "qrs_axis_deg": 65, "t_axis_deg": 50, "qrs_limb_mv": 1.5, "r_v1_mv": 0.7, "s_v1_mv": 1.0,
    "rs_ratio_v1": 0.7, "t_v1_mv": -0.2, "r_v6_mv": 1.5, "s_v6_mv": 0.2, "rs_ratio_v6": 7.0,
    "q_v6_mv": 0.1,
}  # fmt: skip
# A year-and-a-half-old boy who meets each criterion.
ILL = {
    "tachycardia": {"heart_rate_bpm": 190},
    "bradycardia": {"heart_rate_bpm": 70},
    "right_axis": {"qrs_axis_deg": 150},
    "left_axis": {"qrs_axis_deg": -60},
    "first_degree_block": {"pr_ms": 190},
    "short_pr": {"pr_ms": 70},
    "wide_qrs": {"qrs_ms": 120},
    "long_qtc": {"qtc_bazett_ms": 500},
    "short_qtc": {"qtc_bazett_ms": 320},
    "rvh": {"r_v1_mv": 2.4, "rs_ratio_v1": 6.0},
    "lvh": {"r_v6_mv": 3.4, "s_v1_mv": 3.0},
    "upright_t_v1": {"t_v1_mv": 0.3},
    "low_voltage": {"qrs_limb_mv": 0.3},
    "irregular_rhythm": {"rr_sd_ms": 90},
    "pre_excitation": {"pr_ms": 70, "qrs_ms": 120},
}


def judged(measures, age_days=500, sex="male"):
    return criteria.judge(criteria.Child(measures, age_days, sex, LIMITS))


def test_a_healthy_child_meets_no_criterion():
    assert {name for name, v in judged(HEALTHY).items() if v.met is not False} == set()


def test_every_criterion_has_a_case_here():
    assert set(ILL) == {criterion.name for criterion in criteria.CRITERIA}


@pytest.mark.parametrize("name", ILL)
def test_a_criterion_that_is_met_says_why_in_one_sentence(name):
    verdict = judged(HEALTHY | ILL[name])[name]
    assert verdict.met is True
    assert re.search(r"\d", verdict.reason)
    assert re.search(r"\(.+\)$", verdict.reason)


@pytest.mark.parametrize("name", ILL)
def test_what_was_not_measured_is_neither_met_nor_not_met(name):
    unknown = HEALTHY | dict.fromkeys(ILL[name], math.nan)
    assert judged(unknown)[name].met is None


def test_the_reason_names_value_limit_age_and_source():
    verdict = judged(HEALTHY | {"qrs_axis_deg": 178}, age_days=12)["right_axis"]
    assert verdict.reason == (
        "QRS axis 178°, above the 98th percentile 140° for 0-29 days (Rijnbeek 2001)"
    )


def test_without_an_age_only_criteria_for_all_ages_can_be_met():
    told = {
        name for name, verdict in judged(HEALTHY, age_days=None).items() if verdict.met is False
    }
    assert told == {"long_qtc", "short_qtc", "low_voltage", "irregular_rhythm"}


def test_the_same_axis_is_right_for_an_infant_and_normal_for_a_newborn():
    axis = HEALTHY | {"qrs_axis_deg": 130}
    assert judged(axis, age_days=10)["right_axis"].met is False
    assert judged(axis, age_days=200)["right_axis"].met is True


def test_upright_t_in_v1_is_normal_in_the_first_week():
    upright = HEALTHY | {"t_v1_mv": 0.3}
    assert judged(upright, age_days=7)["upright_t_v1"].met is False
    assert judged(upright, age_days=8)["upright_t_v1"].met is True


def test_nine_leads_can_show_hypertrophy_but_not_rule_it_out():
    nine = HEALTHY | dict.fromkeys(["r_v6_mv", "s_v6_mv", "q_v6_mv", "rs_ratio_v6"], math.nan)
    assert judged(nine)["lvh"].met is None
    assert judged(nine | {"s_v1_mv": 3.0, "qrs_axis_deg": -60})["lvh"].met is True


def test_an_unknown_sex_meets_a_limit_only_where_both_sexes_do():
    between = HEALTHY | {"heart_rate_bpm": 165}  # boys to 155, girls to 178
    assert judged(between, sex="male")["tachycardia"].met is True
    assert judged(between, sex="female")["tachycardia"].met is False
    assert judged(between, sex=None)["tachycardia"].met is False
