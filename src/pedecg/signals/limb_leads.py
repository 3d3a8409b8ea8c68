"""The six limb leads come from three electrodes: I + III = II and aVR + aVL + aVF = 0.

Where that fails a lead is inverted, has another name than its own, or is not of this heart.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Each sum must vanish: Einthoven's and Goldberger's equations, by lead its factor.
EQUATIONS: tuple[dict[str, float], ...] = (
    {"I": 1.0, "III": 1.0, "II": -1.0},
    {"aVR": 1.0, "aVL": 1.0, "aVF": 1.0},
    {"aVR": 2.0, "I": 1.0, "II": 1.0},
    {"aVL": 2.0, "I": -1.0, "III": 1.0},
    {"aVF": 2.0, "II": -1.0, "III": -1.0},
)
# Of the leads' own size that the sum may keep. Exact recorders keep nothing; where leads were
# filtered one by one, as in LUDB, a third is usual. An inverted lead leaves about all.
LARGEST_SHARE = 0.5
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF")
FEWEST_LEADS = 3  # Einthoven's and Goldberger's sums join three leads
LEAST_MV = 0.03  # a smaller sum is noise and rounding

Leads = Mapping[str, NDArray[np.floating[Any]]]


def disagreement(beat: Leads) -> str | None:
    """Return in words how limb leads contradict each other; None where they agree.

    Parameters
    ----------
    beat : lead -> its median beat, shape (n,), mV; of usable leads. A median beat has little noise
        and wander, which need not be the same in all leads.
    """
    limb = {lead: wave - wave.mean() for lead, wave in beat.items()}
    broken = _broken(limb)
    if not broken:
        return None
    involved = sorted({lead for equation in broken for lead in equation}, key=list(limb).index)
    for lead in involved:
        if not _broken(limb | {lead: -limb[lead]}):
            equation = _say(broken[0])
            return (
                f"suspected inversion of lead {lead}: {equation} holds only with its sign inverted"
            )
    return f"the limb leads are inconsistent: {_say(broken[0])} fails"


def _broken(limb: Leads) -> list[dict[str, float]]:
    return [
        equation
        for equation in EQUATIONS
        if equation.keys() <= limb.keys() and not _holds(equation, limb)
    ]


def _holds(equation: Mapping[str, float], limb: Leads) -> bool:
    parts = np.stack([factor * np.asarray(limb[lead]) for lead, factor in equation.items()])
    rest = float(np.sqrt(np.square(parts.sum(axis=0)).mean()))
    size = float(np.sqrt(np.square(parts).mean(axis=1).sum()))
    return rest <= max(LEAST_MV, LARGEST_SHARE * size)


def _say(equation: Mapping[str, float]) -> str:
    if 2.0 in equation.values():
        (augmented,) = (lead for lead, factor in equation.items() if factor == 2.0)
        return {"aVR": "aVR = -(I + II) / 2", "aVL": "aVL = (I - III) / 2"}.get(
            augmented, "aVF = (II + III) / 2"
        )
    return "I + III = II" if "I" in equation else "aVR + aVL + aVF = 0"
