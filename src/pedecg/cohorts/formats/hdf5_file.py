"""HDF5 of public data sets, recognised by their arrays' names and shapes: CODE-15% and SPH.

SaMi-Trop has the form of CODE-15%, without ids.

Neither stores rate, unit or lead names; `LAYOUTS` has them from the publications.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.formats import file_ecg
from pedecg.cohorts.formats.file_ecg import FileEcg
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import LEADS

NAME = "HDF5 (CODE-15%, SPH)"
SUFFIXES = (".h5", ".hdf5")
_BY_ROW = re.compile(r"row([0-9]{1,9})")
MAX_MB = 10_000.0  # a part of CODE-15% has 3 GB; one examination of it is read


@dataclass(frozen=True)
class Layout:
    """How a data set stores its ECGs.

    Attributes
    ----------
    dataset : name of the samples; `ids`: of the examinations' ids, None where a file holds one.
    fits : says from a shape whether it is this layout.
    leads : of the samples' lead axis, in order.
    padded : examinations are zero-padded at both ends; the padding is removed.
    """

    name: str
    dataset: str
    ids: str | None
    fs_hz: float
    leads: tuple[str, ...]
    fits: Callable[[tuple[int, ...]], bool]
    padded: bool


LAYOUTS = (
    # Liu H, et al. Sci Data 2022;9:272: 500 Hz, mV, 10 to 60 s.
    Layout("SPH", "ecg", None, 500.0, LEADS, lambda s: len(s) == 2 and s[0] == 12, False),
    # Ribeiro AH, et al. CODE-15%, doi 10.5281/zenodo.4916206: 400 Hz, 7 or 10 s among 4,096
    # samples, mV.
    Layout(
        "CODE-15%", "tracings", "exam_id", 400.0, LEADS,
        lambda s: len(s) == 3 and s[2] == 12, True,
    ),
)  # fmt: skip


_ORDERS = (LEADS, (*LEADS[:3], "aVL", "aVF", "aVR", *LEADS[6:]))
_APART = 0.5  # largest difference from the derived leads, of their spread


def recognises(start: bytes) -> bool:
    """Return whether HDF5's signature is there."""
    return start.startswith(b"\x89HDF\r\n\x1a\n")


def read(file: Path, exam: str | None = None) -> FileEcg:
    """Read one ECG; raises `RecordFault`.

    Parameters
    ----------
    exam : id of the examination, of a file that holds several (``exams_part0.hdf5#1169160``), or
        its row in a file without ids, from 0 (``exams.hdf5#row417``).
    """
    import h5py

    with h5py.File(file, "r") as content:
        for layout in LAYOUTS:
            stored = content.get(layout.dataset)
            if isinstance(stored, h5py.Dataset) and layout.fits(stored.shape):
                break
        else:
            detail = ", ".join(f"{one.dataset} of {one.name}" for one in LAYOUTS)
            raise RecordFault("unsupported-format", f"{file.name}: none of {detail}")
        if stored.dtype.kind not in "fiu":
            raise RecordFault("unsupported-format", f"{file.name}: non-numeric samples")
        if layout.ids is None:
            file_ecg.require_size(stored.shape[0], stored.shape[1], file.name)
            signal = np.asarray(stored[:], np.float32)
        else:
            file_ecg.require_size(stored.shape[2], stored.shape[1], file.name)
            row = _row(content, layout.ids, stored.shape[0], exam, file.name)
            signal = np.ascontiguousarray(np.asarray(stored[row], np.float32).T)
    leads = layout.leads
    if layout.padded:
        signal = _without_padding(signal)
        leads = _order(signal, file.name)
    if not signal.size or not np.isfinite(signal).any():
        raise RecordFault("empty-signal", f"{file.name}: no sample in any lead")
    if np.isinf(signal).any():
        raise RecordFault("corrupt-signal", f"{file.name}: infinite samples")
    rows = [leads.index(lead) for lead in layout.leads]
    return FileEcg(layout.leads, signal[rows], layout.fs_hz, f"HDF5 ({layout.name})")


def examinations(file: Path) -> list[str]:
    """Return the ids of the examinations that a file holds; [] where it is one by itself.

    Raises
    ------
    OSError
        The file is no HDF5, or damaged.
    """
    import h5py

    with h5py.File(file, "r") as content:
        for layout in LAYOUTS:
            stored = content.get(layout.ids) if layout.ids else None
            if isinstance(stored, h5py.Dataset) and layout.dataset in content and len(stored) > 1:
                return [str(one) for one in stored[:].tolist()]
    return []


def _row(content: Any, ids: str, n: int, exam: str | None, place: str) -> int:
    if exam is None:
        if n == 1:
            return 0
        raise RecordFault(
            "missing-record-id", f"{place}: holds {n} examinations; name one, as {place}#EXAM_ID"
        )
    stored = content.get(ids)
    if stored is None:  # SaMi-Trop: examinations have no ids, only an order
        place_of = _BY_ROW.fullmatch(exam)
        if place_of is None or int(place_of[1]) >= n:
            raise RecordFault(
                "missing-file", f"{place}: examination {exam[:24]!r} not found; expected row0 to "
                f"row{n - 1}, since it has no ids"
            )  # fmt: skip
        return int(place_of[1])
    known = [str(one) for one in stored[:].tolist()]
    if known.count(exam) != 1 or len(known) != n:
        raise RecordFault("missing-file", f"{place}: examination {exam[:24]!r} not found")
    return known.index(exam)


def _order(signal: NDArray[np.float32], place: str) -> tuple[str, ...]:
    """Return the leads of the rows: files of the CODE study have aVR before aVL and aVF, or last.

    No file says which; the limb leads do, since aVR is -(I + II) / 2.

    Raises
    ------
    RecordFault
        bad-field: neither order agrees with leads I and II.
    """
    if not (np.any(signal[0]) and np.any(signal[1])):
        return LEADS  # a lead that was not recorded is zeros, and tells nothing
    derived = file_ecg.einthoven(signal[0].astype(float), signal[1].astype(float))
    apart = {order: _apart(signal, derived, order) for order in _ORDERS}
    order = min(_ORDERS, key=lambda one: apart[one])  # of equals the first
    if apart[order] <= _APART:
        return order
    raise RecordFault("bad-field", f"{place}: limb leads that contradict leads I and II")


def _apart(
    signal: NDArray[np.float32], derived: dict[str, NDArray[np.float64]], order: tuple[str, ...]
) -> float:
    """Return how far rows 3 to 5 are from the leads of an order, of the spread of those leads."""
    rows = [row for row in (3, 4, 5) if np.any(signal[row])]
    spread = sum(float(np.nanstd(derived[order[row]])) for row in rows)
    away = sum(float(np.nanstd(signal[row] - derived[order[row]])) for row in rows)
    return away / spread if spread > 0 else 0.0


def _without_padding(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut the columns at both ends in which every lead is exactly zero."""
    used = np.flatnonzero(np.any(signal != 0, axis=0))
    return signal[:, used[0] : used[-1] + 1] if used.size else signal[:, :0]
