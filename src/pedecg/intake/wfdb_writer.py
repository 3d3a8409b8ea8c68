"""One recording as WFDB, with nothing of a person but age and sex."""

from pathlib import Path

import numpy as np

from pedecg.cohorts.recordings import ASSUMED_GAIN, Recording
from pedecg.core.age_text import DAYS_PER_YEAR

# HIPAA's safe harbor (45 CFR 164.514(b)(2)(i)(C)): all ages over 89 are one category, 90 or older.
OLDEST_DAYS = round(90 * DAYS_PER_YEAR)
# Counts per mV in which recorders store: of 5, 2.5, 2, 1.25, 1 uV and finer.
_GAINS = (200.0, 400.0, 500.0, 800.0, 1000.0, 1600.0, 2000.0, 4000.0, 8000.0)
_WHOLE = 0.01  # of a count, by which float32 values of whole counts may miss them
_FINEST = 1e6  # counts per mV in format 32: a nanovolt
_CHECKSUM_RANGE = 2**16  # WFDB's checksums are 16-bit sums
_FORMATS: dict[int, tuple[str, int]] = {16: ("<i2", 2**15 - 1), 32: ("<i4", 2**31 - 1)}


def write(recording: Recording, folder: Path, record_id: str) -> None:
    """Write ``record_id.hea`` and ``.dat`` of the recording's leads.

    Format 16 where the samples are whole steps of a usual gain: they are stored exactly. Otherwise
    format 32 in steps of a nanovolt. Amplitudes in no known unit stay so: gain 0.
    """
    form, gain = _storage(recording)
    kind, most = _FORMATS[form]
    missing = np.isnan(recording.signal_mv)
    scaled = np.rint(np.nan_to_num(recording.signal_mv).astype(np.float64) * gain)
    counts = np.where(missing, -most - 1, scaled).astype(kind)  # the least count marks no value
    (folder / f"{record_id}.dat").write_bytes(counts.T.tobytes())
    shown = f"{gain:.10g}(0)/mV" if recording.calibrated else "0"
    lines = [f"{record_id} {len(counts)} {recording.fs_hz:.10g} {counts.shape[1]}"]
    lines += [
        f"{record_id}.dat {form} {shown} {form} 0 {row[0]} "
        f"{int(row.sum(dtype=np.int64)) % _CHECKSUM_RANGE} 0 {lead}"
        for row, lead in zip(counts, recording.leads, strict=True)
    ]
    comments = []
    if (age := age_days(recording.age_days)) is not None:
        comments.append(f"<age>: {age}d")
    if recording.sex is not None:
        comments.append(f"<sex>: {recording.sex[0].upper()}")
    lines += [f"# {'  '.join(comments)}"] if comments else []
    (folder / f"{record_id}.hea").write_text("\n".join(lines) + "\n", encoding="ascii")


def age_days(days: float | None) -> int | None:
    """Return an age in whole days, at most `OLDEST_DAYS`."""
    return None if days is None else min(round(days), OLDEST_DAYS)


def _storage(recording: Recording) -> tuple[int, float]:
    """Return the storage format and the counts per mV."""
    values = np.nan_to_num(recording.signal_mv).astype(np.float64)
    highest = float(np.abs(values).max())
    if not recording.calibrated:
        return 32, ASSUMED_GAIN  # which a reader takes for a gain of 0
    for gain in _GAINS:
        counts = values * gain
        if highest * gain < _FORMATS[16][1] and np.all(np.abs(counts - np.rint(counts)) < _WHOLE):
            return 16, gain
    return 32, min(_FINEST, _FORMATS[32][1] // 2 / max(highest, 1.0))
