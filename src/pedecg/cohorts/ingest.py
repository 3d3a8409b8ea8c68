"""From a cohort's folder to the tables of records, labels, findings, quality and quarantine."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any

import pandas as pd

from pedecg.cohorts import cohort_scan, readers, record_check, same_patient
from pedecg.cohorts.cohort_scan import CohortRow, Quarantined, Scan
from pedecg.cohorts.cohort_settings import CohortSettings
from pedecg.cohorts.record_check import CheckedRecord, IngestSettings
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core import parallel, tables
from pedecg.core.errors import PedecgError
from pedecg.signals import signal_notes
from pedecg.signals.quality import LeadQuality
from pedecg.signals.signal_notes import Note


@dataclass(frozen=True)
class Ingested:
    """The tables of `tables.py` that ingest writes, and its metrics."""

    records: pd.DataFrame
    labels: pd.DataFrame
    quarantine: pd.DataFrame
    findings: pd.DataFrame
    quality: pd.DataFrame
    notes: pd.DataFrame
    metrics: dict[str, Any]


def ingest(cohort: CohortSettings, settings: IngestSettings) -> Ingested:
    """Read every record of a cohort; each row ends as a record, in quarantine or excluded by age.

    Records are sorted by id; the result does not depend on the number of processes.
    """
    scanned: Scan = readers.READERS[cohort.name].scan_cohort(cohort)
    may_be_left_out = [*settings.ignore_channels, *scanned.other_channels]
    settings = settings.model_copy(update={"ignore_channels": may_be_left_out})
    work = partial(record_check.decode_or_fault, root=cohort.root, settings=settings)
    wanted = [(row.path, row.n_samples, row.n_leads) for row in scanned.rows]
    rows: list[tuple[CohortRow, CheckedRecord]] = []
    quarantined = list(scanned.quarantined)
    excluded = Counter(scanned.excluded)
    for row, outcome in zip(scanned.rows, parallel.records(work, wanted, "ingest"), strict=True):
        if not isinstance(outcome, CheckedRecord):
            quarantined.append(Quarantined(row.record_id, *outcome))
            continue
        try:
            whole = cohort_scan.complete(row, outcome.age, outcome.sex, cohort)
        except RecordFault as fault:
            quarantined.append(Quarantined(row.record_id, fault.reason, fault.detail))
            continue
        outside = cohort_scan.outside_age_range(whole, cohort)
        if outside:
            excluded[outside] += 1
        else:
            rows.append((whole, outcome))
    assert scanned.n_rows == len(rows) + len(quarantined) + excluded.total()
    scanned = replace(scanned, excluded=dict(sorted(excluded.items())))
    return Ingested(
        records=_records(rows, scanned.features),
        labels=_labels(rows, scanned.targets),
        quarantine=_quarantine([*quarantined, *scanned.unlisted]),
        findings=_findings(rows),
        quality=_quality(rows),
        notes=_notes(rows),
        metrics=_metrics(scanned, rows, quarantined),
    )


# What to change where a reason of quarantine is frequent and the files are sound.
_MENDS = {
    "missing-age": "cohort.require_age: false keeps records without age",
    "invalid-age": "cohort.manifest.age_unit says the unit of ages",
    "unknown-sex": "cohort.require_sex: false keeps records of unknown sex; "
    "cohort.manifest.female and .male list other words",
    "missing-patient-id": "cohort.manifest.columns.patient_id names the column of patients",
    "missing-record-id": "cohort.manifest.columns.record_id: null takes the path as the name",
    "missing-file": "cohort.root is the folder that the paths start from",
    "path-outside-root": "cohort.root must contain every path",
    "missing-header": "cohort.root is the folder that the paths start from",
    "bad-label": "cohort.manifest.labels names columns of 1, 0 or nothing",
    "unknown-lead": "ingest.ignore_channels lists channels that are no leads",
    "missing-lead": "ingest.required_leads lists the leads that every record needs",
}


def require_enough(ingested: Ingested, settings: IngestSettings, listed: str = "") -> None:
    """Fail in one line where too many rows are in quarantine, or no record is left.

    Parameters
    ----------
    listed : the file that lists the records in quarantine; empty: none was written.
    """
    metrics = ingested.metrics
    reasons = record_check.counted(metrics["quarantined_by_reason"])
    where = f"; each with its reason: {listed}" if listed else ""
    mends = "".join(
        f"; {_MENDS[reason]}" for reason in metrics["quarantined_by_reason"] if reason in _MENDS
    )
    share = metrics["quarantined_fraction"]
    if share > settings.max_quarantine_fraction:
        raise PedecgError(
            f"ingest: {metrics['quarantined']} of {metrics['rows']} rows ({share:.1%}) are in "
            f"quarantine ({reasons}); expected at most {settings.max_quarantine_fraction:.1%} "
            f"(ingest.max_quarantine_fraction){where}{mends}"
        )
    if not metrics["records"]:
        excluded = record_check.counted(metrics["excluded"])
        why = "; ".join(filter(None, (reasons, excluded and f"excluded: {excluded}")))
        raise PedecgError(
            f"ingest: no record left of {metrics['rows']} rows"
            + (f" ({why})" if why else "")
            + (f"{where}{mends}" if reasons else "")
        )


def _records(
    rows: list[tuple[CohortRow, CheckedRecord]], features: tuple[str, ...]
) -> pd.DataFrame:
    columns = [name for name, column in tables.RECORDS.columns.items() if not column.regex]
    further = [f"x_{name}" for name in features]
    group = same_patient.groups(
        [row.patient_id for row, _ in rows], [decoded.digest for _, decoded in rows]
    )
    found = _table(
        (
            {
                "record_id": row.record_id,
                "patient_id": row.patient_id,
                "path": row.path,
                "fs_hz": decoded.fs_hz,
                "n_samples": decoded.n_samples,
                "leads": " ".join(decoded.leads),
                "age_days": row.age_days,
                "sex": row.sex,
                "acquired_at": row.acquired_at,
                "fold": row.fold,
                "source_split": row.source_split,
                "split_group": group.get(row.patient_id),
                **{f"x_{name}": row.features[name] for name in features},
            }
            for row, decoded in rows
        ),
        [*columns, *further],
    )
    return found.astype(dict.fromkeys(further, "float64"))


def _labels(rows: list[tuple[CohortRow, CheckedRecord]], targets: tuple[str, ...]) -> pd.DataFrame:
    labels = _table(
        ({"record_id": row.record_id, **row.labels} for row, _ in rows), ["record_id", *targets]
    )
    return labels.astype(dict.fromkeys(targets, "Int8"))


def _quarantine(quarantined: list[Quarantined]) -> pd.DataFrame:
    table = _table(map(asdict, quarantined), tables.QUARANTINE.columns)
    return table.sort_values(["record_id", "reason", "detail"], ignore_index=True)


def _findings(rows: list[tuple[CohortRow, CheckedRecord]]) -> pd.DataFrame:
    return _table(
        (
            {
                "record_id": row.record_id,
                "vocabulary": finding.vocabulary,
                "code": finding.code,
                "modifiers": "+".join(finding.modifiers) or None,
                "description": finding.description,
                "likelihood": finding.likelihood,
            }
            for row, _ in rows
            for finding in row.findings
        ),
        tables.FINDINGS.columns,
    )


def _quality(rows: list[tuple[CohortRow, CheckedRecord]]) -> pd.DataFrame:
    leads = [(row, lead) for row, decoded in rows for lead in decoded.leads]
    source = [row.source_quality.get(lead, (None, None, None)) for row, lead in leads]
    measured = {
        field.name: [
            value for _, decoded in rows for value in getattr(decoded.quality, field.name).tolist()
        ]
        for field in fields(LeadQuality)
    }
    columns = {
        "record_id": [row.record_id for row, _ in leads],
        "lead": [lead for _, lead in leads],
        **measured,
        "source_psqi": [psqi for psqi, _, _ in source],
        "source_bassqi": [bassqi for _, bassqi, _ in source],
        "source_bsqi": [bsqi for _, _, bsqi in source],
    }
    return pd.DataFrame(columns, columns=list(tables.QUALITY.columns))


def _notes(rows: list[tuple[CohortRow, CheckedRecord]]) -> pd.DataFrame:
    return _table(
        (
            {
                "record_id": row.record_id,
                "kind": note.kind,
                "leads": " ".join(note.leads) or None,
                "detail": note.detail,
                "from_middle_s": signal_notes.times_text(note),
            }
            for row, decoded in rows
            for note in _notes_of(row, decoded)
        ),
        tables.NOTES.columns,
    )


def _notes_of(row: CohortRow, decoded: CheckedRecord) -> tuple[Note, ...]:
    return () if decoded.examined is None else decoded.examined.with_placement(row.age_days)


def _metrics(
    scanned: Scan, rows: list[tuple[CohortRow, CheckedRecord]], quarantined: list[Quarantined]
) -> dict[str, Any]:
    flaws = [flaw for _, decoded in rows for flaw in decoded.quality.flaw if flaw]
    return {
        "rows": scanned.n_rows,
        "records": len(rows),
        "patients": len({row.patient_id for row, _ in rows}),
        "quarantined": len(quarantined),
        "quarantined_fraction": len(quarantined) / max(scanned.n_rows, 1),
        "quarantined_by_reason": _sorted(q.reason for q in quarantined),
        "unlisted_records": len(scanned.unlisted),
        "excluded": scanned.excluded,
        "records_by_lead_count": _sorted(f"{len(decoded.leads):02d}" for _, decoded in rows),
        "records_by_fs_hz": _sorted(f"{decoded.fs_hz:g}" for _, decoded in rows),
        "checksums_verified": sum(decoded.verified for _, decoded in rows),
        "records_with_unusable_lead": _records_with(rows, usable=False),
        "records_with_saturated_samples": _records_with(rows, usable=True),
        "leads_by_flaw": _sorted(flaws),
        "records_by_note": _sorted(
            kind
            for row, decoded in rows
            for kind in {note.kind for note in _notes_of(row, decoded)}
        ),
        "identical_signals": _identical(rows),
        "age_unknown": sum(row.age_days is None for row, _ in rows),
        "age_below_one_unit": sum(row.age_below_days is not None for row, _ in rows),
        "sex_unknown": sum(row.sex is None for row, _ in rows),
        "labels": {target: _label_counts(rows, target) for target in scanned.targets},
        "unknown_codes": _unknown_codes(rows),
    }


def _records_with(rows: list[tuple[CohortRow, CheckedRecord]], usable: bool) -> int:
    """Count records with a flawed lead that is, or is not, usable all the same."""
    return sum(
        any(
            flaw and used == usable
            for flaw, used in zip(decoded.quality.flaw, decoded.quality.usable, strict=True)
        )
        for _, decoded in rows
    )


def _identical(rows: list[tuple[CohortRow, CheckedRecord]]) -> dict[str, Any]:
    """Name records that hold the same samples: between patients, they would leak across splits."""
    groups: dict[bytes, list[CohortRow]] = defaultdict(list)
    for row, decoded in rows:
        groups[decoded.digest].append(row)
    repeated = [group for group in groups.values() if len(group) > 1]
    shared = [group for group in repeated if len({row.patient_id for row in group}) > 1]
    return {
        "groups": len(repeated),
        "groups_between_patients": len(shared),
        "first_between_patients": [row.record_id for row in shared[0]] if shared else [],
    }


def _label_counts(rows: list[tuple[CohortRow, CheckedRecord]], target: str) -> dict[str, int]:
    found = Counter(row.labels[target] for row, _ in rows)
    return {"present": found[1], "absent": found[0], "unknown": found[None]}


def _unknown_codes(rows: list[tuple[CohortRow, CheckedRecord]]) -> dict[str, dict[str, int]]:
    """Count every code that is in no table, by vocabulary; it stays among the findings."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row, _ in rows:
        for finding in row.findings:
            if not finding.known:
                counts[finding.vocabulary]["+".join((finding.code, *finding.modifiers))] += 1
    return {name: dict(sorted(counts[name].items())) for name in sorted(counts)}


def _table(rows: Iterable[dict[str, Any]], columns: Iterable[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns))


def _sorted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
