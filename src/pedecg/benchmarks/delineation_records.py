"""The records on which delineators are compared: LUDB, QTDB and simulated children."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pedecg.benchmarks.benchmark_settings import HeartRateSettings
from pedecg.core.errors import PedecgError
from pedecg.delineator import simulated_records
from pedecg.waves import annotations
from pedecg.waves.annotations import Labelled

_READERS: dict[str, Callable[[Path], Iterator[Labelled]]] = {
    "ludb": annotations.read_ludb,
    "qtdb": annotations.read_qtdb,
}
HELD_OUT = "held_out.json"  # next to the weights: the records that they were not trained on
AROUND_LABELS_S = 10.0  # s of QTDB kept on either side of the labels: they cover a small part
T_ONSETS_LABELLED = 0.5  # least share of T onsets that a record of QTDB must have labelled


def held_out(weights: Path) -> dict[str, Any]:
    """Return the records of each data set that the weights were not trained on.

    Raises
    ------
    PedecgError
        The folder of the weights does not say so.
    """
    file = weights / HELD_OUT
    if not file.is_file():
        raise PedecgError(f"{file}: not found; expected the records that were not trained on")
    listed: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return listed


def read(source: str, root: Path, only: Iterable[str] | None) -> list[Labelled]:
    """Read the records of one data set that are scored.

    Of QTDB those with half or more of their T onsets labelled, each cut to 10 s around its labels.

    Parameters
    ----------
    source : ``ludb`` or ``qtdb``.
    only : names of records; None: all.

    Raises
    ------
    PedecgError
        None of them is there.
    """
    names = None if only is None else set(only)
    wanted = (
        record for record in _READERS[source](root) if names is None or record.record_id in names
    )
    if source == "qtdb":
        records = [_cut(record) for record in wanted if _t_labelled(record)]
    else:
        records = list(wanted)
    if not records:
        raise PedecgError(
            f"data.delineation.{source}: no record to score; delineation.records: all scores those "
            "that the weights were trained on as well"
        )
    return records


def simulated(
    rate_bpm: float, settings: HeartRateSettings, child: simulated_records.Settings
) -> list[Labelled]:
    """Return lead II of healthy simulated children at one heart rate.

    Parameters
    ----------
    child : section `simulate` of the delineation pipeline; its rates, findings, seed and number of
        records are replaced.
    """
    fixed = child.model_copy(
        update={
            "slowest_bpm": rate_bpm, "fastest_bpm": rate_bpm, "findings": 0.0,
            "seed": settings.seed, "records": settings.records,
        }
    )  # fmt: skip
    records = []
    for number in range(settings.records):
        one = simulated_records.simulate(number, fixed)
        marks = annotations.marks_from_table(one.fiducials)
        lead_ii = one.signal_mv[1:2]
        name = f"{rate_bpm:g}/{number}"
        records.append(
            Labelled(name, "simulated", lead_ii, simulated_records.FS_HZ, ("II",), (marks,))
        )
    return records


def _t_labelled(record: Labelled) -> bool:
    onsets = record.marks[0].of(annotations.T)[:, 0]
    return bool(len(onsets) and np.isfinite(onsets).mean() >= T_ONSETS_LABELLED)


def _cut(record: Labelled) -> Labelled:
    """Cut a record to its labelled spans, and move its marks with it."""
    marks = record.marks[0]
    first = max(marks.spans.min() - AROUND_LABELS_S, 0.0)
    begin = round(first * record.fs_hz)
    end = round((marks.spans.max() + AROUND_LABELS_S) * record.fs_hz)
    by = begin / record.fs_hz
    moved = replace(
        marks,
        waves=marks.waves - [0, by, by, by],
        spans=marks.spans - by,
        unknown=marks.unknown - [0, by, by],
    )
    signal = record.signal_mv[:, begin:end]
    return replace(record, signal_mv=signal, marks=(moved,) * len(record.leads))
