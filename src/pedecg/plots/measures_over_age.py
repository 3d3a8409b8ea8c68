"""Measures over age with reference limits: one figure per measure."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pedecg.core import figures
from pedecg.rules import audit_measures, norms

COLOURS = {"female": "#b5473c", "male": "#3b6ea5"}
WORDS = {"female": "girls", "male": "boys"}
UNIT_WORDS = {"bpm": "beats per minute", "ms": "ms", "deg": "degrees"}
TICKS = {  # days
    "0": 0, "1 d": 1, "1 week": 7, "1 month": 30, "3 months": 91, "1 y": 365, "3 y": 1096,
    "8 y": 2922, "16 y": 5844,
}  # fmt: skip


def draw(
    table: pd.DataFrame, counted: pd.DataFrame, limits: norms.Limits, folder: Path, cohort: str
) -> None:
    """Draw each measure of `audit_measures.SHOWN` into ``folder/<measure>.png``."""
    for measure in audit_measures.SHOWN:
        if measure in table and table[measure].notna().any():
            figure = Figure(figsize=(9, 5), layout="constrained")
            over_age(figure, measure, table, counted, limits)
            figures.save(figure, folder / f"{measure}.png", cohort, dpi=110)


def over_age(
    figure: Figure,
    measure: str,
    table: pd.DataFrame,
    counted: pd.DataFrame,
    limits: norms.Limits,
) -> None:
    """Draw one point per record, and the 2nd, 50th and 98th percentile of each sex."""
    axes = figure.add_subplot()
    known = table[table[measure].notna() & table["age_days"].notna()]
    for sex, colour in COLOURS.items():
        own = known[known["sex"].eq(sex).fillna(False)]
        label = f"{WORDS[sex]} (n = {len(own):,})"
        axes.scatter(
            np.log1p(own["age_days"]), own[measure], s=7, color=colour, alpha=0.45, lw=0,
            label=label,
        )  # fmt: skip
        of_sex = audit_measures.lines(limits, measure, sex)
        at = np.log1p(of_sex["age_days"])
        axes.plot(at, of_sex["p50"], color=colour, lw=1.6)
        for side in ("p2", "p98"):
            axes.plot(at, of_sex[side], color=colour, lw=1.2, ls="--")
    everyone = counted[(counted["measure"] == measure) & (counted["age"] == audit_measures.ALL)]
    below, above = everyone[["below_share", "above_share"]].to_numpy(float)[0]
    name = audit_measures.SHOWN[measure]
    axes.set_title(
        f"{name}: {above:.1%} above the 98th percentile for age and sex, {below:.1%} below the 2nd"
    )
    axes.set_ylabel(f"{name.lower() if name.startswith('Heart') else name}, "
                    f"{UNIT_WORDS[audit_measures.UNITS[measure]]}")  # fmt: skip
    axes.set_xlabel(f"age (n = {len(known):,} records; lines: 2nd, 50th, 98th percentile)")
    axes.set_xticks([np.log1p(day) for day in TICKS.values()], list(TICKS))
    if measure == "qrs_axis":
        axes.set_yticks(range(-180, 181, 45))
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, markerscale=2)
