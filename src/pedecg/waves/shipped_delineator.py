"""The shipped delineator: `delineator_inference` with the weights in ``pedecg/weights``.

The weights have a folder of their own, so that training and scoring a delineator does not depend on
the weights that an earlier training shipped.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.waves import delineator_inference

WEIGHTS = Path(__file__).parents[1] / "weights" / "delineator"


def delineate(signal_mv: NDArray[np.floating], fs_hz: float, leads: Sequence[str]) -> pd.DataFrame:
    """Find P, QRS and T with the shipped weights; see `delineator_inference.delineate`.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), mV.
    """
    return delineator_inference.delineate(signal_mv, fs_hz, leads, WEIGHTS)
