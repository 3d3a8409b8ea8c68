"""Age groups: their edges in days, their names, and the group of each age."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

UNKNOWN = "unknown"


@dataclass(frozen=True)
class AgeGroups:
    """Groups with names of their own.

    Attributes
    ----------
    names : of the groups, youngest first.
    starts_days : first age of each group, days; the first is 0.
    """

    names: tuple[str, ...]
    starts_days: tuple[int, ...]

    def assign(self, age_days: pd.Series) -> pd.Series:
        """Return the name of each age's group, a null is `UNKNOWN`."""
        return assign(age_days, self.starts_days[1:], self.names)


# Where normal limits change most; the default of `split.age_edges_days`.
CLINICAL = AgeGroups(
    ("0-27 d", "28 d-1 y", "1-4 y", "5-9 y", "10 y and over"), (0, 28, 365, 1826, 3652)
)
# Groups of the published table of ZZU-pECG, and adults for cohorts that have them.
ZZU_PECG = AgeGroups(
    (
        "0-30 d", "31-90 d", "91-180 d", "181-365 d", "1-3 y", "3-5 y", "5-8 y", "8-12 y",
        "12-18 y", "18-40 y", "40-65 y", "over 65 y",
    ),
    (0, 31, 91, 181, 366, 1096, 1826, 2921, 4381, 6571, 14601, 23726),
)  # fmt: skip
# Groups of the shipped normal limits, the first week of life joined.
NORMAL_LIMITS = AgeGroups(
    (
        "0-7 d", "8-30 d", "1-3 months", "3-6 months", "6-12 months", "1-3 y", "3-5 y", "5-8 y",
        "8-12 y", "12-16 y", "16 y and over",
    ),
    (0, 8, 31, 91, 182, 365, 1096, 1826, 2922, 4383, 5844),
)  # fmt: skip


def names(edges_days: Sequence[int]) -> list[str]:
    """Name the groups between the edges, youngest first: ``0-27 d``, …, ``3652 d and older``."""
    starts = [0, *edges_days]
    closed = [f"{a}-{b - 1} d" for a, b in zip(starts, edges_days, strict=False)]
    return [*closed, f"{starts[-1]} d and older"]


def assign(
    age_days: pd.Series, edges_days: Sequence[int], labels: Sequence[str] | None = None
) -> pd.Series:
    """Return the name of each age's group; an edge opens the next group, a null is `UNKNOWN`."""
    bounds = [0, *edges_days, float("inf")]
    age = age_days.astype("Float64").astype("float64")
    named = pd.cut(age, bounds, right=False, labels=list(labels or names(edges_days)))
    return named.astype("object").where(age.notna(), UNKNOWN).astype("string")
