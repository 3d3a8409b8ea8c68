"""PTB-XL: 21,799 ECGs of adults and some adolescents, doi 10.13026/kfzx-aw45.

Targets are the five diagnostic superclasses of ``scp_statements.csv``. A record without any
diagnostic statement has unknown labels: its reader named a rhythm or a form and no diagnosis.
"""

import ast
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pedecg.cohorts import ages, cohort_scan, csv_table
from pedecg.cohorts.code_vocabularies import Finding
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import Sex

TABLE = "ptbxl_database.csv"
STATEMENTS = "scp_statements.csv"
TARGETS = ("norm", "mi", "sttc", "cd", "hyp")
PATH_COLUMN = {"records100": "filename_lr", "records500": "filename_hr"}
COLUMNS = ("ecg_id", "patient_id", "age", "sex", "recording_date", "scp_codes", "strat_fold")
HIDDEN_AGE = 300  # years; stands for "over 89" so that nobody can be recognised
_SEX: dict[str, Sex] = {"0": "male", "1": "female"}


def scan_cohort(settings: CohortSettings) -> cohort_scan.Scan:
    """Read the table of records; signals are not opened."""
    root = cohort_scan.require_root(settings)
    path_column = PATH_COLUMN[settings.ptbxl.records]
    source = cohort_scan.Source(
        table=TABLE,
        cells=csv_table.read(root / TABLE, (*COLUMNS, path_column)),
        targets=TARGETS,
        record_id=lambda cells: cells["ecg_id"],
        path=lambda cells: cells[path_column],
        parse=partial(
            parse, settings=settings, path_column=path_column, statements=_statements(root)
        ),
        folder=settings.ptbxl.records,
    )
    return cohort_scan.scan_rows(source, settings)


def parse(
    cells: cohort_scan.Cells,
    settings: CohortSettings,
    path_column: str,
    statements: Mapping[str, cohort_scan.Cells],
) -> cohort_scan.CohortRow:
    """Read one row of the table; a cell that cannot be read is a `RecordFault`."""
    found = _findings(cells["scp_codes"], statements)
    patient = cohort_scan.whole(cells["patient_id"], "patient_id")
    age = _age(cells["age"], settings)
    return cohort_scan.CohortRow(
        record_id=cells["ecg_id"],
        patient_id="" if patient is None else str(patient),
        path=cells[path_column],
        age_days=age.days,
        age_below_days=age.below_days,
        sex=cohort_scan.sex(cells["sex"].removesuffix(".0"), settings, _SEX),
        acquired_at=cells["recording_date"] or None,
        fold=cohort_scan.whole(cells["strat_fold"], "strat_fold"),
        labels=_superclasses(found, statements),
        findings=tuple(found),
    )


def _age(cell: str, settings: CohortSettings) -> ages.Age:
    """Read an age in years; hidden and (in version 1.0.1) absent ages are unknown, not faults."""
    if not cell or cohort_scan.whole(cell, "age") == HIDDEN_AGE:
        return ages.UNKNOWN
    return cohort_scan.age(cell, settings, unit="years")


def _findings(cell: str, statements: Mapping[str, cohort_scan.Cells]) -> list[Finding]:
    """Read ``{'NORM': 80.0, 'SBRAD': 0.0}``; a likelihood of 0 means present, not graded."""
    try:
        graded = dict(ast.literal_eval(cell))
        return [
            Finding(
                vocabulary="scp",
                code=str(code),
                description=statements[code]["description"] if code in statements else None,
                known=code in statements,
                likelihood=float(likelihood),
            )
            for code, likelihood in graded.items()
        ]
    except (ValueError, SyntaxError, TypeError):
        raise RecordFault("bad-cell", f"scp_codes {cell[:60]!r}; expected {{code: %}}") from None


def _superclasses(
    found: list[Finding], statements: Mapping[str, cohort_scan.Cells]
) -> dict[str, int | None]:
    """Return 1 for every superclass with a diagnostic statement, of any likelihood.

    The others are 0 where every code is in the table of statements and one is diagnostic.
    """
    named = [statements[finding.code] for finding in found if finding.known]
    classes = {
        statement["diagnostic_class"].lower()
        for statement in named
        if statement["diagnostic"] in {"1", "1.0"}
    }
    absent = 0 if classes and len(named) == len(found) else None
    return {target: 1 if target in classes else absent for target in TARGETS}


def _statements(root: Path) -> dict[str, cohort_scan.Cells]:
    """Return the rows of ``scp_statements.csv`` by code, which its first, nameless column holds."""
    required = ("", "description", "diagnostic", "diagnostic_class")
    return {row[""]: row for row in csv_table.read(root / STATEMENTS, required)}
