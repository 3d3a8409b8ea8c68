"""Patients into training, validation and test, or into folds, alike in everything that matters.

No patient is ever in two of them, nor are patients that may be one (`same_patient`), unless the
data set's own split separates them. Patients are assigned by iterative stratification (Sechidis K,
Tsoumakas G, Vlahavas I. On the stratification of multi-label data. ECML PKDD 2011) on the number
of records that each brings to every target, age group, lead configuration and sex, and then
swapped in pairs as long as that brings the parts closer to the whole.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from pedecg.core import age_groups, patient_keys
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.core.tables import SPLITS_IN_ORDER

# Swaps tried per pair of parts, and partners looked at in each. On cohorts of 300 to 12,000
# patients these divide the largest deviation by three or more; 1,000 gain 0.1 points at most.
_SWAPS = 300
_PARTNERS = 400  # patients of the other part that are tried for each swap: bounds the time


class SplitSettings(Section):
    """How patients are split."""

    seed: int = Field(ge=0, description="another seed is another split")
    source: Literal["stratified", "dataset"] = Field(
        description=(
            "stratified: by us; dataset: the data set's own split or fold column, e.g. "
            "PTB-XL's strat_fold"
        )
    )
    fractions: list[float] = Field(
        min_length=3, max_length=3, description="train, validation, test; of patients, sum 1"
    )
    age_edges_days: list[int] = Field(description="lower bounds of the age groups, days, ascending")
    train_folds: list[int] = Field(description="with source dataset: folds to train on")
    validation_folds: list[int] = Field(description="with source dataset: folds to validate on")
    test_folds: list[int] = Field(description="with source dataset: folds to test on")
    folds: int = Field(
        ge=0,
        le=100,
        description="0: fractions hold; from 2: cross-validation with this number of folds, each "
        "tested once",
    )
    fold: int = Field(ge=0, description="with folds: the one to test on, from 0")

    @field_validator("fractions")
    @classmethod
    def _sum_to_one(cls, fractions: list[float]) -> list[float]:
        found = " + ".join(f"{fraction:g}" for fraction in fractions)
        if min(fractions) <= 0:
            raise ValueError(f"must all be above 0 (found {found})")
        if abs(sum(fractions) - 1) > 1e-6:
            raise ValueError(f"must sum to 1 (found {found} = {sum(fractions):g})")
        return fractions

    @field_validator("age_edges_days")
    @classmethod
    def _ascending(cls, edges: list[int]) -> list[int]:
        if edges != sorted(set(edges)) or (edges and edges[0] <= 0):
            raise ValueError(f"must ascend from above 0 (found {edges})")
        return edges

    @model_validator(mode="after")
    def _a_fold_has_one_use(self) -> "SplitSettings":
        folds = [*self.train_folds, *self.validation_folds, *self.test_folds]
        twice = sorted({fold for fold in folds if folds.count(fold) > 1})
        if twice:
            raise ValueError(f"names fold {twice[0]} in two of its lists; a fold has one use")
        return self

    @model_validator(mode="after")
    def _a_fold_of_folds(self) -> "SplitSettings":
        if self.folds == 1:
            raise ValueError("folds must be 0, or 2 and more (found 1)")
        if self.fold >= max(self.folds, 1):
            raise ValueError(f"fold must be below folds, which is {self.folds} (found {self.fold})")
        if self.folds and self.source == "dataset":
            raise ValueError("folds asks for source stratified; the data set has its own folds")
        return self


def by_patient(
    records: pd.DataFrame, labels: pd.DataFrame, settings: SplitSettings
) -> pd.DataFrame:
    """Assign every record to train, validation or test; all records of a patient together.

    Returns
    -------
    The table `pedecg.core.tables.SPLITS`, in the order of the records.

    Raises
    ------
    PedecgError
        A patient in two splits, a record without a fold, or a split without a patient.
    """
    if settings.source == "dataset":
        split = _of_dataset(records, settings)
    elif settings.folds:
        split = _of_one_fold(records, labels, settings)
    else:
        part = _assign(records, labels, settings.fractions, settings.seed, settings.age_edges_days)
        split = np.array(SPLITS_IN_ORDER, dtype=object)[part]
    assignment = records[["record_id", "patient_id"]].assign(split=split)
    _assert_disjoint(assignment)
    return assignment


def folds(
    records: pd.DataFrame,
    labels: pd.DataFrame,
    n_folds: int,
    seed: int,
    age_edges_days: Sequence[int],
) -> pd.Series:
    """Assign every record to one of `n_folds` folds of equal size, by the same algorithm.

    Returns
    -------
    Fold from 0 per record, indexed by ``record_id``, in the order of the records.
    """
    part = _assign(records, labels, [1 / n_folds] * n_folds, seed, age_edges_days)
    return pd.Series(part, index=pd.Index(records["record_id"], name="record_id"), name="fold")


def share(
    records: pd.DataFrame,
    labels: pd.DataFrame,
    fraction: float,
    seed: int,
    age_edges_days: Sequence[int],
) -> NDArray[np.bool_]:
    """Choose a fraction of the patients that is like all of them, by the same algorithm.

    Parameters
    ----------
    fraction : above 0 and below 1; the number of patients is rounded, and may be 0.

    Returns
    -------
    Shape (n_records,), true for the records of chosen patients.
    """
    if records["patient_id"].nunique() < 2:  # too few to divide
        return np.full(len(records), fraction >= 0.5)
    parts = [fraction, 1 - fraction]
    return np.asarray(_assign(records, labels, parts, seed, age_edges_days) == 0)


def balance_table(
    assignment: pd.DataFrame,
    records: pd.DataFrame,
    labels: pd.DataFrame,
    age_edges_days: Sequence[int],
) -> pd.DataFrame:
    """Return how each split differs from the whole, a row per split and attribute.

    Returns
    -------
    Columns ``group`` (target, age, leads, sex), ``value``, ``split``, ``records`` (that have the
    value), ``share`` (of the split's records where it is known), ``share_of_all`` and
    ``deviation`` (the difference of the two shares).
    """
    traits, known = _traits(records, labels, age_edges_days)
    split = assignment.set_index("record_id")["split"].loc[records["record_id"]].to_numpy()
    rows = []
    for name, counts, of in zip(traits.columns, traits.to_numpy().T, known.T, strict=True):
        whole = counts.sum() / max(of.sum(), 1)
        for part in SPLITS_IN_ORDER:
            inside = split == part
            share = counts[inside].sum() / of[inside].sum() if of[inside].any() else np.nan
            rows.append((*name, part, int(counts[inside].sum()), share, whole, share - whole))
    columns = ["group", "value", "split", "records", "share", "share_of_all", "deviation"]
    return pd.DataFrame(rows, columns=columns)


def balance(assignment: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
    """Sum up a `balance_table`: sizes, positives, and the largest deviation and where it is."""
    known = table.dropna(subset=["deviation"])
    worst = known.sort_values("deviation", key=abs, ascending=False, kind="stable").iloc[0]
    targets = table[table["group"] == "target"]
    everyone = assignment["patient_id"].nunique()
    parts: dict[str, Any] = {}
    for part in SPLITS_IN_ORDER:
        inside = assignment[assignment["split"] == part]
        positives = targets[targets["split"] == part]
        parts[part] = {
            "patients": inside["patient_id"].nunique(),
            "records": len(inside),
            "share_of_patients": inside["patient_id"].nunique() / everyone,
            "positives": dict(zip(positives["value"], positives["records"], strict=True)),
        }
    return {
        "largest_deviation": abs(worst["deviation"]),
        "largest_deviation_at": f"{worst['split']}, {worst['group']} {worst['value']}",
        "largest_target_deviation": targets["deviation"].abs().max(),
        **parts,
    }


def _of_one_fold(
    records: pd.DataFrame, labels: pd.DataFrame, settings: SplitSettings
) -> NDArray[np.object_]:
    """Test on one fold; the others are for training and validation, as their fractions are."""
    edges = settings.age_edges_days
    tested = folds(records, labels, settings.folds, settings.seed, edges).to_numpy()
    split = np.full(len(records), SPLITS_IN_ORDER[2], dtype=object)
    rest = tested != settings.fold
    learnt = np.asarray(settings.fractions[:2]) / sum(settings.fractions[:2])
    part = _assign(records[rest], labels, list(learnt), settings.seed, edges)
    split[rest] = np.array(SPLITS_IN_ORDER, dtype=object)[part]
    return split


def _of_dataset(records: pd.DataFrame, settings: SplitSettings) -> NDArray[np.object_]:
    """Take the data set's own split, or its folds by the settings' lists."""
    if records["source_split"].notna().any():
        column = "source_split"
        use: dict[Any, str] = {split: split for split in SPLITS_IN_ORDER}
    else:
        lists = (settings.train_folds, settings.validation_folds, settings.test_folds)
        column = "fold"
        use = {
            fold: split
            for split, members in zip(SPLITS_IN_ORDER, lists, strict=True)
            for fold in members
        }
    split = records[column].map(use)
    if split.isna().any():
        row = records[split.isna().to_numpy()].iloc[0]
        raise PedecgError(
            f"records.parquet: {column} of {row['record_id']} is {row[column]}; expected one of "
            f"{', '.join(map(str, use))} (split.source is dataset)"
        )
    return split.to_numpy(object)


def _assert_disjoint(assignment: pd.DataFrame) -> None:
    patients = assignment.drop_duplicates(["patient_id", "split"])
    twice = patients[patients.duplicated("patient_id")]
    if len(twice):
        patient = twice["patient_id"].iloc[0]
        found = sorted(patients.loc[patients["patient_id"] == patient, "split"])
        raise PedecgError(
            f"split: patient {patient} is in {' and '.join(found)}"
            f" ({len(twice)} such patients); expected every patient in one split"
        )
    for split in SPLITS_IN_ORDER:
        if split not in set(patients["split"]):
            raise PedecgError(f"split: no patient in {split}; {len(patients)} patients in all")


def _traits(
    records: pd.DataFrame, labels: pd.DataFrame, age_edges_days: Sequence[int]
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Return what each record shows, 0 or 1 per (group, value), and where that is known."""
    aligned = labels.set_index("record_id").loc[records["record_id"]]
    shown: dict[tuple[str, str], NDArray[np.int64]] = {}
    known: list[NDArray[np.bool_]] = []
    for target in aligned.columns:
        shown["target", target] = aligned[target].fillna(0).to_numpy(np.int64)
        known.append(aligned[target].notna().to_numpy(bool))
    attributes = {
        "age": age_groups.assign(records["age_days"], age_edges_days),
        "leads": (records["leads"].str.count(" ") + 1).astype("string"),
        "sex": records["sex"].fillna(age_groups.UNKNOWN),
    }
    for group, column in attributes.items():
        for value in sorted(column.unique()):
            shown[group, value] = np.asarray(column == value, np.int64)
            known.append(np.ones(len(records), bool))
    return pd.DataFrame(shown), np.array(known).T


def _assign(
    records: pd.DataFrame,
    labels: pd.DataFrame,
    fractions: Sequence[float],
    seed: int,
    age_edges_days: Sequence[int],
) -> NDArray[np.int64]:
    """Return the part of every record; the order of the records makes no difference."""
    traits, known = _traits(records, labels, age_edges_days)
    partly_known = known[:, ~known.all(axis=0)].astype(np.int64)
    per_record = np.column_stack([traits, partly_known, np.ones(len(records), np.int64)])
    names, patient = np.unique(patient_keys.of(records).to_numpy(str), return_inverse=True)
    if len(names) < len(fractions):
        raise PedecgError(f"split: {len(names)} patients cannot fill {len(fractions)} parts")
    per_patient = np.zeros((len(names), per_record.shape[1]))
    np.add.at(per_patient, patient, per_record)
    several = per_patient[:, -1] > 1
    weights = np.column_stack([per_patient, several])
    rng = np.random.default_rng(seed)
    share = np.asarray(fractions, np.float64)
    part: NDArray[np.int64] = _swap(weights, share, _stratify(weights, share, rng), rng)[patient]
    return part


def _stratify(
    weights: NDArray[np.float64], share: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Assign each row to a part: rarest trait first, to the part that still wants most of it.

    Parameters
    ----------
    weights : shape (n_patients, n_traits), how much of each trait a patient brings, >= 0; every
        patient brings some of at least one.
    share : shape (n_parts,), sums to 1; each part gets its share of patients within one.
    """
    wanted = np.outer(share, weights.sum(axis=0))
    room = _whole_numbers(share, len(weights))
    part = np.full(len(weights), -1, np.int64)
    order = rng.permutation(len(weights))
    while (part < 0).any():
        left = np.count_nonzero(weights[part < 0] > 0, axis=0)
        rarest = int(np.where(left > 0, left, len(weights) + 1).argmin())
        for patient in order[(weights[order, rarest] > 0) & (part[order] < 0)]:
            best = int(np.where(room > 0, wanted[:, rarest], -np.inf).argmax())
            part[patient] = best
            wanted[best] -= weights[patient]
            room[best] -= 1
    return part


def _swap(
    weights: NDArray[np.float64],
    share: NDArray[np.float64],
    part: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Swap patients between parts while that lowers the squared surplus, summed over traits.

    A trait's surplus is weighed by one over its frequency, so that a rare disease counts as much
    as a common one. Swaps keep the number of patients in each part.
    """
    part = part.copy()
    total = weights.sum(axis=0)
    scale = 1 / np.maximum(total, 1)
    surplus = np.stack([weights[part == k].sum(axis=0) for k in range(len(share))])
    surplus -= np.outer(share, total)
    pairs = [(a, b) for a in range(len(share)) for b in range(a + 1, len(share))]
    for _ in range(_SWAPS):
        for a, b in pairs:
            leaves = rng.choice(np.flatnonzero(part == a))
            partners = rng.permutation(np.flatnonzero(part == b))[:_PARTNERS]
            moved = weights[partners] - weights[leaves]
            before = surplus[a] ** 2 / share[a] + surplus[b] ** 2 / share[b]
            after = (surplus[a] + moved) ** 2 / share[a] + (surplus[b] - moved) ** 2 / share[b]
            gain = ((before - after) * scale).sum(axis=1)
            best = int(gain.argmax())
            if gain[best] > 1e-9:
                part[leaves], part[partners[best]] = b, a
                surplus[a] += moved[best]
                surplus[b] -= moved[best]
    return part


def _whole_numbers(share: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Share `n` things out by largest remainder; nobody goes without where `n` suffices."""
    exact = share * n
    given = np.maximum(np.floor(exact).astype(np.int64), 1)
    while given.sum() > n:
        given[(given - exact).argmax()] -= 1
    while given.sum() < n:
        given[(exact - given).argmax()] += 1
    return given
