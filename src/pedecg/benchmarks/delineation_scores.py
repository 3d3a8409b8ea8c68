"""Delineators compared on the same records by the same scorer, `delineator.boundary_scores`.

Tolerances: P 50, QRS 40, T onset 50 and T offset 100 ms.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import neurokit2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.benchmarks.benchmark_settings import (
    DelineationSettings,
    HeartRateSettings,
    ResamplingSettings,
)
from pedecg.benchmarks.delineators import Delineator, NeuroKit, OpenEcg, PedecgDelineator
from pedecg.core import parallel, tables
from pedecg.delineator import boundary_scores
from pedecg.evaluation import bootstrap
from pedecg.waves.annotations import Labelled

WAVES = tables.WAVES_IN_ORDER
EDGE_S = 1.0  # s; a beat at the edge of a simulated record is cut, and not scored
NEAR_S = 0.04  # s; a wave is detected where the middle of one lies within it, or this near to it
# Which leads of a data set are scored together, by the name of the group.
LEAD_GROUPS: dict[str, dict[str, str | None]] = {
    "ludb": {"lead_ii": "II", "all_leads": None},
    "qtdb": {"channel_1": "ch1"},
}


def delineators(settings: DelineationSettings) -> list[Delineator]:
    """Return the delineators to compare; ours is the first."""
    ours = PedecgDelineator(Path(settings.weights))
    compared: list[Delineator] = [ours, *map(NeuroKit, settings.neurokit2_methods)]
    return compared + (
        [OpenEcg(settings.openecg_python)] if settings.openecg_python is not None else []
    )


def versions() -> dict[str, str]:
    """Return the versions of the libraries that are compared."""
    return {"neurokit2": str(neurokit2.__version__)}


def waves_of(delineator: Delineator, records: Sequence[Labelled]) -> pd.DataFrame:
    """Delineate records; columns of `delineators.Delineator` and ``record_id``."""
    one = partial(_waves_of_one, delineator=delineator)
    parts: Iterator[pd.DataFrame]
    if isinstance(delineator, OpenEcg):  # its process cannot be copied into others
        parts = map(one, parallel.progress(records, delineator.name))
    else:
        parts = parallel.records(one, records, delineator.name)
    tables_ = list(parts)
    return pd.concat([part for part in tables_ if len(part)] or tables_, ignore_index=True)


def _waves_of_one(record: Labelled, delineator: Delineator) -> pd.DataFrame:
    waves = delineator(record.signal_mv, record.fs_hz, record.leads)
    return waves.assign(record_id=record.record_id)


def boundaries(
    source: str,
    compared: Sequence[Delineator],
    records: Sequence[Labelled],
    settings: ResamplingSettings,
) -> dict[str, Any]:
    """Return the scores of each delineator: macro F1 of the six boundaries, and each of these."""
    scored: dict[str, Any] = {}
    for delineator in compared:
        waves = waves_of(delineator, records)
        counts = boundary_scores.count(waves, records)
        scored[delineator.name] = {
            group: _group(counts if lead is None else counts[counts["lead"] == lead], settings)
            for group, lead in LEAD_GROUPS[source].items()
        } | {"false_p_per_qrs": boundary_scores.invented_p(waves, records)}
    return scored


def _group(counts: pd.DataFrame, settings: ResamplingSettings) -> dict[str, Any]:
    columns = ["f1", "se", "ppv", "mean_ms", "sd_ms"]
    by_boundary = boundary_scores.summary(counts).set_index("boundary")[columns]
    by_boundary = by_boundary.loc[list(boundary_scores.BOUNDARIES)]
    draws = _macro_f1_draws(counts, settings)
    return {
        "macro_f1": bootstrap.estimate(boundary_scores.macro_f1(counts), draws),
        "boundaries": by_boundary.rename(columns={"se": "sensitivity"}).to_dict("index"),
    }


def _macro_f1_draws(counts: pd.DataFrame, settings: ResamplingSettings) -> NDArray[np.float64]:
    """Return macro F1 of resampled records, shape (resamples,)."""
    pooled = counts.groupby(["record_id", "boundary"])[["tp", "fp", "fn"]].sum()
    table = pooled.to_numpy(float).reshape(-1, len(boundary_scores.BOUNDARIES), 3)
    # As the neutral scorer draws: one call, a row of records for each resample.
    draws = np.random.default_rng(settings.seed).integers(
        0, len(table), (settings.resamples, len(table))
    )
    weights = np.stack([np.bincount(draw, minlength=len(table)) for draw in draws])
    tp, fp, fn = np.moveaxis(np.tensordot(weights, table, axes=1), -1, 0)
    f1: NDArray[np.float64] = (2 * tp / np.maximum(2 * tp + fp + fn, 1)).mean(axis=1)
    return f1


def detection(compared: Sequence[Delineator], by_rate: dict[float, list[Labelled]]) -> pd.DataFrame:
    """Return how well each wave is detected at each heart rate, whatever its boundaries.

    Returns
    -------
    Columns ``source`` (the delineator), ``heart_rate_bpm``, ``boundary`` (P, QRS or T), ``f1``.
    """
    records = [record for at_rate in by_rate.values() for record in at_rate]
    rows = []
    for delineator in compared:
        waves = waves_of(delineator, records)
        for rate, at_rate in by_rate.items():
            for wave, f1 in detection_f1(waves, at_rate).items():
                rows.append((delineator.name, rate, wave, f1))
    return pd.DataFrame(rows, columns=["source", "heart_rate_bpm", "boundary", "f1"])


def detection_f1(waves: pd.DataFrame, records: Sequence[Labelled]) -> dict[str, float]:
    """Return the F1 of detection of P, QRS and T.

    A wave is detected where the middle of a predicted one lies within it, or within 40 ms of it.
    """
    counts = dict.fromkeys(WAVES, (0, 0, 0))
    by_record = dict(list(waves.groupby("record_id")))
    for record in records:
        predicted = by_record.get(record.record_id, waves.iloc[:0])
        marks = record.marks[0]
        low, high = EDGE_S, record.signal_mv.shape[1] / record.fs_hz - EDGE_S
        for kind, wave in enumerate(WAVES):
            rows = predicted[predicted["wave"] == wave]
            middle = rows[["onset_s", "offset_s"]].mean(axis=1, skipna=False)
            times = np.unique(middle.fillna(rows["peak_s"]).dropna().to_numpy(float))
            true = marks.of(kind)[:, [0, 2]]
            true = true[(true[:, 0] >= low - NEAR_S) & (true[:, 1] <= high + NEAR_S)]
            times = times[(times >= true[:1, 0] - NEAR_S) & (times <= true[-1:, 1] + NEAR_S)]
            near = (times >= true[:, :1] - NEAR_S) & (times <= true[:, 1:] + NEAR_S)
            hit = int(near.any(axis=1).sum())
            unknown = marks.unknown[marks.unknown[:, 0] == kind, 1:]
            ignored = ((times >= unknown[:, :1]) & (times <= unknown[:, 1:])).any(axis=0)
            spare = max(int((~ignored | near.any(axis=0)).sum()) - hit, 0)
            tp, fp, fn = counts[wave]
            counts[wave] = tp + hit, fp + spare, fn + len(true) - hit
    return {w: 2 * tp / max(2 * tp + fp + fn, 1) for w, (tp, fp, fn) in counts.items()}


def highest_rates(detected: pd.DataFrame, settings: HeartRateSettings) -> dict[str, Any]:
    """Return for each delineator and wave the heart rate up to which it is detected at every rate.

    Null where it is not detected at the lowest rate.
    """
    highest: dict[str, dict[str, float | None]] = {}
    for (name, wave), rows in detected.groupby(["source", "boundary"], sort=False):
        ordered = rows.sort_values("heart_rate_bpm")
        reached = (ordered["f1"] >= settings.detected_f1).cummin()
        rates = ordered.loc[reached, "heart_rate_bpm"]
        highest.setdefault(str(name), {})[str(wave)] = float(rates.max()) if len(rates) else None
    return highest
