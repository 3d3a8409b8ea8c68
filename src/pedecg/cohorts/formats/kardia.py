"""AliveCor Kardia: the recording object of the Kardia API, JSON."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from pedecg.cohorts.formats import file_ecg
from pedecg.cohorts.formats.file_ecg import FileEcg, Trace
from pedecg.cohorts.record_faults import RecordFault

NAME = "AliveCor Kardia"
SUFFIXES = (".json",)
_KEYS = re.compile(
    r'"(recordedAt|algorithmDetermination|amplitudeResolution|deviceInfo|mainsFrequency)"'
)
_LEADS = {
    "leadI": "I", "leadII": "II", "leadIII": "III", "AVR": "aVR", "AVL": "aVL", "AVF": "aVF",
}  # fmt: skip


def recognises(start: bytes) -> bool:
    """Return whether a JSON document has the keys of a Kardia recording."""
    text = start.decode("utf-8", errors="ignore").lstrip("\ufeff \t\r\n")
    return text.startswith("{") and len(set(_KEYS.findall(text))) >= 2


def read(file: Path) -> FileEcg:
    """Read the unfiltered leads, ``data.raw``; raises `RecordFault`.

    The API says neither age nor sex.
    """
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise RecordFault("damaged-file", f"{file.name}: not well-formed JSON") from None
    raw = _part(_part(document, "data"), "raw")
    samples = _part(raw, "samples")
    if not samples:
        raise RecordFault("no-rhythm", f"{file.name}: no data.raw.samples")
    fs_hz = _positive(raw.get("frequency"), "zero-rate", "frequency", file.name)
    nv = _positive(raw.get("amplitudeResolution"), "zero-gain", "amplitudeResolution", file.name)
    traces = []
    for key, values in samples.items():
        if key not in _LEADS:
            raise RecordFault("bad-field", f"{file.name}: a lead of another name")
        plain = isinstance(values, list) and all(
            isinstance(v, (int, float)) and not isinstance(v, bool) for v in values
        )
        if not plain:
            raise RecordFault("corrupt-signal", f"{file.name}: {_LEADS[key]}: no list of numbers")
        try:
            counts = np.array(values, np.float64)
        except OverflowError:
            raise RecordFault("corrupt-signal", f"{file.name}: {_LEADS[key]}: too large") from None
        if not np.isfinite(counts).all():
            raise RecordFault("corrupt-signal", f"{file.name}: {_LEADS[key]}: no finite numbers")
        traces.append(Trace(_LEADS[key], 0, counts * (nv * 1e-6)))
    if len({len(trace.mv) for trace in traces}) > 1:
        raise RecordFault("truncated-signal", f"{file.name}: leads of several lengths")
    names, signal = file_ecg.assemble(traces, file.name)
    return FileEcg(names, signal, fs_hz, NAME)


def _part(value: Any, key: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _positive(value: Any, reason: str, what: str, place: str) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 1e-6 < value < 1e9:
        raise RecordFault(reason, f"{place}: {what} is absent or implausible")
    return float(value)
