"""Criteria of the atria."""

import math

from pedecg.rules.criterion_logic import (
    NOT_MET,
    UNKNOWN,
    Criterion,
    MeasuredChild,
    Verdict,
    beyond_threshold,
    fmt,
)


def left_atrium(child: MeasuredChild) -> Verdict:
    """Assess left atrial enlargement: long P for age and large terminal force in V1.

    Both together: each alone is common in healthy children.
    """
    duration, limit, source = child.value("p_ms"), *child.limit("p_long")
    force, least = child.value("p_terminal_force_v1_mvms"), child.limit("p_terminal_force")[0]
    signs = (
        None if math.isnan(duration) or math.isnan(limit) else duration > limit,
        None if math.isnan(force) or math.isnan(least) else force >= least,
    )
    if False in signs:
        return NOT_MET
    if None in signs:
        return UNKNOWN
    return Verdict(
        True,
        f"P lasts {fmt(duration, 'ms')}, above {fmt(limit, 'ms')}, and its terminal force in V1 is "
        f"{force:.1f} mV ms, at least {least:.1f} mV ms ({source})",
    )


CRITERIA = (
    Criterion(
        "right_atrial_enlargement", "Right atrial enlargement",
        lambda child: beyond_threshold(child, "p_ii_mv", "P in II", "p_tall", above=True),
    ),
    Criterion("left_atrial_enlargement", "Left atrial enlargement", left_atrium),
)  # fmt: skip
