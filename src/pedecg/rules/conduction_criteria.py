"""Criteria of conduction: PR, QRS, bundle branch block, pre-excitation."""

import math

from pedecg.rules.criterion_logic import (
    NOT_MET,
    UNKNOWN,
    Criterion,
    MeasuredChild,
    Verdict,
    above,
    below,
    beyond_percentile,
    fmt,
)


def pre_excitation(child: MeasuredChild) -> Verdict:
    """Assess pre-excitation: short PR, wide QRS for age and a delta wave."""
    pr, slur = child.value("pr_ms"), child.value("delta_wave_ms")
    short, source = child.limit("pr_pre_excitation")
    slow, slow_source = child.limit("delta_wave_pre_excitation")
    wide = beyond_percentile(child, "qrs", above=True)
    signs = (
        None if math.isnan(pr) or math.isnan(short) else pr < short,
        wide.met,
        None if math.isnan(slur) or math.isnan(slow) else slur > slow,
    )
    if False in signs:
        return NOT_MET
    if None in signs:
        return UNKNOWN
    return Verdict(
        True,
        f"PR {fmt(pr, 'ms')}, below {fmt(short, 'ms')} ({source}), {wide.reason}, and a slurred "
        f"upstroke of {fmt(slur, 'ms')}, above {fmt(slow, 'ms')} ({slow_source})",
    )


def right_block(child: MeasuredChild, complete: bool) -> Verdict:
    """Assess right bundle branch block: r' or late R in V1, S in the left leads, wide QRS.

    Incomplete: QRS from the guideline's lower bound to the limit of the complete block, and r' at
    least half as tall as r. A lower r', or r' with a shorter QRS, is a normal variant of children.
    S in the left leads is then not required.
    """
    qrs, second = child.value("qrs_ms"), child.value("r2_v1_mv")
    (limit, source), (least, _) = child.limit("qrs_complete_block"), child.limit("second_r_block")
    peak, tallest = child.value("r_peak_v1_ms"), child.value("r_v1_mv")
    if math.isnan(qrs) or math.isnan(second) or math.isnan(limit):
        return UNKNOWN
    if complete != (qrs > limit):
        return NOT_MET
    if not complete:
        share, _ = child.limit("second_r_share")
        lower, lower_source = child.limit("qrs_incomplete_rbbb")
        if not (second >= least and second >= share * tallest and qrs >= lower):
            return NOT_MET
        return Verdict(
            True,
            f"r' {fmt(second, 'mv')} in V1 and QRS duration {fmt(qrs, 'ms')}, {fmt(lower, 'ms')} "
            f"to {fmt(limit, 'ms')} ({lower_source})",
        )
    lateral = [s for s in (child.value("s_i_mv"), child.value("s_v6_mv")) if not math.isnan(s)]
    if not lateral:
        return UNKNOWN
    if max(lateral) < child.limit("s_lateral_block")[0]:
        return NOT_MET
    late, _ = child.limit("late_r_v1")
    if second >= least:
        shape = f"r' {fmt(second, 'mv')} in V1"
    elif peak > late and tallest > child.value("s_v1_mv"):
        shape = f"R in V1 peaks after {fmt(peak, 'ms')}, later than {fmt(late, 'ms')}"
    else:
        return NOT_MET
    return Verdict(
        True, f"QRS duration {fmt(qrs, 'ms')}, above {fmt(limit, 'ms')}, and {shape} ({source})"
    )


def left_block(child: MeasuredChild, complete: bool) -> Verdict:
    """Assess left bundle branch block: no Q and late R in left leads, negative V1, wide QRS.

    V5 stands in for V6 where only nine leads were recorded.
    """
    qrs, ratio = child.value("qrs_ms"), child.value("rs_ratio_v1")
    (limit, source), (lower, _) = (
        child.limit(f"qrs_{kind}_block") for kind in ("complete", "incomplete")
    )
    late, _ = child.limit("late_r_v6")
    lead = "v5" if math.isnan(child.value("r_peak_v6_ms")) else "v6"
    peak, q = child.value(f"r_peak_{lead}_ms"), child.value(f"q_{lead}_mv")
    if any(map(math.isnan, (qrs, ratio, peak, q, limit, lower))):
        return UNKNOWN
    wide = qrs > limit if complete else lower < qrs <= limit
    negative = ratio < child.limit("rs_ratio_v1_left_block")[0]
    if not (wide and negative and peak > late and q < child.limit("q_lateral_block")[0]):
        return NOT_MET
    bound = limit if complete else lower
    return Verdict(
        True,
        f"QRS duration {fmt(qrs, 'ms')}, above {fmt(bound, 'ms')}, R in {lead.upper()} peaks "
        f"after {fmt(peak, 'ms')}, later than {fmt(late, 'ms')}, without Q ({source})",
    )


CRITERIA = (
    Criterion(
        "first_degree_block", "First-degree AV block for age", above("pr")
    ),
    Criterion("short_pr", "Short PR for age", below("pr")),
    Criterion("wide_qrs", "Wide QRS for age", above("qrs")),
    Criterion("pre_excitation", "Pre-excitation (WPW pattern)", pre_excitation),
    Criterion("rbbb", "Right bundle branch block", lambda child: right_block(child, True)),
    Criterion(
        "incomplete_rbbb", "Incomplete right bundle branch block",
        lambda child: right_block(child, False),
    ),
    Criterion("lbbb", "Left bundle branch block", lambda child: left_block(child, True)),
    Criterion(
        "incomplete_lbbb", "Incomplete left bundle branch block",
        lambda child: left_block(child, False),
    ),
)  # fmt: skip
