"""Age groups by their edges in days."""

from collections.abc import Sequence

import pandas as pd

UNKNOWN = "unknown"


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
