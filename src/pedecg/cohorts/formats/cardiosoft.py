"""GE CardioSoft and CASE: ``<CardiologyXML>``."""

from datetime import date
from typing import TYPE_CHECKING

from pedecg.cohorts.formats import file_ecg, lead_names, numbers, xml_file
from pedecg.cohorts.formats.file_ecg import FileEcg, Trace
from pedecg.cohorts.formats.sample_text import samples
from pedecg.cohorts.formats.xml_file import text
from pedecg.cohorts.record_faults import RecordFault

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "CardiologyXML"
VENDOR = "GE CardioSoft"
MEASUREMENTS = {
    "heart_rate_bpm": "VentricularRate", "pr_ms": "PQInterval", "qrs_ms": "QRSDuration",
    "qt_ms": "QTInterval", "p_axis_deg": "PAxis", "qrs_axis_deg": "RAxis", "t_axis_deg": "TAxis",
}  # fmt: skip


def read(root: "Element", place: str) -> FileEcg:
    """Read ``StripData``, never ``MedianSamples``; raises `RecordFault`."""
    strip = root.find("StripData")
    if strip is None:
        raise RecordFault("no-rhythm", f"{place}: no StripData")
    fs_hz = xml_file.require_rate(text(strip, "SampleRate"), "SampleRate", place)
    resolution = strip.find("Resolution")
    unit = resolution.get("units", "") if resolution is not None else ""
    if unit.lower() != "uvperlsb":
        detail = numbers.quoted(unit)
        raise RecordFault("unknown-unit", f"{place}: Resolution in {detail}; expected uVperLsb")
    scale = xml_file.require_scale(text(resolution), "Resolution", place) / 1000
    stated = text(strip, "ChannelSampleCountTotal")
    traces = []
    for wave in strip.findall("WaveformData"):
        name = wave.get("lead", "").strip()
        values = samples(wave.text or "", f"{place}: {lead_names.labelled(name)}")
        if stated and len(values) != xml_file.require_number(stated, "sample count", place):
            raise RecordFault(
                "truncated-signal", f"{place}: {len(values)} samples in a lead; stated {stated[:9]}"
            )
        traces.append(Trace(name, 0, values * scale))
    patient = root.find("PatientInfo")
    age = patient.find("Age") if patient is not None else None
    birth = patient.find("BirthDateTime") if patient is not None else None
    names, signal = file_ecg.assemble(traces, place)
    return FileEcg(
        names,
        signal,
        fs_hz,
        VENDOR,
        age_days=file_ecg.age_days(
            text(age),
            age.get("units", "") if age is not None else "",
            _date(birth),
            _date(root.find("ObservationDateTime")),
        ),
        sex=file_ecg.sex(text(patient, "Gender")),
        measurements=file_ecg.measured(
            {
                ours: numbers.number(text(root, f"RestingECGMeasurements/{tag}"))
                for ours, tag in MEASUREMENTS.items()
            }
        ),
    )


def _date(element: "Element | None") -> date | None:
    """Read day, month and year, each an element of its own."""
    parts = [numbers.whole(text(element, tag)) for tag in ("Year", "Month", "Day")]
    try:
        return date(*parts) if None not in parts else None  # type: ignore[arg-type]
    except ValueError:
        return None
