"""Fit what further electrodes (V3R, V4R, V7, …) see of the dipole, for `pedecg.simulation.torso`.

    python scripts/fit_further_leads.py

Dower's transform has six precordial leads. The others are extrapolated: the chest is an elliptical
cylinder, the heart a dipole off its axis, and a lead sees the dipole's potential at its electrode,
that of a long conductor (it falls with the distance), less that of the central terminal. Position
of the heart, scale and terminal are fitted to Dower's six rows; the residual tells how well the
picture holds. The vertical part is the mean of the six, which hardly differ in it.

Where the electrodes are: V3R to V6R mirror V3 to V6, V1R and V2R stand at V2 and V1, V7 is on the
left posterior axillary line, V8 below the scapula, V9 at the border of the spine, in the plane of
V4 (Kligfield P et al. Recommendations for the standardization and interpretation of the
electrocardiogram, part I. J Am Coll Cardiol 2007;49:1109-1127). How far to the side each of these
lines is, and how deep the chest, are our estimates.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from pedecg.core.records import FURTHER_LEADS
from pedecg.simulation import torso

Values = NDArray[np.float64]

DEPTH = 0.7  # of the chest, over its width
# Distance from the midline over half the width of the chest; on the back where that is negative.
ASIDE = {
    "V1": (-0.12, 1), "V2": (0.12, 1), "V3": (0.33, 1), "V4": (0.55, 1), "V5": (0.8, 1),
    "V6": (1.0, 1),
    "V1R": (0.12, 1), "V2R": (-0.12, 1), "V3R": (-0.33, 1), "V4R": (-0.55, 1), "V5R": (-0.8, 1),
    "V6R": (-1.0, 1), "V7R": (-0.8, -1), "V7": (0.8, -1), "V8": (0.5, -1), "V9": (0.12, -1),
}  # fmt: skip
KNOWN = ("V1", "V2", "V3", "V4", "V5", "V6")
START = (0.2, -0.2, 0.5, 0.0, 0.0)  # heart to the left and in front; scale; terminal


def places(leads: tuple[str, ...]) -> Values:
    """Return where electrodes are, shape (n, 2): to the left and to the back, half widths."""
    return np.array(
        [(x, -front * DEPTH * np.sqrt(1 - x * x)) for x, front in map(ASIDE.__getitem__, leads)]
    )


def seen(parameters: Values, leads: tuple[str, ...]) -> Values:
    """Return what leads see of a dipole in the horizontal plane, shape (n, 2)."""
    heart, scale, terminal = parameters[:2], parameters[2], parameters[3:]
    away = places(leads) - heart
    return np.asarray(scale * away / np.square(away).sum(axis=1, keepdims=True) - terminal)


def fitted() -> tuple[dict[str, tuple[float, float, float]], float]:
    """Return the rows of the further leads, and the root mean square of the residual."""
    rows = torso.LEAD_FIELD[[torso.ROW[lead] for lead in KNOWN]]
    level = rows[:, (0, 2)]
    found = least_squares(lambda p: (seen(p, KNOWN) - level).ravel(), START)
    down = float(rows[:, 1].mean())
    further = {
        lead: (round(float(x), 3), round(down, 3), round(float(z), 3))
        for lead, (x, z) in zip(FURTHER_LEADS, seen(found.x, FURTHER_LEADS), strict=True)
    }
    for twin, lead in (("V1R", "V2"), ("V2R", "V1")):
        x, y, z = rows[KNOWN.index(lead)]
        further[twin] = (float(x), float(y), float(z))
    return further, float(np.sqrt(np.mean(np.square(found.fun))))


def main() -> None:
    further, residual = fitted()
    for lead, row in further.items():
        print(f'    "{lead}": {row},')
    print(f"residual {residual:.3f}")


if __name__ == "__main__":
    main()
