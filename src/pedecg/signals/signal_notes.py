"""What a reader must know of a recording besides its leads' quality: nothing here refuses it.

One note is one line: its kind, the leads that it is about, and what was found. Measuring takes
account of the notes; ingest writes them down.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.core.records import FURTHER_LEADS, EcgRecord
from pedecg.signals import (
    clipping,
    electrode_placement,
    filters,
    limb_leads,
    mains_hum,
    pacing_spikes,
)

KINDS: dict[str, str] = {
    "clipped-high": "positive peaks are clipped: R is a lower bound",
    "clipped-low": "negative peaks are clipped: Q and S are lower bounds",
    "mains-hum": "mains hum, removed before waves are found and measured",
    "paced": "pacemaker spikes",
    "limb-leads": "the limb leads violate Einthoven's or Goldberger's equations",
    "print": "a digitised print: each lead holds a few seconds",
    "electrodes": "suspected electrode misplacement",
}
SPIKE_MV, SPIKE_MARGIN_S = 12.0, 0.02  # beyond any QRS; bridged before any analysis


@dataclass(frozen=True)
class Note:
    """One note: its kind (a key of `KINDS`), the leads that it is about, and one line.

    Attributes
    ----------
    from_middle_s : times that it is about, seconds from the middle of the recording without
        padding: the signal store may keep the middle alone.
    """

    kind: str
    leads: tuple[str, ...]
    detail: str
    from_middle_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Examined:
    """The notes of one recording, and what measuring needs of them.

    Attributes
    ----------
    spikes_s : times of pacemaker spikes, seconds; empty where the heart is not paced, None where
        the record is too slow to show any.
    placement : log odds of other placements, see `electrode_placement.log_odds`.
    """

    notes: tuple[Note, ...]
    clipped: clipping.Clipped
    spikes_s: NDArray[np.float64] | None
    placement: dict[str, float]

    @property
    def paced(self) -> bool:
        """Whether pacemaker spikes were found."""
        return self.spikes_s is not None and len(self.spikes_s) > 0

    def with_placement(self, age_days: float | None) -> tuple[Note, ...]:
        """Return all notes, those of electrodes as they hold for this age."""
        suspicions = electrode_placement.suspected(self.placement, age_days)
        return self.notes + tuple(
            Note("electrodes", (), electrode_placement.IN_WORDS[each.name]) for each in suspicions
        )


def examine(record: EcgRecord, usable: NDArray[np.bool_]) -> Examined:
    """Look for everything that `KINDS` names.

    Parameters
    ----------
    record : as recorded, without padding.
    usable : shape (n_leads,), which leads `quality` lets pass; only they are looked at. Of the
        further electrodes (V3R, V7), besides any of the twelve leads, nothing but clipping is.
    """
    fs_hz = record.fs_hz
    every_lead = tuple(np.array(record.leads)[usable].tolist())
    clipped = clipping.clipped(record.signal[usable], every_lead)
    twelve = usable & ~np.isin(record.leads, FURTHER_LEADS)
    decisive = twelve if twelve.any() else usable
    leads = tuple(np.array(record.leads)[decisive].tolist())
    raw = record.signal[decisive]
    spikes_s = pacing_spikes.of_pacemaker(raw, fs_hz)
    if spikes_s is None or not len(spikes_s):
        clipped = clipping.with_excess(clipped, record.signal[usable], every_lead, fs_hz)
    bridged = filters.bridge(raw, filters.no_signal(raw, fs_hz, SPIKE_MV, SPIKE_MARGIN_S))
    if spikes_s is not None and len(spikes_s):
        bridged = pacing_spikes.removed(bridged, fs_hz, spikes_s)
    quiet, hum = mains_hum.without(bridged, fs_hz)
    notes = [
        *_clipped_notes(clipped),
        *_hum_notes(hum, leads),
        *_paced_notes(spikes_s, raw.shape[1] / fs_hz),
    ]
    disagreement = _limb_disagreement(quiet, fs_hz, leads)
    placement: dict[str, float] = {}
    if disagreement:
        notes.append(Note("limb-leads", (), disagreement))
    else:
        placement = electrode_placement.log_odds(quiet, fs_hz, leads)
    return Examined(tuple(notes), clipped, spikes_s, placement)


def _limb_disagreement(
    signal_mv: NDArray[np.floating[Any]], fs_hz: float, leads: tuple[str, ...]
) -> str | None:
    rows = [row for row, lead in enumerate(leads) if lead in limb_leads.LEADS]
    if len(rows) < limb_leads.FEWEST_LEADS:
        return None
    beat = electrode_placement.median_beat(signal_mv[rows], fs_hz)
    if beat is None:
        return None
    flat = beat.reshape(len(rows), -1)
    return limb_leads.disagreement(dict(zip((leads[row] for row in rows), flat, strict=True)))


def _clipped_notes(clipped: clipping.Clipped) -> list[Note]:
    return [
        Note(kind, tuple(ends), f"{waves} clipped at {_each(ends)}: amplitude is a lower bound")
        for kind, ends, waves in (
            ("clipped-high", clipped.highest_mv, "R"),
            ("clipped-low", clipped.lowest_mv, "S or Q"),
        )
        if ends
    ]


def _each(ends: dict[str, float]) -> str:
    return ", ".join(f"{abs(end):.2f} mV in {lead}" for lead, end in ends.items())


def _hum_notes(hum: mains_hum.Hum, leads: tuple[str, ...]) -> list[Note]:
    humming = tuple(np.array(leads)[hum.amplitude_mv > 0].tolist())
    if not humming:
        return []
    largest = float(hum.amplitude_mv.max())
    detail = f"mains hum of {hum.hz:.0f} Hz, up to {largest:.2f} mV, was removed for measuring"
    return [Note("mains-hum", humming, detail)]


def _paced_notes(spikes_s: NDArray[np.float64] | None, length_s: float) -> list[Note]:
    if spikes_s is None or not len(spikes_s):
        return []
    detail = f"paced: {len(spikes_s)} pacemaker spikes in {length_s:.1f} s"
    return [Note("paced", (), detail, tuple((spikes_s - length_s / 2).tolist()))]


def times_text(note: Note) -> str | None:
    """Write the times of a note to a millisecond, joined by a space; None where it has none."""
    return " ".join(f"{time_s:.3f}" for time_s in note.from_middle_s) or None


def paced_at(notes: Any, fs_hz: float, length_s: float) -> NDArray[np.float64] | None:
    """Return the times of pacemaker spikes, seconds from the beginning of a stored signal.

    Parameters
    ----------
    notes : pairs of a note's kind and its times as `times_text` writes them.
    fs_hz : of the recording, not of the stored signal.
    length_s : of the stored signal, the middle of the recording.

    Returns
    -------
    Empty where no note says "paced"; None where the recording is too slow to show a spike.
    """
    if fs_hz < pacing_spikes.MIN_FS_HZ:
        return None
    times = [time for kind, text in notes if kind == "paced" for time in text.split()]
    spikes_s = np.array(times, np.float64) + length_s / 2
    return spikes_s[(spikes_s >= 0) & (spikes_s <= length_s)]


def clipped_of(notes: Any) -> clipping.Clipped:
    """Return which leads are clipped, from pairs of a note's kind and its leads."""
    ends: dict[str, dict[str, float]] = {"clipped-high": {}, "clipped-low": {}}
    for kind, leads in notes:
        if kind in ends:
            ends[kind] |= dict.fromkeys(leads, np.nan)
    return clipping.Clipped(ends["clipped-high"], ends["clipped-low"])
