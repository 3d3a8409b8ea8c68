"""Schiller SEMA and AT recorders: ``<…SchillerEDI>``."""

from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.formats import file_ecg, lead_names, numbers, xml_file
from pedecg.cohorts.formats.file_ecg import MV_PER_UNIT, FileEcg, Trace
from pedecg.cohorts.formats.sample_text import samples
from pedecg.cohorts.formats.xml_file import text
from pedecg.cohorts.record_faults import RecordFault

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = "com.xiriuz.sema.xml.schillerEDI.SchillerEDI"
VENDOR = "Schiller"
_RHYTHM = "ECG_RHYTHMS"
MEASUREMENTS = {
    "heart_rate_bpm": "HR", "pr_ms": "PQ", "qrs_ms": "QRS", "qt_ms": "QT",
    "p_axis_deg": "P_AXIS", "qrs_axis_deg": "QRS_AXIS", "t_axis_deg": "T_AXIS",
}  # fmt: skip


def read(root: "Element", place: str) -> FileEcg:
    """Read the rhythm, never the averages; raises `RecordFault`."""
    every = list(root.iter("wavedata"))
    rhythms = [wave for wave in every if text(wave, "type") == _RHYTHM]
    if not rhythms:
        raise RecordFault("no-rhythm", f"{place}: {len(every)} waves, none {_RHYTHM}")
    wave = max(rhythms, key=lambda one: sum(len(d.text or "") for d in one.iter("data")))
    rate = wave.find("resolution/samplerate")
    fs_hz = xml_file.require_rate(text(rate, "value"), "samplerate", place)
    # The factor of the rate is called exponent and is 1 in all known files.
    if text(rate, "exponent") not in ("", "1", "1.0"):
        raise RecordFault("unsupported-format", f"{place}: a samplerate with another exponent")
    unit = text(wave, "resolution/yres/units").lower()
    if unit not in MV_PER_UNIT:
        detail = numbers.quoted(unit)
        raise RecordFault("unknown-unit", f"{place}: samples in {detail}; expected UV")
    per_bit = xml_file.require_scale(text(wave, "resolution/yres/unitperbit"), "unitperbit", place)
    traces = [
        Trace(name, 0, values * (per_bit * MV_PER_UNIT[unit]))
        for name, values in (_channel(one, place) for one in wave.findall("channel"))
    ]
    names, signal = file_ecg.assemble(traces, place)
    birth = _date(text(root, "patdata/birthdate"))
    acquired = _date(text(root, "examdescript/startdatetime/date"))
    found = {
        text(one, "name"): numbers.number(text(one, "value"))
        for one in root.iter("annotation_global")
    }
    return FileEcg(
        names,
        signal,
        fs_hz,
        VENDOR,
        age_days=file_ecg.age_days("", "", birth, acquired),
        sex=file_ecg.sex(text(root, "patdata/gender")),
        measurements=file_ecg.measured(
            {ours: found.get(theirs) for ours, theirs in MEASUREMENTS.items()}
        ),
    )


def _channel(channel: "Element", place: str) -> tuple[str, NDArray[np.float64]]:
    name = text(channel, "name")
    here = f"{place}: {lead_names.labelled(name)}"
    kind = text(channel, "datatype") or "COMMASEPARATE"
    if kind != "COMMASEPARATE":
        raise RecordFault("unsupported-format", f"{here}: samples stored as another type")
    values = samples(text(channel, "data"), here)
    stated = text(channel, "samplecount")
    if stated and len(values) != xml_file.require_number(stated, "samplecount", here):
        raise RecordFault("truncated-signal", f"{here}: {len(values)} samples, not as stated")
    return name, values


def _date(cell: str) -> date | None:
    """Read ``YYYYMMDD``."""
    try:
        return datetime.strptime(cell[:8], "%Y%m%d").date() if len(cell) >= 8 else None
    except ValueError:
        return None
