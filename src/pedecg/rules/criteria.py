"""All criteria: which rules an ECG meets, and why, in one sentence each.

A criterion is a line of a registry, by topic. Limits for age and sex and all thresholds are data
of `norms`, each with its source.
"""

from pedecg.rules import (
    atrial_criteria,
    chamber_criteria,
    conduction_criteria,
    fascicular_criteria,
    q_wave_criteria,
    repolarisation_criteria,
    rhythm_criteria,
)
from pedecg.rules.criterion_logic import UNKNOWN, Criterion, MeasuredChild, Verdict

CRITERIA: tuple[Criterion, ...] = (
    *rhythm_criteria.CRITERIA,
    *conduction_criteria.CRITERIA,
    *atrial_criteria.CRITERIA,
    *fascicular_criteria.CRITERIA,
    *chamber_criteria.CRITERIA,
    *q_wave_criteria.CRITERIA,
    *repolarisation_criteria.CRITERIA,
)


# A ventricle that a pacemaker starts has no QRS, ST, T or axis of its own: only these are judged.
HOLD_IN_PACING = frozenset(criterion.name for criterion in rhythm_criteria.CRITERIA)
PACED = "ventricular_paced_share"


def judge(child: MeasuredChild) -> dict[str, Verdict]:
    """Return the verdict of every criterion by its name, in the order of `CRITERIA`.

    Where a pacemaker starts the ventricles, criteria of their form are neither met nor not met.
    """
    limit, _ = child.limit("ventricles_paced")
    paced = child.value(PACED) >= limit
    return {
        criterion.name: UNKNOWN
        if paced and criterion.name not in HOLD_IN_PACING
        else criterion.judge(child)
        for criterion in CRITERIA
    }
