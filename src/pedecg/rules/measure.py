"""What a cardiologist reads from one ECG: rate, intervals, axes, amplitudes and forms.

Every measure is the median over the beats in which it could be taken, or is taken from the median
beat; where a lead is missing or a wave was found in too few beats it is NaN, never a guess. Besides
each stands its spread over the beats, and whether it may be used.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core.records import FURTHER_LEADS, LEADS
from pedecg.rules import (
    atrial,
    axes,
    clipped_heights,
    intervals,
    readable_t,
    rhythm_measures,
    wave_shape,
)
from pedecg.rules.beats import (
    ANY_LEAD,
    FEWEST_BEATS,
    GLOBAL,
    MedianBeat,
    Values,
    beat_table,
    widest_of,
)
from pedecg.rules.measured_value import Reading
from pedecg.signals import clipping, mains_hum

_ALL = tuple(lead.lower() for lead in LEADS)
COLUMNS = (
    *rhythm_measures.COLUMNS,
    "p_ms", "pr_ms", "qrs_ms", "qt_ms",
    "p_consensus_ms", "pr_consensus_ms", "qrs_consensus_ms", "qt_consensus_ms",
    *(f"qtc_{name}_ms" for name in intervals.CORRECTIONS),
    "p_axis_deg", "qrs_axis_deg", "qrs_initial_axis_deg", "t_axis_deg", "qrs_t_angle_deg",
    "qrs_limb_mv", "qrs_precordial_mv",
    *(f"{wave}_{lead}_mv" for wave in "rsq" for lead in _ALL), "sv1_rv6_mv",
    *(f"q_{lead}_ms" for lead in _ALL), *(f"rs_ratio_{lead}" for lead in _ALL),
    *(f"qr_ratio_{lead}" for lead in _ALL), *(f"t_{lead}_mv" for lead in _ALL),
    *(f"st_{lead}_mv" for lead in _ALL), "j_v1_mv", "j_v2_mv", "st80_v1_mv", "st80_v2_mv",
    "p_ii_mv", "p_v1_mv", "p_terminal_v1_mv", "p_terminal_v1_ms", "p_terminal_force_v1_mvms",
    "r2_v1_mv", *(f"r_peak_{lead.lower()}_ms" for lead in wave_shape.PEAK_TIMES), "delta_wave_ms",
)  # fmt: skip

_BY_LEAD = ("r_{}_mv", "s_{}_mv", "q_{}_mv", "q_{}_ms", "rs_ratio_{}", "qr_ratio_{}", "t_{}_mv",
            "st_{}_mv")  # fmt: skip
_LEAD_OF = {name.format(lead.lower()): lead for lead in FURTHER_LEADS for name in _BY_LEAD}
FURTHER_COLUMNS = tuple(_LEAD_OF)  # of further electrodes; only records that have these have them


def columns(leads: Iterable[str]) -> tuple[str, ...]:
    """Return the names of all measures of a record with these leads."""
    there = set(leads)
    return (*COLUMNS, *(name for name, lead in _LEAD_OF.items() if lead in there))


def measure(
    waves: pd.DataFrame,
    signal_mv: NDArray[np.floating[Any]],
    fs_hz: float,
    leads: tuple[str, ...],
    lead_mask: NDArray[np.bool_] | None = None,
    clipped: clipping.Clipped = clipping.NOT_CLIPPED,
    fewest_beats: int = FEWEST_BEATS,
    spikes_s: Values | None = None,
) -> dict[str, Any]:
    """Return every measure of one record by the names in `columns`.

    Further electrodes (V3R, V7) have heights of their own, and change nothing else.

    Parameters
    ----------
    waves : the record's rows of `tables.WAVES`; those of leads ``global`` and ``any_lead`` are
        used.
    signal_mv : shape (n_leads, n_samples), millivolts.
    fs_hz : samples per second.
    leads : canonical names of the rows.
    lead_mask : shape (n_leads,), False: absent or unusable; None: all usable.
    clipped : clipped leads; their amplitudes are not valid.
    fewest_beats : with fewer whole beats no wave is measured.
    spikes_s : times of the pacemaker spikes in the raw signal, seconds, as `pacing_spikes` finds
        them; empty: there are none; None: nothing is known of them, nor of pacing.

    Returns
    -------
    ``<measure>``, ``spread_<measure>`` (same unit) and ``valid_<measure>`` (True or False) of each.
    """
    found = readings(waves, signal_mv, fs_hz, leads, lead_mask, fewest_beats, spikes_s)
    found = clipped_heights.marked(found, clipped)
    unknown = Reading(np.nan)
    table = {name: found.get(name, unknown) for name in columns(leads)}
    return {
        **{name: reading.value for name, reading in table.items()},
        **{f"spread_{name}": reading.spread for name, reading in table.items()},
        **{f"valid_{name}": reading.usable(name) for name, reading in table.items()},
    }


def readings(
    waves: pd.DataFrame,
    signal_mv: NDArray[np.floating[Any]],
    fs_hz: float,
    leads: tuple[str, ...],
    lead_mask: NDArray[np.bool_] | None = None,
    fewest_beats: int = FEWEST_BEATS,
    spikes_s: Values | None = None,
) -> dict[str, Reading]:
    """Return what can be measured, see `measure`; what cannot has no entry or is NaN.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), mV.
    lead_mask : shape (n_leads,), true for usable leads; None: all.
    spikes_s : times of pacemaker spikes, s; None: not known.
    """
    beats = beat_table(waves)
    if len(beats) < FEWEST_BEATS:
        return {}
    mask = np.ones(len(leads), bool) if lead_mask is None else lead_mask
    there = {lead: signal_mv[row] for row, lead in enumerate(leads) if mask[row]}
    further = {lead: signal for lead, signal in there.items() if lead in FURTHER_LEADS}
    usable = _quiet({lead: there[lead] for lead in there if lead not in further}, fs_hz)
    p = waves[(waves["lead"] == GLOBAL) & (waves["wave"] == "P")].sort_values("onset_s")
    beats, found = rhythm_measures.rhythm(beats, p, usable, fs_hz, spikes_s)
    beat = MedianBeat(beats, usable, fs_hz, fewest_beats)
    widest = widest_of(beats, beat_table(waves, ANY_LEAD))
    qtc_rate = found.get("qtc_rate_bpm", Reading(np.nan))
    found |= intervals.intervals(
        widest[beat.usual], qtc_rate.value, beats[beat.usual], fewest_beats
    )
    none = Reading(0.0)
    # PR grows from beat to beat, or P and QRS are independent: no PR stands for the record.
    if found.pop("wenckebach", none).value > 0 or found.get("av_dissociation", none).value > 0:
        found = _not_valid(found, ("pr_ms", "pr_consensus_ms"))
    if beat.has_qrs:
        found |= axes.axes(beat) | atrial.measures(beat)
        found |= wave_shape.heights(beat) | wave_shape.forms(beat)
        found = readable_t.checked(found, beat, fluttering=found["flutter"].value > 0)
    if further:
        beside = MedianBeat(beats, _quiet(further, fs_hz), fs_hz, fewest_beats)
        found |= wave_shape.each_lead(beside) if beside.has_qrs else {}
    return found


def _not_valid(found: dict[str, Reading], names: tuple[str, ...]) -> dict[str, Reading]:
    return found | {name: replace(found[name], valid=False) for name in names}


def _quiet(
    leads: dict[str, NDArray[np.floating[Any]]], fs_hz: float
) -> dict[str, NDArray[np.floating[Any]]]:
    """Return leads of shape (n_samples,) without mains hum."""
    if not leads:
        return leads
    quiet, _ = mains_hum.without(np.stack(list(leads.values())), fs_hz)
    return dict(zip(leads, quiet, strict=True))
