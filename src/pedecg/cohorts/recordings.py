"""Any ECG that a user can name: a record, a folder of records, a cohort's folder.

A record is WFDB or a single file of any format of `formats.registry`; a folder is recognised by the
tables in it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts import ages, cohort_folder, folder_files, signal_files
from pedecg.cohorts.cohort_scan import CohortRow
from pedecg.cohorts.formats import registry, wfdb_files
from pedecg.cohorts.formats.file_ecg import FileEcg
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.age_text import in_words
from pedecg.core.errors import PedecgError
from pedecg.core.records import Sex

ASSUMED_GAIN = 200.0  # counts per mV, by WFDB's convention, of a channel without a gain
_COMPLETED_DAYS = (1, 7, 31, 366)  # at most, of a day, week, month and year
SLOWEST_HZ, FASTEST_HZ = 80.0, 20_000.0  # beyond them no QRS is seen, or the header is wrong


@dataclass(frozen=True)
class Recording:
    """One ECG as its file holds it, and whose it is as far as the file or its table says.

    Attributes
    ----------
    signal_mv : shape (n_leads, n_samples), millivolts; NaN where the file marks no value.
    leads : canonical names in the order of `LEADS`, then those of further electrodes (V3R), or
        ``ch1``, ``ch2``, … in the file's order.
    other_channels : channels besides the leads that were left out, as a respiration signal.
    calibrated : False where the file gives no gain: times are right, heights mean nothing.
    age_note : why the age is not known although something is stated, as for 0 whole years.
    conflicts : what was stated of the patient and differs from what the file or its table says.
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
    conflicts: tuple[str, ...] = ()

    def with_stated(self, age_days: float | None, sex: Sex | None) -> "Recording":
        """Return the recording with an age and sex that were stated by hand; None: not stated."""
        conflicts = []
        own_days = self.age_days
        if age_days is not None and own_days is not None and not _agree(age_days, own_days):
            conflicts.append(
                f"age {in_words(age_days)} as stated; the file or its table says "
                f"{in_words(own_days)}"
            )
        if sex is not None and self.sex is not None and sex != self.sex:
            conflicts.append(f"sex {sex} as stated; the file or its table says {self.sex}")
        return replace(
            self,
            age_days=self.age_days if age_days is None else age_days,
            sex=sex or self.sex,
            conflicts=tuple(conflicts),
        )

    @property
    def length_s(self) -> float:
        """Length of the recording, s."""
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


def _agree(one_days: float, other_days: float) -> bool:
    """Return whether two ages may be one, given in completed days, weeks, months or years."""
    younger, older = sorted((one_days, other_days))
    unit = max((days for days in _COMPLETED_DAYS if days <= younger + 1), default=0)
    return older <= younger + unit + 1  # a day: birthdays are no multiples of 365.25 days


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
    recording = _opened(place.path)
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


def _opened(path: Path) -> Recording:
    found = signal_files.guarded(lambda: _file_ecg(path), path.name)
    leads, rows = found.placed()
    beside = tuple(name for row, name in enumerate(found.names) if row not in rows)
    return Recording(
        record_id=_stem(path),
        signal_mv=found.signal[rows],
        fs_hz=found.fs_hz,
        leads=leads,
        age_days=found.age_days,
        age_note=found.age_note,
        sex=found.sex,
        other_channels=(*beside, *found.left_out),
        calibrated=found.calibrated,
        hand_held=found.hand_held,
    )


def _file_ecg(path: Path) -> FileEcg:
    if _is_wfdb(path):
        return wfdb_files.read_channels(path.parent, path.name, ASSUMED_GAIN)
    return registry.read(path)


def read_or_fault(place: RecordingPath) -> Recording | Fault:
    """Return `read`, or the fault in place of the exception."""
    try:
        return read(place)
    except RecordFault as fault:
        return Fault(str(place.path), f"{fault.reason}: {fault.detail}")


def _one(path: Path, age_unit: str | None) -> RecordingPath | Fault:
    """Find the recording that a file's path names; the table of its cohort may know whose it is."""
    header = path.with_name(path.name + ".hea")
    if not registry.examination(path)[0].is_file():
        if not header.is_file():
            detail = f"not found; expected a folder, a WFDB record or a file {', '.join(_SUFFIXES)}"
            return Fault(str(path), detail)
        return _known_by_table(RecordingPath(path.name, header), age_unit)
    if registry.examination(path)[1] is not None:
        return RecordingPath(path.name, path)
    if _is_wfdb(path) or path.suffix.lower() in _SUFFIXES or registry.format_of(path) is not None:
        return _known_by_table(RecordingPath(_stem(path), path), age_unit)
    if header.is_file():
        return _known_by_table(RecordingPath(path.name, header), age_unit)
    return Fault(str(path), f"no ECG format that is known; expected {_kinds()}")


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
            _known_by_table(place, age_unit) for place in walk(folder)
        ]
        return found or [Fault(str(folder), f"no recording in it; expected {_kinds()}")]
    rows = [RecordingPath(row.record_id, folder / row.path).with_row(row) for row in table.rows]
    more = [RecordingPath(Path(path).name, folder / path) for path in table.unlisted]
    faulty = [Fault(f"{folder}: {r.record_id}", f"{r.reason}: {r.detail}") for r in table.faulty]
    return [*rows, *more, *faulty]


def walk(folder: Path) -> Iterator[RecordingPath]:
    """Yield every recording below a folder once, sorted by its path.

    Segments of a WFDB record are read with it, not on their own. Of files whose suffix says little
    (``.csv``, ``.json``, …) only those whose content is an ECG count.
    """
    found: dict[tuple[Path, bool], Path] = {}
    segments: set[Path] = set()
    for path in folder_files.below(folder):
        suffix = path.suffix.lower()
        if suffix not in _SUFFIXES:
            continue
        if suffix == ".hea":
            parts = folder_files.segments_of(path)
            segments |= {path.with_name(part) for part in parts}
        elif suffix in registry.VAGUE_SUFFIXES and registry.format_of(path) is None:
            continue
        wfdb = _is_wfdb(path)
        found.setdefault((_plain(path) if wfdb else path, wfdb), path)
    for (stem, wfdb), path in found.items():
        if not (wfdb and stem in segments):
            yield RecordingPath(_stem(path), path)


def _unambiguous(places: list[RecordingPath]) -> list[RecordingPath]:
    times = Counter(place.record_id for place in places)
    return [
        replace(place, record_id=_plain(place.path).as_posix())
        if times[place.record_id] > 1
        else place
        for place in places
    ]


def _is_wfdb(path: Path) -> bool:
    """Return whether a path is one of a WFDB record's files, or its name without suffix."""
    file = registry.examination(path)[0]
    return path.suffix.lower() in wfdb_files.SUFFIXES or not file.is_file()


def _stem(path: Path) -> str:
    return path.stem if path.suffix.lower() in _SUFFIXES else path.name


def _plain(path: Path) -> Path:
    return path.with_name(_stem(path))


def _kinds() -> str:
    return f"{wfdb_files.NAME}, {registry.kinds()}"


_SUFFIXES = (*wfdb_files.SUFFIXES, *registry.SUFFIXES)
