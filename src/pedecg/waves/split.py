"""Which labelled records the delineator learns from, and which are kept apart."""

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from pedecg import params, tables
from pedecg.errors import PedecgError
from pedecg.params import Section

LEARNT_FROM = "train"
HELD_OUT = "test"


class Settings(Section):
    """Section `split` of the delineation pipeline."""

    seed: int = Field(description="any integer; another seed is another split", ge=0)
    fractions: list[float] = Field(
        description="training, validation, test; of each source's records; sum 1"
    )
    held_out: dict[str, list[str | int]] = Field(
        description="records that are always in test, source: names; the fractions divide the rest"
    )

    @field_validator("fractions")
    @classmethod
    def _sum_to_one(cls, value: list[float]) -> list[float]:
        if len(value) != len(tables.SPLITS_IN_ORDER) or abs(sum(value) - 1) > 1e-6:
            raise ValueError(f"must be three numbers of sum 1 (found {value})")
        if min(value) < 0:
            raise ValueError(f"must not be below 0 (found {value})")
        return value


def by_record(records: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Put records into training, validation and test, each source by the same fractions.

    Returns
    -------
    Columns of `tables.SPLITS`; these data sets have one patient per record as far as they say.

    Raises
    ------
    PedecgError
        A record to be held out is not there, though its source is.
    """
    rng = np.random.default_rng(settings.seed)
    edges = np.cumsum(settings.fractions)[:-1]
    parts = []
    for source, rows in records.groupby("source"):
        ids = rows["record_id"].astype(str)
        apart = ids.isin(_held_out(str(source), set(ids), settings)).to_numpy()
        place = np.zeros(len(rows))
        place[~apart] = (rng.permutation((~apart).sum()) + 0.5) / max((~apart).sum(), 1)
        names = np.array(tables.SPLITS_IN_ORDER, dtype=object)
        split = np.where(apart, HELD_OUT, names[np.searchsorted(edges, place)])
        parts.append(pd.DataFrame({"record_id": ids, "patient_id": ids, "split": split}))
    return pd.concat(parts, ignore_index=True)


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
