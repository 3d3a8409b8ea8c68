"""Any ECG that a user can name: a record, a folder of records, a cohort's folder.

What a path is, is told from its suffix and, for a folder, from the tables in it. One row of
`FORMATS` is one kind of file.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts import ages, cohort_folder, vendor_xml, wfdb_files, wfdb_notes
from pedecg.cohorts.cohort_scan import CohortRow
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS, Sex, canonical_lead

ASSUMED_GAIN = 200.0  # counts per mV, by WFDB's convention, of a channel without a gain
SLOWEST_HZ, FASTEST_HZ = 80.0, 20_000.0  # beyond them no QRS is seen, or the header is wrong


@dataclass(frozen=True)
class Recording:
    """One ECG as its file holds it, and whose it is as far as the file or its table says.

    Attributes
    ----------
    signal_mv : shape (n_leads, n_samples), millivolts; NaN where the file marks no value.
    leads : canonical names in the order of `LEADS`, or ``ch1``, ``ch2``, … in the file's order.
    other_channels : channels beside the leads that were left out, as a respiration signal.
    calibrated : False where the file gives no gain: times are right, heights mean nothing.
    age_note : why the age is not known although something is stated, as for 0 whole years.
    hand_held : of one channel between the two hands, as in PhysioNet/CinC 2017.
    numbers : further numbers of the patient, by name.
    """

    record_id: str
    signal_mv: NDArray[np.float32]
    fs_hz: float
    leads: tuple[str, ...]
    age_days: float | None = None
    sex: Sex | None = None
    other_channels: tuple[str, ...] = ()
    calibrated: bool = True
    hand_held: bool = False
    numbers: Mapping[str, float] = field(default_factory=dict)
    age_note: str = ""

    @property
    def length_s(self) -> float:
        return len(self.signal_mv[0]) / self.fs_hz


@dataclass(frozen=True)
class RecordingPath:
    """A recording that was found and not opened yet; whose it is where a cohort's table says."""

    record_id: str
    path: Path
    age_days: float | None = None
    sex: Sex | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    age_note: str = ""

    def with_row(self, row: CohortRow) -> "RecordingPath":
        """Return the place with what a table's row says of the patient."""
        note = "" if row.age_below_days is None else ages.note_below(row.age_below_days)
        return replace(self, age_days=row.age_days, sex=row.sex, age_note=note)


@dataclass(frozen=True)
class Fault:
    """What cannot be read, in one line."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes
    ----------
    suffixes : of its files, in lower case; files that differ in them alone are one recording.
    read : opens one, given any of its files; a `RecordFault` says why it cannot.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], Recording]


def named(names: tuple[str, ...]) -> tuple[tuple[str, ...], list[int]]:
    """Return the leads among a file's channels and the channel of each.

    Standard leads go by their names where they are most of the channels and lead I or II is among
    them; other channels are left out. Otherwise every channel is kept, as ``ch1``, ``ch2``, …:
    with MLII and V5, or V5 and V2, of a Holter recorder nobody knows where the electrodes were.
    """
    known = {canonical_lead(name): number for number, name in enumerate(names)}
    leads = tuple(lead for lead in LEADS if lead in known)
    if 2 * len(leads) > len(names) and ({"I", "II"} & set(leads) or len(names) == 1):
        return leads, [known[lead] for lead in leads]
    return tuple(f"ch{number + 1}" for number in range(len(names))), list(range(len(names)))


def _read_wfdb(path: Path) -> Recording:
    found = wfdb_files.channels(path.parent, path.name, ASSUMED_GAIN)
    leads, rows = named(found.names)
    patient = wfdb_notes.patient(found.comments, _stem(path))
    return Recording(
        record_id=_stem(path),
        signal_mv=found.signal[rows],
        fs_hz=found.fs_hz,
        leads=leads,
        age_days=patient.age.days,
        age_note=patient.age.note,
        sex=patient.sex,
        other_channels=tuple(n for row, n in enumerate(found.names) if row not in rows),
        calibrated=found.calibrated,
        hand_held=wfdb_files.is_hand_held(path.parent, path.name, found.names),
    )


def _read_xml(path: Path) -> Recording:
    found = vendor_xml.read(path)
    return Recording(
        record_id=_stem(path),
        signal_mv=found.record.signal,
        fs_hz=found.record.fs_hz,
        leads=found.record.leads,
        age_days=found.age_days,
        sex=found.sex,
        other_channels=found.record.other_channels,
    )


WFDB = Format("WFDB", wfdb_files.SUFFIXES, _read_wfdb)
XML = Format("GE MUSE, Philips Sierra or HL7 aECG", (vendor_xml.SUFFIX,), _read_xml)
FORMATS: tuple[Format, ...] = (WFDB, XML)


def find(
    paths: Iterable[str | Path], age_unit: str | None = None
) -> tuple[list[RecordingPath], list[Fault]]:
    """Return the recordings that the paths name, each once, and what is wrong with the others.

    A path is a file, a WFDB record without suffix, or a folder: a cohort's folder (ZZU-pECG,
    PTB-XL, or one with ``manifest.csv``) gives the records of its table, any other folder gives
    all recordings below it, sorted. Names that two recordings share become paths.

    Parameters
    ----------
    age_unit : of a manifest's ages without a unit; see `cohort_folder.listing`.
    """
    places: dict[Path, RecordingPath] = {}
    faults: list[Fault] = []
    for given in paths:
        path = Path(given)
        try:
            found = _below(path, age_unit) if path.is_dir() else [_one(path, age_unit)]
        except (PedecgError, OSError) as error:
            found = [Fault(str(path), str(error).removeprefix(f"{path}: "))]
        for one in found:
            if isinstance(one, Fault):
                faults.append(one)
            else:
                places.setdefault(_plain(one.path.resolve()), one)
    return _unambiguous(list(places.values())), faults


def read(place: RecordingPath) -> Recording:
    """Open a recording.

    Raises
    ------
    RecordFault
        Its files are absent, inconsistent, altered, or hold no ECG.
    """
    form = _format(place.path)
    recording = (form or WFDB).read(place.path)
    if not SLOWEST_HZ <= recording.fs_hz <= FASTEST_HZ:
        raise RecordFault(
            "unusable-rate",
            f"{place.path.name}: {recording.fs_hz:g} Hz; expected {SLOWEST_HZ:g} to {FASTEST_HZ:g}",
        )
    age_days = recording.age_days if place.age_days is None else place.age_days
    note = place.age_note or recording.age_note
    return replace(
        recording,
        record_id=place.record_id,
        age_days=age_days,
        age_note=note if age_days is None else "",
        sex=place.sex or recording.sex,
        numbers=place.numbers,
    )


def read_or_fault(place: RecordingPath) -> Recording | Fault:
    """Return `read`, or the fault in place of the exception."""
    try:
        return read(place)
    except RecordFault as fault:
        return Fault(str(place.path), f"{fault.reason}: {fault.detail}")


def _one(path: Path, age_unit: str | None) -> RecordingPath | Fault:
    """Find the recording that a file's path names; the table of its cohort may know whose it is."""
    header = path.with_name(path.name + ".hea")
    if not path.is_file() and not header.is_file():
        known = ", ".join(suffix for form in FORMATS for suffix in form.suffixes)
        return Fault(str(path), f"not found; expected a folder, a WFDB record or a file {known}")
    form = _format(path)
    if form is None and not header.is_file():
        return Fault(str(path), "no ECG format of this name; expected " + _kinds())
    place = RecordingPath(_stem(path) if form else path.name, path if form else header)
    return _known_by_table(place, age_unit)


def _known_by_table(place: RecordingPath, age_unit: str | None) -> RecordingPath:
    """Add age and sex where the table of a cohort's folder above knows the record."""
    stem = _plain(place.path.resolve())
    for folder in stem.parents:
        try:
            table = cohort_folder.listing(folder, age_unit)
        except PedecgError as error:  # the record itself can be read
            return replace(place, age_note=str(error))
        if table is not None:
            row = table.row_of(stem.relative_to(folder).as_posix())
            return place if row is None else place.with_row(row)
    return place


def _below(folder: Path, age_unit: str | None) -> list[RecordingPath | Fault]:
    table = cohort_folder.listing(folder, age_unit)
    if table is None:
        found: list[RecordingPath | Fault] = [
            _known_by_table(place, age_unit) for place in _walk(folder)
        ]
        return found or [Fault(str(folder), f"no recording in it; expected {_kinds()}")]
    rows = [RecordingPath(row.record_id, folder / row.path).with_row(row) for row in table.rows]
    more = [RecordingPath(Path(path).name, folder / path) for path in table.unlisted]
    faulty = [Fault(f"{folder}: {r.record_id}", f"{r.reason}: {r.detail}") for r in table.faulty]
    return [*rows, *more, *faulty]


def _walk(folder: Path) -> Iterator[RecordingPath]:
    """Yield every recording below a folder once, sorted by its path."""
    seen = set()
    for place, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = Path(place, file)
            form = _format(path)
            key = (path.with_name(_stem(path)), form)
            if form is not None and key not in seen:
                seen.add(key)
                yield RecordingPath(_stem(path), path)


def _unambiguous(places: list[RecordingPath]) -> list[RecordingPath]:
    times = Counter(place.record_id for place in places)
    return [
        replace(place, record_id=_plain(place.path).as_posix())
        if times[place.record_id] > 1
        else place
        for place in places
    ]


def _format(path: Path) -> Format | None:
    return next((form for form in FORMATS if path.suffix.lower() in form.suffixes), None)


def _stem(path: Path) -> str:
    return path.stem if _format(path) else path.name


def _plain(path: Path) -> Path:
    return path.with_name(_stem(path))


def _kinds() -> str:
    return "; ".join(f"{form.name} ({', '.join(form.suffixes)})" for form in FORMATS)
