"""The ECGs of a cohort as a reader needs them: signal, waves, median beat, measures, criteria."""

import math
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.cohorts import cohort_settings, recordings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core import age_text, params, tables
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS
from pedecg.predict import measured_recording, measurement_report
from pedecg.predict.measured_recording import MeasuredRecording
from pedecg.rules import beats, norms

MICROVOLTS_PER_MV = 1000
NO_VALUE = -32768  # stands for a gap in the signal as it is sent
_LARGEST = 32767  # of int16, in which the page gets microvolts
KEPT = 24  # prepared ECGs in memory; 20 s of 12 leads at 500 Hz take about 1 MB
# Shown with the measures for which the file of limits has rows.
ALSO_SHOWN = ("p_ms", "qt_ms", "p_axis_deg", "t_axis_deg")


@dataclass(frozen=True)
class PreparedEcg:
    """One ECG, ready to be sent.

    Attributes
    ----------
    raw, filtered : shape (n_leads, n_samples), int16, microvolts; `NO_VALUE` where there is none.
    about : what the page shows with the signal, as plain values.
    """

    raw: NDArray[np.int16]
    filtered: NDArray[np.int16]
    about: dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A record as it is shown, and whose it is."""

    recording: recordings.Recording
    patient_id: str


class EcgSource:
    """Opens the ECGs of a pipeline's cohort; keeps the last ones and prepares the next ahead."""

    def __init__(self, project: Path, records: pd.DataFrame, limits: norms.Limits) -> None:
        """Find the cohort's folder in params.yaml of the pipeline in `project`."""
        cohort = cohort_settings.load("cohort", project / params.PARAMS_FILE)
        self._root = project / cohort.root
        self._rows = {str(row["record_id"]): row for row in records.to_dict("records")}
        self._limits = limits
        in_order = ["age_days", "acquired_at", "record_id"]
        self._of_patient: dict[str, list[str]] = {}
        for record_id in records.sort_values(in_order, na_position="last")["record_id"]:
            self._of_patient.setdefault(self._rows[record_id]["patient_id"], []).append(record_id)
        self._prepared: OrderedDict[str, Future[PreparedEcg]] = OrderedDict()
        self._lock = Lock()
        # One thread: the delineator's sums are made one ECG at a time, and it is busy enough.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare")

    def get(self, record_id: str) -> PreparedEcg:
        """Return a prepared ECG, at once where it was prepared ahead.

        Raises
        ------
        RecordFault
            Its files cannot be read.
        KeyError
            The cohort has no such record.
        """
        return self.prepare(record_id).result()

    def prepare(self, record_id: str) -> "Future[PreparedEcg]":
        """Start to prepare an ECG in the background."""
        if record_id not in self._rows:
            raise KeyError(record_id)
        with self._lock:
            if record_id not in self._prepared:
                self._prepared[record_id] = self._worker.submit(self._prepare, record_id)
                while len(self._prepared) > KEPT:
                    self._prepared.popitem(last=False)
            self._prepared.move_to_end(record_id)
            return self._prepared[record_id]

    def others(self, record_id: str) -> list[dict[str, Any]]:
        """Return the other ECGs of the same child in order of age, then of date."""
        ordered = self._of_patient[self._rows[record_id]["patient_id"]]
        place = ordered.index(record_id)
        return [
            {
                "record_id": other,
                "age": _age(self._rows[other]["age_days"]),
                "acquired_at": _text(self._rows[other]["acquired_at"]),
                "order": "earlier" if number < place else "later",
            }
            for number, other in enumerate(ordered)
            if other != record_id
        ]

    def close(self) -> None:
        """Stop preparing."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def recording(self, record_id: str) -> recordings.Recording:
        """Return an ECG as it is shown: without the constant segments before and after it.

        Raises
        ------
        RecordFault
            Its files cannot be read.
        KeyError
            The cohort has no such record.
        """
        row = self._rows[record_id]
        place = recordings.RecordingPath(
            record_id,
            self._root / str(row["path"]),
            None if pd.isna(row["age_days"]) else float(row["age_days"]),
            None if pd.isna(row["sex"]) else row["sex"],
        )
        return measured_recording.without_padding(recordings.read(place))

    def source(self, record_id: str) -> Source:
        """Return an ECG and its patient; a file that cannot be read is one line."""
        if record_id not in self._rows:
            raise PedecgError(f"{record_id}: not in this cohort")
        try:
            recording = self.recording(record_id)
        except RecordFault as fault:
            raise PedecgError(f"{record_id}: {fault.reason}: {fault.detail}") from None
        return Source(recording, str(self._rows[record_id]["patient_id"]))

    def _prepare(self, record_id: str) -> PreparedEcg:
        return prepared(self.recording(record_id), self._limits)


def prepared(recording: recordings.Recording, limits: norms.Limits) -> PreparedEcg:
    """Filter, delineate and measure one ECG; one without a usable lead is shown all the same.

    Parameters
    ----------
    recording : without padding, since the times of the waves count from its first sample.
    """
    about: dict[str, Any] = {
        "record_id": recording.record_id,
        "age": _age(recording.age_days),
        "sex": recording.sex or "sex unknown",
        "fs_hz": recording.fs_hz,
        "n_samples": int(recording.signal_mv.shape[1]),
        "leads": list(recording.leads),
        "standard": recording.leads[0] in LEADS,
        "calibrated": recording.calibrated,
        "waves": {}, "median_beat": None, "measurements": [], "criteria": [], "notes": [],
        "unusable": {},
    }  # fmt: skip
    filtered = measured_recording.cleaned(recording)
    try:
        found = measured_recording.examine(recording, limits)
    except RecordFault as fault:
        about["notes"] = [f"not measured: {fault.detail}"]
    else:
        report = measurement_report.as_json(found, limits)
        about |= {
            "waves": _waves(found.waves),
            "median_beat": _median_beat(found, filtered),
            "measurements": _measurements(report, recording, limits),
            "criteria": report["rules_fired"],
            "notes": report["notes"],
            "unusable": report["unusable_leads"],
        }
    raw = recording.signal_mv.astype(np.float64)
    return PreparedEcg(_microvolts(raw), _microvolts(filtered), about)


def _age(age_days: float | None) -> str:
    unknown = age_days is None or pd.isna(age_days)
    return "age unknown" if unknown else age_text.in_words(float(age_days or 0))


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _microvolts(signal_mv: NDArray[np.float64]) -> NDArray[np.int16]:
    """Return whole microvolts; values beyond int16 are clipped, far outside any paper."""
    counts = np.clip(np.rint(signal_mv * MICROVOLTS_PER_MV), -_LARGEST, _LARGEST)
    return np.where(np.isfinite(signal_mv), counts, NO_VALUE).astype(np.int16)


def _waves(table: pd.DataFrame) -> dict[str, list[list[Any]]]:
    """Return wave, onset, peak and offset (s; null where not found) of each lead."""
    found: dict[str, list[list[Any]]] = {}
    columns = ["wave", "onset_s", "peak_s", "offset_s"]
    for lead, rows in table.groupby("lead", sort=False):
        found[str(lead)] = [
            [wave, *(None if math.isnan(t) else round(float(t), 4) for t in times)]
            for wave, *times in rows[columns].itertuples(index=False)
        ]
    return found


def _median_beat(found: MeasuredRecording, filtered: NDArray[np.float64]) -> dict[str, Any] | None:
    """Return the median of the usual beats, µV by lead, and where its waves lie (samples)."""
    recording = found.recording
    table = beats.beat_table(found.waves)
    usable = {
        lead: filtered[row]
        for row, lead in enumerate(recording.leads)
        if lead not in found.unusable
    }
    if len(table) < beats.FEWEST_BEATS:
        return None
    beat = beats.MedianBeat(table, usable, recording.fs_hz)
    if not beat.has_qrs:
        return None
    edges = {"P": beat.p, "QRS": beat.qrs, "T": beat.t}
    return {
        "fs_hz": beat.fs_hz,
        "n_beats": int(beat.usual.sum()),
        "n_found": len(table),
        "leads": {lead: _microvolts(wave).tolist() for lead, wave in beat.median.items()},
        "waves": {name: [w.start, w.stop - 1] for name, w in edges.items() if w is not None},
    }


def _measurements(
    report: dict[str, Any], recording: recordings.Recording, limits: norms.Limits
) -> list[dict[str, Any]]:
    """Return the measures that have limits, and a few others, with the source of the limits."""
    rows = []
    limited = {limits.column(measure): measure for measure in limits.units}
    for column, one in report["measurements"].items():
        if one["value"] is None or (column not in limited and column not in ALSO_SHOWN):
            continue
        source = ""
        if column in limited:
            found = limits.rows_for(limited[column], recording.age_days, recording.sex)
            source = "; ".join(dict.fromkeys(row.source for row in found))
        rows.append(
            {
                "name": measurement_report.in_words(column), **one, "source": source,
                "digits": {"mV": 2, "": 2}.get(one["unit"], 0),
                "outside": _outside(one),
            }
        )  # fmt: skip
    return rows


def _outside(one: dict[str, Any]) -> str:
    """Return whether a valid value lies beyond the limits: above, below or not."""
    if not one.get("valid", True):
        return ""
    # An axis is judged by its distance from the median, around the circle, as the criteria do.
    middle = one["p50"] if one["unit"] == "°" and one.get("p50") is not None else 0.0
    away = norms.distance("deg" if one["unit"] == "°" else one["unit"], one["value"], middle)
    if one.get("p98") is not None and away > one["p98"] - middle:
        return "above"
    return "below" if one.get("p2") is not None and away < one["p2"] - middle else ""


def open_tables(project: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return records, labels, findings and splits, as written by the pipeline."""
    interim = project / "data" / "interim"
    records = tables.read(interim / "records.parquet", tables.RECORDS)
    labels = tables.read(interim / "labels.parquet", tables.LABELS)
    findings = tables.read(interim / "findings.parquet", tables.FINDINGS)
    splits = tables.read(interim / "splits.parquet", tables.SPLITS)
    return records, labels, findings, splits
