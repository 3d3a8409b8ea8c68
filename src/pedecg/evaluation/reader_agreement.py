"""Criteria against the findings that readers coded in the same ECGs (AHA and CHN codes).

``reader_findings.csv`` says which codes are a finding (AHA codes, or the words of a finding without
one), which criteria say the same, and which measure ranks the records: `high` where large values
indicate the finding, `low` where small ones do. The codes are those of the cohort, not a truth:
readers and criteria may mean different things by one name.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.cohorts import code_vocabularies
from pedecg.cohorts.code_vocabularies import Finding
from pedecg.evaluation import curves, delong

FINDINGS = Path(__file__).with_name("reader_findings.csv")
VOCABULARIES = ("aha", "chn")
MIN_CASES = 5  # patients with the finding, and without, from which an AUROC is shown
_NO_SPREAD = 1e-9  # SD of an AUROC of 0 or 1, of which DeLong gives no interval
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """One finding: any of the readers' codes, any of the criteria, and the measure that ranks."""

    name: str
    codes: tuple[str, ...]
    criteria: tuple[str, ...]
    score: str


@cache
def comparisons() -> tuple[Comparison, ...]:
    """Return the rows of ``reader_findings.csv``."""
    with FINDINGS.open(encoding="utf-8", newline="") as file:
        return tuple(
            Comparison(
                row["finding"], tuple(row["codes"].split(";")), tuple(row["criteria"].split(";")),
                row["score"],
            )
            for row in csv.DictReader(file)
        )  # fmt: skip


def agreement(
    rules: pd.DataFrame, findings: pd.DataFrame, records: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """Return sensitivity, specificity and AUROC of each finding's criteria against the readers.

    A record is positive where either vocabulary has a code of the finding, negative where it has
    none and at least one vocabulary could be read to the end, and is left out otherwise. A
    criterion that cannot be determined counts as not met: a missing measure costs sensitivity, and
    `unknown` counts them. The AUROC is of the records whose measure is valid.

    Parameters
    ----------
    rules, findings, records : `tables.RULES`, `tables.FINDINGS`, `tables.RECORDS`.

    Returns
    -------
    Finding -> codes, criteria, records, positives, unknown, sensitivity and specificity (value, low
    and high of Wilson's 95% interval, hits, of), score, auroc (value, low, high: DeLong's 95%
    interval by patient, None where the measure separates all). A figure is None where nothing can
    be counted; the AUROC, too, with fewer than `MIN_CASES` patients on either side. Empty where no
    record was read in these vocabularies.
    """
    keys, complete = _read_by_record(findings)
    read = rules[rules["record_id"].isin(keys.keys())].reset_index(drop=True)
    patients = records.set_index("record_id")["patient_id"].reindex(read["record_id"])
    found = {}
    for one in comparisons() if len(read) else ():
        codes = set(one.codes)
        positive = np.array([bool(codes & keys[record]) for record in read["record_id"]])
        counted = positive | np.array([record in complete for record in read["record_id"]])
        if not counted.any():
            continue
        flags = read.loc[counted, [f"rule_{name}" for name in one.criteria]]
        truth = positive[counted]
        ranked = _ranked(read, one.score)[counted]
        found[one.name] = {
            "codes": list(one.codes),
            "criteria": list(one.criteria),
            **against(truth, flags),
            "score": one.score or None,
            "auroc": _auroc(truth, ranked, patients[counted].to_numpy(str)),
        }
    return found


def against(truth: Flags, flags: pd.DataFrame) -> dict[str, Any]:
    """Return how often any of some criteria is met with a finding and is not met without.

    Parameters
    ----------
    truth : shape (n,), whether the readers state the finding.
    flags : n rows, a column per criterion; a missing value, which cannot be determined, counts as
        not met.

    Returns
    -------
    records, positives, unknown (not met, and a criterion is missing), sensitivity, specificity.
    """
    verdicts = flags.astype("boolean")
    met = verdicts.fillna(False).any(axis=1).to_numpy(bool)
    unknown = verdicts.isna().any(axis=1).to_numpy(bool) & ~met
    return {
        "records": len(truth),
        "positives": int(truth.sum()),
        "unknown": int(unknown.sum()),
        "sensitivity": share(met[truth]),
        "specificity": share(~met[~truth]),
    }


def share(hits: Flags) -> dict[str, Any] | None:
    """Return a share with Wilson's 95% interval and its counts; None of nothing.

    Parameters
    ----------
    hits : shape (n,).
    """
    if not len(hits):
        return None
    low, high = curves.wilson(float(hits.sum()), len(hits))
    return {
        "value": float(hits.mean()), "low": low, "high": high,
        "hits": int(hits.sum()), "of": len(hits),
    }  # fmt: skip


def _read_by_record(findings: pd.DataFrame) -> tuple[dict[str, set[str]], set[str]]:
    """Return the keys of each record that was read, and the records that were read to the end."""
    coded = findings[findings["vocabulary"].isin(VOCABULARIES)]
    keys: dict[str, set[str]] = {}
    complete: set[str] = set()
    for (record, vocabulary), rows in coded.groupby(["record_id", "vocabulary"], sort=False):
        described = rows["description"].where(rows["description"].notna(), None)
        each = [
            Finding(str(vocabulary), str(code), (), words)
            for code, words in zip(rows["code"], described, strict=True)
        ]
        keys.setdefault(str(record), set()).update(map(code_vocabularies.finding_key, each))
        if described.notna().all():
            complete.add(str(record))
    return keys, complete


def _ranked(rules: pd.DataFrame, score: str) -> NDArray[np.float64]:
    """Return the measure, larger for the finding, shape (n,); NaN where it is not valid."""
    way, _, column = score.partition(" ")
    if column not in rules:
        return np.full(len(rules), np.nan)
    values = rules[column].to_numpy(np.float64, na_value=np.nan)
    if f"valid_{column}" in rules:
        values = np.where(rules[f"valid_{column}"].fillna(False).to_numpy(bool), values, np.nan)
    return -values if way == "low" else values


def _auroc(
    truth: Flags, ranked: NDArray[np.float64], patients: NDArray[np.str_]
) -> dict[str, float | None] | None:
    known = np.isfinite(ranked)
    truth, numbers = truth[known], np.unique(patients[known], return_inverse=True)[1]
    if min(len(np.unique(numbers[side])) for side in (truth, ~truth)) < MIN_CASES:
        return None
    areas = delong.areas(truth.astype(np.float64), ranked[known][None], numbers)
    value, sd = float(areas.values[0]), float(np.sqrt(areas.covariance[0, 0]))
    if sd < _NO_SPREAD:
        return {"value": value, "low": None, "high": None}
    low, high = max(value - curves.Z95 * sd, 0.0), min(value + curves.Z95 * sd, 1.0)
    return {"value": value, "low": low, "high": high}
