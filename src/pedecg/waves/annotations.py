"""Labelled ECGs for the delineator: LUDB, QTDB and ISP as published, and simulated cohorts.

What a source does not say is not background: stretches outside the labelled ones, and the side of
a wave that has no mark, are kept apart as unknown.
"""

import ast
import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import wfdb
from numpy.typing import NDArray

from pedecg import tables
from pedecg.errors import PedecgError
from pedecg.records import canonical_lead

Array = NDArray[np.float64]
P, QRS, T = range(3)  # positions in tables.WAVES_IN_ORDER

# WFDB annotation symbols of wave peaks; beats of any kind are QRS complexes.
_WAVE_OF_SYMBOL = {"p": P, "t": T} | dict.fromkeys("NABVQ", QRS)
QTDB_LONGEST_SILENCE_S = 1.0  # longer without a mark: the cardiologist skipped this stretch
ISP_WAVES = (P, QRS, T)  # ISP's own class numbers 0, 1, 2
ISP_FS_HZ = 1000.0


@dataclass(frozen=True)
class Marks:
    """The waves that a source labels in one lead, in seconds from the record's start.

    Attributes
    ----------
    waves : shape (n_waves, 4): kind (0 P, 1 QRS, 2 T), onset, peak, offset; NaN where unmarked.
    spans : shape (n_spans, 2): stretches in which every wave is labelled.
    unknown : shape (n_unknown, 3): kind, from, to: within a span, not known for this kind.
    """

    waves: Array
    spans: Array
    unknown: Array

    def of(self, kind: int) -> Array:
        """Return onset, peak and offset of one kind, shape (n, 3)."""
        return self.waves[self.waves[:, 0] == kind, 1:]

    def rate_bpm(self) -> float:
        """Return the median heart rate of the labelled beats; NaN below two beats."""
        beats = np.sort(self.of(QRS)[:, 1])
        return float(60 / np.median(np.diff(beats))) if len(beats) > 1 else float("nan")


@dataclass(frozen=True)
class Labelled:
    """One labelled record: signal in mV, shape (n_leads, n_samples), and marks for each lead."""

    record_id: str
    source: str
    signal_mv: NDArray[np.float32]
    fs_hz: float
    leads: tuple[str, ...]
    marks: tuple[Marks, ...]


def marks_of(waves: Array, longest_silence_s: float = np.inf) -> Marks:
    """Say what is known from labelled waves: from the first to the last mark, open sides apart.

    Parameters
    ----------
    waves : shape (n_waves, 4), as in `Marks`, in order of time.
    longest_silence_s : a pause between successive marks over this is not labelled.
    """
    waves = np.asarray(waves, float).reshape(-1, 4)
    boundaries = np.sort(waves[:, [1, 3]][np.isfinite(waves[:, [1, 3]])])
    cuts = np.flatnonzero(np.diff(boundaries) > longest_silence_s) + 1
    parts = [part for part in np.split(boundaries, cuts) if len(part)]
    spans = np.array([(part[0], part[-1]) for part in parts]).reshape(-1, 2)
    unknown = open_sides(waves)[:, [0, 2, 3]]
    if len(waves) and not np.any(waves[:, 0] == T):
        # Not one T in the record: it was not looked for, since a heart without T is none.
        unknown = np.concatenate([unknown, [(T, -np.inf, np.inf)]])
    return Marks(waves, spans, unknown)


def open_sides(waves: Array) -> Array:
    """Return where each missing boundary must lie: between the peak and the nearest other mark.

    Returns
    -------
    shape (n, 4): kind, column of the boundary in `Marks.waves` (1 onset, 3 offset), from, to.
    """
    marks = np.sort(waves[:, 1:][np.isfinite(waves[:, 1:])])
    found = []
    for kind, onset, peak, offset in waves:
        if not np.isfinite(onset):
            high = peak if np.isfinite(peak) else offset
            found.append((kind, 1, max(marks[marks < high], default=-np.inf), high))
        if not np.isfinite(offset):
            low = peak if np.isfinite(peak) else onset
            found.append((kind, 3, low, min(marks[marks > low], default=np.inf)))
    return np.array(found, float).reshape(-1, 4)


def read_ludb(root: Path) -> Iterator[Labelled]:
    """Yield LUDB's records; `root` holds ``data/1.hea, 1.i … 1.v6`` or these files themselves.

    The first and last beats of a record are not labelled: they lie outside the spans.
    """
    folder = _folder_with(root, "*.ii", "LUDB")
    for header in sorted(folder.glob("*.hea"), key=lambda path: (len(path.stem), path.stem)):
        signal, fs_hz, names = _read_wfdb(header)
        marks = tuple(
            marks_of(_bracketed(header.with_suffix(""), name.lower(), fs_hz)) for name in names
        )
        leads = tuple(canonical_lead(name) or name for name in names)
        yield Labelled(header.stem, "ludb", signal, fs_hz, leads, marks)


def read_qtdb(root: Path) -> Iterator[Labelled]:
    """Yield QTDB's records with the manual marks of ``.q1c``; one set of marks for both leads.

    Most T onsets are unmarked, and records without any T were not searched for it: both unknown.
    """
    for path in sorted(_folder_with(root, "*.q1c", "QTDB").glob("*.q1c")):
        signal, fs_hz, _ = _read_wfdb(path.with_suffix(".hea"))
        marks = marks_of(_bracketed(path.with_suffix(""), "q1c", fs_hz), QTDB_LONGEST_SILENCE_S)
        leads = tuple(f"ch{i + 1}" for i in range(len(signal)))
        yield Labelled(path.stem, "qtdb", signal, fs_hz, leads, (marks,) * len(signal))


def read_isp(root: Path) -> Iterator[Labelled]:
    """Yield ISP's single-lead records: tables with the columns ``file_name`` and ``target``.

    A target lists ``(class, first sample, last sample)`` with class 0 P, 1 QRS, 2 T at 1,000 Hz;
    the signal is a text or NumPy file beside the table.
    """
    for table in sorted(root.rglob("*.csv")):
        with table.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        if not rows or not {"file_name", "target"} <= set(rows[0]):
            continue
        for row in rows:
            path = _beside(table, row["file_name"])
            signal = np.load(path) if path.suffix == ".npy" else np.loadtxt(path, delimiter=",")
            waves = [
                (ISP_WAVES[kind], first / ISP_FS_HZ, np.nan, last / ISP_FS_HZ)
                for kind, first, last in sorted(ast.literal_eval(row["target"]), key=lambda w: w[1])
            ]
            signal = np.asarray(signal, np.float32).reshape(1, -1)
            yield Labelled(
                path.stem, "isp", signal, ISP_FS_HZ, ("I",), (marks_of(np.array(waves)),)
            )


def marks_from_table(waves: pd.DataFrame) -> Marks:
    """Return the marks of a simulator's true waves, rows of the WAVES table.

    A P that begins or ends within a QRS is there but cannot be seen: unknown.
    """
    kinds = waves["wave"].map({name: kind for kind, name in enumerate(tables.WAVES_IN_ORDER)})
    columns = [kinds, waves["onset_s"], waves["peak_s"], waves["offset_s"]]
    table = np.column_stack([column.to_numpy(float) for column in columns])
    marks = marks_of(table)
    qrs = marks.of(QRS)
    hidden = np.array(
        [k == P and np.any((qrs[:, 0] < b) & (a < qrs[:, 2])) for k, a, _, b in table], bool
    )
    blind = np.column_stack([np.full(hidden.sum(), P), table[hidden][:, [1, 3]]])
    return replace(
        marks, waves=table[~hidden], unknown=np.concatenate([marks.unknown, blind.reshape(-1, 3)])
    )


READERS: dict[str, Callable[[Path], Iterator[Labelled]]] = {
    "ludb": read_ludb,
    "qtdb": read_qtdb,
    "isp": read_isp,
}


def _bracketed(record: Path, extension: str, fs_hz: float) -> Array:
    """Read waves bracketed by ``(`` and ``)``, shape (n, 4); a missing bracket is NaN.

    Nothing is guessed where the brackets of LUDB are out of order, as in ``N ( )``.
    """
    annotation = wfdb.rdann(str(record), extension)
    symbols = ["", *annotation.symbol, ""]
    times = np.concatenate([[np.nan], annotation.sample / fs_hz, [np.nan]])
    rows = [
        (
            _WAVE_OF_SYMBOL[symbol],
            times[i - 1] if symbols[i - 1] == "(" else np.nan,
            times[i],
            times[i + 1] if symbols[i + 1] == ")" else np.nan,
        )
        for i, symbol in enumerate(symbols)
        if symbol in _WAVE_OF_SYMBOL
    ]
    return np.array(rows, float).reshape(-1, 4)


def _read_wfdb(header: Path) -> tuple[NDArray[np.float32], float, Sequence[str]]:
    record = wfdb.rdrecord(str(header.with_suffix("")))
    return record.p_signal.T.astype(np.float32), float(record.fs), record.sig_name


def _folder_with(root: Path, pattern: str, source: str) -> Path:
    found = next(iter(sorted(root.rglob(pattern))), None)
    if found is None:
        raise PedecgError(f"{root}: no {source} record found; expected files {pattern}")
    return found.parent


def _beside(table: Path, name: str) -> Path:
    candidates = [p for p in sorted(table.parent.rglob(f"{name}*")) if p.is_file() and p != table]
    if not candidates:
        raise PedecgError(f"{table}: signal file {name} not found beside the table")
    return candidates[0]
