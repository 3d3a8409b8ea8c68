"""Measurement of one recording: waves, measures and criteria.

The same steps with the same values as the stages preprocess, delineate and rule_features, for a
recording outside any cohort.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.cohorts import recordings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import EcgRecord
from pedecg.predict import measured_print
from pedecg.rules import criteria, criterion_logic, measure, norms, rule_features
from pedecg.signals import (
    clipping,
    filters,
    pacing_spikes,
    padding,
    print_strips,
    quality,
    signal_notes,
)
from pedecg.waves import delineate, tokens

# As in `ingest` and `preprocess` of params.yaml, which a recording on its own does not have.
LIMITS = quality.LeadLimits(
    saturation_mv=12, max_saturated_fraction=0.1, flat_mv=0.02, flat_s=0.2, max_flat_fraction=0.5,
    max_gap_s=0.1, max_gap_fraction=0.02,
)  # fmt: skip
# For a recording without a model, whose own filter would be used.
LOW_HZ, HIGH_HZ, ORDER = 0.5, 100.0, 3
# Higher is an artefact, bridged with this margin on either side.
SPIKE_MV, SPIKE_MARGIN_S = 12.0, 0.02
METHOD = "learned"


@dataclass(frozen=True)
class MeasuredRecording:
    """Measurements of one recording.

    Attributes
    ----------
    measures : by column of `tables.RULES`; NaN where a measure could not be taken.
    verdicts : by criterion.
    unusable : leads that were recorded and could not be used, with their flaw.
    notes : what a reader must know besides that, see `signal_notes`.
    at_least : measures of clipped waves: lower bounds of the true value.

    The recording is without padding; the times of the waves count from its first sample.
    """

    recording: recordings.Recording
    waves: pd.DataFrame
    measures: dict[str, float]
    verdicts: dict[str, criterion_logic.Verdict]
    unusable: dict[str, str]
    notes: tuple[signal_notes.Note, ...] = ()
    at_least: frozenset[str] = frozenset()


def bridged(recording: recordings.Recording) -> NDArray[np.float64]:
    """Return the signal, mV, interpolated where it has no value or is saturated.

    A lead without any value is zero throughout.

    Returns
    -------
    Shape (n_leads, n_samples), mV.
    """
    limit_mv = SPIKE_MV if recording.calibrated else math.inf
    gaps = filters.no_signal(recording.signal_mv, recording.fs_hz, limit_mv, SPIKE_MARGIN_S)
    has_signal = ~gaps.all(axis=1)
    signal = np.zeros(recording.signal_mv.shape)
    signal[has_signal] = filters.bridge(recording.signal_mv[has_signal], gaps[has_signal])
    return signal


def cleaned(recording: recordings.Recording) -> NDArray[np.float64]:
    """Return the signal bridged and band-passed, mV, at its own rate.

    Returns
    -------
    Shape (n_leads, n_samples), mV.
    """
    return filters.band_pass(bridged(recording), recording.fs_hz, LOW_HZ, HIGH_HZ, ORDER)


def waves(
    recording: recordings.Recording,
    method: str = METHOD,
    usable: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Find the waves in every lead, columns of `tables.WAVES` except record_id.

    Parameters
    ----------
    usable : shape (n_leads,), False: leave this lead out; None: try them all.
    """
    signal = bridged(recording) if method in delineate.WHOLE else cleaned(recording)
    # Not validated: a channel that is no standard lead may have any name.
    values: dict[str, Any] = {"method": method, "leads": list(recording.leads)}
    settings = delineate.DelineateSettings.model_construct(**values)
    return delineate.delineate(signal, recording.fs_hz, recording.leads, settings, usable)


def examine(
    recording: recordings.Recording, limits: norms.Limits, method: str = METHOD
) -> MeasuredRecording:
    """Measure a recording and judge it by the limits for its age and sex.

    Raises
    ------
    RecordFault
        No lead can be used.
    """
    recording = without_padding(recording)
    columns = print_strips.columns(recording.signal_mv, recording.fs_hz)
    if len(columns) > 1:
        return _examine_print(recording, columns, limits, method)
    found = quality.lead_quality(recording.signal_mv, recording.fs_hz, LIMITS)
    unusable = {
        lead: str(flaw)
        for lead, flaw, usable in zip(recording.leads, found.flaw, found.usable, strict=True)
        if not usable
    }
    if not found.usable.any():
        detail = ", ".join(f"{lead} {flaw}" for lead, flaw in unusable.items())
        raise RecordFault("no-usable-lead", detail)
    rate, leads, mask = recording.fs_hz, recording.leads, found.usable
    flaws = signal_notes.examine(EcgRecord(recording.signal_mv, rate, leads), mask)
    heart = without_spikes(recording, flaws)
    table = waves(heart, method, mask)
    measures = rule_features.possible(
        measure.measure(
            table,
            cleaned(heart),
            rate,
            leads,
            mask,
            flaws.clipped,
            spikes_s=flaws.spikes_s,
        )
    )
    measures["paced"] = flaws.paced
    measures |= _without_gain(recording)
    child = criterion_logic.MeasuredChild(measures, recording.age_days, recording.sex, limits)
    return MeasuredRecording(
        recording, table, measures, criteria.judge(child), unusable,
        flaws.with_placement(recording.age_days), _at_least(flaws.clipped),
    )  # fmt: skip


def _examine_print(
    recording: recordings.Recording,
    columns: list[print_strips.Column],
    limits: norms.Limits,
    method: str,
) -> MeasuredRecording:
    """Measure a digitised print, whose leads hold a few seconds each, column by column."""
    tables, measured, leads_of, flaws, held = [], [], [], [], []
    for column in columns:
        leads = tuple(recording.leads[row] for row in column.rows)
        signal = recording.signal_mv[list(column.rows), column.start : column.stop]
        part = replace(recording, signal_mv=signal, leads=leads)
        mask = quality.lead_quality(signal, part.fs_hz, LIMITS).usable
        if not mask.any():
            continue
        seen = signal_notes.examine(EcgRecord(signal, part.fs_hz, leads), mask)
        heart = without_spikes(part, seen)
        table = waves(heart, method, mask)
        measured.append(
            rule_features.possible(
                measure.measure(
                    table, cleaned(heart), part.fs_hz, leads, mask, seen.clipped,
                    measured_print.FEWEST_BEATS, seen.spikes_s,
                )
            )
        )  # fmt: skip
        for time in ("onset_s", "peak_s", "offset_s"):
            table[time] += column.start / part.fs_hz
        tables.append(table)
        leads_of.append(tuple(np.array(leads)[mask].tolist()))
        flaws.append(seen)
        held.append(f"{'/'.join(leads_of[-1])} {signal.shape[1] / part.fs_hz:.1f} s")
    used = {lead for leads in leads_of for lead in leads}
    unusable = {lead: "without a usable strip" for lead in recording.leads if lead not in used}
    if not used:
        raise RecordFault("no-usable-lead", "a print of strips, none of which can be used")
    measures = rule_features.possible(measured_print.combined(measured, leads_of))
    measures["paced"] = any(seen.paced for seen in flaws)
    measures |= _without_gain(recording)
    child = criterion_logic.MeasuredChild(measures, recording.age_days, recording.sex, limits)
    detail = f"a print of strips, measured column by column: {', '.join(held)}"
    note = signal_notes.Note("print", (), detail)
    return MeasuredRecording(
        recording, pd.concat(tables, ignore_index=True), measures, criteria.judge(child), unusable,
        (note, *{(each.kind, each.detail): each for seen in flaws for each in seen.notes}.values()),
        frozenset().union(*(_at_least(seen.clipped) for seen in flaws)),
    )  # fmt: skip


def _without_gain(recording: recordings.Recording) -> dict[str, Any]:
    """Return the heights as unknown where the recording has no gain; nothing where it has one."""
    if recording.calibrated:
        return {}
    names = measure.columns(recording.leads)
    unknown = [name for name in names if name.endswith(("_mv", "_mvms"))]
    return dict.fromkeys(unknown, math.nan) | {f"valid_{name}": False for name in unknown}


def without_padding(recording: recordings.Recording) -> recordings.Recording:
    """Return the recording without the constant segments before and after it."""
    kept = padding.recorded(recording.signal_mv, recording.fs_hz)
    return replace(recording, signal_mv=recording.signal_mv[:, kept])


def without_spikes(
    recording: recordings.Recording, flaws: signal_notes.Examined
) -> recordings.Recording:
    """Return the recording with a straight line in place of each pacemaker spike."""
    if flaws.spikes_s is None or not flaws.paced:
        return recording
    heart = pacing_spikes.removed(recording.signal_mv, recording.fs_hz, flaws.spikes_s)
    return replace(recording, signal_mv=heart.astype(np.float32))


def _at_least(clipped: clipping.Clipped) -> frozenset[str]:
    high = (f"r_{lead.lower()}_mv" for lead in clipped.highest_mv)
    low = (f"s_{lead.lower()}_mv" for lead in clipped.lowest_mv)
    return frozenset((*high, *low))


def lead_for_tokens(recording: recordings.Recording, wanted: str | None) -> str:
    """Return the wanted lead's name as the recording has it; without one II, or else the first.

    Raises
    ------
    RecordFault
        The recording has no such lead.
    """
    if wanted is None:
        return "II" if "II" in recording.leads else recording.leads[0]
    found = {lead.lower(): lead for lead in recording.leads}.get(wanted.strip().lower())
    if found is None:
        raise RecordFault(
            "unknown-lead", f"no lead {wanted!r}; it has {', '.join(recording.leads)}"
        )
    return found


def events(recording: recordings.Recording, lead: str, method: str = METHOD) -> list[tokens.Event]:
    """Return one lead as tokens: its waves, and the pacemaker spikes of all leads."""
    table = waves(recording, method)
    row = recording.leads.index(lead)
    spikes_s = pacing_spikes.of_pacemaker(recording.signal_mv, recording.fs_hz)
    return tokens.label(
        table[table["lead"] == lead],
        bridged(recording)[row],
        recording.fs_hz,
        [] if spikes_s is None else spikes_s.tolist(),
    )
