"""Criteria against the statements of PTB-XL's cardiologists: sensitivity and specificity.

Every record is measured as the stages `preprocess`, `delineate` and `rule_features` of the root
pipeline do, at 500 Hz where that file is there, and judged by the limits and thresholds for its age
and sex: PTB-XL's patients are adults.
"""

import ast
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pedecg.benchmarks import vendor_agreement
from pedecg.cohorts import csv_table
from pedecg.cohorts.formats import wfdb_files
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core import age_text, parallel
from pedecg.core.errors import PedecgError
from pedecg.core.records import EcgRecord
from pedecg.evaluation import reader_agreement
from pedecg.rules import criteria, criterion_logic, norms, rule_features

TABLE = "ptbxl_database.csv"
COLUMNS = ("ecg_id", "age", "sex", "scp_codes", "filename_lr", "filename_hr")
HIDDEN_AGE = 300.0  # years; stands for "over 89"
SHOWN_AGE = 90.0  # years, for those: any adult limit is the same
SEXES = {"0": "male", "1": "female"}
GAIN = 1000.0  # counts per mV of a file that states none; PTB-XL's state it


@dataclass(frozen=True)
class Comparison:
    """One finding: the statements of the readers, and the criteria that say the same.

    Attributes
    ----------
    statements : any of these codes is a positive record.
    criteria : any of these criteria that is met is a positive answer.
    """

    name: str
    statements: tuple[str, ...]
    criteria: tuple[str, ...]


COMPARISONS = (
    Comparison("first-degree AV block", ("1AVB",), ("first_degree_block",)),
    Comparison("second-degree AV block", ("2AVB",), ("second_degree_block",)),
    Comparison("third-degree AV block", ("3AVB",), ("complete_block",)),
    Comparison("right bundle branch block", ("CRBBB",), ("rbbb",)),
    Comparison("incomplete right bundle branch block", ("IRBBB",), ("incomplete_rbbb",)),
    Comparison("left bundle branch block", ("CLBBB",), ("lbbb",)),
    Comparison("pre-excitation", ("WPW",), ("pre_excitation",)),
    Comparison(
        "atrial fibrillation or flutter",
        ("AFIB", "AFLT"),
        ("atrial_fibrillation", "atrial_flutter"),
    ),
    Comparison("atrial fibrillation", ("AFIB",), ("atrial_fibrillation",)),
    Comparison("atrial flutter", ("AFLT",), ("atrial_flutter",)),
    Comparison(
        "supraventricular tachycardia", ("SVTAC", "PSVT"), ("supraventricular_tachycardia",)
    ),
    Comparison(
        "ventricular premature beats", ("PVC", "BIGU", "TRIGU"), ("ventricular_premature_beats",)
    ),
    Comparison("bigeminy", ("BIGU",), ("bigeminy",)),
    Comparison("trigeminy", ("TRIGU",), ("trigeminy",)),
    Comparison("atrial premature beats", ("PAC",), ("atrial_premature_beats",)),
    Comparison("paced rhythm", ("PACE",), ("paced",)),
    Comparison("tachycardia of any kind", ("STACH", "SVTAC", "PSVT"), ("tachycardia",)),
    Comparison("sinus tachycardia", ("STACH",), ("sinus_tachycardia",)),
    Comparison("sinus bradycardia", ("SBRAD",), ("sinus_bradycardia",)),
    Comparison("sinus arrhythmia", ("SARRH",), ("sinus_arrhythmia",)),
    Comparison("long QT", ("LNGQT",), ("long_qtc",)),
    Comparison("left anterior fascicular block", ("LAFB",), ("left_anterior_block",)),
    Comparison(
        "left anterior fascicular block, or possible",
        ("LAFB",),
        ("left_anterior_block", "possible_left_anterior_block"),
    ),
    Comparison("left posterior fascicular block", ("LPFB",), ("left_posterior_block",)),
    Comparison(
        "Q waves or infarction",
        ("QWAVE", "IMI", "AMI", "ASMI", "ALMI", "ILMI", "LMI", "PMI", "IPMI", "IPLMI"),
        ("pathological_q",),
    ),
    Comparison("left ventricular hypertrophy", ("LVH",), ("lvh",)),
    Comparison("right ventricular hypertrophy", ("RVH",), ("rvh",)),
)


def judged(
    row: dict[str, str], root: Path, by: vendor_agreement.Measurement, limits: norms.Limits
) -> dict[str, Any] | str:
    """Measure and judge one record; return why where it cannot be read.

    Returns
    -------
    ecg_id, codes (tuple), fs_hz of the file, ``rule_<criterion>`` (True, False or None).
    """
    file = next(
        (root / row[name] for name in ("filename_hr", "filename_lr")
         if (root / f"{row[name]}.hea").is_file()), None,
    )  # fmt: skip
    if file is None:
        return f"{row['ecg_id']}: no signal; expected {row['filename_hr']}.hea below {root}"
    try:
        record = _read(file)
    except RecordFault as fault:
        return f"{row['ecg_id']}: {fault.reason}: {fault.detail}"
    measures = rule_features.possible(vendor_agreement.measured(record, by))
    child = criterion_logic.MeasuredChild(
        measures, _age_days(row["age"]), SEXES.get(row["sex"].removesuffix(".0")), limits
    )
    verdicts = criteria.judge(child)
    return {
        "ecg_id": row["ecg_id"],
        "codes": tuple(_codes(row)),
        "fs_hz": record.fs_hz,
        **{f"rule_{name}": verdict.met for name, verdict in verdicts.items()},
    }


def judge_all(
    root: Path, by: vendor_agreement.Measurement, limits: norms.Limits
) -> tuple[pd.DataFrame, list[str]]:
    """Judge every record of PTB-XL that has a signal; return the rows and a line for each other.

    Raises
    ------
    PedecgError
        The table is absent or a column of it, or no record has a signal.
    """
    rows = csv_table.read(root / TABLE, COLUMNS)
    one = partial(judged, root=root, by=by, limits=limits)
    results = list(parallel.records(one, rows, "judge"))
    found = [result for result in results if not isinstance(result, str)]
    if not found:
        raise PedecgError(f"{root}: no signal of {TABLE} found; expected records500 or records100")
    return pd.DataFrame(found), [result for result in results if isinstance(result, str)]


def agreement(judged_records: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return sensitivity and specificity of each comparison, with Wilson's 95% intervals.

    A criterion that cannot be determined counts as not met, so that a missing measure costs
    sensitivity; how often that is stands in ``unknown``. A comparison without a criterion in this
    version is left out, one without a positive record has a specificity alone.

    Parameters
    ----------
    judged_records : as `judge_all` returns it.
    """
    table = {}
    for comparison in COMPARISONS:
        columns = [f"rule_{name}" for name in comparison.criteria]
        columns = [name for name in columns if name in judged_records]
        if not columns:
            continue
        wanted = set(comparison.statements)
        positive = np.array([bool(wanted & set(codes)) for codes in judged_records["codes"]])
        table[comparison.name] = {
            "statements": list(comparison.statements),
            "criteria": [name.removeprefix("rule_") for name in columns],
            **reader_agreement.against(positive, judged_records[columns]),
        }
    return table


def _codes(row: dict[str, str]) -> list[str]:
    try:
        return list(dict(ast.literal_eval(row["scp_codes"])))
    except (ValueError, SyntaxError, TypeError):
        raise PedecgError(
            f"{TABLE}: {row['ecg_id']}: scp_codes must be a dictionary "
            f"(found {row['scp_codes'][:60]!r})"
        ) from None


def _age_days(cell: str) -> float | None:
    if not cell:
        return None
    try:
        years = float(cell)
    except ValueError:
        raise PedecgError(f"{TABLE}: age must be a number of years (found {cell!r})") from None
    years = SHOWN_AGE if years == HIDDEN_AGE else years
    return years * age_text.DAYS_PER_YEAR


def _read(file: Path) -> EcgRecord:
    record = wfdb_files.read_channels(file.parent, file.name, GAIN).record
    if not record.leads:
        raise RecordFault("no-lead", f"{file.name}: {', '.join(record.other_channels)}")
    return record


def table_lines(agreement_: dict[str, dict[str, Any]]) -> list[str]:
    """Return the lines of a Markdown table, one finding a line."""
    lines = [
        "| Finding | Statements | Positive | Sensitivity (95% interval) | "
        "Specificity (95% interval) | Unknown |",
        "|---|---|---:|---|---|---:|",
    ]
    for name, row in agreement_.items():
        shares = (
            "none" if row[key] is None
            else f"{row[key]['value']:.2f} ({row[key]['low']:.2f}-{row[key]['high']:.2f})"
            for key in ("sensitivity", "specificity")
        )  # fmt: skip
        statements = ", ".join(row["statements"])
        lines.append(
            f"| {name} | {statements} | {row['positives']} | {' | '.join(shares)} | "
            f"{row['unknown']} |"
        )
    return lines
