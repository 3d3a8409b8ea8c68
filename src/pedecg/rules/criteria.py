"""All criteria: which rules an ECG meets, and why, in one sentence each.

A criterion is a line of a registry, by topic. Limits for age and sex and all thresholds are data
of `norms`, each with its source.
"""

from pedecg.rules import chambers, conduction, repolarisation
from pedecg.rules.criterion_judgement import Child, Criterion, Verdict

CRITERIA: tuple[Criterion, ...] = (
    *conduction.CRITERIA,
    *chambers.CRITERIA,
    *repolarisation.CRITERIA,
)


def judge(child: Child) -> dict[str, Verdict]:
    """Return the verdict of every criterion by its name, in the order of `CRITERIA`."""
    return {criterion.name: criterion.judge(child) for criterion in CRITERIA}
