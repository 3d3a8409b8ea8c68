"""From the rows of a cohort's table to records-to-be: every row ends in exactly one place."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pedecg.cohorts import ages, folder_files, signal_files
from pedecg.cohorts.code_vocabularies import Finding
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.formats import registry, wfdb_files
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core import names
from pedecg.core.errors import PedecgError
from pedecg.core.records import Sex

Cells = dict[str, str]
# Files that are records for certain; a table or a text (.csv, .txt) next to them may be anything.
_LISTED = tuple(suffix for suffix in signal_files.SUFFIXES if suffix not in registry.VAGUE_SUFFIXES)


@dataclass(frozen=True)
class CohortRow:
    """What a table says about one record; the signal is not read yet.

    Attributes
    ----------
    path : WFDB record, with or without suffix, or vendor's XML; relative to the cohort's root.
    labels : 1 present, 0 absent, None where the source cannot tell; one entry per target.
    n_samples, n_leads : what the table says the header will say; None where it does not.
    source_quality : the source's own (pSQI, basSQI, bSQI) by canonical lead.
    features : further numbers about the patient or the day, by name.
    age_below_days : of an age of 0 whole weeks, months or years, whose day is not known: an age
        that it does not reach.
    age_in_file, sex_in_file : the row leaves it to the record's own file to say.
    """

    record_id: str
    patient_id: str
    path: str
    age_days: int | None
    sex: Sex | None
    acquired_at: str | None = None
    fold: int | None = None
    source_split: str | None = None
    labels: dict[str, int | None] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    n_samples: int | None = None
    n_leads: int | None = None
    source_quality: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    features: dict[str, float | None] = field(default_factory=dict)
    age_below_days: int | None = None
    age_in_file: bool = False
    sex_in_file: bool = False


@dataclass(frozen=True)
class Quarantined:
    """A record that cannot be used, and why.

    Attributes
    ----------
    path : relative to the cohort's root, of a record that no row describes; else "".
    """

    record_id: str
    reason: str
    detail: str
    path: str = ""


@dataclass(frozen=True)
class Scan:
    """A cohort's table after reading: ``n_rows = rows + quarantined + excluded``.

    Attributes
    ----------
    targets : the label columns.
    rows : sorted by record_id.
    quarantined : rows that cannot be used.
    unlisted : records among the files that no row describes; no rows, so counted apart.
    excluded : rows outside the age range, or of unknown age where there is one, by reason.
    features : names of the numbers that every row has besides age and sex.
    other_channels : channels of the data set besides the twelve leads, which may be left out.
    """

    targets: tuple[str, ...]
    n_rows: int
    rows: list[CohortRow]
    quarantined: list[Quarantined]
    unlisted: list[Quarantined]
    excluded: dict[str, int]
    features: tuple[str, ...] = ()
    other_channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """What a reader knows of its data set; `scan_rows` does the rest.

    Attributes
    ----------
    table : name of the table, for messages.
    cells : its rows as text.
    record_id, path : the record's name and place, from a row's cells ("" where empty).
    parse : the whole row; raises `RecordFault`.
    folder : where records lie, below the root; those that no row names are reported.
    """

    table: str
    cells: list[Cells]
    targets: tuple[str, ...]
    record_id: Callable[[Cells], str]
    path: Callable[[Cells], str]
    parse: Callable[[Cells], CohortRow]
    folder: str


def scan_rows(source: Source, settings: CohortSettings) -> Scan:
    """Give every row its one outcome: a record, a quarantine, or an exclusion by age."""
    repeated = _repeated(source)
    rows: list[CohortRow] = []
    quarantined: list[Quarantined] = []
    excluded: Counter[str] = Counter()
    for position, cells in enumerate(source.cells):
        place = f"{source.table} row {position + 1}"
        try:
            if not source.record_id(cells):
                raise RecordFault("missing-record-id", "no record id")
            _check_identifier("record id", source.record_id(cells))
            if position in repeated:
                raise repeated[position]
            row = source.parse(cells)
            if not row.patient_id:
                raise RecordFault("missing-patient-id", "no patient id")
            _check_identifier("patient id", row.patient_id)
        except RecordFault as fault:
            name = names.visible(source.record_id(cells)[: names.LONGEST_IDENTIFIER]) or place
            quarantined.append(Quarantined(name, fault.reason, f"{place}: {fault.detail}"))
            continue
        outside = None if row.age_in_file else outside_age_range(row, settings)
        if outside:
            excluded[outside] += 1
        else:
            rows.append(row)
    assert len(source.cells) == len(rows) + len(quarantined) + excluded.total()
    return Scan(
        targets=source.targets,
        n_rows=len(source.cells),
        rows=sorted(rows, key=lambda row: row.record_id),
        quarantined=quarantined,
        unlisted=_unlisted(source, Path(settings.root)),
        excluded=dict(sorted(excluded.items())),
    )


def _check_identifier(what: str, text: str) -> None:
    why = names.identifier_fault(text)
    if why:
        raise RecordFault("bad-identifier", f"the {what} {why}")


def complete(
    row: CohortRow, age_found: ages.Age, sex_found: Sex | None, settings: CohortSettings
) -> CohortRow:
    """Fill in what a row left to its file; a fault where the cohort requires what is in neither."""
    if row.age_in_file:
        if age_found.days is None and age_found.below_days is None:
            age("", settings)
        row = replace(row, age_days=age_found.days, age_below_days=age_found.below_days)
    if row.sex_in_file:
        if sex_found is None:
            sex("", settings, {"female": "female", "male": "male"})
        row = replace(row, sex=sex_found)
    return row


def age(cell: str, settings: CohortSettings, unit: str = "") -> ages.Age:
    """Read an age cell; an empty one is a fault where the cohort requires ages.

    An age of 0 whole years is not a fault: the record is kept, its day of life is null.
    """
    if cell:
        return ages.read(cell, unit)
    if settings.require_age:
        raise RecordFault("missing-age", "no age; cohort.require_age=false keeps it as null")
    return ages.UNKNOWN


def sex(cell: str, settings: CohortSettings, words: dict[str, Sex]) -> Sex | None:
    """Read a sex cell by its `words`, in lower case; another is a fault where sex is required."""
    found = words.get(cell.lower())
    if found is None and settings.require_sex:
        raise RecordFault(
            "unknown-sex",
            f"sex {cell!r}; expected one of {', '.join(words)}; "
            "cohort.require_sex=false keeps it as null",
        )
    return found


def whole(cell: str, column: str) -> int | None:
    """Read a whole number (``10000``, ``10000.0``); an empty cell is None."""
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not value.is_integer():
        raise RecordFault("bad-cell", f"{column} {cell!r}; expected a whole number")
    return int(value)


def require_root(settings: CohortSettings) -> Path:
    """Return the cohort's folder, or say in one line that it is absent or shut."""
    root = Path(settings.root)
    expected = f"expected the root of cohort {settings.name}"
    try:
        found = root.is_dir()
    except OSError as error:
        raise PedecgError(f"{root}: cannot be read ({error.strerror}); {expected}") from None
    if not found:
        raise PedecgError(f"{root}: folder not found; {expected}")
    return root


def outside_age_range(row: CohortRow, settings: CohortSettings) -> str | None:
    """Return why a row is left out by its age, or None."""
    low, high = settings.min_age_days, settings.max_age_days
    if low is None and high is None:
        return None
    youngest, oldest = row.age_days, row.age_days
    if row.age_below_days is not None:
        youngest, oldest = 0, row.age_below_days - 1
    if youngest is None or oldest is None:
        return "age-unknown"
    inside = (low is None or youngest >= low) and (high is None or oldest <= high)
    return None if inside else "age-out-of-range"


def _repeated(source: Source) -> dict[int, RecordFault]:
    """Return the fault of every row that shares its record, or its file, with another row.

    Of equal rows the first stays; of rows that differ none does, since nobody knows which is true.
    """
    faults: dict[int, RecordFault] = {}
    for what, key in (("record", source.record_id), ("file", lambda c: _plain(source.path(c)))):
        groups: dict[str, list[int]] = defaultdict(list)
        for position, cells in enumerate(source.cells):
            groups[key(cells)].append(position)
        for name, group in groups.items():
            if not name or len(group) == 1:
                continue
            equal = all(source.cells[position] == source.cells[group[0]] for position in group)
            numbers = ", ".join(str(position + 1) for position in group)
            for position in group[1:] if equal else group:
                reason = "duplicate-row" if equal else "conflicting-rows"
                detail = RecordFault(reason, f"{what} {name} is in rows {numbers}")
                faults.setdefault(position, detail)
    return faults


def _unlisted(source: Source, root: Path) -> list[Quarantined]:
    """Return the records among the files that no row names, in the order of their paths."""
    listed = {_plain(source.path(cells)) for cells in source.cells}
    found = sorted(set(_records_below(root / source.folder, root)) - listed)
    segments = _segments(listed, found, root)
    found = [path for path in found if path not in segments]
    return [
        Quarantined(Path(path).name, "unlisted-record", f"{path}: no row in {source.table}", path)
        for path in found
    ]


def _segments(listed: Iterable[str], found: list[str], root: Path) -> set[str]:
    """Return the segments of listed records of several segments: they are read with them."""
    folders = {Path(path).parent for path in found}
    near = [Path(path) for path in listed if path and Path(path).parent in folders]
    headers = [root / path.with_name(f"{path.name}.hea") for path in near]
    return {
        _plain((path.parent / segment).as_posix())
        for path, header in zip(near, headers, strict=True)
        if header.is_file()
        for segment in folder_files.segments_of(header)
    }


def _records_below(folder: Path, root: Path) -> Iterable[str]:
    """Yield every record below a folder, relative to the root; WFDB ones without suffix."""
    for path in folder_files.below(folder):
        if path.name.lower().endswith(_LISTED):
            yield _plain(path.relative_to(root).as_posix())


def _plain(path: str) -> str:
    """Return one spelling per file, without WFDB's suffix or detours; "" where there is no path."""
    for suffix in wfdb_files.SUFFIXES:
        if path.lower().endswith(suffix):
            path = path[: -len(suffix)]
    return os.path.normpath(path) if path else ""
