"""A hospital's own centiles over age with the limits in use: one figure per measure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pedecg.core import figures
from pedecg.plots.measures_over_age import COLOURS, TICKS, WORDS
from pedecg.rules.own_centiles import BOTH, Measured

UNITS = {"bpm": "beats per minute", "ms": "ms", "deg": "degrees", "mv": "mV", "ratio": "ratio"}
NAMES = ("p2", "p50", "p98")


def draw(measures: Sequence[Measured], fitted: pd.DataFrame, folder: Path, cohort: str) -> None:
    """Draw each measure for which centiles were fitted into ``folder/<measure>.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in measures:
        own = fitted[fitted["measure"] == one.name]
        if len(own):
            figure = Figure(figsize=(11, 4.6), layout="constrained")
            over_age(figure, one, own)
            figures.save(figure, folder / f"{one.name}.png", cohort, dpi=110)


def over_age(figure: Figure, one: Measured, own: pd.DataFrame) -> None:
    """Draw patients, own centiles with their 90% intervals, and the limits in use, by sex.

    Parameters
    ----------
    own : rows of `own_centiles.centiles` of this measure.
    """
    apart = own["fitted_on"].iloc[0] != BOTH
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, (sex, colour) in zip(panels, COLOURS.items(), strict=True):
        rows = own[own["sex"] == sex]
        patients = one.patients[one.patients["sex"] == sex] if apart else one.patients
        axes.scatter(
            np.log1p(patients["age_days"]), patients["value"], s=8, color="0.6", lw=0,
        )  # fmt: skip
        if len(rows):
            _centiles(axes, rows, colour)
        who = WORDS[sex] if apart else f"girls and boys together, limits of {WORDS[sex]}"
        axes.set_title(f"{who} (n = {len(patients):,} patients)", fontsize=10)
        axes.set_xlabel("age")
        axes.set_xticks([np.log1p(day) for day in TICKS.values()], list(TICKS), fontsize=7)
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
    panels[0].set_ylabel(f"{one.name.replace('_', ' ')}, {UNITS[one.unit]}")
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle(
        f"{one.name.replace('_', ' ')}: 2nd, 50th and 98th centile of this hospital's normal "
        "training patients\n"
        "an interval that ends at its centile's line is unbounded on that side: too few patients",
        fontsize=10,
    )


def _centiles(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    at = np.log1p(rows["at_days"].to_numpy(np.float64))
    for name in NAMES:
        value, low, high, in_use = (
            rows[f"{name}{end}"].to_numpy(np.float64) for end in ("", "_low", "_high", "_in_use")
        )
        axes.plot(at, value, color=colour, label="own centiles" if name == "p50" else None)
        # An end that the patients do not bound has no mark.
        axes.vlines(
            at, np.where(np.isnan(low), value, low), np.where(np.isnan(high), value, high),
            color=colour, lw=3, alpha=0.3, label="90% interval" if name == "p50" else "",
        )  # fmt: skip
        axes.plot(
            at, in_use, color="0.2", ls="--", lw=1, label="limits in use" if name == "p98" else None
        )
