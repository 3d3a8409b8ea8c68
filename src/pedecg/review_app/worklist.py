"""The cases of a review: label candidates, a model's mistakes, or any list of records."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pedecg.cohorts import csv_table
from pedecg.core import tables
from pedecg.core.errors import PedecgError

CANDIDATES = Path("data/review/candidates.parquet")
MISTAKES = Path("data/errors/mistakes.csv")


@dataclass(frozen=True)
class Item:
    """One question: whether this record shows this target.

    Attributes
    ----------
    rank : 1 is shown first.
    given : the recorded label; None where it is unknown.
    probability : of a model, where the source of the case states one.
    model : which probability that is, in words; "" without one.
    """

    rank: int
    record_id: str
    label: str
    patient_id: str
    given: int | None
    probability: float | None = None
    model: str = ""

    @property
    def case(self) -> tuple[str, str]:
        """The key of its answers."""
        return self.record_id, self.label


class Worklist:
    """The items in order of rank, and the cohort's targets and recorded labels."""

    def __init__(self, items: Sequence[Item], labels: pd.DataFrame) -> None:
        self.items = tuple(items)
        self.targets = tuple(name for name in labels.columns if name != "record_id")
        self._given = labels.set_index("record_id")
        self._number = {item.case: number for number, item in enumerate(self.items)}

    def number(self, case: tuple[str, str]) -> int | None:
        """Return the position of a case, from 0; None where it is not in the list."""
        return self._number.get(case)

    def given(self, record_id: str) -> dict[str, int | None]:
        """Return the recorded label of every target of a record; None where it is unknown."""
        row = self._given.loc[record_id]
        return {target: None if pd.isna(row[target]) else int(row[target]) for target in row.index}


def from_candidates(
    labels: pd.DataFrame, records: pd.DataFrame, at_most: int, path: Path = CANDIDATES
) -> Worklist:
    """Return the first candidates of the stage noise_review.

    Raises
    ------
    PedecgError
        In one line: the file is absent, or a record is not in the cohort.
    """
    ranked = tables.read(path, tables.CANDIDATES).sort_values("rank").head(at_most)
    rows = [
        (record_id, label, float(probability))
        for record_id, label, probability in zip(
            ranked["record_id"], ranked["label"], ranked["probability"], strict=True
        )
    ]
    return _worklist(rows, "out-of-fold model", labels, records, str(path))


def from_mistakes(
    labels: pd.DataFrame, records: pd.DataFrame, at_most: int, path: Path = MISTAKES
) -> Worklist:
    """Return a model's most confident mistakes, as the stage error_review lists them.

    The most confident mistake of each target and kind comes first, then the second of each.
    """
    lines = csv_table.read(path, ["record_id", "target", "rank", "probability"])
    ranked = []
    for number, line in enumerate(lines, start=2):
        probability = _number(line["probability"], path, "probability", number)
        ranked.append(
            (_number(line["rank"], path, "rank", number), line["record_id"], line["target"],
             probability)
        )  # fmt: skip
    ranked.sort(key=lambda row: row[0])
    rows = [row[1:] for row in ranked[:at_most]]
    return _worklist(rows, "explained model", labels, records, str(path))


def from_list(
    labels: pd.DataFrame,
    records: pd.DataFrame,
    at_most: int,
    path: Path,
    label: str | None = None,
) -> Worklist:
    """Return the records of a CSV: ``record_id``, and ``label`` unless one target is given for all.

    A column ``probability`` is optional.
    """
    lines = csv_table.read(path, ["record_id"])
    if label is None and lines and "label" not in lines[0]:
        targets = ", ".join(name for name in labels.columns if name != "record_id")
        raise PedecgError(
            f"{path}: no column label; add it, or ask one target of all records with --label "
            f"({targets})"
        )
    rows = []
    for number, line in enumerate(lines[:at_most], start=2):
        text = line.get("probability", "")
        probability = _number(text, path, "probability", number) if text else None
        rows.append((line["record_id"], label or line["label"], probability))
    return _worklist(rows, "model", labels, records, str(path))


def _worklist(
    rows: Sequence[tuple[str, str, float | None]],
    model: str,
    labels: pd.DataFrame,
    records: pd.DataFrame,
    place: str,
) -> Worklist:
    known = Worklist([], labels)
    patients = dict(zip(records["record_id"], records["patient_id"], strict=True))
    recorded = set(labels["record_id"]) & set(patients)
    items: dict[tuple[str, str], Item] = {}
    for record_id, label, probability in rows:
        if record_id not in recorded:
            raise PedecgError(f"{place}: record {record_id} is not in this cohort")
        if label not in known.targets:
            raise PedecgError(
                f"{place}: label {label!r} is not a target; targets are {', '.join(known.targets)}"
            )
        if probability is not None and not 0 <= probability <= 1:
            raise PedecgError(
                f"{place}: probability {probability:g} of {record_id}; expected 0 to 1"
            )
        if (record_id, label) not in items:
            items[record_id, label] = Item(
                rank=len(items) + 1,
                record_id=record_id,
                label=label,
                patient_id=str(patients[record_id]),
                given=known.given(record_id)[label],
                probability=probability,
                model=model if probability is not None else "",
            )
    if not items:
        raise PedecgError(f"{place}: no record in it; expected at least one")
    return Worklist(list(items.values()), labels)


def _number(text: str, path: Path, column: str, line: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise PedecgError(f"{path} line {line}: {column} {text!r}; expected a number") from None
