"""HL7 aECG: ``<AnnotatedECG>`` (ANSI/HL7 V3 ECG R1-2004, PORT_MT020001)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.formats import file_ecg, lead_names, numbers, xml_file
from pedecg.cohorts.formats.file_ecg import MV_PER_UNIT, FileEcg, Trace
from pedecg.cohorts.formats.sample_text import samples
from pedecg.cohorts.record_faults import RecordFault

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "AnnotatedECG"
VENDOR = "HL7 aECG"
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}  # seconds of each unit of an increment
_AGES = ("21612-7", "30525-0")  # LOINC: reported age, age
_SLIP = (0.25, 20.0)  # increments in "s" that are milliseconds: 50 to 4,000 Hz
_ONE_GRID_S = 1e-3  # sets of one series may begin a rounding of a clock apart
_TIME = re.compile(r"([0-9]{8}(?:[0-9][0-9]){0,3})(\.[0-9]{1,12})?(?:[+-][0-9]{4}|Z)?")
# annotation of the whole ECG by its code
MEASUREMENTS = {
    "heart_rate_bpm": "MDC_ECG_HEART_RATE", "pr_ms": "MDC_ECG_TIME_PD_PR",
    "qrs_ms": "MDC_ECG_TIME_PD_QRS", "qt_ms": "MDC_ECG_TIME_PD_QT",
    "p_axis_deg": "MDC_ECG_ANGLE_P_FRONT", "qrs_axis_deg": "MDC_ECG_ANGLE_QRS_FRONT",
    "t_axis_deg": "MDC_ECG_ANGLE_T_FRONT",
}  # fmt: skip


@dataclass(frozen=True)
class _Set:
    """Sequences recorded together: their rate, when they begin (s), and their traces (mV)."""

    increment_s: float
    head_s: float
    values: list[tuple[str, NDArray[np.float64]]]


def read(root: "Element", place: str) -> FileEcg:
    """Read the rhythm series, never a derived beat; raises `RecordFault`.

    Several sequence sets are laid along their own time: leads recorded one group after the other
    are NaN where they were not recorded.
    """
    series = _rhythm(root, place)
    sets = [
        found
        for part in series.findall("component/sequenceSet")
        if (found := _sequence_set(part, place)).values
    ]
    if not sets:
        raise RecordFault("empty-signal", f"{place}: no lead in the rhythm series")
    increment = sets[0].increment_s
    if any(not np.isclose(one.increment_s, increment, rtol=1e-6) for one in sets):
        raise RecordFault("unsupported-format", f"{place}: sequence sets of several rates")
    fs_hz = float(np.round(1 / increment, 6))
    zero = min(one.head_s for one in sets)
    traces = [
        Trace(name, _start(one.head_s - zero, fs_hz), values)
        for one in sets
        for name, values in one.values
    ]
    person = next(root.iter("subjectDemographicPerson"), None)
    names, signal = file_ecg.assemble(traces, place)
    return FileEcg(
        names=names,
        signal=signal,
        fs_hz=fs_hz,
        vendor=VENDOR,
        age_days=_age(root, person),
        sex=file_ecg.sex(_value(person, "administrativeGenderCode", "code")),
        measurements=_measurements(series),
    )


def _rhythm(root: "Element", place: str) -> "Element":
    """Return the series of code RHYTHM; of several the longest."""
    every = root.findall("component/series")
    rhythms = [series for series in every if _is_rhythm(series)]
    if not rhythms:
        raise RecordFault("no-rhythm", f"{place}: {len(every)} series, none of code RHYTHM")
    return max(rhythms, key=lambda series: sum(len(d.text or "") for d in series.iter("digits")))


def _is_rhythm(series: "Element") -> bool:
    return "RHYTHM" in (
        _value(series, "code", "code").upper(), _value(series, "code", "displayName").upper()
    )  # fmt: skip


def _sequence_set(element: "Element", place: str) -> _Set:
    base: tuple[float, float] | None = None
    values = []
    for sequence in element.findall("component/sequence"):
        code = _value(sequence, "code", "code").upper()
        value = sequence.find("value")
        if value is None:
            raise RecordFault("bad-field", f"{place}: a sequence without a value")
        if code.startswith("TIME_"):
            base = _time_base(value, place)
        elif (name := lead_names.of_mdc(code)) is not None:
            values.append((name, _samples(value, f"{place}: {lead_names.labelled(name)}")))
    if len({len(samples) for _, samples in values}) > 1:
        raise RecordFault("truncated-signal", f"{place}: leads of one set have several lengths")
    if base is None:
        if values:
            raise RecordFault("zero-rate", f"{place}: a sequence set without a time base")
        base = (1.0, 0.0)
    return _Set(*base, values)


def _time_base(value: "Element", place: str) -> tuple[float, float]:
    """Return the seconds of one sample and of the first one."""
    increment, head = value.find("increment"), value.find("head")
    if increment is None:
        raise RecordFault("zero-rate", f"{place}: the time base has no increment")
    step = xml_file.require_number(increment.get("value", ""), "increment", place)
    # No ECG has a sample every 2 s: a known writer means milliseconds.
    slip = increment.get("unit") == "s" and _SLIP[0] <= step <= _SLIP[1]
    step *= _SECONDS["ms"] if slip else _seconds_per(increment, place)
    if not 1e-6 <= step <= 0.1:
        raise RecordFault("zero-rate", f"{place}: increment {step:g} s; expected 0.000001 to 0.1")
    cell = head.get("value", "") if head is not None else ""
    if head is not None and head.get("unit"):  # TIME_RELATIVE
        return step, xml_file.require_number(cell, "head", place) * _seconds_per(head, place)
    return step, _clock(cell, place) if cell else 0.0


def _clock(cell: str, place: str) -> float:
    """Return a time stamp in seconds from a day that does not matter."""
    # ISO 8601, which HL7 V3 does not allow, has the same digits in the same order.
    plain = re.sub(r"(?<=[0-9])[-:T](?=[0-9]{2}(?:[^0-9]|$))", "", cell) if "T" in cell else cell
    stamp = _TIME.fullmatch(plain)
    try:
        moment = datetime.strptime(stamp[1].ljust(14, "0") if stamp else "", "%Y%m%d%H%M%S")
    except ValueError:
        raise RecordFault("bad-field", f"{place}: the time base begins at no time") from None
    fraction = stamp[2] if stamp else None
    return (moment - datetime(1900, 1, 1)).total_seconds() + float(fraction or 0)


def _seconds_per(element: "Element", place: str) -> float:
    unit = element.get("unit", "")
    if unit not in _SECONDS:
        raise RecordFault(
            "bad-field", f"{place}: time in unit {numbers.quoted(unit)}; expected s, ms or us"
        )
    return _SECONDS[unit]


def _start(seconds: float, fs_hz: float) -> int:
    """Return the sample at which a set begins."""
    return 0 if seconds < _ONE_GRID_S else round(seconds * fs_hz)


def _samples(value: "Element", place: str) -> NDArray[np.float64]:
    """Read an ``SLIST_PQ``: origin + scale x digit, mV."""
    origin = _millivolts(value.find("origin"), "origin", place)
    scale = _millivolts(value.find("scale"), "scale", place)
    if scale is None or scale <= 0:
        raise RecordFault("zero-gain", f"{place}: no scale > 0")
    counts = samples(xml_file.text(value, "digits"), place)
    return (origin or 0.0) + scale * counts


def _millivolts(element: "Element | None", what: str, place: str) -> float | None:
    if element is None:
        return None
    unit = element.get("unit", "").lower().strip("[] ")
    if unit not in MV_PER_UNIT:
        raise RecordFault(
            "unknown-unit", f"{place}: {what} in unit {numbers.quoted(unit)}; expected uV or mV"
        )
    return xml_file.require_number(element.get("value", ""), what, place) * MV_PER_UNIT[unit]


def _age(root: "Element", person: "Element | None") -> int | None:
    """Read the reported age, else take the birth date from the examination's."""
    stated, unit = "", ""
    for observation in root.iter("relatedObservation"):
        if _value(observation, "code", "code") in _AGES:
            stated = _value(observation, "value", "value")
            unit = _value(observation, "value", "unit")
    times = (_value(root, f"effectiveTime{part}", "value") for part in ("/center", "/low", ""))
    acquired = next((day for cell in times if (day := _date(cell))), None)
    birth = _date(_value(person, "birthTime", "value"))
    return file_ecg.age_days(stated, unit, birth, acquired)


def _measurements(series: "Element") -> dict[str, float]:
    """Read each measure's first annotation: that of the whole ECG, or of its first beat."""
    found: dict[str, float | None] = {}
    codes = {code: name for name, code in MEASUREMENTS.items()}
    for code, value in _annotations(series):
        name = codes.get(code)
        if name and name not in found:
            found[name] = numbers.number(value.get("value", ""))
            if name.endswith("_ms") and found[name] is not None:
                per = _SECONDS.get(value.get("unit", ""))
                found[name] = None if per is None else (found[name] or 0.0) * per * 1000
    return file_ecg.measured(found)


def _annotations(series: "Element") -> Iterator[tuple[str, "Element"]]:
    for annotation in series.iter("annotation"):
        value = annotation.find("value")
        if value is not None:
            yield _value(annotation, "code", "code"), value


def _value(element: "Element | None", path: str, attribute: str) -> str:
    found = element.find(path) if element is not None else None
    return found.get(attribute, "").strip() if found is not None else ""


def _date(cell: str) -> date | None:
    """Read ``YYYYMMDD…``; a year or a month alone is not a date."""
    try:
        return datetime.strptime(cell[:8], "%Y%m%d").date() if len(cell) >= 8 else None
    except ValueError:
        return None
