"""The foot of a wave: where it has come back to the level that it rose from."""

import numpy as np
from numpy.typing import NDArray


def foot(falling: NDArray[np.float64]) -> int:
    """Return the foot of a wave that falls from its peak at index 0, by the trapezium rule.

    Of all points between the steepest descent and the lowest point after the peak, the foot is
    the one that spans the largest trapezium with both: Vazquez-Seisdedos CR et al. BioMed Eng
    OnLine 2011;10:77.

    Parameters
    ----------
    falling : shape (n,), n >= 1; the wave from its peak outwards, its peak upright.
    """
    lowest = int(np.argmin(falling))
    if lowest < 2:
        return lowest
    steepest = int(np.argmin(np.diff(falling[: lowest + 1])))
    at = np.arange(steepest, lowest + 1)
    area = (falling[steepest] - falling[at]) * (2 * lowest - at - steepest)
    return int(at[np.argmax(area)])
