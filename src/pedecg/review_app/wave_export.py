"""Corrected waves as WFDB records with annotations, which the delineation pipeline trains on.

A folder holds for each record ``NAME.hea``, ``NAME.dat`` and one annotation file per lead, as LUDB
does (``NAME.ii``, ``NAME.v1``: each wave as ``(``, its peak, ``)``), and one table of all waves.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import wfdb

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.predict import measured_recording
from pedecg.review_app.ecg_source import Source
from pedecg.review_app.wave_journal import MarkedRecord
from pedecg.review_app.wave_marks import GLOBAL, Wave
from pedecg.waves.annotations import REVIEWED_TABLE

COUNTS_PER_MV = 1000.0  # 1 µV per count: 16 bits then hold ±32 mV
_SYMBOLS = {"P": "p", "QRS": "N", "T": "t"}
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")  # of a WFDB record
_LONGEST_NAME = 40  # characters, before the digest
# wfdb writes annotations under extensions of letters alone; `v1` is made by renaming.
_TEMPORARY = "lead"


def write(
    records: Sequence[MarkedRecord], source: Callable[[str], Source], folder: Path
) -> pd.DataFrame:
    """Write the records that a reader has checked; return the table of their waves.

    Leads without a marked wave are left out: whether the heart or the recording is silent there is
    not known.

    Parameters
    ----------
    source : record_id -> the record, as it was shown; its sampling rate and length must be those
        of the marks.
    folder : made anew; one that holds anything else than an earlier export is refused.

    Raises
    ------
    PedecgError
        No record is checked, a record has changed, or the folder holds other files.
    """
    checked = [record for record in records if record.checked]
    if not checked:
        raise PedecgError(
            f"no record whose waves are checked; {len(records)} have corrections without that"
        )
    if folder.exists() and any(folder.iterdir()) and not (folder / REVIEWED_TABLE).exists():
        raise PedecgError(f"{folder}: holds other files; expected an empty folder or a new name")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = [row for record in checked for row in _written(record, source, folder)]
    table = pd.DataFrame(rows)
    tables.write_csv(tables.without_formulas(table), folder / REVIEWED_TABLE)
    return table


def name_of(record_id: str) -> str:
    """Return a record's name as WFDB allows it; the same in every export."""
    plain = _NOT_IN_A_NAME.sub("_", record_id)[:_LONGEST_NAME]
    if plain == record_id:
        return plain
    return f"{plain}-{hashlib.sha256(record_id.encode()).hexdigest()[:8]}"


def _written(
    record: MarkedRecord, source: Callable[[str], Source], folder: Path
) -> list[dict[str, object]]:
    found = source(record.record_id)
    recording = found.recording
    if (recording.fs_hz, recording.signal_mv.shape[1]) != (record.fs_hz, record.n_samples):
        raise PedecgError(
            f"{record.record_id}: {recording.signal_mv.shape[1]} samples at {recording.fs_hz:g} "
            f"Hz; its waves were marked in {record.n_samples} at {record.fs_hz:g} Hz"
        )
    leads = [lead for lead in recording.leads if record.waves.get(lead)]
    signal = measured_recording.bridged(recording)[[recording.leads.index(one) for one in leads]]
    name = name_of(record.record_id)
    largest = np.iinfo(np.int16).max
    counts = np.clip(np.rint(signal * COUNTS_PER_MV), -largest, largest).astype(np.int64)
    wfdb.wrsamp(
        name, recording.fs_hz, ["mV"] * len(leads), leads, d_signal=counts.T,
        fmt=["16"] * len(leads), adc_gain=[COUNTS_PER_MV] * len(leads), baseline=[0] * len(leads),
        write_dir=str(folder),
    )  # fmt: skip
    for lead in leads:
        _annotate(record.waves[lead], record.fs_hz, name, lead, folder)
    return [
        {
            "record_id": record.record_id, "patient_id": found.patient_id, "name": name,
            "readers": "; ".join(record.readers), "lead": lead, "wave": wave.kind,
            **{
                f"{part}_sample": "" if sample is None else sample
                for part, sample in zip(("onset", "peak", "offset"), wave[1:], strict=True)
            },
            "fs_hz": record.fs_hz,
        }
        for lead in (*leads, GLOBAL)
        for wave in record.waves.get(lead, ())
    ]  # fmt: skip


def _annotate(waves: Sequence[Wave], fs_hz: float, name: str, lead: str, folder: Path) -> None:
    """Write one lead's waves; a boundary that is not known has no bracket."""
    marks = [
        (sample, symbol)
        for wave in waves
        for sample, symbol in (
            (wave.onset, "("),
            (wave.first if wave.peak is None else wave.peak, _SYMBOLS[wave.kind]),
            (wave.offset, ")"),
        )
        if sample is not None
    ]
    samples = np.array([sample for sample, _ in marks], np.int64)
    wfdb.wrann(
        name, _TEMPORARY, samples, [symbol for _, symbol in marks], fs=fs_hz,
        write_dir=str(folder),
    )  # fmt: skip
    (folder / f"{name}.{_TEMPORARY}").rename(folder / f"{name}.{lead.lower()}")
