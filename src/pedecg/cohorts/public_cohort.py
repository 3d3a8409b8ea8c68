"""Any public data set that a file of ``descriptions/`` describes: one reader for all of them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from pedecg.cohorts import (
    ages,
    annotation_labels,
    cohort_scan,
    csv_table,
    folder_files,
    label_table,
    public_description,
)
from pedecg.cohorts.code_vocabularies import Finding
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.formats import wfdb_files
from pedecg.cohorts.label_table import LabelTable
from pedecg.cohorts.public_description import AgeColumn, Codes, Description, Flag
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.errors import PedecgError
from pedecg.core.records import Sex

_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")
_LARGEST_HEADER = 1_000_000  # bytes; those of the data sets have 1,000


def scan_cohort(settings: CohortSettings) -> cohort_scan.Scan:
    """Read the tables, or the headers, of a public data set; signals are not opened.

    Raises
    ------
    PedecgError
        Also where the data set has other columns than its description, or no ages or sexes
        although the parameters require them.
    """
    root = cohort_scan.require_root(settings)
    described = public_description.read(settings.name)
    _require_published(described, settings)
    cells = list(_of_headers(root, described)) if described.headers else _of_tables(root, described)
    cells = _of_parts(cells, described, settings)
    labels = label_table.read(described.labels, described.patterns)
    source = cohort_scan.Source(
        table=_place(described),
        cells=cells,
        targets=(*labels.targets, *_annotated(described)),
        record_id=partial(public_description.fill, described.record_id),
        path=partial(public_description.fill, described.path),
        parse=partial(parse, described=described, labels=labels, settings=settings),
        folder=described.folder,
    )
    found = cohort_scan.scan_rows(source, settings)
    if settings.public.parts:  # the other parts are no unlisted records
        found = replace(found, unlisted=[])
    return replace(found, other_channels=tuple(described.other_channels))


def parse(
    cells: cohort_scan.Cells, described: Description, labels: LabelTable, settings: CohortSettings
) -> cohort_scan.CohortRow:
    """Read one row; a cell that cannot be read is a `RecordFault`."""
    found = findings(cells, described.codes, labels)
    age = _age(cells, described.age, settings)
    path = public_description.fill(described.path, cells)
    samples, acquired = described.samples, described.acquired_at
    return cohort_scan.CohortRow(
        record_id=public_description.fill(described.record_id, cells),
        patient_id=public_description.fill(described.patient_id, cells),
        path=path,
        age_days=age.days,
        age_below_days=age.below_days,
        sex=_sex(cells, described, settings),
        acquired_at=(cells[acquired] or None) if acquired else None,
        n_samples=cohort_scan.whole(cells[samples], samples) if samples else None,
        labels=labels.labels(finding.code for finding in found)
        | _of_annotations(path, described, settings),
        findings=tuple(found),
    )


def _annotated(described: Description) -> tuple[str, ...]:
    return () if described.annotations is None else tuple(described.annotations.labels)


def _of_annotations(
    path: str, described: Description, settings: CohortSettings
) -> dict[str, int | None]:
    """Return the labels of the annotations of the record at `path`."""
    if described.annotations is None or not path:
        return dict.fromkeys(_annotated(described))
    stem = wfdb_files.inside(settings.root, path)
    return annotation_labels.labels(stem, described.annotations)


def findings(cells: cohort_scan.Cells, codes: Codes, labels: LabelTable) -> list[Finding]:
    """Return the codes of a row, each once, with their modifiers and their words."""
    seen: dict[tuple[str, tuple[str, ...]], None] = {}
    for column in codes.columns:
        if cells[column].lower() in ("", *codes.no_code):
            continue
        tokens = cells[column].split(codes.separator) if codes.separator else [cells[column]]
        for token in filter(None, map(str.strip, tokens)):
            parts = token.split(codes.modifiers) if codes.modifiers else [token]
            code, *modifiers = (part.strip() for part in parts)
            seen[_sentence(code) if codes.sentences else code, tuple(modifiers)] = None
    for column, flag in codes.flags.items():
        stated = _flag(cells[column], column, flag)
        if stated is not None:
            seen[stated, ()] = None
    found = []
    for code, qualified_by in seen:
        meaning = labels.meaning(code)
        words = None if meaning is None else meaning.description
        found.append(Finding(codes.vocabulary, code, qualified_by, words, meaning is not None))
    return found


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(". ").lower()


def _flag(cell: str, column: str, flag: Flag) -> str | None:
    if cell.lower() in _TRUE:
        return flag.present
    if cell.lower() in _FALSE:
        return flag.absent
    raise RecordFault("bad-cell", f"{column} {cell[:20]!r}; expected True or False")


def _age(cells: cohort_scan.Cells, column: AgeColumn | None, settings: CohortSettings) -> ages.Age:
    if column is None:
        return ages.UNKNOWN
    cell = column.corrected.get(cells[column.column], cells[column.column])
    if cell.lower() in column.hidden:
        return ages.UNKNOWN
    return cohort_scan.age("" if cell.lower() in column.unknown else cell, settings, column.unit)


def _sex(cells: cohort_scan.Cells, described: Description, settings: CohortSettings) -> Sex | None:
    if described.sex is None:
        return None
    words: dict[str, Sex] = dict.fromkeys(described.sex.female, "female")
    words |= dict.fromkeys(described.sex.male, "male")
    return cohort_scan.sex(cells[described.sex.column], settings, words)


def _require_published(described: Description, settings: CohortSettings) -> None:
    for what, column in (("age", described.age), ("sex", described.sex)):
        if column is None and getattr(settings, f"require_{what}"):
            raise PedecgError(
                f"cohort.require_{what}: true, but {settings.name} publishes no {what}; "
                "expected false"
            )


def _place(described: Description) -> str:
    return f"{described.headers}/*.hea" if described.headers else " and ".join(described.tables)


def _of_tables(root: Path, described: Description) -> list[cohort_scan.Cells]:
    """Return the rows of all tables, with the columns of the further tables."""
    further = [
        (table.key, csv_table.read(root / table.table, (table.key,)))
        for table in described.further_tables
    ]
    elsewhere = {column for _, rows in further for column in (rows[0] if rows else ())}
    own = [column for column in described.named_columns() if column not in elsewhere]
    required = (*own, *(key for key, _ in further))
    cells = [row for table in described.tables for row in csv_table.read(root / table, required)]
    for key, rows in further:
        by_key = {row[key]: row for row in rows}
        cells = [by_key.get(row[key], {}) | row for row in cells]
    if further:  # of hundreds of thousands of rows only the columns that are read
        named = described.named_columns()
        cells = [{column: row.get(column, "") for column in named} for row in cells]
    if described.by_position is not None:
        _require_equal_length(root, described, len(cells))
    return [row | {public_description.ROW: str(number)} for number, row in enumerate(cells)]


def _require_equal_length(root: Path, described: Description, n_rows: int) -> None:
    """Refuse a table that cannot belong to an array by position."""
    import h5py

    assert described.by_position is not None
    file, dataset = root / described.by_position.file, described.by_position.dataset
    try:
        with h5py.File(file, "r") as content:
            n_stored = len(content[dataset])
    except FileNotFoundError:
        raise PedecgError(f"{file}: not found; expected the tracings of the cohort") from None
    except (OSError, KeyError, TypeError):
        raise PedecgError(f"{file}: cannot be read; expected HDF5 with {dataset}") from None
    if n_stored != n_rows:
        raise PedecgError(
            f"{file.name}: {n_stored} tracings; expected {n_rows}, the rows of "
            f"{_place(described)}: without ids only their order joins the two"
        )


def _of_headers(root: Path, described: Description) -> Iterator[cohort_scan.Cells]:
    """Yield name, place and comments of every WFDB header.

    Raises
    ------
    PedecgError
        There is no header, or none has a key that the description names.
    """
    folder = root / (described.headers or "")
    needed = [
        column
        for column in described.named_columns()
        if column not in public_description.HEADER_COLUMNS
    ]
    missing = set(needed)
    for file in folder_files.below(folder):
        if file.suffix.lower() != ".hea":
            continue
        place = PurePosixPath(file.relative_to(root).with_suffix("").as_posix())
        part = file.relative_to(folder).parts[0] if file.parent != folder else ""
        keys = _comments(file)
        missing -= keys.keys()
        yield {
            **{column: keys.get(column, "") for column in needed},
            "record": place.name,
            "path": str(place),
            "part": part,
        }
    if missing:
        keys_missing = ", ".join(f"#{key}:" for key in needed if key in missing)
        raise PedecgError(f"{folder}: no WFDB header with {keys_missing}; expected them below it")


def _comments(file: Path) -> dict[str, str]:
    """Return the comments ``#Key: value`` of a header; what else is wrong with it ingest says."""
    with file.open("rb") as stream:
        text = stream.read(_LARGEST_HEADER).decode("utf-8", errors="replace")
    pairs = (line[1:].partition(":") for line in text.splitlines() if line.startswith("#"))
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def _of_parts(
    cells: list[cohort_scan.Cells], described: Description, settings: CohortSettings
) -> list[cohort_scan.Cells]:
    """Return the rows of the parts that `cohort.public.parts` names; all where it names none."""
    wanted = settings.public.parts
    if not wanted:
        return cells
    place = "cohort.public.parts"
    if described.headers is None:
        raise PedecgError(f"{place}: {settings.name} has no parts; expected []")
    there = sorted({row["part"] for row in cells})
    unknown = [part for part in wanted if part not in there]
    if unknown:
        raise PedecgError(f"{place}: {unknown[0]!r} not found; parts are {', '.join(there)}")
    return [row for row in cells if row["part"] in wanted]
