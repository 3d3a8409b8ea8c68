"""ZZU-pECG: 14,190 ECGs of children, doi 10.6084/m9.figshare.27078763; also the simulated cohort.

``Child_ecg/P00/P00001/P00001_E01.{hea,dat}`` and ``AttributesDictionary.csv``. Two things in it
have misled others: `Filename` lacks the folder ``Child_ecg``, and diagnoses carry study prefixes
without which ``(F) I40.0`` is no myocarditis.
"""

from functools import partial

from pedecg.cohorts import code_vocabularies, cohort_scan, csv_table, zzu_targets
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import Sex, canonical_lead

TABLE = "AttributesDictionary.csv"
FOLDER = "Child_ecg"
QUALITY_COLUMNS = ("pSQI", "basSQI", "bSQI")
COLUMNS = (
    "Filename", "ECG_ID", "Patient_ID", "Age", "Gender", "Acquisition_date", "Sampling_point",
    "Lead", "AHA_code", "CHN_code", "ICD-10 code", *QUALITY_COLUMNS,
)  # fmt: skip

_UNLISTED: dict[str, int | None] = {"unknown": None, "negative": 0, "positive": 1}
_SEX: dict[str, Sex] = {"female": "female", "male": "male"}


def scan_cohort(settings: CohortSettings) -> cohort_scan.Scan:
    """Read the table of attributes; signals are not opened."""
    root = cohort_scan.require_root(settings)
    source = cohort_scan.Source(
        table=TABLE,
        cells=csv_table.read(root / TABLE, COLUMNS),
        targets=_targets(settings),
        record_id=lambda cells: cells["ECG_ID"],
        path=_path,
        parse=partial(parse, settings=settings),
        folder=FOLDER,
    )
    return cohort_scan.scan_rows(source, settings)


def parse(cells: cohort_scan.Cells, settings: CohortSettings) -> cohort_scan.CohortRow:
    """Read one row of the table of attributes; a cell that cannot be read is a `RecordFault`."""
    aha = code_vocabularies.findings(cells["AHA_code"], "aha")
    chn = code_vocabularies.findings(cells["CHN_code"], "chn")
    diagnosed = code_vocabularies.diagnoses(cells["ICD-10 code"])
    benign, rate = settings.zzu.benign_findings, settings.zzu.rate_findings
    labels = {
        "abnormal": _abnormal((aha, chn), settings, benign),
        "abnormal_beyond_rate": _abnormal((aha, chn), settings, [*benign, *rate]),
        **zzu_targets.diseases(diagnosed, _UNLISTED[settings.zzu.unlisted_diagnoses]),
    }
    return cohort_scan.CohortRow(
        record_id=cells["ECG_ID"],
        patient_id=cells["Patient_ID"],
        path=_path(cells),
        age_days=cohort_scan.age(cells["Age"], settings).days,
        sex=cohort_scan.sex(cells["Gender"].strip("'"), settings, _SEX),
        acquired_at=cells["Acquisition_date"] or None,
        labels={target: labels[target] for target in _targets(settings)},
        findings=(*aha, *chn, *diagnosed),
        n_samples=cohort_scan.whole(cells["Sampling_point"], "Sampling_point"),
        n_leads=cohort_scan.whole(cells["Lead"], "Lead"),
        source_quality=_source_quality(cells),
    )


def _targets(settings: CohortSettings) -> tuple[str, ...]:
    """Return the targets of the run; their order in the parameters changes nothing."""
    return tuple(name for name in zzu_targets.selectable() if name in settings.zzu.targets)


def _path(cells: cohort_scan.Cells) -> str:
    return f"{FOLDER}/{cells['Filename']}" if cells["Filename"] else ""


def _abnormal(
    columns: tuple[list[code_vocabularies.Finding], ...],
    settings: CohortSettings,
    benign: list[str],
) -> int | None:
    """Tell whether the reader found anything beyond the normal and the `benign` findings.

    The columns say the same in two vocabularies. None where neither was filled, and where both
    hold a code of no table, which may mean anything, besides nothing but benign findings.
    """
    described = [[f for f in column if f.description is not None] for column in columns]
    keys = {code_vocabularies.finding_key(finding) for column in described for finding in column}
    if keys & set(settings.zzu.normal_verdicts):
        return 0
    if keys - set(benign):
        return 1
    read = any(c and len(d) == len(c) for c, d in zip(columns, described, strict=True))
    return 0 if read else None


def _source_quality(cells: cohort_scan.Cells) -> dict[str, tuple[float | None, ...]]:
    """Read the cells ``'I':0.532;'V2':Null`` of the three quality columns, by lead."""
    by_column = [_by_lead(cells[column], column) for column in QUALITY_COLUMNS]
    leads = {lead: None for column in by_column for lead in column}
    return {lead: tuple(column.get(lead) for column in by_column) for lead in leads}


def _by_lead(cell: str, column: str) -> dict[str, float | None]:
    values: dict[str, float | None] = {}
    for token in filter(None, (part.strip() for part in cell.split(";"))):
        name, _, text = token.partition(":")
        lead = canonical_lead(name.strip().strip("'"))
        try:
            value = None if text.strip().lower() in {"", "null", "nan"} else float(text)
        except ValueError:
            lead = None
            value = None
        if lead is None:
            raise RecordFault("bad-cell", f"{column} {token!r}; expected 'lead':0 to 1, or Null")
        # A quality outside its range is not quality: the lead's cell is null, the record is kept.
        values[lead] = value if value is not None and 0 <= value <= 1 else None
    return values
