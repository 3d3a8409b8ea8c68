"""Where labelled records come from: published data sets and simulated children."""

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from pedecg import parallel, tables
from pedecg.errors import PedecgError
from pedecg.params import Section
from pedecg.records import LEADS
from pedecg.simulation import at_rate
from pedecg.waves import annotations, library
from pedecg.waves.annotations import Labelled

# A file that only this kind of folder holds -> its reader.
_KINDS = {
    "*.ii": annotations.read_ludb,
    "*.q1c": annotations.read_qtdb,
    "signals.f32": library.read,
    "*.csv": annotations.read_isp,
}


class SplitSettings(Section):
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


def simulated(settings: at_rate.Settings) -> Iterator[Labelled]:
    """Yield simulated children with their true waves, the same marks for every lead."""
    one = functools.partial(at_rate.simulate, settings=settings)
    for child in parallel.records(one, range(settings.records), "simulate"):
        yield Labelled(
            f"simulated/{child.record_id}",
            "simulated",
            child.signal_mv,
            at_rate.FS_HZ,
            LEADS,
            (annotations.marks_from_table(child.fiducials),) * len(LEADS),
        )


def read(root: Path) -> Iterator[Labelled]:
    """Yield the records of a folder; whether it is LUDB, QTDB, ISP or ours is told from its files.

    Raises
    ------
    PedecgError
        The folder holds none of them.
    """
    for pattern, reader in _KINDS.items():
        if next(root.rglob(pattern), None) is not None:
            for record in reader(root):
                prefix = "" if "/" in record.record_id else f"{record.source}/"
                yield replace(record, record_id=f"{prefix}{record.record_id}")
            return
    raise PedecgError(f"{root}: no labelled ECGs; expected one of the files {', '.join(_KINDS)}")


def split(records: pd.DataFrame, settings: SplitSettings) -> pd.DataFrame:
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


def census(records: list[Labelled]) -> dict[str, dict[str, int]]:
    """Count records and labelled waves by source, over all leads."""
    counts: dict[str, dict[str, int]] = {}
    for record in records:
        own = counts.setdefault(record.source, {"records": 0} | dict.fromkeys(["P", "QRS", "T"], 0))
        own["records"] += 1
        for kind, wave in enumerate(tables.WAVES_IN_ORDER):
            own[wave] += sum(len(marks.of(kind)) for marks in record.marks)
    return counts
