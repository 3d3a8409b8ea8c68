"""Where P, QRS and T begin, peak and end: one table for every method."""

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core.params import Section
from pedecg.core.records import FURTHER_LEADS
from pedecg.signals import mains_hum, signal_store
from pedecg.waves import global_extent, no_beats, qrs_detection
from pedecg.waves.global_extent import EXTENT

Boundaries = NDArray[np.float64]
Method = Callable[[NDArray[np.float64], float, NDArray[np.int64]], Boundaries]

Lead = Literal[
    "I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6",
    "V1R", "V2R", "V3R", "V4R", "V5R", "V6R", "V7R", "V7", "V8", "V9",
]  # fmt: skip

GLOBAL = "global"
WAVES = ("P", "QRS", "T")
P = slice(0, 3)  # columns of `Boundaries`

# Where each method's function lives; imported on use, since NeuroKit2 takes seconds to import.
METHODS: dict[str, tuple[str, str]] = {
    "slopes": ("pedecg.waves.slope_method", "boundaries"),
    "prominence": ("pedecg.waves.neurokit_methods", "prominence"),
    "dwt": ("pedecg.waves.neurokit_methods", "dwt"),
    "cwt": ("pedecg.waves.neurokit_methods", "cwt"),
    "peak": ("pedecg.waves.neurokit_methods", "peak"),
}

# Methods that read all leads at once and find the beats themselves.
WHOLE: dict[str, tuple[str, str]] = {"learned": ("pedecg.waves.shipped_delineator", "delineate")}

_open_store = lru_cache(maxsize=2)(signal_store.open_store)


class DelineateSettings(Section):
    """Section `delineate`."""

    method: Literal["learned", "slopes", "prominence", "dwt", "cwt", "peak"] = Field(
        description=(
            "learned: our network; slopes: our rules; the others are NeuroKit2's, which "
            "lose T waves above 100 bpm"
        )
    )
    leads: list[Lead] = Field(
        min_length=1,
        description=(
            "leads to delineate one by one, in addition to all together; the P wave of "
            "`global` is their median"
        ),
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
    Columns of `tables.WAVES` except record_id; times in seconds from the record's start. Lead
    `global` holds one QRS row per beat (its peak is the R peak of all leads together), the QRS and
    T of the magnitude of all leads, and P as the median of the wanted leads; lead `any_lead`, of
    method ``learned`` only, holds the same waves from the earliest onset to the latest offset in
    any lead, see `global_extent`; then come the wanted leads one by one. Further electrodes (V3R,
    V7) take no part in `global` and `any_lead` where any of the twelve leads is usable: the waves
    of an ECG of 15 leads are those of its twelve. Mains hum is removed before. A wave that was not
    found has no row, a QRS whose ends were not found has null ends, and a record without usable
    leads or without a heartbeat gives an empty table.
    """
    signal = np.array(signal_mv, np.float64)
    usable = np.ptp(signal, axis=1) > 0
    if lead_mask is not None:
        usable &= lead_mask
    further = np.isin(leads, FURTHER_LEADS)
    for part in (usable & ~further, usable & further):
        if part.any():
            signal[part], _ = mains_hum.without(signal[part], fs_hz)
    usable &= np.ptp(signal, axis=1) > 0  # a lead of nothing but hum is empty now
    decisive = usable & ~further if (usable & ~further).any() else usable
    if settings.method in WHOLE:
        return _whole(signal, fs_hz, np.array(leads), decisive, usable, settings)
    r_peaks = (
        qrs_detection.detect(signal[decisive], fs_hz) if decisive.any() else np.empty(0, np.int64)
    )
    if not len(r_peaks):
        return _rows(GLOBAL, np.empty((0, 9)), r_peaks, fs_hz)
    module, function = METHODS[settings.method]
    method: Method = getattr(importlib.import_module(module), function)
    wanted: list[str] = [
        lead for lead in settings.leads if lead in leads and usable[leads.index(lead)]
    ]
    by_lead = {lead: method(signal[leads.index(lead)], fs_hz, r_peaks) for lead in wanted}
    together = method(qrs_detection.magnitude(signal[decisive], fs_hz), fs_hz, r_peaks)
    agreeing = [one[:, P] for lead, one in by_lead.items() if decisive[leads.index(lead)]]
    together[:, P] = _agreed(agreeing, len(r_peaks))
    found = {GLOBAL: together} | by_lead
    tables = [_rows(lead, boundaries, r_peaks, fs_hz) for lead, boundaries in found.items()]
    waves = pd.concat(tables, ignore_index=True)
    return no_beats.remove(waves, signal[decisive], fs_hz).reset_index(drop=True)


def _whole(
    signal_mv: NDArray[np.float64],
    fs_hz: float,
    leads: NDArray[np.str_],
    decisive: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    settings: DelineateSettings,
) -> pd.DataFrame:
    module, function = WHOLE[settings.method]
    find: Callable[..., pd.DataFrame] = getattr(importlib.import_module(module), function)
    waves = find(signal_mv[decisive], fs_hz, leads[decisive].tolist())
    waves = no_beats.remove(waves, signal_mv[decisive], fs_hz)
    found, parts = set(waves["lead"]), [waves]
    if GLOBAL in found and len(found) > 2:  # of one lead both are the same
        parts.append(global_extent.extended(waves))
    beside = set(leads[usable & ~decisive]) & set(settings.leads)
    if beside and GLOBAL in found:  # the network sees them next to the leads that decide
        more = find(signal_mv[usable], fs_hz, leads[usable].tolist())
        parts.append(more[more["lead"].isin(beside)])
    together = pd.concat(parts, ignore_index=True) if len(parts) > 1 else waves
    place = {lead: row for row, lead in reversed([*enumerate((GLOBAL, EXTENT, *settings.leads))])}
    rank = np.array([place.get(lead, -1) for lead in together["lead"]], np.int64)
    order = np.argsort(rank, kind="stable")
    return together.iloc[order[rank[order] >= 0]].reset_index(drop=True)


def _agreed(found: list[Boundaries], n_beats: int) -> Boundaries:
    """Return the median over the leads that show the wave, shape (n_beats, 3).

    A P wave is too small, and too near to T in a fast heart, for the magnitude of all leads.
    """
    if not found:
        return np.full((n_beats, 3), np.nan)
    stacked = np.stack(found)
    agreed = np.full((n_beats, 3), np.nan)
    seen = np.isfinite(stacked).all(axis=2).any(axis=0)
    agreed[seen] = np.nanmedian(stacked[:, seen], axis=0)
    return agreed


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


def stored(position: int, folder: str, settings: DelineateSettings) -> pd.DataFrame:
    """Delineate one record of a signal store; each process opens the store for itself.

    Returns
    -------
    Columns of `tables.WAVES`.
    """
    signals = _open_store(folder)
    mask = signals.lead_mask[position]
    waves = delineate(signals.millivolts(position), signals.fs_hz, signals.leads, settings, mask)
    waves.insert(0, "record_id", signals.record_ids[position])
    return waves


class Counts:
    """How many beats were found, and in which share of them each wave, lead by lead."""

    def __init__(self) -> None:
        self._records = 0
        self._records_with_beats = 0
        self._beats = 0
        self._expected: Counter[str] = Counter()  # by lead: beats of the records that have it
        self._found: Counter[tuple[str, str]] = Counter()  # by lead and wave: with both ends

    def of(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Yield the waves of each record, columns of `tables.WAVES`, and count them."""
        for waves in frames:
            self._add(waves)
            yield waves

    def _add(self, waves: pd.DataFrame) -> None:
        beats = int(((waves["lead"] == GLOBAL) & (waves["wave"] == "QRS")).sum())
        self._records += 1
        self._records_with_beats += beats > 0
        self._beats += beats
        for lead in waves["lead"].unique():
            self._expected[str(lead)] += beats
        bounded = waves[waves["onset_s"].notna() & waves["offset_s"].notna()]
        self._found.update(zip(bounded["lead"], bounded["wave"], strict=True))

    def summary(self) -> dict[str, Any]:
        """Return the counts as metrics: numbers, and shares from 0 to 1."""
        return {
            "records": self._records,
            "records_without_beats": self._records - self._records_with_beats,
            "beats": self._beats,
            "share_found": {
                lead: {wave: self._found[lead, wave] / beats for wave in WAVES}
                for lead, beats in self._expected.items()
                if beats
            },
        }
