"""The Resting ECG Segmentation Dataset (RDB): P, QRS and T of each of twelve leads.

2,399 ECGs of 10 s at 500 Hz, chosen from Chapman-Shaoxing, doi 10.6084/m9.figshare.28892186. The
layout is that of two public programs that read the data set; it was not compared with its files.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS
from pedecg.waves.annotations import Array, Labelled, Marks, marks_of

FOLDER = "ann_txt"
_SIGNALS = "dat_csv"
_FS_HZ = 500.0  # of every record, as published
_MV_PER_UNIT = 1e-3  # microvolts, as in Chapman-Shaoxing
_LEAST_MV, _MOST_MV = 0.02, 20.0  # spread of a lead that carries a heart; beyond: another unit
_KINDS = (0, 1, 2)  # P, QRS, T


def read_rdb(root: Path) -> Iterator[Labelled]:
    """Yield RDB's records; `root` holds ``dat_csv/AF0001.csv`` and ``ann_txt/AF0001.ii.txt``.

    A table of samples has one column for each of the twelve leads and no names; a line of marks
    is ``kind, first sample, last sample``, kind 0 P, 1 QRS, 2 T. A lead with a line that cannot be
    right (it ends before it begins, or outside the record) is left out, since which mark is wrong
    cannot be known. Of two records with the same samples the first counts.
    """
    seen: set[bytes] = set()
    for file in sorted(_folder(root).glob("*.csv")):
        signal_mv = _signal(file)
        digest = hashlib.sha256(signal_mv.tobytes()).digest()
        if digest in seen:
            continue
        seen.add(digest)
        length_s = signal_mv.shape[1] / _FS_HZ
        stem = file.parent.parent / FOLDER / file.stem
        marks = {lead: _marks(Path(f"{stem}.{lead.lower()}.txt"), length_s) for lead in LEADS}
        rows = [row for row, lead in enumerate(LEADS) if marks[lead] is not None]
        if rows:
            known = tuple(found for found in marks.values() if found is not None)
            leads = tuple(LEADS[row] for row in rows)
            yield Labelled(file.stem, "rdb", signal_mv[rows], _FS_HZ, leads, known)


def _folder(root: Path) -> Path:
    marks = next((one for one in sorted(root.rglob(FOLDER)) if one.is_dir()), None)
    folder = None if marks is None else marks.with_name(_SIGNALS)
    if folder is None or next(folder.glob("*.csv"), None) is None:
        raise PedecgError(
            f"{root}: no RDB record found; expected files {_SIGNALS}/*.csv and {FOLDER}/*.txt"
        )
    return folder


def _signal(file: Path) -> NDArray[np.float32]:
    """Return the samples in mV, shape (12, n_samples)."""
    try:
        values = np.loadtxt(file, delimiter=",", ndmin=2)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise PedecgError(f"{file}: cannot be read ({' '.join(str(error).split())})") from None
    if values.shape[1] != len(LEADS) or not np.isfinite(values).all():
        raise PedecgError(
            f"{file}: {values.shape[1]} columns; expected {len(LEADS)} of finite numbers"
        )
    signal_mv = values.T * _MV_PER_UNIT
    spread = float(np.median(np.ptp(signal_mv, axis=1)))
    if not _LEAST_MV <= spread <= _MOST_MV:
        raise PedecgError(
            f"{file}: leads of {spread:.3g} mV from lowest to highest; expected microvolts"
        )
    return signal_mv.astype(np.float32)


def _marks(file: Path, length_s: float) -> Marks | None:
    """Return one lead's marks; None where a line cannot be right."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PedecgError(f"{file}: cannot be read ({error})") from None
    waves: list[tuple[float, float, float, float]] = []
    for line in filter(str.strip, lines):
        try:
            kind, first, last = (float(cell) for cell in line.split(","))
        except ValueError:
            if line is lines[0]:  # names of the columns
                continue
            return None
        if kind not in _KINDS or not 0 <= first < last <= length_s * _FS_HZ:
            return None
        waves.append((kind, first / _FS_HZ, np.nan, last / _FS_HZ))
    table: Array = np.array(sorted(waves, key=lambda wave: wave[1]), float).reshape(-1, 4)
    return marks_of(table)
