"""All criteria: which rules an ECG meets, and why, in one sentence each.

Files ``*_criteria.py`` of this package hold criteria by topic, each in a tuple ``CRITERIA``; a
new file needs no entry here. Limits for age and sex and all thresholds are data of `norms`, each
with its source.
"""

import importlib
from pathlib import Path

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

_SHIPPED = (  # in the order of their columns
    rhythm_criteria,
    conduction_criteria,
    atrial_criteria,
    fascicular_criteria,
    chamber_criteria,
    q_wave_criteria,
    repolarisation_criteria,
)


def _further() -> list[Criterion]:
    """Return the criteria of all other modules ``*_criteria.py``, in the order of their names."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("*_criteria.py"))
    modules = (importlib.import_module(f"{__package__}.{name}") for name in names)
    return [
        criterion
        for module in modules
        if module not in _SHIPPED
        for criterion in getattr(module, "CRITERIA", ())  # shared functions only: none
    ]


CRITERIA: tuple[Criterion, ...] = (
    *(criterion for module in _SHIPPED for criterion in module.CRITERIA),
    *_further(),
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
