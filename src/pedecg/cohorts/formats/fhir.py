"""HL7 FHIR: an Observation with SampledData, in its components or itself, as XML or JSON.

FHIR R4 and R5, datatype SampledData: value = origin + factor x datum. An Observation may come in a
Bundle together with the Patient; of several the first with samples is read.
"""

import json
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.formats import file_ecg, lead_names, numbers
from pedecg.cohorts.formats.file_ecg import MV_PER_UNIT, FileEcg, Trace
from pedecg.cohorts.formats.sample_text import samples
from pedecg.cohorts.record_faults import RecordFault

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "Observation"
BUNDLE = "Bundle"
VENDOR = "HL7 FHIR"
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}  # seconds of each unit of an interval
_RESOURCE = re.compile(r'"resourceType"\s*:\s*"(?:Observation|Bundle)"')
_MARKS = ("E", "U", "L")  # error, above and below the range: no value
_MARKED = re.compile(r"(?:^|\s)[EUL](?:\s|$)")
_NO_VALUE = "-9.87654321e300"  # in place of a mark, while texts become numbers
_NO_UNIT_MV = 1e-3  # of a component without a unit; its amplitudes are marked as unknown


def recognises(start: bytes) -> bool:
    """Return whether a JSON document is a FHIR Observation, or a Bundle that may hold one."""
    text = start.decode("utf-8", errors="ignore").lstrip("\ufeff \t\r\n")
    return text.startswith("{") and _RESOURCE.search(text) is not None


def read_json(file: Path) -> FileEcg:
    """Read a JSON resource; raises `RecordFault`."""
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise RecordFault("damaged-file", f"{file.name}: not well-formed JSON") from None
    if not isinstance(document, dict):
        raise RecordFault("damaged-file", f"{file.name}: no FHIR resource")
    return _read(document, file.name)


def read(root: "Element", place: str) -> FileEcg:
    """Read an XML resource; raises `RecordFault`."""
    if root.tag == BUNDLE:
        found = [one for entry in root.findall("entry/resource") for one in entry]
        entries = [{"resource": {"resourceType": one.tag} | _resource(one)} for one in found]
        return _read({"resourceType": BUNDLE, "entry": entries}, place)
    return _read(_resource(root), place)


def _resource(root: "Element") -> dict[str, Any]:
    """Return of a resource what is read here."""
    found: dict[str, Any] = {
        tag: _as_json(child)
        for tag in ("valueSampledData", "code", "effectiveDateTime", "birthDate", "gender")
        if (child := root.find(tag)) is not None
    }
    found["component"] = [_as_json(component) for component in root.findall("component")]
    found["contained"] = [
        {"resourceType": one.tag} | _resource(one)
        for part in root.findall("contained")
        for one in part
    ]
    return found


def _as_json(element: "Element") -> Any:
    """Return an element as FHIR's JSON has it, as far as it is read here; no texts of persons."""
    if "value" in element.attrib:
        return element.attrib["value"]
    found: dict[str, Any] = {}
    for child in element:
        value = _as_json(child)
        if child.tag == "coding":
            found.setdefault("coding", []).append(value)
        else:
            found[child.tag] = value
    return found


def _read(document: dict[str, Any], place: str) -> FileEcg:
    document, patient = _of_bundle(document)
    parts = document.get("component") or []
    if not isinstance(parts, list):
        raise RecordFault("bad-field", f"{place}: its components are not a list")
    parts = [document, *parts]  # of one lead, the Observation itself may have the samples
    traces: list[Trace] = []
    steps, left_out, has_unit = set(), [], True
    ends: dict[str, int] = {}
    unnamed: dict[str, str] = {}  # components that name no lead, by what they say instead
    for part in parts:
        data = _mapping(_mapping(part).get("valueSampledData"))
        if not data:
            continue
        name = _name(part)
        if name is None:  # each a channel of its own; a text may be a person's, and is not kept
            said = json.dumps(_mapping(part).get("code"))
            name = unnamed.setdefault(said, f"component {len(unnamed) + 1}")
        origin = _mapping(data.get("origin"))
        unit = str(origin.get("code") or origin.get("unit") or "").strip()
        if unit and unit.lower() not in MV_PER_UNIT:
            left_out.append(f"{lead_names.display(name)} ({unit[:12]})")
            continue
        has_unit = has_unit and bool(unit)
        steps.add(_step(data, place))
        values = _values(data, origin, place) * MV_PER_UNIT.get(unit.lower(), _NO_UNIT_MV)
        traces.append(Trace(name, ends.get(name, 0), values))  # chunks of a lead follow each other
        ends[name] = ends.get(name, 0) + len(values)
    if not traces:
        raise RecordFault("no-ecg", f"{place}: no component with samples of a voltage")
    if len(set(ends.values())) > 1:
        raise RecordFault("truncated-signal", f"{place}: leads of several lengths")
    if len(steps) > 1:
        raise RecordFault("unsupported-format", f"{place}: components of several rates")
    names, signal = file_ecg.assemble(traces, place)
    fs_hz = float(np.round(1 / steps.pop(), 6))
    birth, recorded = (_day(patient.get("birthDate")), _day(document.get("effectiveDateTime")))
    return FileEcg(
        names, signal, fs_hz, VENDOR, left_out=tuple(left_out), calibrated=has_unit,
        age_days=file_ecg.age_days("", "", birth, recorded),
        sex=file_ecg.sex(str(patient.get("gender") or "")),
    )  # fmt: skip


def _of_bundle(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the Observation with samples, and its Patient where there is exactly one."""
    entries = document.get("entry") if document.get("resourceType") == BUNDLE else None
    beside = [
        _mapping(_mapping(entry).get("resource"))
        for entry in (entries if isinstance(entries, list) else [])
    ]
    observations = [one for one in beside if one.get("resourceType") == ROOT]
    if entries is not None:
        document = next((one for one in observations if _has_samples(one)), {})
    contained = document.get("contained")
    beside += [_mapping(one) for one in (contained if isinstance(contained, list) else [])]
    patients = [one for one in beside if one.get("resourceType") == "Patient"]
    return document, patients[0] if len(patients) == 1 else {}


def _has_samples(observation: dict[str, Any]) -> bool:
    parts = observation.get("component")
    every = [observation, *(parts if isinstance(parts, list) else [])]
    return any(_mapping(_mapping(part).get("valueSampledData")) for part in every)


def _day(cell: Any) -> date | None:
    """Read ``YYYY-MM-DD…``; a year or a month alone is not a date."""
    try:
        return date.fromisoformat(str(cell)[:10]) if cell else None
    except ValueError:
        return None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(part: Any) -> str | None:
    """Return a component's lead: the first of its codes that is one; None: it names none."""
    code = _mapping(_mapping(part).get("code"))
    coding = code.get("coding")
    texts = [str(code.get("text") or "")]
    for one in coding if isinstance(coding, list) else []:
        texts += [str(_mapping(one).get(key) or "") for key in ("code", "display")]
    for text in texts:
        found = lead_names.of_mdc(text) or lead_names.standard(text) or lead_names.further(text)
        if found:
            return found
    return None


def _step(data: dict[str, Any], place: str) -> float:
    """Return the seconds between samples: ``interval`` and its unit (R5) or ``period`` in ms."""
    unit = str(data.get("intervalUnit") or "ms")
    cell = data.get("interval") if data.get("interval") is not None else data.get("period")
    value = numbers.number(str(cell if cell is not None else ""))
    if value is None or unit not in _SECONDS or not 1e-6 <= value * _SECONDS[unit] <= 0.1:
        raise RecordFault("zero-rate", f"{place}: no interval of samples, or an implausible one")
    return value * _SECONDS[unit]


def _values(data: dict[str, Any], origin: dict[str, Any], place: str) -> NDArray[np.float64]:
    zero = numbers.number(str(origin.get("value") if origin.get("value") is not None else "0"))
    factor = numbers.number(str(data.get("factor") if data.get("factor") is not None else "1"))
    dimensions = numbers.whole(str(data.get("dimensions") or "1"))
    if zero is None or factor is None or dimensions != 1 or not 1e-9 < abs(factor) < 1e9:
        raise RecordFault("bad-field", f"{place}: origin, factor or dimensions of the samples")
    text = str(data.get("data") or "")
    for mark in _MARKS if _MARKED.search(text) else ():
        text = re.sub(rf"(?:^|(?<=\s)){mark}(?=\s|$)", _NO_VALUE, text)
    values = samples(text, place)
    values[values == float(_NO_VALUE)] = np.nan
    return zero + factor * values
