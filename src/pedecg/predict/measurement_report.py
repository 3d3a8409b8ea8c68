"""Measurements of one recording as JSON and as a table.

Measures and their units are derived from the names of the columns (``qrs_ms``, ``rs_ratio_v1``), so
that a new measure or criterion shows up by itself.
"""

import math
from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pedecg.core import age_text
from pedecg.core.records import ALL_LEADS
from pedecg.predict.measured_recording import MeasuredRecording
from pedecg.rules import norms
from pedecg.rules.criteria import CRITERIA

UNITS = {
    "mvms": "mV ms",
    "bpm": "bpm",
    "ms": "ms",
    "deg": "°",
    "mv": "mV",
}  # by the last part of a column's name
NO_LIMITS = "limits by age are not applied"
AGE_UNKNOWN = f"age unknown: {NO_LIMITS}"
SEX_UNKNOWN = "sex unknown: a limit by age counts only where it holds for both sexes"
_DIGITS = {"bpm": 0, "ms": 0, "°": 0}  # others have two
_LEADS_IN_WORDS = {lead.lower(): lead for lead in ALL_LEADS}
_BY_LEAD = {
    "q": "Q mV", "q_ms": "Q ms", "r": "R mV", "s": "S mV", "qr_ratio": "Q/R", "rs_ratio": "R/S",
    "t": "T mV", "st": "ST mV",
}  # fmt: skip
_IN_WORDS = {
    "pr": "PR", "qrs": "QRS", "qt": "QT", "qtc": "QTc", "rr": "RR", "p": "P", "t": "T", "r": "R",
    "s": "S", "q": "Q", "qr": "Q/R", "rs": "R/S", "st": "ST", "j": "J", "sd": "SD", "r2": "R'",
    "st80": "ST80", "bazett": "(Bazett)", "fridericia": "(Fridericia)", "hodges": "(Hodges)",
    "framingham": "(Framingham)", "sdnn": "SDNN", "rmssd": "RMSSD", "sv1": "S in V1 +",
    "rv6": "R in V6", "slur": "QRS upstroke slur",
}  # fmt: skip
_WHOLE_IN_WORDS = {
    "p_share": "beats with P, share", "qrs_t_angle_deg": "QRS-T angle",
    "rr_turning_points": "turning points of RR, share",
    "rr_autocorrelation": "lag-1 autocorrelation of RR",
}  # fmt: skip


def as_json(found: MeasuredRecording, limits: norms.Limits) -> dict[str, Any]:
    """Return one object: measures with units, limits and z-scores, and criteria with reasons."""
    recording = found.recording
    met = {name: verdict for name, verdict in found.verdicts.items() if verdict.met}
    titles = {criterion.name: criterion.title for criterion in CRITERIA}
    return {
        "record": recording.record_id,
        "age_days": recording.age_days,
        "sex": recording.sex,
        "fs_hz": recording.fs_hz,
        "length_s": round(recording.length_s, 3),
        "leads": list(recording.leads),
        "unusable_leads": found.unusable,
        "other_channels": list(recording.other_channels),
        "measurements": {name: _measure(found, name, limits) for name in measures(found)},
        "rules_fired": [
            {"rule": name, "title": titles.get(name, name), "reason": verdict.reason}
            for name, verdict in met.items()
        ],
        "rules_not_met": [n for n, verdict in found.verdicts.items() if verdict.met is False],
        "rules_unknown": [n for n, verdict in found.verdicts.items() if verdict.met is None],
        "paced": bool(found.measures.get("paced", False)),
        "notes": notes(found),
    }


def as_text(found: MeasuredRecording, limits: norms.Limits) -> RenderableType:
    """Return the measures with their limits for age and sex, then the criteria that are met.

    What is measured in lead after lead stands in a table of its own, a line for each lead.
    """
    table = Table(title=headline(found), title_justify="left", title_style="bold")
    for column, justify in (("measure", "left"), ("value", "right"), ("±", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    table.add_column("normal limits", justify="right")
    table.add_column("z", justify="right")
    for name in measures(found):
        one = _measure(found, name, limits)
        if one["value"] is None or _place(name) is not None:
            continue
        unit = one["unit"]
        spread, p2, p98 = (_say(one.get(key), unit, bare=True) for key in ("spread", "p2", "p98"))
        between = f"{p2}-{p98}" if p2 and p98 else f"to {p98}" if p98 else ""
        doubt = "" if one.get("valid", True) else " (?)"
        z = "" if one.get("z") is None else f"{one['z']:+.1f}"
        table.add_row(in_words(name), _say(one["value"], unit) + doubt, spread, between, z)
    met = [(name, verdict) for name, verdict in found.verdicts.items() if verdict.met]
    titles = {criterion.name: criterion.title for criterion in CRITERIA}
    lines = [Text(f"{titles.get(name, name)}: {verdict.reason}") for name, verdict in met]
    lines = lines or [Text("No criterion is met.")]
    lines += [Text(note, style="dim") for note in notes(found)]
    return Group(table, _by_lead(found, limits), *lines, Text(""))


def _by_lead(found: MeasuredRecording, limits: norms.Limits) -> Table:
    table = Table(caption="* outside the normal limits", caption_justify="left")
    table.add_column("lead")
    for title in _BY_LEAD.values():
        table.add_column(title, justify="right")
    cells: dict[tuple[str, str], str] = {}
    for name in measures(found):
        place, one = _place(name), _measure(found, name, limits)
        if place is not None and one["value"] is not None:
            low, high = one.get("p2"), one.get("p98")
            outside = (low is not None and one["value"] < low) or (
                high is not None and one["value"] > high
            )
            mark = "≥" if one.get("at_least") else ""
            cells[place] = mark + _say(one["value"], one["unit"], bare=True) + "*" * outside
    for lead in ALL_LEADS:
        if any(there == lead for _, there in cells):
            table.add_row(lead, *(cells.get((what, lead), "") for what in _BY_LEAD))
    return table


def _place(column: str) -> tuple[str, str] | None:
    """Return the column and row of `_by_lead` for a measure of one lead; None: it has none."""
    what, _, lead = column.removesuffix("_mv").removesuffix("_ms").rpartition("_")
    what += "_ms" if column.endswith("_ms") else ""
    found = _LEADS_IN_WORDS.get(lead)
    return (what, found) if what in _BY_LEAD and found is not None else None


def headline(found: MeasuredRecording) -> str:
    """Return the record, age, sex and rate in one sentence."""
    return sentence(
        found.recording.record_id,
        found.recording.age_days,
        found.recording.sex,
        found.measures.get("heart_rate_bpm", math.nan),
    )


def sentence(record: str, age_days: float | None, sex: str | None, rate_bpm: float) -> str:
    """Say whose ECG it is: ``P00073_E02: girl of 7 years, 99 beats per minute``."""
    rate = f"{rate_bpm:.0f} beats per minute" if math.isfinite(rate_bpm) else "no heartbeat found"
    return f"{record}: {_person(age_days, sex)}, {rate}"


def _person(age_days: float | None, sex: str | None) -> str:
    if age_days is None:
        return "age and sex unknown" if sex is None else f"{sex}, age unknown"
    child = age_days < 18 * age_text.DAYS_PER_YEAR
    words = {"female": ("woman", "girl"), "male": ("man", "boy"), None: ("adult", "child")}
    return f"{words[sex][child]} of {age_text.in_words(age_days)}"


def notes(found: MeasuredRecording) -> list[str]:
    """Return what a reader must know besides the figures."""
    recording = found.recording
    notes = []
    if recording.age_days is None:
        notes.append(f"{recording.age_note}: {NO_LIMITS}" if recording.age_note else AGE_UNKNOWN)
    elif recording.sex is None:
        notes.append(SEX_UNKNOWN)
    notes += recording.conflicts
    notes += [f"lead {lead} is {flaw} and was not used" for lead, flaw in found.unusable.items()]
    notes += [note.detail for note in found.notes]
    if recording.other_channels:
        notes.append(f"left out: {', '.join(recording.other_channels)}")
    if not recording.calibrated:
        notes.append("the file gives no gain: amplitudes are not measured")
    if recording.leads[0].startswith("ch"):
        notes.append("electrodes unknown: axes and amplitudes by lead are not measured")
    return notes


def measures(found: MeasuredRecording) -> Iterator[str]:
    """Yield the names of the measures; their spread and validity are not measures."""
    for name in found.measures:
        if not name.startswith(("spread_", "valid_")) and name != "paced":
            yield name


def unit_of(column: str) -> str:
    """Return the unit that a column's name says; "" for a ratio or a share."""
    return UNITS.get(column.rsplit("_", 1)[-1], "")


def in_words(column: str) -> str:
    """Return a column's name as it is spoken: ``qtc_bazett_ms`` is QTc (Bazett)."""
    if column in _WHOLE_IN_WORDS:
        return _WHOLE_IN_WORDS[column]
    parts = column.split("_")
    if parts[-1] in UNITS:
        parts = parts[:-1]
    if parts[-1] in _LEADS_IN_WORDS:
        parts = [*parts[:-1], "in", _LEADS_IN_WORDS[parts[-1]]]
    return " ".join(_IN_WORDS.get(part, part) for part in parts)


def _measure(found: MeasuredRecording, name: str, limits: norms.Limits) -> dict[str, Any]:
    recording = found.recording
    one: dict[str, Any] = {"value": _number(found.measures[name]), "unit": unit_of(name)}
    if f"spread_{name}" in found.measures:
        one["spread"] = _number(found.measures[f"spread_{name}"])
    if f"valid_{name}" in found.measures:
        one["valid"] = bool(found.measures[f"valid_{name}"] == 1)
    if name in found.at_least:
        one["at_least"] = True
    limited = {limits.column(measure): measure for measure in limits.units}
    if name in limited:
        whose = (recording.age_days, recording.sex)
        rows = limits.rows_for(limited[name], *whose)  # what the criteria judge by
        if rows:
            one["p2"] = _number(min(row.p2 for row in rows))
            known = limits.percentiles(limited[name], *whose)
            one["p50"] = _number(math.nan if known is None else known.p50)
            one["p98"] = _number(max(row.p98 for row in rows))
            one["limits_for"] = rows[0].ages
            one["limits_source"] = rows[0].source
            one["limits_kind"] = rows[0].kind
        one["z"] = _number(norms.z_score(limits, limited[name], found.measures[name], *whose))
    return one


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _say(value: float | None, unit: str, bare: bool = False) -> str:
    if value is None:
        return ""
    space = "" if unit in ("", "°") else " "
    return f"{value:.{_DIGITS.get(unit, 2)}f}" + ("" if bare else space + unit)
