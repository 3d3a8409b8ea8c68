"""Reconstruction of masked patches by a pre-trained network, with the recorded signal."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from pedecg.core import figures
from pedecg.learning.reconstruction import Example

_LEADS = ("I", "II", "aVF", "V1", "V3", "V5")  # a sight of the frontal and the horizontal plane
_STEP_MV = 2.0  # between the leads of the picture


def picture(
    examples: Sequence[Example],
    leads: Sequence[str],
    fs_hz: float,
    explained: float,
    path: str | Path,
    cohort: str,
) -> None:
    """Draw held-out records side by side, hidden segments in colour.

    Parameters
    ----------
    explained : explained variance of the masked signal.
    """
    shown = [k for k, lead in enumerate(leads) if lead in _LEADS or len(leads) < len(_LEADS)]
    figure = Figure(figsize=(5.2 * len(examples), 1.4 + 1.0 * len(shown)), layout="constrained")
    for column, example in enumerate(examples):
        axes = figure.add_subplot(1, len(examples), column + 1)
        time = np.arange(example.recorded.shape[1]) / fs_hz
        for row, lead in enumerate(shown):
            base = -_STEP_MV * row
            axes.text(-0.02 * time[-1], base, leads[lead], ha="right", va="center", fontsize=9)
            if not example.present[lead]:
                axes.text(0, base, "not recorded", fontsize=8, color="0.5", va="center")
                continue
            filled = np.where(example.hidden[lead], example.filled[lead], np.nan)
            axes.plot(time, base + example.recorded[lead], color="0.55", lw=0.7,
                      label="recorded" if row == column == 0 else None)  # fmt: skip
            axes.plot(time, base + filled, color="#D55E00", lw=1.0,
                      label="masked and reconstructed" if row == column == 0 else None)  # fmt: skip
        axes.set_xlim(0, time[-1])
        axes.set_yticks([])
        axes.set_xlabel("time (s)")
        axes.set_title(example.record_id, fontsize=9)
        axes.spines[["top", "right", "left"]].set_visible(False)
    figure.suptitle(
        f"{100 * explained:.0f}% of the variance of masked patches is reconstructed; "
        f"held-out records, leads {_STEP_MV:g} mV between leads",
        fontsize=11,
    )
    if examples:
        figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=9)
    figures.save(figure, path, cohort)
