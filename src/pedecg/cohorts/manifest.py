"""A hospital's own records: a CSV with one row per WFDB record, columns named by parameter."""

from functools import partial

from pedecg.cohorts import csv_table, scan
from pedecg.cohorts.faults import RecordFault
from pedecg.cohorts.settings import CohortSettings, ManifestSettings
from pedecg.records import Sex

_LABELS = {"1": 1, "1.0": 1, "true": 1, "0": 0, "0.0": 0, "false": 0, "": None}
_SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


def scan_cohort(settings: CohortSettings) -> scan.Scan:
    """Read the manifest; signals are not opened."""
    root = scan.require_root(settings)
    manifest = settings.manifest
    columns = manifest.columns
    named = [column for column in columns.model_dump().values() if column is not None]
    targets = manifest.targets()
    source = scan.Source(
        table=manifest.file,
        cells=csv_table.read(root / manifest.file, [*named, *targets.values()]),
        targets=tuple(targets),
        record_id=lambda cells: cells[columns.record_id],
        path=lambda cells: cells[columns.path],
        parse=partial(parse, settings=settings),
        folder="",
    )
    return scan.scan_rows(source, settings)


def parse(cells: scan.Cells, settings: CohortSettings) -> scan.Row:
    """Read one row of the manifest; a cell that cannot be read is a `RecordFault`."""
    manifest = settings.manifest
    columns = manifest.columns
    unit = manifest.age_unit or ""
    return scan.Row(
        record_id=cells[columns.record_id],
        patient_id=cells[columns.patient_id],
        path=cells[columns.path],
        age_days=scan.age(_cell(cells, columns.age), settings, unit),
        sex=scan.sex(_cell(cells, columns.sex), settings, _sex_words(manifest)),
        acquired_at=_cell(cells, columns.acquired_at) or None,
        fold=scan.whole(_cell(cells, columns.fold), "fold"),
        source_split=_split(_cell(cells, columns.split)),
        labels={
            target: _label(cells[column], column) for target, column in manifest.targets().items()
        },
    )


def _cell(cells: scan.Cells, column: str | None) -> str:
    return cells[column] if column is not None else ""


def _sex_words(manifest: ManifestSettings) -> dict[str, Sex]:
    female: dict[str, Sex] = {word.lower(): "female" for word in manifest.female}
    male: dict[str, Sex] = {word.lower(): "male" for word in manifest.male}
    return female | male


def _split(cell: str) -> str | None:
    if cell and cell.lower() not in _SPLITS:
        raise RecordFault("bad-cell", f"split {cell!r}; expected train, validation or test")
    return _SPLITS.get(cell.lower())


def _label(cell: str, column: str) -> int | None:
    if cell.lower() not in _LABELS:
        raise RecordFault("bad-label", f"{column} {cell!r}; expected 0, 1 or empty")
    return _LABELS[cell.lower()]
