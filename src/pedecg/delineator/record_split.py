"""Which labelled records the delineator learns from, and which are kept apart."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from pedecg.core import params, tables
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section

LEARNT_FROM = "train"
HELD_OUT = "test"


class Settings(Section):
    """Section `split` of the delineation pipeline."""

    seed: int = Field(description="another seed is another split", ge=0)
    fractions: list[float] = Field(
        description="training, validation, test; of each source's records; sum 1"
    )
    folds: int = Field(
        ge=0,
        le=100,
        description="0: fractions hold; from 2: cross-validation with this number of folds, each "
        "tested once",
    )
    fold: int = Field(ge=0, description="with folds: the one to test on, from 0")
    held_out: dict[str, list[str | int]] = Field(
        description=(
            "records that are always in test, e.g. {ludb: [1, 8], qtdb: [sel301]}; the "
            "fractions divide the rest"
        )
    )

    @field_validator("fractions")
    @classmethod
    def _sum_to_one(cls, value: list[float]) -> list[float]:
        if len(value) != len(tables.SPLITS_IN_ORDER) or abs(sum(value) - 1) > 1e-6:
            raise ValueError(f"must be three numbers of sum 1 (found {value})")
        if min(value) < 0:
            raise ValueError(f"must not be below 0 (found {value})")
        return value

    @model_validator(mode="after")
    def _a_fold_of_folds(self) -> "Settings":
        if self.folds == 1:
            raise ValueError("folds must be 0, or 2 and more (found 1)")
        if self.fold >= max(self.folds, 1):
            raise ValueError(f"fold must be below folds, which is {self.folds} (found {self.fold})")
        return self


def by_record(records: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Put patients into training, validation and test, each source by the same fractions.

    Returns
    -------
    Columns of `tables.SPLITS`; the published data sets have one patient per record as far as they
    say. All records of a patient of whom one is held out are in the test set.

    Raises
    ------
    PedecgError
        A record to be held out is not there, though its source is.
    """
    rng = np.random.default_rng(settings.seed)
    parts = []
    for source, rows in records.groupby("source"):
        ids = rows["record_id"].astype(str)
        patients = rows["patient_id"].astype(str)
        apart = set(patients[ids.isin(_held_out(str(source), set(ids), settings))])
        rest = [one for one in patients.drop_duplicates() if one not in apart]
        split_of = dict(zip(rest, _divided(rng.permutation(len(rest)), settings), strict=True))
        split = patients.map(split_of).fillna(HELD_OUT)
        parts.append(pd.DataFrame({"record_id": ids, "patient_id": patients, "split": split}))
    return pd.concat(parts, ignore_index=True)


def _divided(order: NDArray[np.int64], settings: Settings) -> NDArray[np.object_]:
    """Return the split of each record by its place in a random order, 0 to n - 1."""
    split = np.full(len(order), HELD_OUT, dtype=object)
    rest, fractions = np.ones(len(order), bool), np.asarray(settings.fractions)
    if settings.folds:
        rest = order * settings.folds // max(len(order), 1) != settings.fold
        fractions = fractions[:2] / fractions[:2].sum()
    place = (order[rest].argsort().argsort() + 0.5) / max(rest.sum(), 1)
    names = np.array(tables.SPLITS_IN_ORDER, dtype=object)
    split[rest] = names[np.searchsorted(np.cumsum(fractions)[:-1], place)]
    return split


def not_learnt_from(splits: pd.DataFrame) -> dict[str, list[str]]:
    """Return the records outside the training split, names by source, in the order of the table."""
    others = splits.loc[splits["split"] != LEARNT_FROM, "record_id"]
    pairs = [record_id.split("/", 1) for record_id in others.astype(str)]
    sources = sorted({source for source, _ in pairs})
    return {one: [name for source, name in pairs if source == one] for one in sources}


def _held_out(source: str, there: set[str], settings: Settings) -> list[str]:
    names = [str(name) for name in settings.held_out.get(source, [])]
    for name in names:
        if f"{source}/{name}" not in there:
            hint = params.did_you_mean(name, [one.removeprefix(f"{source}/") for one in there])
            raise PedecgError(f"split.held_out.{source}: no record {name!r}{hint[:200]}")
    return [f"{source}/{name}" for name in names]
