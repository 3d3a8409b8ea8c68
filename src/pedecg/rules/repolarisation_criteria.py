"""Criteria of QT, ST and T."""

import math
from collections.abc import Iterable
from itertools import pairwise

from pedecg.rules import qtc_criteria
from pedecg.rules.criterion_logic import (
    NOT_MET,
    UNKNOWN,
    Criterion,
    MeasuredChild,
    Verdict,
    beyond_percentile,
    beyond_threshold,
    fmt,
)

LATERAL = ("I", "II", "V5", "V6")  # T is upright here in health, but for the first days of life
LIMB = ("aVL", "I", "II", "aVF", "III")  # in the order in which they look at the heart, Cabrera's
CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
ENOUGH_LEADS = 2  # a finding in a single lead may be its electrode's
SCHWARTZ = (("schwartz_3_points", 3.0), ("schwartz_2_points", 2.0), ("schwartz_1_point", 1.0))
SLOW_POINTS = 0.5  # points of the Schwartz score for a heart rate below normal
LEAST_R_MV = 1.0  # with a smaller R a small T means nothing


def schwartz_qt(child: MeasuredChild) -> Verdict:
    """Assess whether the Schwartz points of the ECG reach an intermediate probability.

    QTc by Bazett and a heart rate below the 2nd percentile; torsades, alternans and notched T are
    not looked for. Schwartz PJ et al. Circulation 1993;88:782-784, revised 2011;124:2181-2184.
    """
    qtc = child.value("qtc_bazett_ms")
    if math.isnan(qtc) or qtc_criteria.too_fast(child):
        return UNKNOWN
    total, reasons, source = 0.0, [], ""
    for name, worth in SCHWARTZ:
        limit, source_here = child.limit(name)
        source = source or source_here
        if qtc >= limit:
            total += worth
            reasons.append(f"QTc (Bazett) {fmt(qtc, 'ms')}, at least {fmt(limit, 'ms')}")
            break
    slow = beyond_percentile(child, "heart_rate", above=False)
    if slow.met:
        total += SLOW_POINTS
        reasons.append(slow.reason)
    enough, _ = child.limit("schwartz_suspect")
    if total < enough:
        return Verdict(False, points=total)
    text = f"{total:g} points, {enough:g} or more: {' and '.join(reasons)} ({source})"
    return Verdict(True, text, total)


def _shifted(
    child: MeasuredChild, groups: Iterable[tuple[tuple[str, ...], str]], sign: float
) -> Verdict:
    """Assess whether ST deviates beyond its threshold in two contiguous leads of one group.

    Parameters
    ----------
    groups : leads in the order in which they lie around the heart, and their threshold.
    """
    known = 0
    for leads, name in groups:
        limit, source = child.limit(name)
        values = {lead: child.value(f"st_{lead.lower()}_mv") for lead in leads}
        found = {lead: x for lead, x in values.items() if sign * x >= limit}
        known += sum(not math.isnan(x) for x in values.values())
        recorded = [lead for lead, x in values.items() if not math.isnan(x)]
        if any(one in found and other in found for one, other in pairwise(recorded)):
            detail = ", ".join(f"{fmt(x, 'mv')} in {lead}" for lead, x in found.items())
            return Verdict(
                True,
                f"ST {detail}, {fmt(sign * limit, 'mv')} or more in contiguous leads ({source})",
            )
    return NOT_MET if known >= ENOUGH_LEADS else UNKNOWN


def st_elevation(child: MeasuredChild) -> Verdict:
    """Assess ST elevation in two contiguous limb leads or precordial leads."""
    return _shifted(child, ((LIMB, "st_elevation_limb"), (CHEST, "st_elevation_precordial")), 1.0)


def st_depression(child: MeasuredChild) -> Verdict:
    """Assess ST depression in two contiguous leads, without V1 to V3, which are reciprocal."""
    return _shifted(child, ((LIMB, "st_depression"), (CHEST[3:], "st_depression")), -1.0)


def inverted_t(child: MeasuredChild) -> Verdict:
    """Assess T inversion in at least two of I, II, V5 and V6 after the first week."""
    limit, source = child.limit("inverted_t")
    values = {lead: child.value(f"t_{lead.lower()}_mv") for lead in LATERAL}
    if math.isnan(limit) or sum(not math.isnan(x) for x in values.values()) < ENOUGH_LEADS:
        return UNKNOWN
    found = {lead: x for lead, x in values.items() if x < -limit}
    if len(found) < ENOUGH_LEADS:
        return NOT_MET
    detail = ", ".join(f"{fmt(x, 'mv')} in {lead}" for lead, x in found.items())
    return Verdict(True, f"T {detail}, below {fmt(-limit, 'mv')} in two leads ({source})")


def low_t(child: MeasuredChild) -> Verdict:
    """Assess low T: amplitude below a twentieth of R in the left precordial leads."""
    limit, source = child.limit("low_t_share")
    shares = {}
    for lead in ("V5", "V6"):
        r, t = child.value(f"r_{lead.lower()}_mv"), child.value(f"t_{lead.lower()}_mv")
        if r >= LEAST_R_MV and not math.isnan(t):
            shares[lead] = abs(t) / r
    if math.isnan(limit) or not shares:
        return UNKNOWN
    if max(shares.values()) >= limit:
        return NOT_MET
    detail = ", ".join(f"{fmt(x, 'share')} of R in {lead}" for lead, x in shares.items())
    return Verdict(True, f"T {detail}, below {fmt(limit, 'share')} ({source})")


def brugada(child: MeasuredChild, coved: bool) -> Verdict:
    """Assess a Brugada pattern in V1 or V2: coved (type 1) or saddleback (type 2) ST elevation.

    Type 2 is a suspicion, no diagnosis. J is the end of QRS, so that a late r' counts as well: a
    right bundle branch block must be excluded by a reader.
    """
    limit, source = child.limit("brugada_j")
    saddle, _ = child.limit("brugada_saddle")
    unknown = 0
    for lead in ("V1", "V2"):
        key = lead.lower()
        j, st, late, t = (child.value(f"{x}_{key}_mv") for x in ("j", "st", "st80", "t"))
        if any(map(math.isnan, (j, st, late, t))):
            unknown += 1
        elif j >= limit and coved and j > st > late and t < 0:
            return Verdict(
                True,
                f"J {fmt(j, 'mv')} in {lead}, at least {fmt(limit, 'mv')}, ST falls to a negative "
                f"T of {fmt(t, 'mv')}: type 1 ({source})",
            )
        elif j >= limit and not coved and st >= saddle and t > st < j:
            return Verdict(
                True,
                f"J {fmt(j, 'mv')} in {lead}, at least {fmt(limit, 'mv')}, ST {fmt(st, 'mv')} "
                f"below an upright T of {fmt(t, 'mv')}: suspicion of type 2 ({source})",
            )
    return UNKNOWN if unknown else NOT_MET


CRITERIA = (
    Criterion("qtc_borderline", "Borderline QTc", qtc_criteria.borderline_qtc),
    Criterion("long_qtc", "Long QTc", qtc_criteria.long_qtc),
    Criterion("short_qtc", "Short QTc", qtc_criteria.short_qtc),
    Criterion(
        "schwartz_qt", "Schwartz score (ECG part), long QT syndrome suspected",
        schwartz_qt, is_score=True,
    ),
    Criterion(
        "wide_qrs_t_angle", "Wide frontal QRS-T angle",
        lambda child: beyond_threshold(
            child, "qrs_t_angle_deg", "QRS-T angle", "qrs_t_angle", above=True
        ),
    ),
    Criterion("st_elevation", "ST elevation", st_elevation),
    Criterion("st_depression", "ST depression", st_depression),
    Criterion("inverted_t", "Inverted T in the left leads", inverted_t),
    Criterion("low_t", "Low T in the left precordial leads", low_t),
    Criterion("brugada_1", "Brugada pattern, type 1", lambda child: brugada(child, True)),
    Criterion(
        "brugada_2", "Brugada pattern, type 2 suspected", lambda child: brugada(child, False)
    ),
)  # fmt: skip
