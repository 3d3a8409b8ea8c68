"""Labelled records of any source in one folder, so that they are read and parsed once.

``signals.f32`` holds all signals one after the other, lead by lead, as float32 in mV; the tables
say where each record begins and what is labelled in it.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from pedecg.core import tables
from pedecg.waves.annotations import Labelled, Marks

RECORDS = pa.DataFrameSchema(
    {
        "record_id": pa.Column("string", unique=True, description="source/record"),
        "patient_id": pa.Column("string", description="the record_id where nothing else is known"),
        "source": pa.Column("string", description="ludb, qtdb, isp, rdb, reviewed, simulated"),
        "fs_hz": pa.Column("float64", pa.Check.gt(0), description="samples per second, Hz"),
        "leads": pa.Column("string", description="names, joined by a space"),
        "n_samples": pa.Column("int64", pa.Check.gt(0), description="samples per lead"),
    },
    strict=True,
    coerce=True,
    name="library records",
)
# One row for each wave, each labelled segment and each segment unknown for one kind of wave.
MARKS = pa.DataFrameSchema(
    {
        "record_id": pa.Column("string"),
        "lead": pa.Column("string"),
        "what": pa.Column("string", pa.Check.isin(["wave", "span", "unknown"])),
        "kind": pa.Column(
            "float64", pa.Check.isin([0, 1, 2]), nullable=True, description="P QRS T"
        ),
        "from_s": pa.Column("float64", nullable=True, description="onset; null where unmarked"),
        "peak_s": pa.Column("float64", nullable=True),
        "to_s": pa.Column("float64", nullable=True, description="offset; null where unmarked"),
    },
    strict=True,
    coerce=True,
    name="library marks",
)
_NUMBERS = ["kind", "from_s", "peak_s", "to_s"]
_WHAT = {"wave": [0, 1, 2, 3], "span": [1, 3], "unknown": [0, 1, 3]}  # columns of _NUMBERS in use


def write(records: Iterable[Labelled], folder: Path) -> pd.DataFrame:
    """Write records one by one; return the table of records."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows, marks = [], []
    with (folder / "signals.f32").open("wb") as signals:
        for record in records:
            signals.write(np.ascontiguousarray(record.signal_mv, "<f4").tobytes())
            name = record.record_id
            rows.append(
                (
                    name,
                    record.patient_id or name,
                    record.source,
                    record.fs_hz,
                    " ".join(record.leads),
                    record.signal_mv.shape[1],
                )
            )
            marks += [
                _rows(of_lead).assign(record_id=name, lead=lead)
                for lead, of_lead in zip(record.leads, record.marks, strict=True)
            ]
    records_table = pd.DataFrame(rows, columns=list(RECORDS.columns))
    tables.write(records_table, folder / "records.parquet", RECORDS)
    tables.write(pd.concat(marks)[list(MARKS.columns)], folder / "marks.parquet", MARKS)
    return records_table


def read(folder: Path) -> Iterator[Labelled]:
    """Yield the records; their signals stay on the disk until they are used."""
    rows = tables.read(folder / "records.parquet", RECORDS)
    marks = tables.read(folder / "marks.parquet", MARKS)
    by_lead = dict(list(marks.groupby(["record_id", "lead"])))
    flat = np.memmap(folder / "signals.f32", np.dtype("<f4"), "r")
    start = 0
    for row in rows.to_dict("records"):
        leads = tuple(row["leads"].split())
        end = start + len(leads) * row["n_samples"]
        yield Labelled(
            record_id=row["record_id"],
            patient_id=row["patient_id"],
            source=row["source"],
            signal_mv=flat[start:end].reshape(len(leads), row["n_samples"]),
            fs_hz=row["fs_hz"],
            leads=leads,
            marks=tuple(_marks(by_lead.get((row["record_id"], lead), marks[:0])) for lead in leads),
        )
        start = end


def table(folder: Path, names: Sequence[str]) -> pd.DataFrame:
    """Return the records of the named libraries in a folder of libraries; others are left alone."""
    parts = [tables.read(folder / name / "records.parquet", RECORDS) for name in names]
    return pd.concat(parts, ignore_index=True)


def read_split(folder: Path, splits: pd.DataFrame, names: Sequence[str]) -> list[Labelled]:
    """Return the records of some splits from all libraries in a folder of libraries."""
    wanted = set(splits.loc[splits["split"].isin(names), "record_id"])
    libraries = sorted(path.parent for path in folder.glob("*/records.parquet"))
    return [record for one in libraries for record in read(one) if record.record_id in wanted]


def _rows(marks: Marks) -> pd.DataFrame:
    parts = {"wave": marks.waves, "span": marks.spans, "unknown": marks.unknown}
    found = []
    for what, numbers in parts.items():
        full = np.full((len(numbers), len(_NUMBERS)), np.nan)
        full[:, _WHAT[what]] = numbers
        found.append(pd.DataFrame(full, columns=_NUMBERS).assign(what=what))
    return pd.concat(found)


def _marks(rows: pd.DataFrame) -> Marks:
    parts = [
        rows.loc[rows["what"] == what, _NUMBERS].to_numpy(float)[:, columns]
        for what, columns in _WHAT.items()
    ]
    return Marks(*parts)
