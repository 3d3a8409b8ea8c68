"""Drawing of one recording with its waves."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pedecg.cohorts.recordings import Recording
from pedecg.core import figures
from pedecg.plots import ecg_paper
from pedecg.predict import measured_recording, measurement_report

MOST_ROWS = 12  # of one sheet
MOST_STRIPS = 6  # of the rhythm strip: one minute


def save(
    recording: Recording,
    waves: pd.DataFrame,
    file: Path,
    start_s: float = 0.0,
    unusable: Mapping[str, str] | None = None,
) -> None:
    """Draw a recording from `start_s` on, up to a minute of it, and save it as PNG.

    Parameters
    ----------
    unusable : leads that were not used, with their flaw; marked, and without waves.
    """
    n_leads = len(recording.leads)
    stretches = MOST_STRIPS if n_leads >= 9 else max(1, MOST_ROWS // n_leads)
    figure = ecg_paper.draw(
        measured_recording.cleaned(recording),
        recording.fs_hz,
        recording.leads,
        measurement_report.sentence(
            recording.record_id, recording.age_days, recording.sex, rate_bpm(waves)
        ),
        start_s=start_s,
        stretches=min(stretches, MOST_STRIPS),
        waves=waves,
        unusable=unusable,
        note=f"{measured_recording.LOW_HZ:g}-{measured_recording.HIGH_HZ:g} Hz   "
        f"from {start_s:g} s of {recording.length_s:g} s",
    )
    figures.save(figure, file, cohort="", dpi=110)


def rate_bpm(waves: pd.DataFrame) -> float:
    """Return the mean rate of the beats, pauses and false beats left out; NaN below two beats."""
    r_s = waves.loc[(waves["lead"] == "global") & (waves["wave"] == "QRS"), "peak_s"]
    rr = np.diff(np.sort(r_s.to_numpy(np.float64)))
    if not len(rr):
        return math.nan
    usual = float(np.median(rr))
    return 60.0 / float(rr[(rr >= 0.6 * usual) & (rr <= 1.8 * usual)].mean())
