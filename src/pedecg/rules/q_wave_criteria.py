"""Pathological Q waves: wide and deep in two contiguous leads."""

import math

from pedecg.rules import conduction_criteria
from pedecg.rules.criterion_logic import NOT_MET, UNKNOWN, Criterion, MeasuredChild, Verdict, fmt

# A Q in one lead of a group alone, as in III or aVL, is common in health.
CONTIGUOUS = (("I", "aVL"), ("II", "aVF", "III"), ("V4", "V5", "V6"))
ENOUGH_LEADS = 2  # the guidelines ask for two leads of one group


def pathological_q(child: MeasuredChild) -> Verdict:
    """Assess whether Q, or a QS complex, is wide and deep in two leads of one group.

    Left bundle branch block and pre-excitation have such waves by themselves: the verdict is then
    unknown. Hypertrophy may have them too and must be excluded by a reader.
    """
    if (
        conduction_criteria.left_block(child, complete=True).met
        or conduction_criteria.pre_excitation(child).met
    ):
        return UNKNOWN
    (wide, source), (deep, _) = child.limit("q_wide"), child.limit("q_deep")
    if math.isnan(wide) or math.isnan(deep):
        return UNKNOWN
    undecided = False
    for leads in CONTIGUOUS:
        waves = {lead: (child.value(f"q_{lead.lower()}_ms"), depth(child, lead)) for lead in leads}
        found = {lead: q for lead, q in waves.items() if q[0] >= wide and q[1] >= deep}
        if len(found) >= ENOUGH_LEADS:
            detail = ", ".join(
                f"{fmt(ms, 'ms')} and {fmt(mv, 'mv')} in {lead}" for lead, (ms, mv) in found.items()
            )
            return Verdict(
                True, f"Q {detail}, at least {fmt(wide, 'ms')} and {fmt(deep, 'mv')} ({source})"
            )
        unknown = sum(any(map(math.isnan, q)) for q in waves.values())
        undecided = undecided or len(found) + unknown >= ENOUGH_LEADS
    return UNKNOWN if undecided else NOT_MET


def depth(child: MeasuredChild, lead: str) -> float:
    """Return the depth of Q, mV; of a QS complex, whose depth is measured as S, that of S."""
    q, lasting = (child.value(f"q_{lead.lower()}_{unit}") for unit in ("mv", "ms"))
    return child.value(f"s_{lead.lower()}_mv") if q == 0 and lasting > 0 else q


CRITERIA = (Criterion("pathological_q", "Pathological Q waves", pathological_q),)
