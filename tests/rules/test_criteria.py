"""Every criterion can be met, not met and untold, and says why with value, limit and source."""

import math
import re
from pathlib import Path

import pytest
from judged_child import HEALTHY, ILL, LIMITS, judged

from pedecg import rules
from pedecg.core import criterion_lines
from pedecg.rules import criteria, criterion_logic, norms

# Where a second measure may be missing too, or all leads of a group must be.
OPEN = {
    "rbbb": ("qrs_ms",), "st_elevation": [n for n in HEALTHY if n.startswith("st_")],
    "st_depression": [n for n in HEALTHY if n.startswith("st_")],
    "inverted_t": ("t_i_mv", "t_v5_mv", "t_v6_mv"),
    "left_voltage": ("r_v6_mv", "sv1_rv6_mv", "r_v5_mv"), "rvh": ("r_v1_mv", "s_v6_mv", "s_v5_mv"),
    "lvh": ("r_v6_mv", "q_v6_mv", "r_v5_mv", "q_v5_mv"),
}  # fmt: skip


def test_a_healthy_child_meets_no_criterion():
    assert {name for name, v in judged(HEALTHY).items() if v.met is not False} == set()


def test_every_criterion_has_a_case_here():
    # These two are looked for in adults: see `test_q_waves_and_fascicles`.
    cases = {*ILL, "left_posterior_block", "possible_left_anterior_block"}
    assert cases == {criterion.name for criterion in criteria.CRITERIA}


def test_a_new_file_of_criteria_needs_no_other_change(tmp_path, monkeypatch):
    (tmp_path / "hospital_criteria.py").write_text(
        "from pedecg.rules.criterion_logic import UNKNOWN, Criterion\n"
        "CRITERIA = (Criterion('ours', 'Our criterion', lambda child: UNKNOWN),)\n"
    )
    (tmp_path / "shared_criteria.py").write_text('"""Functions only."""\n')
    monkeypatch.setattr(criteria, "__file__", str(tmp_path / "criteria.py"))
    monkeypatch.setattr(rules, "__path__", [*rules.__path__, str(tmp_path)])
    assert [criterion.name for criterion in criteria._further()] == ["ours"]


@pytest.mark.parametrize("name", ILL)
def test_a_criterion_that_is_met_says_why_in_one_sentence(name):
    verdict = judged(HEALTHY | ILL[name])[name]
    assert verdict.met is True
    assert re.search(r"\d", verdict.reason)
    assert re.search(r"\(.+\)$", verdict.reason)
    assert "\n" not in verdict.reason
    assert "nan" not in verdict.reason


@pytest.mark.parametrize("name", ILL)
def test_what_was_not_measured_is_neither_met_nor_not_met(name):
    unknown = HEALTHY | dict.fromkeys(OPEN.get(name, ILL[name]), math.nan)
    assert judged(unknown)[name].met is None


@pytest.mark.parametrize("name", ILL)
def test_a_measure_that_is_not_valid_is_judged_as_if_it_were_not_there(name):
    doubted = {f"valid_{column}": False for column in OPEN.get(name, ILL[name])}
    assert judged(HEALTHY | ILL[name] | doubted)[name].met is None


def test_the_reason_names_value_limit_age_and_source():
    verdict = judged(HEALTHY | {"qrs_axis_deg": 178}, age_days=12)["right_axis"]
    assert verdict.reason == (
        "QRS axis 178°, above the 98th percentile 153° for age 12 days (Rijnbeek 2001)"
    )


def test_without_an_age_only_criteria_for_all_ages_can_be_met():
    reported = {
        name for name, verdict in judged(HEALTHY, age_days=None).items() if verdict.met is False
    }
    assert reported == {
        "sinus_arrhythmia", "irregular_rhythm", "pause", "ventricular_premature_beats",
        "atrial_premature_beats", "bigeminy", "trigeminy", "atrial_fibrillation", "atrial_flutter",
        "supraventricular_tachycardia", "wide_qrs_tachycardia", "second_degree_block",
        "complete_block", "paced", "low_voltage", "low_voltage_precordial",
        "left_atrial_enlargement",
        "qtc_borderline", "long_qtc", "short_qtc", "schwartz_qt", "wide_qrs_t_angle",
        "st_elevation", "st_depression", "brugada_1", "brugada_2",
    }  # fmt: skip


def test_the_same_axis_is_right_for_an_infant_and_normal_for_a_newborn():
    axis = HEALTHY | {"qrs_axis_deg": 130}
    assert judged(axis, age_days=10)["right_axis"].met is False
    assert judged(axis, age_days=200)["right_axis"].met is True


def test_upright_t_in_v1_is_normal_in_the_first_week():
    upright = HEALTHY | {"t_v1_mv": 0.3}
    assert judged(upright, age_days=7)["upright_t_v1"].met is False
    assert judged(upright, age_days=8)["upright_t_v1"].met is True


NINE = dict.fromkeys(
    ["r_v6_mv", "s_v6_mv", "q_v6_mv", "rs_ratio_v6", "sv1_rv6_mv", "r_peak_v6_ms"], math.nan
)


def test_nine_leads_can_rule_hypertrophy_out_by_v5_and_show_it_by_other_signs():
    nine = HEALTHY | NINE
    assert judged(nine)["lvh"].met is False  # R in V5 within the limit of V6
    assert judged(nine)["rvh"].met is False
    tall = nine | {"r_v5_mv": 3.0}  # beyond V6's limit in V5 says nothing of V6
    assert judged(tall)["left_voltage"].met is None
    assert judged(tall | {"qrs_axis_deg": -60})["lvh"].met is None
    assert judged(tall | {"q_v5_mv": 0.7, "qrs_axis_deg": -60})["lvh"].met is True
    assert judged(nine | dict.fromkeys(["r_v5_mv", "q_v5_mv"], math.nan))["lvh"].met is None


def test_one_large_voltage_is_one_point_however_often_it_is_seen():
    tall = HEALTHY | {"r_v6_mv": 3.4, "s_v1_mv": 3.0, "sv1_rv6_mv": 6.4}
    verdicts = judged(tall)
    assert verdicts["left_voltage"].met is True
    assert (verdicts["lvh"].met, verdicts["lvh"].points) == (False, 1)


def test_an_absent_s_in_v6_is_no_sign_of_either_ventricle():
    pure = HEALTHY | {"s_v6_mv": 0.0, "rs_ratio_v6": 75.0}
    assert (judged(pure)["lvh"].points, judged(pure)["rvh"].points) == (0, 0)
    small = HEALTHY | {"r_v6_mv": 0.3, "s_v6_mv": 0.5}
    assert judged(small, age_days=200)["rvh"].points == 1
    assert judged(small, age_days=20)["rvh"].points == 0


@pytest.mark.parametrize(
    ("age", "qrs", "met"),
    [(1000, 85, False), (1000, 87, True), (2800, 95, True), (3500, 88, False), (3500, 92, True),
     (3500, 101, False), (7000, 105, False), (7000, 112, True)],
)  # fmt: skip
def test_incomplete_right_block_needs_the_qrs_of_the_guideline(age, qrs, met):
    signs = HEALTHY | {"r2_v1_mv": 0.7, "qrs_ms": qrs}
    assert judged(signs, age_days=age)["incomplete_rbbb"].met is met


def test_incomplete_left_block_changes_at_eight_years():
    signs = HEALTHY | {"rs_ratio_v1": 0.1, "r_peak_v6_ms": 70, "q_v6_mv": 0.0, "qrs_ms": 85}
    assert judged(signs, age_days=2900)["incomplete_lbbb"].met is True
    assert judged(signs, age_days=2930)["incomplete_lbbb"].met is False


def test_upright_t_in_v1_is_a_sign_before_six_years_only():
    upright = HEALTHY | {"t_v1_mv": 0.3}
    assert judged(upright, age_days=2191)["upright_t_v1"].met is True
    assert judged(upright, age_days=2192)["upright_t_v1"].met is False


def test_a_short_pr_of_an_infant_is_below_most_of_the_others():
    """Rijnbeek's median below three months is 98 to 101 ms: 95 ms is no sign of a bypass."""
    signs = HEALTHY | {"pr_ms": 95, "qrs_ms": 120, "delta_wave_ms": 40}
    assert judged(signs, age_days=60)["pre_excitation"].met is False
    assert judged(signs | {"pr_ms": 75}, age_days=60)["pre_excitation"].met is True


def test_a_criterion_and_its_z_score_use_the_same_limits():
    """A boy of 364 days at 190 bpm once had z 2.3 and no tachycardia."""
    for age in (10, 30, 31, 364, 365, 1095, 1096, 2000, 4382, 5000):
        for sex in ("female", "male"):
            for measure, name in (
                ("heart_rate", "tachycardia"), ("pr", "first_degree_block"), ("qrs", "wide_qrs"),
            ):  # fmt: skip
                column = LIMITS.column(measure)
                for value in range(50, 260, 3):
                    z = norms.z_score(LIMITS, measure, value, age, sex)
                    met = judged(HEALTHY | {column: value}, age, sex)[name].met
                    if z == z and abs(z - norms.SD_AT_LIMITS) > 1e-9:
                        assert met is (z > norms.SD_AT_LIMITS)
    boy = judged(HEALTHY | {"heart_rate_bpm": 190}, 364, "male")["tachycardia"]
    assert boy.met is True
    assert "for age 11 months" in boy.reason


def test_an_unknown_sex_meets_a_limit_only_where_both_sexes_do():
    between = HEALTHY | {"heart_rate_bpm": 165}  # at two years boys to 155, girls to 178
    assert judged(between, 730, "male")["tachycardia"].met is True
    assert judged(between, 730, "female")["tachycardia"].met is False
    assert judged(between, 730, None)["tachycardia"].met is False


def test_a_newborn_of_two_days_at_120_is_not_slow():
    slow = HEALTHY | {"heart_rate_bpm": 120}
    assert judged(slow, age_days=2)["bradycardia"].met is False
    assert judged(slow, age_days=21)["bradycardia"].met is True


def test_scores_count_their_points_and_say_when_they_are_enough():
    one, two, three = (
        judged(HEALTHY | signs)["rvh"]
        for signs in (
            {"r_v1_mv": 2.4},
            {"r_v1_mv": 2.4, "qrs_axis_deg": 150},
            {"r_v1_mv": 2.4, "qrs_axis_deg": 150, "t_v1_mv": 0.3},
        )
    )
    assert (one.met, one.points) == (False, 1)
    assert two.met
    assert two.reason.startswith("2 points, possible: R in V1 2.40 mV, above the upper limit")
    assert three.reason.startswith("3 points, probable: ")


@pytest.mark.parametrize(
    ("qtc", "rate", "sex", "points"),
    [
        (440, 120, "male", 0), (455, 120, "male", 1), (455, 120, "female", 0),
        (460, 120, "female", 2), (479, 120, "male", 2), (480, 120, "male", 3),
        (480, 60, "male", 3.5), (455, 60, "male", 1.5),
    ],
)  # fmt: skip
def test_the_schwartz_points_are_those_of_the_score(qtc, rate, sex, points):
    found = judged(HEALTHY | {"qtc_bazett_ms": qtc, "heart_rate_bpm": rate}, sex=sex)["schwartz_qt"]
    assert found.points == points
    assert found.met is (points >= 1.5)


def test_qtc_bands_do_not_overlap():
    for qtc in range(300, 560):
        verdicts = judged(HEALTHY | {"qtc_bazett_ms": qtc})
        bands = ("qtc_borderline", "long_qtc", "short_qtc")
        assert sum(verdicts[band].met for band in bands) <= 1


def test_an_adolescent_girl_has_a_higher_borderline_than_a_boy():
    qtc = HEALTHY | {"qtc_bazett_ms": 455, "heart_rate_bpm": 80}
    assert judged(qtc, age_days=5000, sex="female")["qtc_borderline"].met is False
    assert judged(qtc, age_days=5000, sex="male")["qtc_borderline"].met is True


@pytest.mark.parametrize(
    ("change", "met"),
    [({}, True), ({"pr_ms": 115}, False), ({"qrs_ms": 80}, False), ({"delta_wave_ms": 10}, False)],
)
def test_pre_excitation_needs_all_three_signs(change, met):
    signs = HEALTHY | ILL["pre_excitation"] | change
    assert judged(signs)["pre_excitation"].met is met


def test_a_saddle_is_not_coved_and_a_block_needs_its_shape():
    assert judged(HEALTHY | ILL["brugada_2"])["brugada_1"].met is False
    assert judged(HEALTHY | ILL["brugada_1"])["brugada_2"].met is False
    wide = judged(HEALTHY | {"qrs_ms": 130})
    assert wide["wide_qrs"].met is True
    assert (wide["rbbb"].met, wide["lbbb"].met) == (False, False)


def test_where_a_pacemaker_starts_the_ventricles_their_form_is_not_judged():
    paced = HEALTHY | ILL["lbbb"] | {"paced_share": 1.0, "ventricular_paced_share": 1.0}
    verdicts = judged(paced | {"heart_rate_bpm": 190})
    assert verdicts["paced"].met is True
    assert verdicts["tachycardia"].met is True
    assert {verdicts[name].met for name in ("lbbb", "wide_qrs", "long_qtc", "lvh")} == {None}
    atrial = judged(HEALTHY | ILL["lbbb"] | {"paced_share": 1.0})
    assert atrial["lbbb"].met is True


def test_the_pause_of_an_infant_is_shorter():
    still = HEALTHY | {"longest_rr_ms": 1700}
    assert judged(still, age_days=100)["pause"].met is True
    assert judged(still, age_days=500)["pause"].met is False
    slow = HEALTHY | {"longest_rr_ms": 2100, "qtc_rate_bpm": 30}
    assert judged(slow)["pause"].met is False


@pytest.mark.parametrize("share", [0.05, 0.4])
def test_premature_beats_without_p_leave_a_sinus_rhythm_one(share):
    """They have no P of their own, so that fewer beats have one."""
    ectopy = {"ectopic_share": share, "p_share": 1.0 - share, "base_rr_cv": 0.15}
    assert judged(HEALTHY | ectopy)["sinus_arrhythmia"].met is True
    assert judged(HEALTHY | ectopy | {"rr_cv": 0.3})["irregular_rhythm"].met is True


def test_atrial_premature_beats_are_not_reported_in_fibrillation():
    irregular = HEALTHY | {"atrial_ectopic_share": 0.2, "base_rr_change": 0.2, "p_share": 0.0}
    assert judged(irregular)["atrial_premature_beats"].met is False
    assert judged(irregular)["atrial_fibrillation"].met is True


def test_dissociated_p_waves_are_no_sinus_rhythm():
    fast = HEALTHY | ILL["tachycardia"] | {"av_dissociation": 1.0, "blocked_p_share": 0.5}
    verdicts = judged(fast)
    assert verdicts["sinus_tachycardia"].met is False
    assert verdicts["complete_block"].met is True
    assert verdicts["second_degree_block"].met is False


def test_with_nine_leads_v5_stands_in_for_v6_in_left_block():
    gone = dict.fromkeys(["r_peak_v6_ms", "q_v6_mv", "s_v6_mv"], math.nan)
    nine = HEALTHY | ILL["lbbb"] | gone | {"r_peak_v5_ms": 75, "q_v5_mv": 0.0}
    assert "R in V5" in judged(nine)["lbbb"].reason


@pytest.mark.parametrize(
    "change",
    [{"qrs_axis_deg": -30}, {"qrs_axis_deg": -110}, {"r_peak_avl_ms": 40}, {"q_avl_mv": 0.0},
     {"qrs_ms": 125}],
)  # fmt: skip
def test_left_anterior_block_needs_all_four_signs(change):
    assert judged(HEALTHY | ILL["left_anterior_block"] | change)["left_anterior_block"].met is False


@pytest.mark.parametrize(("early_deg", "met"), [(-60, True), (-20, False), (math.nan, None)])
def test_beside_right_block_the_axis_of_the_left_ventricle_decides(early_deg, met):
    both = HEALTHY | ILL["left_anterior_block"] | ILL["rbbb"]
    found = judged(both | {"qrs_axis_deg": 150, "qrs_initial_axis_deg": early_deg})
    assert found["rbbb"].met is True
    assert found["left_anterior_block"].met is met


def test_a_tall_late_r_without_a_measurable_s_is_right_block():
    tall = HEALTHY | ILL["rbbb"] | {"r2_v1_mv": 0.0, "r_v1_mv": 0.9, "s_v1_mv": 0.0}
    tall |= {"r_peak_v1_ms": 90, "rs_ratio_v1": math.nan}
    assert judged(tall)["rbbb"].met is True
    assert judged(tall | {"s_v1_mv": 1.2})["rbbb"].met is False


@pytest.mark.parametrize("change", [{"p_ms": 70}, {"p_terminal_force_v1_mvms": 1.0}])
def test_left_atrial_enlargement_needs_both_signs(change):
    signs = HEALTHY | ILL["left_atrial_enlargement"] | change
    assert judged(signs)["left_atrial_enlargement"].met is False


@pytest.mark.parametrize(
    ("leads", "met"),
    [(("ii", "avf"), True), (("avl", "i"), True), (("avl", "iii"), False), (("i", "iii"), False),
     (("v2", "v3"), True), (("v1", "v4"), False), (("iii", "v1"), False)],
)  # fmt: skip
def test_st_elevation_counts_in_neighbouring_leads_only(leads, met):
    raised = {f"st_{lead}_mv": 0.3 for lead in leads}
    assert judged(HEALTHY | raised)["st_elevation"].met is met


def test_leads_are_neighbours_where_those_between_were_not_recorded():
    raised = {"st_v1_mv": 0.3, "st_v3_mv": 0.3, "st_v2_mv": math.nan}
    assert judged(HEALTHY | raised)["st_elevation"].met is True


def test_every_threshold_that_a_criterion_reads_is_in_the_file_and_no_other():
    source = Path(criterion_logic.__file__).parent
    text = "".join(path.read_text() for path in source.glob("*criteria.py"))
    named = {name for name in LIMITS.thresholds if f'"{name}"' in text}
    built = {"qrs_complete_block", "qrs_incomplete_block"}
    strip = (source / "rhythm_strip/abnormal_rhythm.py").read_text()
    findings = set(re.findall(r'"(\w+)"', strip))
    built |= {f"strip_{name}" for name in findings} & set(LIMITS.thresholds)
    built |= {f"strip_{name}_step" for name in findings} & set(LIMITS.thresholds)
    assert named | built == set(LIMITS.thresholds)


def test_lines_of_met_criteria_are_read_back_as_written():
    met = [(criterion.title, "QTc: 480 ms, above 460 ms") for criterion in criteria.CRITERIA]
    assert criterion_lines.split(criterion_lines.join(met)) == tuple(met)
    assert criterion_lines.split("") == ()
