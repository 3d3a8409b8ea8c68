"""What reviewers decided about suspect labels: ``labels/decisions.csv``, kept in git.

Columns: record_id, label (a target), decision (keep, flip or unknown), reviewer, reason.
"""

from collections.abc import Collection
from pathlib import Path

import pandas as pd
from pydantic import Field

from pedecg.cohorts import csv_table
from pedecg.core import params
from pedecg.core.errors import PedecgError

COLUMNS = ["record_id", "label", "decision", "reviewer", "reason"]
DECISIONS = ("keep", "flip", "unknown")
FILE = Path("labels/decisions.csv")


class LabelSettings(params.Section):
    """Section `labels`."""

    use_decisions: bool = Field(
        description="true: apply labels/decisions.csv to the labels of training and validation "
        "records"
    )
    not_from_ecg: list[str] = Field(
        description="targets determined by echocardiography, serology or another test: a review of "
        "the ECG may set such a label to unknown but not flip it"
    )


def apply(
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    path: Path = FILE,
    not_from_ecg: Collection[str] = (),
) -> pd.DataFrame:
    """Return the table LABELS with the decisions on training and validation records applied.

    ``keep`` changes nothing, ``flip`` inverts a label, ``unknown`` makes it null. A decision on a
    test record is left alone: the test set keeps the recorded labels, for every model alike.

    Parameters
    ----------
    not_from_ecg : see `LabelSettings`.

    Raises
    ------
    PedecgError
        The file, line and what is wrong: unknown record, target or decision, a decision made
        twice, or a flip of a label that is unknown or that the ECG does not decide.
    """
    decided = read(path)
    cleaned = labels.set_index("record_id")
    split = dict(zip(splits["record_id"], splits["split"], strict=True))
    rows = zip(decided["record_id"], decided["label"], decided["decision"], strict=True)
    for line, (record_id, target, decision) in enumerate(rows, start=2):
        place = f"{path} line {line}"
        if record_id not in split or record_id not in cleaned.index:
            raise PedecgError(f"{place}: record {record_id} is not in this cohort's splits")
        if target not in cleaned.columns:
            targets = ", ".join(cleaned.columns)
            raise PedecgError(f"{place}: label {target!r} is not a target; targets are {targets}")
        if decision == "flip" and target in not_from_ecg:
            raise PedecgError(
                f"{place}: {target} is not decided by the ECG (labels.not_from_ecg), found flip; "
                "expected keep or unknown"
            )
        if split[record_id] == "test" or decision == "keep":
            continue
        column, row = cleaned[target], cleaned.index == record_id
        if decision == "flip" and column[row].isna().all():
            raise PedecgError(f"{place}: {target} of {record_id} is unknown; it cannot be flipped")
        cleaned[target] = column.mask(row, pd.NA if decision == "unknown" else 1 - column)
    return cleaned.reset_index()


def read(path: Path = FILE) -> pd.DataFrame:
    """Read the decisions, all columns as text, and check their form.

    Further columns are left out: a reviewer may copy rows of ``candidates.csv`` as they are.
    """
    rows = csv_table.read(path, COLUMNS)
    decided = pd.DataFrame(rows, columns=COLUMNS, dtype="string")
    for line, word in enumerate(decided["decision"], start=2):
        if word not in DECISIONS:
            raise PedecgError(
                f"{path} line {line}: decision must be {', '.join(DECISIONS)} (found {word!r})"
            )
    twice = decided.duplicated(["record_id", "label"])
    if twice.any():
        row = decided[twice].iloc[0]
        raise PedecgError(f"{path}: two decisions on {row['label']} of {row['record_id']}")
    return decided
