"""All criteria: which rules an ECG meets, and why, in one sentence each.

A criterion is a line of a registry, by topic. Limits for age and sex and all thresholds are data
of `norms`, each with its source.
"""

from pedecg.rules import (
    atrial_criteria,
    chamber_criteria,
    conduction_criteria,
    repolarisation_criteria,
)
from pedecg.rules.criterion_logic import Criterion, MeasuredChild, Verdict

CRITERIA: tuple[Criterion, ...] = (
    *conduction_criteria.CRITERIA,
    *atrial_criteria.CRITERIA,
    *chamber_criteria.CRITERIA,
    *repolarisation_criteria.CRITERIA,
)


def judge(child: MeasuredChild) -> dict[str, Verdict]:
    """Return the verdict of every criterion by its name, in the order of `CRITERIA`."""
    return {criterion.name: criterion.judge(child) for criterion in CRITERIA}
