"""From the heart's dipole to the leads: Dower's transform and the electrodes behind the leads.

Axes of the dipole (Frank): x to the left, y to the feet, z to the back; millivolts.
"""

import numpy as np
from numpy.typing import NDArray

from pedecg.core import elementary
from pedecg.core.records import LEADS

# Dower GE, Machado HB, Osborne JA. On deriving the electrocardiogram from vectorcardiographic
# leads. Clin Cardiol 1980;3:87-95. The rows of the eight independent leads; III, aVR, aVL and
# aVF follow from I and II, so that Einthoven's and Goldberger's equations hold exactly.
_DOWER = {
    "I": (0.632, -0.235, 0.059),
    "II": (0.235, 1.066, -0.132),
    "V1": (-0.515, 0.157, -0.917),
    "V2": (0.044, 0.164, -1.387),
    "V3": (0.882, 0.098, -1.277),
    "V4": (1.213, 0.127, -0.601),
    "V5": (1.125, 0.127, -0.086),
    "V6": (0.831, 0.076, 0.230),
}
# Further electrodes, extrapolated from Dower's precordial leads: an elliptical chest, the dipole
# off its axis (residual 0.023). ``scripts/fit_further_leads.py`` says where the electrodes are.
_FURTHER = {
    "V1R": (0.044, 0.164, -1.387),
    "V2R": (-0.515, 0.157, -0.917),
    "V3R": (-0.534, 0.125, -0.481),
    "V4R": (-0.457, 0.125, -0.207),
    "V5R": (-0.342, 0.125, -0.01),
    "V6R": (-0.215, 0.125, 0.173),
    "V7R": (-0.134, 0.125, 0.331),
    "V7": (0.608, 0.125, 0.486),
    "V8": (0.427, 0.125, 0.586),
    "V9": (0.209, 0.125, 0.602),
}
_LIMB_ELECTRODES = ("RA", "LA", "LL")
_LIMB_LEADS = 6  # they share the three limb electrodes


def _matrix(leads: tuple[str, ...]) -> NDArray[np.float64]:
    rows = {lead: np.array(row) for lead, row in (_DOWER | _FURTHER).items()}
    one, two = rows["I"], rows["II"]
    rows |= {"III": two - one, "aVR": -(one + two) / 2}
    rows |= {"aVL": one - two / 2, "aVF": two - one / 2}
    return np.array([rows[lead] for lead in leads])


def from_electrodes(leads: tuple[str, ...] = LEADS) -> NDArray[np.float64]:
    """Return what leads make of electrodes, shape (n_leads, n_electrodes).

    The electrodes are RA, LA, LL and one per precordial lead, in the order of the leads.

    Parameters
    ----------
    leads : the six limb leads, then precordial leads.
    """
    arm_r, arm_l, leg, *chest = np.eye(len(_LIMB_ELECTRODES) + len(leads) - _LIMB_LEADS)
    terminal = (arm_r + arm_l + leg) / 3
    rows = [arm_l - arm_r, leg - arm_r, leg - arm_l]
    rows += [1.5 * (limb - terminal) for limb in (arm_r, arm_l, leg)]
    return np.array([*rows, *(electrode - terminal for electrode in chest)])


LEAD_FIELD = _matrix(LEADS)  # (12 leads, xyz)
ROW = {lead: i for i, lead in enumerate(LEADS)}


def to_leads(dipole_mv: NDArray[np.float64], leads: tuple[str, ...] = LEADS) -> NDArray[np.float64]:
    """Project a dipole of shape (3, n) on leads, shape (n_leads, n), mV."""
    return elementary.product(LEAD_FIELD if leads == LEADS else _matrix(leads), dipole_mv)


def axis_deg(dipole_mv: NDArray[np.float64]) -> float:
    """Return the frontal axis of a dipole of shape (3,) as its leads I and aVF show it, degrees."""
    leads = to_leads(dipole_mv[:, None])[:, 0]
    return float(elementary.angle_deg(leads[ROW["I"]], 2 / np.sqrt(3) * leads[ROW["aVF"]]))


def dipole_for(
    targets_mv: dict[str, NDArray[np.float64]], weights: dict[str, float]
) -> NDArray[np.float64]:
    """Find the dipole that comes nearest to wanted voltages in some leads (least squares).

    Parameters
    ----------
    targets_mv : three leads or more -> shape (n,), mV.
    weights : lead -> how much that lead counts.

    Returns
    -------
    shape (3, n).
    """
    weight = np.array([weights[lead] for lead in targets_mv])[:, None]
    field = LEAD_FIELD[[ROW[lead] for lead in targets_mv]]
    wanted = np.stack(list(targets_mv.values()))
    return elementary.least_squares(weight * field, weight * wanted)
