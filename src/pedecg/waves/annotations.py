"""Labelled ECGs for the delineator: LUDB, QTDB, ISP, waves corrected in a review, and simulations.

What a source does not annotate is not background: segments outside the labelled ones, and the side
of a wave that has no mark, are kept apart as unknown.
"""

import ast
import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import wfdb
from numpy.typing import NDArray

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.core.records import canonical_lead

Array = NDArray[np.float64]
P, QRS, T = range(3)  # positions in tables.WAVES_IN_ORDER

# WFDB annotation symbols of wave peaks; beats of any kind are QRS complexes.
_WAVE_OF_SYMBOL = {"p": P, "t": T} | dict.fromkeys("NABVQ", QRS)
QTDB_LONGEST_SILENCE_S = 1.0  # longer without a mark: the cardiologist skipped this segment
REVIEWED_TABLE = "reviewed_waves.csv"  # in a folder that `pedecg review waves` writes
_ISP_TABLE = "_isp_delineation_data.csv"
_CHECKSUM_RANGE = 65536  # WFDB's checksums are 16-bit sums


@dataclass(frozen=True)
class Marks:
    """The waves that a source labels in one lead, in seconds from the record's start.

    Attributes
    ----------
    waves : shape (n_waves, 4): kind (0 P, 1 QRS, 2 T), onset, peak, offset; NaN where unmarked.
    spans : shape (n_spans, 2): segments in which every wave is labelled.
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
    """One labelled record: signal in mV, shape (n_leads, n_samples), and marks for each lead.

    `patient_id` is "" where the source has one record per patient.
    """

    record_id: str
    source: str
    signal_mv: NDArray[np.float32]
    fs_hz: float
    leads: tuple[str, ...]
    marks: tuple[Marks, ...]
    patient_id: str = ""


def marks_of(waves: Array, longest_silence_s: float = np.inf) -> Marks:
    """Return what is known from labelled waves: from the first to the last mark, open sides apart.

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
        yield _checked(Labelled(header.stem, "ludb", signal, fs_hz, leads, marks), header)


def read_qtdb(root: Path) -> Iterator[Labelled]:
    """Yield QTDB's records with the manual marks of ``.q1c``; one set of marks for both leads.

    Most T onsets are unmarked, and records without any T were not searched for it: both unknown.
    """
    for path in sorted(_folder_with(root, "*.q1c", "QTDB").glob("*.q1c")):
        signal, fs_hz, _ = _read_wfdb(path.with_suffix(".hea"))
        marks = marks_of(_bracketed(path.with_suffix(""), "q1c", fs_hz), QTDB_LONGEST_SILENCE_S)
        leads = tuple(f"ch{i + 1}" for i in range(len(signal)))
        record = Labelled(path.stem, "qtdb", signal, fs_hz, leads, (marks,) * len(signal))
        yield _checked(record, path)


def read_isp(root: Path) -> Iterator[Labelled]:
    """Yield ISP's 12-lead records.

    `root` holds ``train_isp_delineation_data.csv`` next to ``train_data/1.hea …``; likewise
    ``test_…``. The table has the columns ``file_name`` and ``target``; a target lists ``(class,
    first sample, last sample)`` with class 0 P, 1 QRS, 2 T, for all leads of the record together.
    Layout: doi 10.5281/zenodo.14679837.
    """
    for table in sorted(_folder_with(root, f"*{_ISP_TABLE}", "ISP").glob(f"*{_ISP_TABLE}")):
        part = table.name.removesuffix(_ISP_TABLE)
        for name, target in _isp_rows(table):
            header = table.with_name(f"{part}_data") / f"{name}.hea"
            signal, fs_hz, names = _read_wfdb(header)
            marks = marks_of(_isp_waves(target, fs_hz, f"{table.name}: {name}"))
            leads = tuple(canonical_lead(lead) or lead for lead in names)
            record_id = f"{part}-{name}"
            yield _checked(
                Labelled(record_id, "isp", signal, fs_hz, leads, (marks,) * len(leads)), header
            )


def read_reviewed(root: Path) -> Iterator[Labelled]:
    """Yield records whose waves were corrected in `pedecg review` and exported.

    `root` holds ``reviewed_waves.csv``, which names records and patients, and LUDB's layout: the
    marks are those of the annotation files. Leads without a marked wave are not in them.
    """
    for table in sorted(root.rglob(REVIEWED_TABLE)):
        with _told(table):
            rows = pd.read_csv(table, dtype="string", keep_default_na=False)
            named = rows.drop_duplicates("name")[["name", "record_id", "patient_id"]]
        for name, record_id, patient_id in named.itertuples(index=False):
            header = table.with_name(f"{name}.hea")
            signal, fs_hz, names = _read_wfdb(header)
            marks = tuple(
                marks_of(_bracketed(header.with_suffix(""), lead.lower(), fs_hz)) for lead in names
            )
            yield _checked(
                Labelled(
                    f"reviewed/{record_id}", "reviewed", signal, fs_hz, tuple(names), marks,
                    f"reviewed/{patient_id}",
                ),
                header,
            )  # fmt: skip


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


def _bracketed(record: Path, extension: str, fs_hz: float) -> Array:
    """Read waves bracketed by ``(`` and ``)``, shape (n, 4); a missing bracket is NaN.

    Nothing is guessed where the brackets of LUDB are out of order, as in ``N ( )``.
    """
    with _told(Path(f"{record}.{extension}")):
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
    """Return signal in mV, samples per second and names of the leads.

    Raises
    ------
    PedecgError
        A file is missing, cannot be read or fails the header's checksum (`wfdb` does not look).
    """
    with _told(header):
        record = wfdb.rdrecord(str(header.with_suffix("")), physical=False)
    for name, wanted, found in zip(
        record.sig_name, record.checksum, record.calc_checksum(), strict=True
    ):
        if wanted is not None and (wanted - found) % _CHECKSUM_RANGE:
            raise PedecgError(
                f"{header}: lead {name} fails its checksum "
                f"(header {wanted % _CHECKSUM_RANGE}, file {found})"
            )
    return record.dac().T.astype(np.float32), float(record.fs), record.sig_name


def _checked(record: Labelled, file: Path) -> Labelled:
    """Return the record, all of whose marks lie within it."""
    length_s = record.signal_mv.shape[1] / record.fs_hz
    for lead, marks in zip(record.leads, record.marks, strict=True):
        times = marks.waves[:, 1:]
        last = np.nanmax(times, initial=0.0)
        if last > length_s or np.nanmin(times, initial=0.0) < 0:
            raise PedecgError(
                f"{file}: lead {lead} has a mark at {last:.3f} s; the record ends at "
                f"{length_s:.3f} s"
            )
    return record


def _isp_rows(table: Path) -> list[tuple[str, str]]:
    with table.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    for column in ("file_name", "target"):
        if not rows or column not in rows[0]:
            found = ", ".join(map(str, rows[0])) if rows else "none"
            raise PedecgError(f"{table}: column {column} not found; columns are {found}")
    pairs = [(row["file_name"].strip(), row["target"] or "") for row in rows]
    return sorted(pairs, key=lambda pair: (len(pair[0]), pair[0]))


def _isp_waves(target: str, fs_hz: float, place: str) -> Array:
    try:
        listed = sorted(ast.literal_eval(target), key=lambda wave: wave[1])
        waves = [(kind, first, np.nan, last) for kind, first, last in listed]
        table = np.array(waves, float).reshape(-1, 4)
    except (ValueError, SyntaxError, TypeError, IndexError):
        raise PedecgError(
            f"{place}: target must list (class, first, last) (found {target[:60]!r})"
        ) from None
    if not np.isin(table[:, 0], (P, QRS, T)).all():
        raise PedecgError(f"{place}: class must be 0, 1 or 2 (found {target[:60]!r})")
    if (table[:, 3] < table[:, 1]).any():
        raise PedecgError(f"{place}: a wave ends before it begins (found {target[:60]!r})")
    return np.asarray(table / [1, fs_hz, fs_hz, fs_hz])


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """Turn what `wfdb` raises on missing and broken files into one line that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise PedecgError(f"{file}: {error.filename or error} not found") from None
    except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise PedecgError(f"{file}: cannot be read ({' '.join(str(error).split())})") from None


def _folder_with(root: Path, pattern: str, source: str) -> Path:
    found = next(iter(sorted(root.rglob(pattern))), None)
    if found is None:
        raise PedecgError(f"{root}: no {source} record found; expected files {pattern}")
    return found.parent
