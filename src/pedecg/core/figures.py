"""Saving of figures: the same data give the same bytes; simulated data carry a watermark."""

from collections.abc import Iterable
from pathlib import Path

from matplotlib.figure import Figure

from pedecg.core import tables

SIMULATED = "simulated"  # prefix of the names of simulated cohorts


def marked_as(cohorts: Iterable[str]) -> str:
    """Return the cohort that marks a picture of several: a simulated one, where any of them is.

    Parameters
    ----------
    cohorts : names in the parameters, at least one, the internal one first.
    """
    return min(cohorts, key=lambda name: not name.startswith(SIMULATED))


def save(figure: Figure, path: str | Path, cohort: str, dpi: int = 130) -> None:
    """Write a figure as PNG; `cohort` is its name in the parameters."""
    if cohort.startswith(SIMULATED):
        label = "simulated children" if cohort == SIMULATED else "simulated recordings"
        figure.text(0.995, 0.004, label, ha="right", va="bottom", fontsize=8, color="0.45")
    with tables.replacing(path) as temporary:
        # Without a name of the software, the same data give the same bytes.
        figure.savefig(temporary, format="png", dpi=dpi, metadata={"Software": None})
