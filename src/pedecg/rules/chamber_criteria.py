"""Criteria of axis, voltage and the size of the ventricles.

Hypertrophy is judged by points, so that one large voltage alone makes none. From 18 years on the
signs of the left ventricle are the voltages of Sokolow and Lyon and of Cornell, a secondary change
of ST and T, and the left atrium.
"""

import math
from collections.abc import Callable

from pedecg.core.records import LEADS
from pedecg.rules import conduction_criteria, fascicular_criteria
from pedecg.rules.criterion_logic import (
    NOT_MET,
    UNKNOWN,
    Criterion,
    MeasuredChild,
    Verdict,
    above,
    below,
    beyond_percentile,
    beyond_threshold,
    fmt,
    points,
    states_limit,
    where_stated,
)

ST_T_LEADS, FEWEST_ST_T_LEADS = ("i", "avl", "v5", "v6"), 2
LEAD_NAMES = {lead.lower(): lead for lead in LEADS}
ADULT_DAYS = 6575  # 18 years: the voltage criteria of adults hold from here
Sign = Callable[[MeasuredChild], Verdict]


def upright_t_v1(child: MeasuredChild) -> Verdict:
    """Assess whether T is upright in V1 from one week to six years, a sign of RV hypertrophy."""
    height, age = child.value("t_v1_mv"), child.age_days
    if math.isnan(height) or age is None or math.isnan(age):
        return UNKNOWN
    limit, source = child.limit("upright_t_v1")
    if not height > limit:
        return NOT_MET
    return Verdict(
        True,
        f"T in V1 upright, {fmt(height, 'mv')}, above {fmt(limit, 'mv')} after the first week and "
        f"before six years ({source})",
    )


def one_of(*signs: Sign) -> Sign:
    """Count several signs of one thing as one: R V6, S V1 and their sum are one voltage."""

    def judge(child: MeasuredChild) -> Verdict:
        verdicts = [sign(child) for sign in signs]
        met = [verdict for verdict in verdicts if verdict.met]
        if met:
            return Verdict(True, " and ".join(verdict.reason for verdict in met))
        return UNKNOWN if any(verdict.met is None for verdict in verdicts) else NOT_MET

    return judge


def above_in_v6(wave: str) -> Sign:
    """Judge R or S in V6 by its limit for age; V5 stands in for it where V6 was not recorded.

    R and S are usually no smaller in V5 than in V6: within V6's limit in V5 they are so in V6 too.
    Beyond it in V5 nothing is known of V6, for which alone a table has limits.
    """
    measure = f"{wave}_v6"

    def judge(child: MeasuredChild) -> Verdict:
        found = where_stated(measure, above=True)(child)
        value = child.value(f"{wave}_v5_mv")
        if found.met is not None or not states_limit(child, measure, above=True):
            return found
        rows = child.limits.rows_for(measure, child.age_days, child.sex)
        return NOT_MET if value <= min(row.p98 for row in rows) else UNKNOWN

    return judge


def left_sum(child: MeasuredChild) -> Verdict:
    """Assess S in V1 + R in V6 against the limit for age; V5 replaces V6 as in `above_in_v6`."""
    found = where_stated("sv1_rv6", above=True)(child)
    total = child.value("s_v1_mv") + child.value("r_v5_mv")
    if found.met is not None or not states_limit(child, "sv1_rv6", above=True):
        return found
    rows = child.limits.rows_for("sv1_rv6", child.age_days, child.sex)
    return NOT_MET if total <= min(row.p98 for row in rows) else UNKNOWN


def rightward_v6(child: MeasuredChild) -> Verdict:
    """Assess R/S below 1 in V6 after the first month; V5 may exclude it where V6 is missing.

    A ratio means something only where S can be measured: an absent S is normal.
    """
    limit, source = child.limit("rs_ratio_v6_low")
    least, _ = child.limit("s_measurable")
    known_age = child.age_days is not None and not math.isnan(child.age_days)
    if math.isnan(limit):
        return NOT_MET if known_age else UNKNOWN
    for lead in ("v6", "v5"):
        r, s = child.value(f"r_{lead}_mv"), child.value(f"s_{lead}_mv")
        if math.isnan(r) or math.isnan(s):
            continue
        if s < least or r >= limit * s:
            return NOT_MET  # R/S rises from V5 to V6
        if lead == "v6":
            return Verdict(
                True,
                f"R {fmt(r, 'mv')} and S {fmt(s, 'mv')} in V6, R/S below {fmt(limit, 'ratio')} "
                f"after the first month ({source})",
            )
    return UNKNOWN


def deep_q(child: MeasuredChild) -> Verdict:
    """Assess whether Q is deep in V6, or in V5 where V6 was not recorded."""
    found = where_stated("q_v6", above=True)(child)
    if found.met is not None or not states_limit(child, "q_v6", above=True):
        return found
    rows = child.limits.rows_for("q_v6", child.age_days, child.sex)
    q = child.value("q_v5_mv")
    if math.isnan(q):
        return UNKNOWN
    if q <= rows[0].p98:
        return NOT_MET
    return Verdict(
        True, f"Q in V5 {fmt(q, 'mv')}, above {fmt(rows[0].p98, 'mv')} ({rows[0].source})"
    )


def _at_least(child: MeasuredChild, what: str, value: float, name: str) -> Verdict:
    """Judge whether a voltage is at least as large as its limit."""
    limit, source = child.limit(name)
    if math.isnan(value) or math.isnan(limit):
        return UNKNOWN
    if value < limit:
        return NOT_MET
    return Verdict(True, f"{what} {fmt(value, 'mv')}, at least {fmt(limit, 'mv')} ({source})")


def sokolow_lyon(child: MeasuredChild) -> Verdict:
    """Judge whether S in V1 + the larger R of V5 and V6 is above its limit for adults."""
    lateral = [r for lead in ("v5", "v6") if not math.isnan(r := child.value(f"r_{lead}_mv"))]
    total = child.value("s_v1_mv") + max(lateral, default=math.nan)
    return _at_least(child, "S in V1 + R in V5 or V6", total, "sokolow_lyon")


def cornell(child: MeasuredChild) -> Verdict:
    """Judge whether R in aVL + S in V3 is above its limit for adults.

    Not in left anterior fascicular block, which makes R in aVL tall by itself (AHA/ACCF/HRS
    2009, part V).
    """
    if fascicular_criteria.left_anterior_block(child).met:
        return NOT_MET
    total = child.value("r_avl_mv") + child.value("s_v3_mv")
    return _at_least(child, "R in aVL + S in V3", total, "cornell")


def secondary_st_t(child: MeasuredChild) -> Verdict:
    """Judge whether ST is low or T negative in two leads over the left ventricle."""
    low, source = child.limit("st_depression")
    negative, _ = child.limit("inverted_t")
    changed, unknown = [], 0
    for lead in ST_T_LEADS:
        st, t = child.value(f"st_{lead}_mv"), child.value(f"t_{lead}_mv")
        if st < -low or t < -negative:
            changed.append(LEAD_NAMES[lead])
        elif math.isnan(st) or math.isnan(t):
            unknown += 1
    if len(changed) >= FEWEST_ST_T_LEADS:
        return Verdict(
            True,
            f"ST below {fmt(-low, 'mv')} or T negative in {', '.join(changed)} ({source})",
        )
    return UNKNOWN if len(changed) + unknown >= FEWEST_ST_T_LEADS else NOT_MET


def left_atrial_force(child: MeasuredChild) -> Verdict:
    """Judge whether the terminal force of P in V1 is that of a large left atrium."""
    force, (least, source) = (
        child.value("p_terminal_force_v1_mvms"),
        child.limit("p_terminal_force"),
    )
    if math.isnan(force) or math.isnan(least):
        return UNKNOWN
    if force < least:
        return NOT_MET
    return Verdict(
        True, f"terminal force of P in V1 {force:.1f} mV ms, at least {least:.1f} mV ms ({source})"
    )


def is_adult(child: MeasuredChild) -> bool:
    """Return whether the patient is 18 years or older; False where the age is unknown."""
    return child.age_days is not None and child.age_days >= ADULT_DAYS


LEFT_VOLTAGE = one_of(above_in_v6("r"), where_stated("s_v1", above=True), left_sum)
ADULT_VOLTAGE = one_of(sokolow_lyon, cornell)
RIGHT_VOLTAGE = where_stated("r_v1", above=True)
RVH_SIGNS: tuple[Sign, ...] = (
    RIGHT_VOLTAGE,
    above_in_v6("s"),
    rightward_v6,
    where_stated("qrs_axis", above=True),
    upright_t_v1,
)
LVH_SIGNS: tuple[Sign, ...] = (
    LEFT_VOLTAGE,
    deep_q,
    where_stated("qrs_axis", above=False),
)
ADULT_LVH_SIGNS: tuple[Sign, ...] = (sokolow_lyon, cornell, secondary_st_t, left_atrial_force)
POSSIBLE, PROBABLE = 2, 3  # points, as the Peds ECG Viewer grades them


def left_voltage(child: MeasuredChild) -> Verdict:
    """Judge whether the left ventricular voltage is above the limit for age, or for adults."""
    return ADULT_VOLTAGE(child) if is_adult(child) else LEFT_VOLTAGE(child)


def right_voltage(child: MeasuredChild) -> Verdict:
    """Assess whether R in V1 is above the limit for age."""
    return beyond_percentile(child, "r_v1", above=True)


def left_hypertrophy(child: MeasuredChild) -> Verdict:
    """Assess LV hypertrophy by points, and in adults only if a voltage is high.

    Left bundle branch block and pre-excitation change voltage, ST and T by themselves: the verdict
    is then unknown.
    """
    if (
        conduction_criteria.left_block(child, complete=True).met
        or conduction_criteria.pre_excitation(child).met
    ):
        return UNKNOWN
    if not is_adult(child):
        return points(child, LVH_SIGNS, POSSIBLE, PROBABLE)
    found, high = points(child, ADULT_LVH_SIGNS, POSSIBLE, PROBABLE), ADULT_VOLTAGE(child).met
    if high is False:
        return Verdict(False, points=found.points)
    return found if high or not found.met else UNKNOWN


CRITERIA = (
    Criterion("right_axis", "Right axis deviation for age", above("qrs_axis")),
    Criterion("left_axis", "Left axis deviation for age", below("qrs_axis")),
    Criterion("left_voltage", "Left ventricular voltage above the limit", left_voltage),
    Criterion("right_voltage", "Right ventricular voltage above the limit", right_voltage),
    Criterion(
        "rvh", "Right ventricular hypertrophy",
        lambda child: points(child, RVH_SIGNS, POSSIBLE, PROBABLE), is_score=True,
    ),
    Criterion("lvh", "Left ventricular hypertrophy", left_hypertrophy, is_score=True),
    Criterion("upright_t_v1", "Upright T in V1 after the first week", upright_t_v1),
    Criterion(
        "low_voltage", "Low voltage in the limb leads",
        lambda child: beyond_threshold(
            child, "qrs_limb_mv", "largest limb-lead QRS", "low_voltage_limb", above=False
        ),
    ),
    Criterion(
        "low_voltage_precordial", "Low voltage in the precordial leads",
        lambda child: beyond_threshold(
            child, "qrs_precordial_mv", "largest precordial QRS", "low_voltage_precordial",
            above=False,
        ),
    ),
)  # fmt: skip
