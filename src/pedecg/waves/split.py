"""Which labelled records the delineator learns from, and which are kept apart."""

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from pedecg import tables
from pedecg.params import Section


class Settings(Section):
    """Section `split` of the delineation pipeline."""

    seed: int = Field(description="any integer; another seed is another split", ge=0)
    fractions: list[float] = Field(
        description="training, validation, test; of each source's records; sum 1"
    )

    @field_validator("fractions")
    @classmethod
    def _sum_to_one(cls, value: list[float]) -> list[float]:
        if len(value) != len(tables.SPLITS_IN_ORDER) or abs(sum(value) - 1) > 1e-6:
            raise ValueError(f"must be three numbers of sum 1 (found {value})")
        return value


def by_record(records: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Put records into training, validation and test, each source by the same fractions.

    Returns
    -------
    Columns of `tables.SPLITS`; these data sets have one patient per record as far as they say.
    """
    rng = np.random.default_rng(settings.seed)
    edges = np.cumsum(settings.fractions)[:-1]
    parts = []
    for _, rows in records.groupby("source"):
        place = (rng.permutation(len(rows)) + 0.5) / len(rows)
        name = np.array(tables.SPLITS_IN_ORDER, dtype=object)[np.searchsorted(edges, place)]
        parts.append(
            pd.DataFrame(
                {"record_id": rows["record_id"], "patient_id": rows["record_id"], "split": name}
            )
        )
    return pd.concat(parts, ignore_index=True)
