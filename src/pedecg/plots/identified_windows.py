"""How often a network identifies the windows that follow, on held-out records."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pedecg.core import figures
from pedecg.learning.predictive_training import Identified


def picture(rates: Identified, window_s: float, path: str | Path, cohort: str) -> None:
    """Draw the share of identified windows by time ahead, with chance.

    Parameters
    ----------
    window_s : length of a window, s.
    """
    figure = Figure(figsize=(6.0, 3.6), layout="constrained")
    axes = figure.add_subplot()
    ahead_s = window_s * np.arange(1, len(rates.share) + 1)
    errors = np.abs(rates.interval.T - rates.share)
    axes.errorbar(
        ahead_s, rates.share, errors, fmt="o", capsize=3, label="identified, 95% interval"
    )
    axes.plot(ahead_s, rates.chance, "_", color="0.5", ms=14, label="by chance")
    axes.set_ylim(bottom=0)
    axes.set_xticks(ahead_s)
    axes.set_xlabel(f"window of {window_s:g} s that follows, end (s ahead)")
    axes.set_ylabel("share of predictions")
    times = f"{rates.share[0] / rates.chance[0]:.1f} times as often as by chance"
    axes.set_title(
        f"The next window is identified {times}; {rates.n_records} held-out records"
        if rates.n_records
        else "No held-out record is long enough for a prediction",
        fontsize=9,
    )
    axes.legend(frameon=False)
    figures.save(figure, path, cohort)
