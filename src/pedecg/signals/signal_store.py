"""The signal store: all records of a cohort in one flat, memory-mapped array.

A folder holds ``samples.i16`` (little-endian int16, 1 microvolt per count, each record as
``n_leads x n_samples`` in C order, one after the other), ``index.parquet`` (where each record
lies and which leads it has) and ``store.json`` (rate and lead names). Records of any length share
the file, and a crop reads only its own bytes.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from pedecg.core import atomic_files
from pedecg.core.errors import PedecgError

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
        """Return where the given records stand in the store; an unknown one is a KeyError.

        Returns
        -------
        Shape (n,).
        """
        place = {record_id: i for i, record_id in enumerate(self.record_ids)}
        return np.array([place[record_id] for record_id in record_ids], np.int64)


def open_store(folder: str | Path) -> SignalStore:
    """Open a store for reading; nothing is loaded before it is used.

    Raises
    ------
    PedecgError
        A file of the store is absent, truncated or of another store; the message names it.
    """
    folder = Path(folder)
    fs_hz, leads = _about(folder / "store.json")
    index = _index(folder / "index.parquet", leads)
    file = folder / "samples.i16"
    offsets, lengths = index["offset"].to_numpy(), index["n_samples"].to_numpy()
    expected = int((lengths.astype(np.int64) * len(leads)).sum())
    starts = np.cumsum(lengths * len(leads)) - lengths * len(leads)
    if (lengths < 0).any() or not np.array_equal(offsets, starts):
        raise PedecgError(f"{folder / 'index.parquet'}: places of records that do not follow on")
    found = _size(file)
    if found != expected * np.dtype(np.int16).itemsize:
        raise PedecgError(
            f"{file}: {found} bytes; expected {expected * 2} by index.parquet; run the stage "
            "preprocess again"
        )
    return SignalStore(
        fs_hz=fs_hz,
        leads=leads,
        record_ids=tuple(index["record_id"].to_pylist()),
        offsets=offsets,
        n_samples=lengths,
        lead_mask=np.stack([index[f"has_{lead}"].to_numpy() for lead in leads], axis=1),
        samples=_mapped(file) if found else np.empty(0, np.int16),
    )


def _about(file: Path) -> tuple[float, tuple[str, ...]]:
    """Return rate and lead names."""
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        fs_hz, leads = float(about["fs_hz"]), tuple(map(str, about["leads"]))
    except FileNotFoundError:
        raise PedecgError(f"{file}: not found; the stage preprocess writes it") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise PedecgError(f"{file}: not the description of a signal store") from None
    if not 0 < fs_hz < np.inf or not leads:
        raise PedecgError(f"{file}: {fs_hz:g} Hz, {len(leads)} leads; expected some of each")
    return fs_hz, leads


def _index(file: Path, leads: tuple[str, ...]) -> arrow.Table:
    types = _types(leads)
    try:
        index = parquet.read_table(file)
    except FileNotFoundError:
        raise PedecgError(f"{file}: not found; the stage preprocess writes it") from None
    except arrow.ArrowInvalid as error:
        raise PedecgError(f"{file}: not a parquet table ({str(error).splitlines()[0]})") from None
    if not set(types) <= set(zip(index.schema.names, index.schema.types, strict=True)):
        raise PedecgError(f"{file}: not the index of a store of the leads {' '.join(leads)}")
    return index


def _types(leads: tuple[str, ...]) -> list[tuple[str, arrow.DataType]]:
    """Return the columns of the index."""
    types = [("record_id", arrow.string()), ("offset", arrow.int64()), ("n_samples", arrow.int64())]
    return types + [(f"has_{lead}", arrow.bool_()) for lead in leads]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        raise PedecgError(f"{file}: not found; the stage preprocess writes it") from None


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
    with atomic_files.replacing_folder(folder) as partial:
        _write(partial, fs_hz, leads, records)


def _write(
    folder: Path,
    fs_hz: float,
    leads: tuple[str, ...],
    records: Iterable[tuple[str, NDArray[np.int16], NDArray[np.bool_]]],
) -> None:
    rows: list[dict[str, Any]] = []
    offset = 0
    with (folder / "samples.i16").open("wb") as file:
        for record_id, counts, mask in records:
            file.write(np.ascontiguousarray(counts, "<i2").tobytes())
            has = {f"has_{lead}": bool(m) for lead, m in zip(leads, mask, strict=True)}
            rows.append(
                {"record_id": record_id, "offset": offset, "n_samples": counts.shape[1], **has}
            )
            offset += counts.size
    index = arrow.Table.from_pylist(rows, arrow.schema(_types(leads)))
    parquet.write_table(index, folder / "index.parquet")
    about = {"fs_hz": float(fs_hz), "leads": list(leads), "microvolts_per_count": 1}
    (folder / "store.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def to_counts(millivolts: NDArray[np.floating[Any]]) -> NDArray[np.int16]:
    """Round mV to microvolt counts; beyond +-32.7 mV (above any recorder's range) it clips.

    Parameters
    ----------
    millivolts : any shape.

    Returns
    -------
    The same shape, µV.
    """
    counts = np.rint(np.asarray(millivolts) * MICROVOLTS_PER_MV)
    clipped: NDArray[np.int16] = counts.clip(_RANGE.min, _RANGE.max).astype(np.int16)
    return clipped
