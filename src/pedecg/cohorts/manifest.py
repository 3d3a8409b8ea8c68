"""A hospital's own records: a CSV with one row per file, columns named by parameter.

Files are WFDB records or vendors' XML, each by its own content.
"""

import math
from collections import defaultdict
from dataclasses import replace
from functools import partial

from pedecg.cohorts import ages, cohort_scan, csv_table, signal_files
from pedecg.cohorts.cohort_settings import CohortSettings, ManifestSettings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.errors import PedecgError
from pedecg.core.records import Sex

_LABELS = {"1": 1, "1.0": 1, "true": 1, "0": 0, "0.0": 0, "false": 0, "": None}
_SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


def scan_cohort(settings: CohortSettings) -> cohort_scan.Scan:
    """Read the manifest; signals are not opened.

    Raises
    ------
    PedecgError
        Also where the unit of the ages is not given and the numbers fit several units.
    """
    root = cohort_scan.require_root(settings)
    manifest = settings.manifest
    columns = manifest.columns
    targets, features = manifest.targets(), manifest.numbers()
    named_by = _parameters(settings)
    cells = csv_table.read(root / manifest.file, named_by, named_by)
    settings = _with_age_unit(settings, cells)
    source = cohort_scan.Source(
        table=manifest.file,
        cells=cells,
        targets=tuple(targets),
        record_id=partial(record_id, settings=settings),
        path=lambda cells: cells[columns.path],
        parse=partial(parse, settings=settings),
        folder="",
    )
    found = replace(cohort_scan.scan_rows(source, settings), features=tuple(features))
    return found if manifest.conflicting_labels == "keep" else _agreed(found, manifest)


def record_id(cells: cohort_scan.Cells, settings: CohortSettings) -> str:
    """Return the record's name: its own column, or its path where there is none."""
    columns = settings.manifest.columns
    if columns.record_id is not None:
        return cells[columns.record_id]
    return signal_files.without_suffix(cells[columns.path]).replace("/", "_")


def parse(cells: cohort_scan.Cells, settings: CohortSettings) -> cohort_scan.CohortRow:
    """Read one row of the manifest; a cell that cannot be read is a `RecordFault`."""
    manifest = settings.manifest
    columns = manifest.columns
    unit = manifest.age_unit or ""
    age_cell, sex = _cell(cells, columns.age), _cell(cells, columns.sex)
    age = cohort_scan.age(age_cell, settings, unit) if age_cell else ages.UNKNOWN
    return cohort_scan.CohortRow(
        record_id=record_id(cells, settings),
        patient_id=cells[columns.patient_id],
        path=cells[columns.path],
        age_days=age.days,
        age_below_days=age.below_days,
        sex=cohort_scan.sex(sex, settings, _sex_words(manifest)) if sex else None,
        acquired_at=_cell(cells, columns.acquired_at) or None,
        fold=cohort_scan.whole(_cell(cells, columns.fold), "fold"),
        source_split=_split(_cell(cells, columns.split)),
        labels={
            target: _label(cells[column], column) for target, column in manifest.targets().items()
        },
        features={
            name: _number(cells[column], column) for name, column in manifest.numbers().items()
        },
        age_in_file=not age_cell,
        sex_in_file=not sex,
    )


def _parameters(settings: CohortSettings) -> dict[str, str]:
    """Return every needed column with the parameter that names it, and how to do without."""
    manifest = settings.manifest
    columns = manifest.columns
    without = {"record_id": ", null: the path is its name", "age": ", null: as the files say",
               "sex": ", null: as the files say"}  # fmt: skip
    needed: dict[str, str] = {}
    for name, column in columns.model_dump().items():
        if column is not None:
            optional = ", null: none" if name not in ("patient_id", "path") else ""
            hint = without.get(name, optional)
            needed.setdefault(column, f"cohort.manifest.columns.{name}{hint}")
    for key, named in (("labels", manifest.targets()), ("features", manifest.numbers())):
        for column in named.values():
            needed.setdefault(column, f"cohort.manifest.{key}")
    return needed


def _with_age_unit(settings: CohortSettings, cells: list[cohort_scan.Cells]) -> CohortSettings:
    """Return settings that say the unit of ages; a question where the numbers do not tell it."""
    manifest = settings.manifest
    column = manifest.columns.age
    if manifest.age_unit != "ask":
        return settings
    doubtful = ages.ambiguous(row[column] for row in cells) if column is not None else None
    if doubtful is not None:
        raise PedecgError(
            f"{manifest.file}: column {column!r} holds ages without a unit, at most {doubtful}: "
            "days, weeks, months or years? Expected cohort.manifest.age_unit or --age-unit to say "
            "it, or a unit in each cell"
        )
    return settings.model_copy(
        update={"manifest": manifest.model_copy(update={"age_unit": "days"})}
    )


def _agreed(found: cohort_scan.Scan, manifest: ManifestSettings) -> cohort_scan.Scan:
    """Take out, or refuse, patients whose records contradict each other in a label."""
    seen: dict[tuple[str, str], set[int | None]] = defaultdict(set)
    for row in found.rows:
        for target, value in row.labels.items():
            seen[row.patient_id, target].add(value)
    conflicts = {key for key, values in seen.items() if {0, 1} <= values}
    if conflicts and manifest.conflicting_labels == "refuse":
        patient, target = min(conflicts)
        raise PedecgError(
            f"{manifest.file}: patient {patient} has {target} 0 and 1, {len(conflicts)} such in "
            "all; expected one label each (cohort.manifest.conflicting_labels)"
        )
    kept, quarantined = [], []
    for row in found.rows:
        contradictory = [target for target in row.labels if (row.patient_id, target) in conflicts]
        if contradictory:
            detail = (
                f"{manifest.file}: patient {row.patient_id} has {', '.join(contradictory)} 0 and 1"
            )
            quarantined.append(cohort_scan.Quarantined(row.record_id, "conflicting-labels", detail))
        else:
            kept.append(row)
    return replace(found, rows=kept, quarantined=[*found.quarantined, *quarantined])


def _cell(cells: cohort_scan.Cells, column: str | None) -> str:
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


def _number(cell: str, column: str) -> float | None:
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RecordFault("bad-cell", f"{column} {cell!r}; expected a number or nothing")
    return value
