"""PhysioNet/CinC Challenge 2017: 8,528 recordings of one lead, doi 10.13026/d3hm-sf11.

``A00001.mat`` (MATLAB 4, 300 Hz) with ``A00001.hea``, and a table of labels without column names,
of which there are several versions (``REFERENCE-v3.csv`` is the last). Patients are not
identified: each recording counts as a patient of its own.
"""

import csv
from functools import partial
from pathlib import Path

from pedecg.cohorts import cohort_scan
from pedecg.cohorts.code_vocabularies import Finding
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.errors import PedecgError

CLASSES = {"N": "normal", "A": "af", "O": "other", "~": "noisy"}


def scan_cohort(settings: CohortSettings) -> cohort_scan.Scan:
    """Read the table of labels; signals are not opened."""
    root = cohort_scan.require_root(settings)
    table = settings.cinc2017.labels
    source = cohort_scan.Source(
        table=table,
        cells=read_labels(root / table),
        targets=tuple(CLASSES.values()),
        record_id=lambda cells: cells["record"],
        path=lambda cells: cells["record"],
        parse=partial(parse, settings=settings),
        folder="",
    )
    return cohort_scan.scan_rows(source, settings)


def read_labels(file: Path) -> list[cohort_scan.Cells]:
    """Return recording and label of each line ``A00001,N``."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        there = ", ".join(sorted(f.name for f in file.parent.glob("REFERENCE*.csv"))) or "none"
        raise PedecgError(
            f"{file}: not found; expected a table of labels (cohort.cinc2017.labels), "
            f"here are: {there}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PedecgError(f"{file}: cannot be read ({error}); expected CSV in UTF-8") from None
    rows = []
    for number, fields in enumerate(csv.reader(text.splitlines()), start=1):
        if not any(fields):
            continue
        if len(fields) != 2:
            raise PedecgError(
                f"{file.name} line {number}: {len(fields)} fields; expected a recording and a label"
            )
        rows.append({"record": fields[0].strip(), "label": fields[1].strip()})
    if not rows:
        raise PedecgError(f"{file.name}: empty; expected lines such as A00001,N")
    return rows


def parse(cells: cohort_scan.Cells, settings: CohortSettings) -> cohort_scan.CohortRow:
    """Read one line; a label that is none of the classes is a `RecordFault`."""
    label = cells["label"]
    if label not in CLASSES:
        raise RecordFault(
            "unknown-class", f"label {label[:20]!r}; expected one of {', '.join(CLASSES)}"
        )
    return cohort_scan.CohortRow(
        record_id=cells["record"],
        patient_id=cells["record"],
        path=cells["record"],
        age_days=cohort_scan.age("", settings).days,
        sex=cohort_scan.sex("", settings, {}),
        labels={name: int(name == CLASSES[label]) for name in CLASSES.values()},
        findings=(Finding("cinc2017", label, description=CLASSES[label]),),
    )
