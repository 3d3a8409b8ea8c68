"""Criteria of axis, voltage and the size of the ventricles."""

import math

from pedecg.rules.criterion_logic import (
    NOT_MET,
    UNKNOWN,
    Criterion,
    MeasuredChild,
    Verdict,
    above,
    below,
    beyond_threshold,
    points,
    say,
    where_stated,
)


def upright_t_v1(child: MeasuredChild) -> Verdict:
    """Is T upright in V1 between the first week and twelve years, a sign of RV hypertrophy?"""
    height, age = child.value("t_v1_mv"), child.age_days
    if math.isnan(height) or age is None or math.isnan(age):
        return UNKNOWN
    limit, source = child.limit("upright_t_v1")
    if not height > limit:
        return NOT_MET
    return Verdict(
        True,
        f"T in V1 upright, {say(height, 'mv')}, above {say(limit, 'mv')} after the first week and "
        f"before adolescence ({source})",
    )


RVH_SIGNS = (
    where_stated("r_v1", above=True),
    where_stated("s_v6", above=True),
    where_stated("rs_ratio_v1", above=True),
    where_stated("qrs_axis", above=True),
    upright_t_v1,
)
LVH_SIGNS = (
    where_stated("r_v6", above=True),
    where_stated("s_v1", above=True),
    where_stated("sv1_rv6", above=True),
    where_stated("rs_ratio_v6", above=True),
    where_stated("q_v6", above=True),
    where_stated("qrs_axis", above=False),
)
POSSIBLE, PROBABLE = 2, 3  # points, as the Peds ECG Viewer grades them


CRITERIA = (
    Criterion("right_axis", "Right axis deviation for age", above("qrs_axis")),
    Criterion("left_axis", "Left axis deviation for age", below("qrs_axis")),
    Criterion(
        "rvh", "Right ventricular hypertrophy",
        lambda child: points(child, RVH_SIGNS, POSSIBLE, PROBABLE), is_score=True,
    ),
    Criterion(
        "lvh", "Left ventricular hypertrophy",
        lambda child: points(child, LVH_SIGNS, POSSIBLE, PROBABLE), is_score=True,
    ),
    Criterion("upright_t_v1", "Upright T in V1 after the first week", upright_t_v1),
    Criterion(
        "low_voltage", "Low voltage in the limb leads",
        lambda child: beyond_threshold(
            child, "qrs_limb_mv", "largest limb-lead QRS", "low_voltage_limb", above=False
        ),
    ),
    Criterion(
        "low_voltage_chest", "Low voltage in the chest leads",
        lambda child: beyond_threshold(
            child, "qrs_chest_mv", "largest chest-lead QRS", "low_voltage_chest", above=False
        ),
    ),
)  # fmt: skip
