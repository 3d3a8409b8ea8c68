"""Criteria of QTc. Bazett's formula overcorrects in fast hearts, where a second formula is read.

Children's limits are stated for Bazett alone: there the reason also gives Fridericia.
Adults' limits hold for any formula (AHA/ACCF/HRS 2009): there both must be beyond the limit.
In a very fast heart T ends in the next P or QRS, and no formula holds: QTc is not judged there.
"""

import math

from pedecg.rules.criterion_logic import (
    NOT_MET,
    UNKNOWN,
    MeasuredChild,
    Verdict,
    beyond_threshold,
    fmt,
)
from pedecg.rules.norms import ADULT_DAYS

_BAZETT = ("qtc_bazett_ms", "QTc (Bazett)")


def long_qtc(child: MeasuredChild) -> Verdict:
    """Assess whether QTc is prolonged."""
    return _seconded(child, "qtc_long")


def borderline_qtc(child: MeasuredChild) -> Verdict:
    """Assess whether QTc is borderline: above the limit for age and sex, not prolonged."""
    return NOT_MET if long_qtc(child).met else _seconded(child, "qtc_borderline")


def short_qtc(child: MeasuredChild) -> Verdict:
    """Assess whether QTc is short."""
    if too_fast(child):
        return UNKNOWN
    return beyond_threshold(child, *_BAZETT, "qtc_short", above=False)


def too_fast(child: MeasuredChild) -> bool:
    """Return whether the heart is too fast for a QTc."""
    fastest, _ = child.limit("qtc_fastest")
    return child.value("heart_rate_bpm") > fastest


def _seconded(child: MeasuredChild, threshold: str) -> Verdict:
    if too_fast(child):
        return UNKNOWN
    found = beyond_threshold(child, *_BAZETT, threshold, above=True)
    rate, second = child.value("heart_rate_bpm"), child.value("qtc_fridericia_ms")
    fast, source = child.limit("bazett_rate")
    if not found.met or not rate > fast or math.isnan(second):
        return found
    limit, _ = child.limit(threshold)
    adult = child.age_days is not None and child.age_days >= ADULT_DAYS
    if adult and second <= limit:
        return NOT_MET
    return Verdict(
        True,
        f"{found.reason}, and QTc (Fridericia) {fmt(second, 'ms')} at {fmt(rate, 'bpm')}: above "
        f"{fmt(fast, 'bpm')} Bazett overcorrects ({source})",
    )
