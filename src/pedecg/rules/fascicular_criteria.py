"""Fascicular blocks: of the left anterior and of the left posterior fascicle."""

import math

from pedecg.rules import conduction_criteria
from pedecg.rules.criterion_logic import (
    NOT_MET,
    UNKNOWN,
    Criterion,
    MeasuredChild,
    Verdict,
    beyond_percentile,
    fmt,
)

INFERIOR = ("ii", "iii", "avf")


def left_anterior_block(child: MeasuredChild) -> Verdict:
    """Assess left anterior fascicular block: left axis, qR and late R in aVL, no wide QRS.

    With right bundle branch block (bifascicular block) QRS is wide, and its axis is that of the
    first 80 ms, in which the left ventricle is activated. Congenital left axis, as in
    atrioventricular septal defect, can look the same.
    """
    right = conduction_criteria.right_block(child, complete=True).met is True
    name, what = ("qrs_initial_axis_deg", "axis of the first 80 ms of QRS") if right else (
        "qrs_axis_deg", "QRS axis")  # fmt: skip
    axis, qrs = child.value(name), child.value("qrs_ms")
    q, r, peak = (child.value(f"{name}_avl_{unit}") for name, unit in (
        ("q", "mv"), ("r", "mv"), ("r_peak", "ms")))  # fmt: skip
    top, source = child.limit("left_anterior_axis")
    bottom, wide = child.limit("left_anterior_axis_end")[0], child.limit("qrs_complete_block")[0]
    late, least_q = child.limit("late_r_avl")[0], child.limit("q_avl_block")[0]
    values = (axis, qrs, q, r, peak, top, bottom, wide, late, least_q)
    if any(map(math.isnan, values)):
        return UNKNOWN
    if not (bottom <= axis <= top and r > q >= least_q and peak >= late):
        return NOT_MET
    if qrs >= wide and not right:
        return NOT_MET
    width = f"below {fmt(wide, 'ms')}" if qrs < wide else "with right bundle branch block"
    return Verdict(
        True,
        f"{what} {fmt(axis, 'deg')}, between {fmt(bottom, 'deg')} and {fmt(top, 'deg')}, qR in "
        f"aVL with R after {fmt(peak, 'ms')}, at least {fmt(late, 'ms')}, and QRS duration "
        f"{fmt(qrs, 'ms')}, {width} ({source})",
    )


def possible_left_anterior_block(child: MeasuredChild) -> Verdict:
    """Assess possible left anterior fascicular block: the same signs, and less left axis.

    From 16 years on, with the axis between the normal limit of adults and that of the block, and
    with rS in II, III and aVF. R in aVL is late by itself and later than in V6, which 41%
    of ECGs with an axis of -30 degrees show. No wide QRS.
    """
    axis, qrs = child.value("qrs_axis_deg"), child.value("qrs_ms")
    top, source = child.limit("possible_left_anterior_axis")
    known_age = child.age_days is not None and not math.isnan(child.age_days)
    if math.isnan(top) and known_age and not math.isnan(axis):
        return NOT_MET  # a child: the limit of left axis for age is another criterion
    bottom, wide = child.limit("left_anterior_axis")[0], child.limit("qrs_complete_block")[0]
    late, least_q = child.limit("late_r_avl")[0], child.limit("q_avl_block")[0]
    q, r = child.value("q_avl_mv"), child.value("r_avl_mv")
    peak, lateral_peak = child.value("r_peak_avl_ms"), child.value("r_peak_v6_ms")
    below = [(child.value(f"r_{lead}_mv"), child.value(f"s_{lead}_mv")) for lead in INFERIOR]
    values = (axis, qrs, top, bottom, wide, late, least_q, q, r, peak, lateral_peak)
    if any(map(math.isnan, (*values, *sum(below, ())))):
        return UNKNOWN
    delayed = peak >= late and peak > lateral_peak
    if not (bottom < axis <= top and r > q >= least_q and delayed and qrs < wide):
        return NOT_MET
    if not all(s > r_below for r_below, s in below):
        return NOT_MET
    return Verdict(
        True,
        f"QRS axis {fmt(axis, 'deg')}, between {fmt(bottom, 'deg')} and {fmt(top, 'deg')}, rS in "
        f"II, III and aVF, qR in aVL with R after {fmt(peak, 'ms')}, at least {fmt(late, 'ms')} "
        f"and later than in V6, and QRS duration {fmt(qrs, 'ms')}, below {fmt(wide, 'ms')} "
        f"({source})",
    )


def left_posterior_block(child: MeasuredChild) -> Verdict:
    """Assess left posterior fascicular block: right axis, rS in I and aVL, qR in III and aVF.

    From 16 years on: the axis of children is rightward in health. A large right ventricle, which
    looks the same, is excluded as far as R in V1 shows it.
    """
    axis, qrs = child.value("qrs_axis_deg"), child.value("qrs_ms")
    low, source = child.limit("left_posterior_axis")
    known_age = child.age_days is not None and not math.isnan(child.age_days)
    if math.isnan(low) and known_age and not math.isnan(axis):
        return NOT_MET  # a child: not looked for
    wide, least_q = child.limit("qrs_complete_block")[0], child.limit("q_avl_block")[0]
    r, s, q = (
        {lead: child.value(f"{wave}_{lead}_mv") for lead in ("i", "avl", "iii", "avf")}
        for wave in "rsq"
    )
    values = (axis, qrs, low, wide, least_q, *r.values(), *s.values(), q["iii"], q["avf"])
    if any(map(math.isnan, values)):
        return UNKNOWN
    left = all(s[lead] > r[lead] for lead in ("i", "avl"))
    inferior = all(
        r[lead] > max(s[lead], q[lead]) and q[lead] >= least_q for lead in ("iii", "avf")
    )
    right_ventricle = beyond_percentile(child, "r_v1", above=True).met
    if axis < low or qrs >= wide or not left or not inferior or right_ventricle:
        return NOT_MET
    return Verdict(
        True,
        f"QRS axis {fmt(axis, 'deg')}, at least {fmt(low, 'deg')}, rS in I and aVL, qR in III and "
        f"aVF, and QRS duration {fmt(qrs, 'ms')}, below {fmt(wide, 'ms')} ({source})",
    )


CRITERIA = (
    Criterion("left_anterior_block", "Left anterior fascicular block", left_anterior_block),
    Criterion(
        "possible_left_anterior_block",
        "Possible left anterior fascicular block",
        possible_left_anterior_block,
    ),
    Criterion("left_posterior_block", "Left posterior fascicular block", left_posterior_block),
)
