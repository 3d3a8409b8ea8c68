"""Where P, QRS and T begin, peak and end: one table for every method."""

import importlib
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pedecg.params import Section
from pedecg.waves import beats

Boundaries = NDArray[np.float64]
Method = Callable[[NDArray[np.float64], float, NDArray[np.int64]], Boundaries]

GLOBAL = "global"
WAVES = ("P", "QRS", "T")
COLUMNS = ("lead", "wave", "onset_s", "peak_s", "offset_s", "confidence")

# Where each method's function lives; imported on use, since NeuroKit2 takes seconds to import.
METHODS: dict[str, tuple[str, str]] = {
    "slopes": ("pedecg.waves.slopes", "boundaries"),
    "prominence": ("pedecg.waves.neurokit", "prominence"),
    "dwt": ("pedecg.waves.neurokit", "dwt"),
    "cwt": ("pedecg.waves.neurokit", "cwt"),
    "peak": ("pedecg.waves.neurokit", "peak"),
}


class DelineateSettings(Section):
    """Section `delineate`."""

    method: Literal["slopes", "prominence", "dwt", "cwt", "peak"] = Field(
        description="slopes: this project's own; the others are NeuroKit2's"
    )
    leads: list[str] = Field(
        description="leads to delineate one by one, beside `global` (all leads together)"
    )


def delineate(
    signal_mv: NDArray[np.floating[Any]],
    fs_hz: float,
    leads: tuple[str, ...],
    settings: DelineateSettings,
    lead_mask: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Find the waves of one record.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), millivolts, band-passed.
    fs_hz : samples per second.
    leads : canonical names of the rows.
    lead_mask : shape (n_leads,), False: absent or unusable; None: all usable.

    Returns
    -------
    Columns `COLUMNS` of `tables.WAVES`, times in seconds from the record's start. Lead `global`
    holds one QRS row per beat (its peak is the R peak of all leads together) and the waves of all
    leads together; then come the wanted leads. A wave that was not found has no row, a QRS whose
    ends were not found has null ends, and a record without usable leads gives an empty table.
    """
    signal = np.asarray(signal_mv, np.float64)
    usable = np.ptp(signal, axis=1) > 0
    if lead_mask is not None:
        usable &= lead_mask
    r_peaks = beats.detect(signal[usable], fs_hz) if usable.any() else np.empty(0, np.int64)
    module, function = METHODS[settings.method]
    method: Method = getattr(importlib.import_module(module), function)
    parts = []
    if len(r_peaks):
        together = beats.magnitude(signal[usable], fs_hz)
        parts.append(_rows(GLOBAL, method(together, fs_hz, r_peaks), r_peaks, fs_hz))
        for lead in settings.leads:
            row = leads.index(lead) if lead in leads else None
            if row is not None and usable[row]:
                found = method(signal[row], fs_hz, r_peaks)
                parts.append(_rows(lead, found, r_peaks, fs_hz))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _rows(lead: str, found: Boundaries, r_peaks: NDArray[np.int64], fs_hz: float) -> pd.DataFrame:
    """Turn boundaries in samples, shape (n_beats, 9), into rows in order of time."""
    found = found.copy()
    found[:, 4] = r_peaks
    times = (found / fs_hz).reshape(-1, 3)
    table = pd.DataFrame(times, columns=["onset_s", "peak_s", "offset_s"])
    table.insert(0, "lead", lead)
    table.insert(1, "wave", np.tile(WAVES, len(found)))
    table["confidence"] = np.nan
    return table[table["peak_s"].notna()]
