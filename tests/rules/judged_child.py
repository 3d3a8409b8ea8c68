"""A healthy child's measures, what is changed for each criterion to be met, and the verdicts."""

from collections.abc import Mapping
from pathlib import Path

from pedecg.core.records import LEADS
from pedecg.rules import criteria, criterion_logic, norms

LIMITS = norms.load(Path(norms.__file__).with_name("limits.csv"))


HEALTHY = {
    "heart_rate_bpm": 120, "qtc_rate_bpm": 120, "longest_rr_ms": 520, "rr_cv": 0.03,
    "base_rr_cv": 0.03, "base_rr_change": 0.02, "ectopic_share": 0.0,
    "ventricular_ectopic_share": 0.0, "atrial_ectopic_share": 0.0, "bigeminy_share": 0.0,
    "trigeminy_share": 0.0, "flutter": 0.0, "flutter_regularity": 0.2, "atrial_rate_bpm": 250,
    "blocked_p_share": 0.0, "av_dissociation": 0.0, "paced_share": 0.0,
    "ventricular_paced_share": 0.0, "p_share": 1.0, "pr_ms": 110, "qrs_ms": 68,
    "delta_wave_ms": 15, "qtc_bazett_ms": 412, "qrs_axis_deg": 65, "t_axis_deg": 50,
    "qrs_t_angle_deg": 15, "qrs_limb_mv": 1.5, "qrs_precordial_mv": 2.5, "r_v1_mv": 0.7,
    "s_v1_mv": 1.0, "rs_ratio_v1": 0.7, "r2_v1_mv": 0.0, "r_peak_v1_ms": 20,
    "r_v6_mv": 1.5, "r_v5_mv": 1.6,
    "s_v6_mv": 0.2, "s_i_mv": 0.05, "rs_ratio_v6": 7.0, "q_v6_mv": 0.12, "sv1_rv6_mv": 2.5,
    "r_peak_v6_ms": 30, "s_v5_mv": 0.3, "q_v5_mv": 0.1, "r_avl_mv": 0.3, "s_v3_mv": 0.8,
    "qtc_fridericia_ms": 380, "j_v1_mv": 0.02, "j_v2_mv": 0.03, "st80_v1_mv": 0.0,
    "st80_v2_mv": 0.0,
    "p_ms": 70, "p_ii_mv": 0.12, "p_terminal_force_v1_mvms": 1.0, "q_avl_mv": 0.03,
    "r_peak_avl_ms": 25,
    **{f"t_{lead}_mv": 0.3 for lead in ("i", "ii", "avl", "v5", "v6", "v2")}, "t_v1_mv": -0.2,
    **{f"st_{lead.lower()}_mv": 0.0 for lead in LEADS},
    **{f"q_{lead}_ms": 10 for lead in ("i", "ii", "iii", "avl", "avf", "v4", "v5", "v6")},
    **{f"q_{lead}_mv": 0.05 for lead in ("i", "ii", "iii", "avf", "v4")},
    "r_i_mv": 0.6, "s_avl_mv": 0.1,
    **{f"{wave}_{lead}_mv": mv for wave, mv in (("r", 0.8), ("s", 0.1))
       for lead in ("iii", "avf")},
}  # fmt: skip


# A year-and-a-half-old boy who meets each criterion.
ILL = {
    "pathological_q": {"q_v5_ms": 38, "q_v5_mv": 0.3, "q_v6_ms": 36, "q_v6_mv": 0.25},
    "tachycardia": {"heart_rate_bpm": 190},
    "bradycardia": {"heart_rate_bpm": 70},
    "sinus_tachycardia": {"heart_rate_bpm": 190},
    "sinus_bradycardia": {"heart_rate_bpm": 70},
    "sinus_arrhythmia": {"base_rr_cv": 0.15},
    "irregular_rhythm": {"rr_cv": 0.2},
    "pause": {"longest_rr_ms": 2400},
    "ventricular_premature_beats": {"ventricular_ectopic_share": 0.1},
    "atrial_premature_beats": {"atrial_ectopic_share": 0.1},
    "bigeminy": {"bigeminy_share": 0.9},
    "trigeminy": {"trigeminy_share": 0.9},
    "atrial_fibrillation": {"base_rr_change": 0.2, "p_share": 0.0},
    "atrial_flutter": {"flutter": 1.0, "flutter_regularity": 0.9},
    "supraventricular_tachycardia": {"heart_rate_bpm": 240, "p_share": 0.0},
    "wide_qrs_tachycardia": {"heart_rate_bpm": 190, "p_share": 0.0, "qrs_ms": 140},
    "second_degree_block": {"blocked_p_share": 0.3},
    "complete_block": {"av_dissociation": 1.0},
    "paced": {"paced_share": 0.8},
    "first_degree_block": {"pr_ms": 190},
    "short_pr": {"pr_ms": 70},
    "wide_qrs": {"qrs_ms": 120},
    "pre_excitation": {"pr_ms": 70, "qrs_ms": 120, "delta_wave_ms": 40},
    "rbbb": {"qrs_ms": 110, "r2_v1_mv": 0.6, "s_i_mv": 0.4},
    "incomplete_rbbb": {"r2_v1_mv": 0.7, "qrs_ms": 88},
    "lbbb": {"qrs_ms": 110, "rs_ratio_v1": 0.1, "r_peak_v6_ms": 70, "q_v6_mv": 0.0},
    "incomplete_lbbb": {"qrs_ms": 85, "rs_ratio_v1": 0.1, "r_peak_v6_ms": 70, "q_v6_mv": 0.0},
    "right_axis": {"qrs_axis_deg": 150},
    "left_axis": {"qrs_axis_deg": -60},
    "left_voltage": {"r_v6_mv": 3.4, "sv1_rv6_mv": 4.4},
    "right_voltage": {"r_v1_mv": 2.4},
    "rvh": {"r_v1_mv": 2.4, "s_v6_mv": 1.2},
    "lvh": {"r_v6_mv": 3.4, "q_v6_mv": 0.7},
    "right_atrial_enlargement": {"p_ii_mv": 0.35},
    "left_atrial_enlargement": {"p_ms": 115, "p_terminal_force_v1_mvms": 6.0},
    "left_anterior_block": {"qrs_axis_deg": -60, "r_peak_avl_ms": 50},
    "upright_t_v1": {"t_v1_mv": 0.3},
    "low_voltage": {"qrs_limb_mv": 0.3},
    "low_voltage_precordial": {"qrs_precordial_mv": 0.7},
    "qtc_borderline": {"qtc_bazett_ms": 455},
    "long_qtc": {"qtc_bazett_ms": 500},
    "short_qtc": {"qtc_bazett_ms": 320},
    "schwartz_qt": {"qtc_bazett_ms": 485},
    "wide_qrs_t_angle": {"qrs_t_angle_deg": 160},
    "st_elevation": {"st_ii_mv": 0.15, "st_avf_mv": 0.12},
    "st_depression": {"st_v5_mv": -0.1, "st_v6_mv": -0.12},
    "inverted_t": {"t_i_mv": -0.2, "t_v6_mv": -0.3},
    "low_t": {"t_v5_mv": 0.02, "t_v6_mv": 0.03},
    "brugada_1": {"j_v1_mv": 0.4, "st_v1_mv": 0.25, "st80_v1_mv": 0.1},
    "brugada_2": {"j_v2_mv": 0.3, "st_v2_mv": 0.12},
}


def judged(
    measures: Mapping[str, float], age_days: float | None = 500, sex: str | None = "male"
) -> dict[str, criterion_logic.Verdict]:
    """Return the verdict of every criterion."""
    return criteria.judge(criterion_logic.MeasuredChild(measures, age_days, sex, LIMITS))
