"""How a child's heart changes with age: curves of rate, intervals, axis and amplitudes.

The curves belong to the simulation alone. They are not the normal limits by which the pipeline
judges a record, so that a changed limit does not change the children.
"""

import math
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from pedecg.core.records import Sex

Z98 = 2.0537  # standard normal quantile of 0.98


def value(measure: str, age_days: float, sex: Sex, z: float) -> float:
    """Return the value of a measure at a position within the children of one age.

    Parameters
    ----------
    measure : a name in ``physiology.csv``; its unit stands there too.
    z : standard normal; 0 is the median, +-2.05 the 98th and 2nd percentile. The two sides have
        their own width, since most measures are skewed.
    """
    p2, p50, p98 = percentiles(measure, age_days, sex)
    spread = (p98 - p50) if z > 0 else (p50 - p2)
    return p50 + z / Z98 * spread


def percentiles(measure: str, age_days: float, sex: Sex) -> tuple[float, float, float]:
    """Return the 2nd, 50th and 98th percentile, smooth in the logarithm of age."""
    curve = _curves()[measure, sex]
    p2, p50, p98 = curve(math.log(np.clip(age_days, curve.first_days, curve.last_days)))
    return float(p2), float(p50), float(p98)


class _Curve(PchipInterpolator):  # type: ignore[misc]
    """Percentiles over log age: monotone between the rows of the table, flat beyond them."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.first_days, self.last_days = rows["age_days"].min(), rows["age_days"].max()
        log_age = [math.log(days) for days in rows["age_days"]]
        super().__init__(log_age, rows[["p2", "p50", "p98"]].to_numpy())


@cache
def _curves() -> dict[tuple[str, str], _Curve]:
    with resources.files("pedecg.simulation").joinpath("physiology.csv").open() as file:
        table = pd.read_csv(file)
    return {
        (str(measure), sex): _Curve(rows[rows["sex"].isin([sex, "both"])].sort_values("age_days"))
        for measure, rows in table.groupby("measure")
        for sex in ("female", "male")
    }
