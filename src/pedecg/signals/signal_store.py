"""The signal store: all records of a cohort in one flat, memory-mapped array.

A folder holds ``samples.i16`` (little-endian int16, 1 microvolt per count, each record as
``n_leads x n_samples`` in C order, one after the other), ``index.parquet`` (where each record
lies and which leads it has) and ``store.json`` (rate and lead names). Records of any length share
the file, and a crop reads only its own bytes.
"""

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
from numpy.typing import NDArray

MICROVOLTS_PER_MV = 1000
_RANGE = np.iinfo(np.int16)


@dataclass(frozen=True)
class SignalStore:
    """Read access to a store; see `open_store`.

    Attributes
    ----------
    fs_hz : samples per second of every record.
    leads : names of the rows of every record.
    record_ids : in the order of the file.
    offsets, n_samples : shape (n_records,), first count and samples per lead of each record.
    lead_mask : shape (n_records, n_leads), False where the lead is absent or unusable (zeros).
    samples : the whole file, memory-mapped int16.
    """

    fs_hz: float
    leads: tuple[str, ...]
    record_ids: tuple[str, ...]
    offsets: NDArray[np.int64]
    n_samples: NDArray[np.int64]
    lead_mask: NDArray[np.bool_]
    samples: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.record_ids)

    def counts(self, position: int) -> NDArray[np.int16]:
        """Return the counts of one record, shape (n_leads, n_samples), a view of the file."""
        start, length = self.offsets[position], self.n_samples[position]
        stop = start + len(self.leads) * length
        return self.samples[start:stop].reshape(len(self.leads), length)

    def millivolts(self, position: int) -> NDArray[np.float32]:
        """Return one record in mV, shape (n_leads, n_samples)."""
        return np.divide(self.counts(position), MICROVOLTS_PER_MV, dtype=np.float32)

    def positions(self, record_ids: Iterable[str]) -> NDArray[np.int64]:
        """Return where the given records stand in the store; an unknown one is a KeyError."""
        place = {record_id: i for i, record_id in enumerate(self.record_ids)}
        return np.array([place[record_id] for record_id in record_ids], np.int64)


def open_store(folder: str | Path) -> SignalStore:
    """Open a store for reading; nothing is loaded before it is used."""
    folder = Path(folder)
    about = json.loads((folder / "store.json").read_text(encoding="utf-8"))
    index = parquet.read_table(folder / "index.parquet")
    file = folder / "samples.i16"
    empty = file.stat().st_size == 0
    return SignalStore(
        fs_hz=about["fs_hz"],
        leads=tuple(about["leads"]),
        record_ids=tuple(index["record_id"].to_pylist()),
        offsets=index["offset"].to_numpy(),
        n_samples=index["n_samples"].to_numpy(),
        lead_mask=np.stack([index[f"has_{lead}"].to_numpy() for lead in about["leads"]], axis=1),
        samples=np.empty(0, np.int16) if empty else _mapped(file),
    )


def _mapped(file: Path) -> NDArray[np.int16]:
    """Map samples into memory, as a plain array: cut out of it is a slice, ten times faster."""
    return np.memmap(file, "<i2", mode="r").view(np.ndarray)


def write_store(
    folder: str | Path,
    fs_hz: float,
    leads: tuple[str, ...],
    records: Iterable[tuple[str, NDArray[np.int16], NDArray[np.bool_]]],
) -> None:
    """Write a store from (record_id, counts, lead mask) triples as they come.

    It is written next to `folder` and takes its place when the last record has come, so that a
    killed run leaves either the old store or the new one.

    Parameters
    ----------
    records : counts of shape (n_leads, n_samples), see `to_counts`; masks of shape (n_leads,).
    """
    folder = Path(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    offset = 0
    with (partial / "samples.i16").open("wb") as file:
        for record_id, counts, mask in records:
            file.write(np.ascontiguousarray(counts, "<i2").tobytes())
            has = {f"has_{lead}": bool(m) for lead, m in zip(leads, mask, strict=True)}
            rows.append(
                {"record_id": record_id, "offset": offset, "n_samples": counts.shape[1], **has}
            )
            offset += counts.size
    types = [("record_id", arrow.string()), ("offset", arrow.int64()), ("n_samples", arrow.int64())]
    types += [(f"has_{lead}", arrow.bool_()) for lead in leads]
    index = arrow.Table.from_pylist(rows, arrow.schema(types))
    parquet.write_table(index, partial / "index.parquet")
    about = {"fs_hz": float(fs_hz), "leads": list(leads), "microvolts_per_count": 1}
    (partial / "store.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def to_counts(millivolts: NDArray[np.floating[Any]]) -> NDArray[np.int16]:
    """Round mV to microvolt counts; beyond +-32.7 mV (above any recorder's range) it clips."""
    counts = np.rint(np.asarray(millivolts) * MICROVOLTS_PER_MV)
    clipped: NDArray[np.int16] = counts.clip(_RANGE.min, _RANGE.max).astype(np.int16)
    return clipped
