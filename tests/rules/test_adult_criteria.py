"""Adults are judged by limits and conventions of their own."""

import math
import re

import pytest
from judged_child import HEALTHY, ILL, judged

MAN = {"age_days": 18_000, "sex": "male"}


SOKOLOW = {"s_v1_mv": 1.6, "r_v5_mv": 2.0, "r_v6_mv": 1.8}


STRAIN = {"st_v5_mv": -0.1, "t_v6_mv": -0.2}


def test_a_high_voltage_of_an_adult_is_one_and_makes_no_hypertrophy_alone():
    assert judged(HEALTHY, **MAN)["left_voltage"].met is False
    sokolow = judged(HEALTHY | SOKOLOW, **MAN)
    assert sokolow["left_voltage"].reason.startswith(
        "S in V1 + R in V5 or V6 3.60 mV, at least 3.50 mV ("
    )
    assert (sokolow["lvh"].met, sokolow["lvh"].points) == (False, 1)
    cornell = HEALTHY | {"r_avl_mv": 1.0, "s_v3_mv": 1.3}
    for sex, met in (("male", False), ("female", True), (None, None)):
        assert judged(cornell, age_days=18_000, sex=sex)["left_voltage"].met is met


@pytest.mark.parametrize(
    ("signs", "met"),
    [
        (SOKOLOW | STRAIN, True), (STRAIN, False), (SOKOLOW | {"st_v5_mv": -0.1}, False),
        (SOKOLOW | {"p_terminal_force_v1_mvms": 5.0}, True),
        (STRAIN | {"p_terminal_force_v1_mvms": 5.0}, False),
        (SOKOLOW | {"r_avl_mv": 1.6, "s_v3_mv": 1.3}, True),
        (STRAIN | {"s_v1_mv": math.nan}, None),
        (SOKOLOW | dict.fromkeys(("st_v5_mv", "t_v5_mv", "st_v6_mv", "t_v6_mv"), math.nan), None),
    ],
)  # fmt: skip
def test_hypertrophy_of_an_adult_is_a_high_voltage_and_a_second_sign(signs, met):
    assert judged(HEALTHY | signs, **MAN)["lvh"].met is met


@pytest.mark.parametrize("block", ["lbbb", "pre_excitation"])
@pytest.mark.parametrize("age_days", [3000, 18_000])
def test_a_ventricle_activated_in_another_way_tells_nothing_of_its_size(block, age_days):
    signs = HEALTHY | SOKOLOW | STRAIN | ILL[block] | {"qrs_ms": 150}
    verdicts = judged(signs, age_days=age_days, sex="male")
    assert verdicts[block].met is True
    assert verdicts["lvh"].met is None


def test_beside_left_anterior_block_the_voltage_of_avl_says_nothing():
    signs = HEALTHY | ILL["left_anterior_block"] | {"r_avl_mv": 1.6, "s_v3_mv": 1.4}
    verdicts = judged(signs, **MAN)
    assert verdicts["left_anterior_block"].met is True
    assert verdicts["left_voltage"].met is False


def test_adults_are_judged_by_the_conventions_of_adults():
    man = {"age_days": 18_000, "sex": "male"}
    normal = HEALTHY | {"heart_rate_bpm": 70, "pr_ms": 160, "qrs_ms": 95}
    fired = {name for name, verdict in judged(normal, **man).items() if verdict.met}
    assert fired == set()
    for name, change in {
        "tachycardia": {"heart_rate_bpm": 101}, "bradycardia": {"heart_rate_bpm": 49},
        "first_degree_block": {"pr_ms": 205}, "wide_qrs": {"qrs_ms": 112},
        "left_axis": {"qrs_axis_deg": -35}, "right_axis": {"qrs_axis_deg": 95},
    }.items():  # fmt: skip
        verdict = judged(normal | change, **man)[name]
        assert verdict.met is True
        assert " limit " in verdict.reason
        assert "percentile" not in verdict.reason


def test_fast_hearts_of_adults_need_a_second_formula_and_of_children_are_reported_it():
    fast = HEALTHY | {"heart_rate_bpm": 140, "qtc_bazett_ms": 480, "qtc_fridericia_ms": 417}
    assert judged(fast, age_days=18_000)["long_qtc"].met is False
    assert judged(fast, age_days=18_000)["qtc_borderline"].met is False
    both = fast | {"qtc_fridericia_ms": 475}
    assert judged(both, age_days=18_000)["long_qtc"].met is True
    child = judged(fast)["long_qtc"]
    assert child.met is True
    assert "QTc (Fridericia) 417 ms at 140 bpm: above 100 bpm Bazett overcorrects" in child.reason
    slow = judged(fast | {"heart_rate_bpm": 90}, age_days=18_000)["long_qtc"]
    assert slow.met is True
    assert "Fridericia" not in slow.reason


ADULT = HEALTHY | {"heart_rate_bpm": 75, "pr_ms": 160}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"heart_rate_bpm": 104}, "tachycardia"), ({"heart_rate_bpm": 47}, "sinus_bradycardia"),
        ({"pr_ms": 240}, "first_degree_block"), ({"pr_ms": 100}, "short_pr"),
    ],
)  # fmt: skip
def test_adults_have_limits_of_their_own(change, name):
    assert judged(ADULT, age_days=40 * 365.25)[name].met is False
    verdict = judged(ADULT | change, age_days=40 * 365.25)[name]
    assert verdict.met is True
    assert re.search(r"\(.+\)$", verdict.reason)
