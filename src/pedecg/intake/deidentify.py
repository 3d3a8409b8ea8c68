"""Recordings under new names, without dates, and a list apart that leads back.

What is copied is named, never what is left out: samples, leads, rate, age in days, sex, and labels
of 0 and 1. Nothing else of a file or a table can reach the output. No message names a file: file
names hold names of patients.
"""

import csv
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TextIO

from pedecg.cohorts import cohort_folder, csv_table, recordings
from pedecg.cohorts.formats import hdf5_file
from pedecg.cohorts.record_faults import RecordFault
from pedecg.cohorts.recordings import Fault, RecordingPath
from pedecg.core import parallel
from pedecg.core.errors import PedecgError
from pedecg.intake import wfdb_writer

MANIFEST = "manifest.csv"
RECORDS = "records"  # folder of the output that holds the signals
_FARTHEST_SHIFT_DAYS = 3650  # ten years back: the year of an examination says nothing any more
_FEW = 8  # recordings; starting processes takes longer than writing these
_LABELS = {"0": "0", "0.0": "0", "false": "0", "1": "1", "1.0": "1", "true": "1", "": ""}


@dataclass(frozen=True)
class Written:
    """One recording of the output, or why there is none (`reason`)."""

    record_id: str
    patient_id: str
    age_days: int | None = None
    sex: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """What was written: recordings, patients, and how many were refused, by reason."""

    written: int
    patients: int
    refused: dict[str, int]


@dataclass(frozen=True)
class _Source:
    """A recording of the input with its new names, and what its table has besides age and sex."""

    place: RecordingPath
    old_patient: str
    record_id: str
    patient_id: str
    acquired_at: str
    shift_days: int
    labels: dict[str, str]


def deidentify(
    source: Path,
    out: Path,
    mapping: Path | None = None,
    labels: Sequence[str] = (),
    shift_dates: bool = False,
    age_unit: str | None = None,
) -> Outcome:
    """Write every recording of `source` to the new folder `out`.

    `out` appears complete, or not at all. Ids are numbers in random order.

    Parameters
    ----------
    mapping : list of old and new ids, readable by its owner alone; default: next to `out`.
    labels : columns of the source's ``manifest.csv`` that are copied; 0, 1 or empty.
    shift_dates : keep dates of examination, moved by up to ten years, the same for all of a
        patient; otherwise there are none.
    age_unit : of a manifest's ages without a unit.

    Raises
    ------
    PedecgError
        `out` or the mapping exists, the mapping lies in `out`, or a label holds something else.
    """
    mapping = mapping or out.with_name(f"{out.name}_mapping.csv")
    _require_apart(source, out, mapping)
    places, faults = recordings.find([source], age_unit)
    if not places:
        why = faults[0].reason if faults else "no recording in it"
        raise PedecgError(f"the input cannot be read: {why}")
    places = [one for place in places for one in _examinations(place)]
    sources = _renamed(places, source, labels, shift_dates, age_unit)
    with _reserved(mapping) as listed, _appearing(out) as folder:
        (folder / RECORDS).mkdir()
        work = partial(_copied, folder=folder / RECORDS)
        many = len(sources) > _FEW
        outcomes = list(
            parallel.records(work, sources, "de-identify") if many else map(work, sources)
        )
        _write_manifest(folder / MANIFEST, sources, outcomes, labels, shift_dates)
        _write_mapping(listed, sources, outcomes, faults)
    refused = Counter(one.reason for one in outcomes if one.reason)
    refused.update(["not-found" for _ in faults])
    kept = [one for one in outcomes if not one.reason]
    return Outcome(len(kept), len({one.patient_id for one in kept}), dict(sorted(refused.items())))


def _require_apart(source: Path, out: Path, mapping: Path) -> None:
    for path in (out, mapping):
        if path.exists() or path.is_symlink():
            raise PedecgError(f"{path}: exists already, and nothing is overwritten; expected none")
    inside = out.resolve()
    if mapping.resolve().is_relative_to(inside):
        raise PedecgError(f"{mapping}: inside {out}; the mapping must be kept apart from the data")
    if source.is_dir() and inside.is_relative_to(source.resolve()):
        raise PedecgError(f"{out}: inside the input; expected a folder elsewhere")


def _examinations(place: RecordingPath) -> list[RecordingPath]:
    """Return the examinations of an HDF5 file that holds several, else the recording itself."""
    if place.path.suffix.lower() not in hdf5_file.SUFFIXES:
        return [place]
    try:
        exams = hdf5_file.examinations(place.path)
    except OSError:  # reported when the file is read
        return [place]
    return [
        replace(place, record_id=exam, path=place.path.with_name(f"{place.path.name}#{exam}"))
        for exam in exams
    ] or [place]


def _renamed(
    places: Sequence[RecordingPath],
    source: Path,
    labels: Sequence[str],
    shift_dates: bool,
    age_unit: str | None,
) -> list[_Source]:
    table = cohort_folder.listing(source, age_unit) if source.is_dir() else None
    rows = {} if table is None else {row.record_id: row for row in table.rows}
    copied = _label_rows(source, labels)
    random = SystemRandom()
    shuffled = list(places)
    random.shuffle(shuffled)
    width = len(str(len(places)))
    patients: dict[str, tuple[str, int]] = {}
    found = []
    for number, place in enumerate(shuffled, start=1):
        row = rows.get(place.record_id)
        # A recording that no table lists is a patient of its own.
        key = f"of row: {row.patient_id}" if row is not None else f"alone: {place.path}"
        if key not in patients:
            name = f"p{len(patients) + 1:0{width}d}"
            patients[key] = (name, -random.randint(1, _FARTHEST_SHIFT_DAYS))
        patient, shift = patients[key]
        acquired = (row.acquired_at or "") if row is not None and shift_dates else ""
        found.append(
            _Source(
                place=place,
                old_patient="" if row is None else row.patient_id,
                record_id=f"r{number:0{width}d}",
                patient_id=patient,
                acquired_at=_shifted(acquired, shift),
                shift_days=shift if shift_dates else 0,
                labels=copied.get(place.record_id, {}),
            )
        )
    return found


def _label_rows(source: Path, labels: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the wanted labels by record id; a cell that is no label is never copied."""
    if not labels:
        return {}
    rows = csv_table.read(source / MANIFEST, ["record_id", *labels])
    for column in labels:
        number = next((k for k, row in enumerate(rows) if row[column].lower() not in _LABELS), None)
        if number is not None:
            raise PedecgError(
                f"{MANIFEST} row {number + 1}: column {column!r} is neither 0, 1 nor empty; only "
                "such labels are copied"
            )
    return {
        row["record_id"]: {column: _LABELS[row[column].lower()] for column in labels}
        for row in rows
    }


def _shifted(acquired_at: str, days: int) -> str:
    """Return a date moved by days, in ISO form; "" where there is none or it cannot be read."""
    try:
        return (datetime.fromisoformat(acquired_at) + timedelta(days=days)).isoformat(" ")
    except (ValueError, OverflowError):
        return ""


def _copied(source: _Source, folder: Path) -> Written:
    try:
        found = recordings.read(source.place)
    except RecordFault as fault:
        return Written(source.record_id, source.patient_id, reason=fault.reason)
    wfdb_writer.write(found, folder, source.record_id)
    age = wfdb_writer.age_days(found.age_days)
    return Written(source.record_id, source.patient_id, age, found.sex)


def _write_manifest(
    file: Path,
    sources: Sequence[_Source],
    outcomes: Sequence[Written],
    labels: Sequence[str],
    shift_dates: bool,
) -> None:
    dates = ["acquired_at"] if shift_dates else []
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["record_id", "patient_id", "path", "age", "sex", *dates, *labels])
        for source, one in zip(sources, outcomes, strict=True):
            if not one.reason:
                age = "" if one.age_days is None else f"{one.age_days}d"
                row = [one.record_id, one.patient_id, f"{RECORDS}/{one.record_id}", age, one.sex]
                further = [source.labels.get(label, "") for label in labels]
                writer.writerow([*row, *([source.acquired_at] if shift_dates else []), *further])


def _write_mapping(
    stream: TextIO,
    sources: Iterable[_Source],
    outcomes: Iterable[Written],
    faults: Iterable[Fault],
) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["record_id", "patient_id", "old_record_id", "old_patient_id", "path", "shift_days",
         "not_written"]
    )  # fmt: skip
    for source, one in zip(sources, outcomes, strict=True):
        old = source.place
        writer.writerow(
            [one.record_id, one.patient_id, old.record_id, source.old_patient, old.path,
             source.shift_days, one.reason]
        )  # fmt: skip
    writer.writerows(["", "", "", "", fault.place, "", fault.reason] for fault in faults)


@contextmanager
def _reserved(file: Path) -> Iterator[TextIO]:
    """Yield a new file that its owner alone may read; it is removed where the block fails."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise PedecgError(f"{file}: cannot be written ({error.strerror})") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            yield stream
    except BaseException:
        file.unlink(missing_ok=True)
        raise


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """Yield a folder next to the final one, whose name it takes when the block ends well."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise PedecgError(f"{folder}: cannot be written ({error.strerror})") from None
    try:
        yield temporary
        temporary.chmod(0o755)
        temporary.rename(folder)
    except OSError as error:
        raise PedecgError(f"{folder}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
