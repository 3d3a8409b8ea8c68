"""What a normal heart of that age would show in place of each beat: explanations start from it.

Gradient times signal is largest where the signal is, in QRS, whatever the network uses. Gradient
times what differs from the normal heart marks what is unusual and is evidence for the target. The
normal heart is the mean of the training patients without any target, by age, wave by wave; its
waves are stretched onto the record's own, so that rate and intervals stay the record's.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core import elementary
from pedecg.explain import beat_regions, explain_tables
from pedecg.signals import signal_store

_open_store = lru_cache(maxsize=2)(signal_store.open_store)
Array = NDArray[np.float64]
POINTS = {"P": 24, "QRS": 32, "ST-T": 64}  # a wave is described by so many points
LEVEL_S = 0.008  # the level that a wave is measured from is the mean of so long before it
AGES_DAYS = tuple(np.geomspace(1, 18 * 365.25, 9).round().tolist())
WIDTH = 0.25  # SD of the weights around an age, in powers of ten
SHORTEST = 3  # samples; a shorter wave has no shape


@dataclass(frozen=True)
class Healthy:
    """One patient's record that shows what is normal.

    Attributes
    ----------
    age_days : NaN where unknown.
    waves : rows of `tables.WAVES` of all leads together.
    """

    position: int
    age_days: float
    waves: pd.DataFrame


@dataclass(frozen=True)
class Normals:
    """Normal waves.

    Attributes
    ----------
    leads : names, in the order of the signal store.
    by_age : per region, shape (len(AGES_DAYS) + 1, n_leads, n_points), mV from the level before;
        the last is of all ages. NaN in a lead that no healthy record has.
    """

    leads: tuple[str, ...]
    by_age: dict[str, Array]

    def at(self, age_days: float | None) -> dict[str, Array]:
        """Return each region's wave at an age, linear in log age; of all ages where unknown.

        Returns
        -------
        Region -> shape (n_leads, n_points), mV.
        """
        if age_days is None or np.isnan(age_days):
            return {name: waves[-1] for name, waves in self.by_age.items()}
        nodes = np.log(np.array(AGES_DAYS))
        place = float(np.interp(np.log(max(age_days, 1.0)), nodes, np.arange(len(nodes))))
        low = min(int(place), len(nodes) - 2)
        part = place - low
        return {
            name: (1 - part) * waves[low] + part * waves[low + 1]
            for name, waves in self.by_age.items()
        }

    def table(self) -> pd.DataFrame:
        """Return `explain_tables.NORMAL_BEATS`."""
        ages = np.array([*AGES_DAYS, np.nan])
        parts = []
        for name, waves in self.by_age.items():
            axes = [range(len(ages)), self.leads, range(waves.shape[2])]
            index = pd.MultiIndex.from_product(axes, names=["age", "lead", "point"])
            rows = pd.DataFrame({"mv": waves.ravel()}, index=index).reset_index()
            parts.append(rows.assign(region=name, age_days=ages[rows["age"]]).drop(columns="age"))
        return pd.concat(parts, ignore_index=True)[list(explain_tables.NORMAL_BEATS.columns)]


def from_table(table: pd.DataFrame) -> Normals | None:
    """Undo `Normals.table`; None where it is empty."""
    if table.empty:
        return None
    leads = tuple(dict.fromkeys(table["lead"]))
    by_age = {
        str(name): rows["mv"].to_numpy(float).reshape(len(AGES_DAYS) + 1, len(leads), -1)
        for name, rows in table.groupby("region", sort=False)
    }
    return Normals(leads, by_age)


def shape_of(record: Healthy, folder: Path) -> dict[str, Array]:
    """Return the median of a record's waves by region, shape (n_leads, n_points), mV.

    Parameters
    ----------
    folder : of the signal store, which each process opens for itself.
    """
    signals = _open_store(folder)
    signal = signals.millivolts(record.position).astype(np.float64)
    signal[~signals.lead_mask[record.position]] = np.nan
    found: dict[str, list[Array]] = {name: [] for name in POINTS}
    for name, begin, end, level in _waves(signal, signals.fs_hz, record.waves):
        found[name].append(_stretched(signal[:, begin:end] - level[:, None], POINTS[name]))
    return {name: np.median(waves, axis=0) for name, waves in found.items() if waves}


def fit(
    shapes: Sequence[dict[str, Array]], ages_days: Array, leads: tuple[str, ...]
) -> Normals | None:
    """Average the shapes of records, weighted by age, each lead over the records that have it.

    Parameters
    ----------
    shapes : of `shape_of`, one per record.
    ages_days : shape (n_records,), NaN where unknown.

    Returns
    -------
    None where no record has some wave.
    """
    nodes = np.array([math.log10(days) for days in AGES_DAYS])
    ages = np.array([math.log10(days) for days in np.maximum(ages_days, 1.0)])
    near = -0.5 * np.square((ages - nodes[:, None]) / WIDTH)
    by_age = {}
    for name in POINTS:
        selected = np.array([name in shape for shape in shapes], bool)
        if not selected.any():
            return None
        waves = np.stack([shape[name] for shape in shapes if name in shape])
        weight: Array = np.where(np.isfinite(near), near, -np.inf)[:, selected]
        highest = np.maximum(weight.max(axis=1, keepdims=True), -1e6)
        weight = elementary.exp(weight - highest)  # the nearest counts, however far it is
        weight = np.vstack([weight, np.ones(selected.sum())])
        there = np.asarray(np.isfinite(waves).all(axis=2))
        total = np.einsum("ar,rl->al", weight, there.astype(np.float64))
        summed = np.einsum("ar,rlp->alp", weight, np.where(there[..., None], waves, 0.0))
        by_age[name] = summed / np.where(total > 0, total, np.nan)[..., None]
    return Normals(leads, by_age)


def instead_of(
    signal_mv: NDArray[np.floating], fs_hz: float, waves: pd.DataFrame, normal: dict[str, Array]
) -> Array:
    """Return the signal with every wave replaced by the normal beat, and straight lines between.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples).
    waves : rows of `tables.WAVES` of all leads together.
    normal : as `Normals.at` returns it, leads as the signal's.

    Returns
    -------
    shape (n_leads, n_samples), mV. A wave that the record's edge cuts, and a lead that no healthy
    record has, are as they were.
    """
    signal = np.asarray(signal_mv, np.float64)
    back = signal.copy()
    for begin, end in _rests(waves, fs_hz, signal.shape[1]):
        at = np.linspace(0, 1, end - begin)
        back[:, begin:end] = signal[:, [begin]] * (1 - at) + signal[:, [end - 1]] * at
    for name, begin, end, level in _waves(signal, fs_hz, waves):
        back[:, begin:end] = _stretched(normal[name], end - begin) + level[:, None]
    return np.where(np.isnan(back), signal, back)


def _waves(
    signal: Array, fs_hz: float, waves: pd.DataFrame
) -> Iterator[tuple[str, int, int, Array]]:
    """Yield region, first sample, end and the level before it, shape (n_leads,).

    ST-T is measured from the level before its QRS, so that a raised ST segment stays raised.
    """
    level, last_qrs = np.full(len(signal), np.nan), -1
    reach = max(1, round(LEVEL_S * fs_hz))
    for name, begin, end in _runs(waves, fs_hz, signal.shape[1]):
        if name == "rest":
            continue
        if name != "ST-T":
            level = signal[:, max(begin - reach, 0) : begin + 1].mean(axis=1)
        if name == "QRS":
            last_qrs = end
        whole = begin > 0 and end < signal.shape[1] and end - begin >= SHORTEST
        if whole and (name != "ST-T" or last_qrs == begin):
            yield name, begin, end, level


def _rests(waves: pd.DataFrame, fs_hz: float, n_samples: int) -> Iterator[tuple[int, int]]:
    for name, begin, end in _runs(waves, fs_hz, n_samples):
        if name == "rest":
            yield begin, end


def _runs(waves: pd.DataFrame, fs_hz: float, n_samples: int) -> Iterator[tuple[str, int, int]]:
    region = beat_regions.of_samples(waves, fs_hz, n_samples)
    edges = [0, *(np.flatnonzero(np.diff(region)) + 1).tolist(), n_samples]
    for begin, end in itertools.pairwise(edges):
        yield beat_regions.REGIONS[region[begin]], begin, end


def _stretched(wave: Array, n_points: int) -> Array:
    """Return waves, shape (n_leads, n), at so many points from their first to their last sample."""
    at = np.linspace(0, wave.shape[1] - 1, n_points)
    grid = np.arange(wave.shape[1])
    return np.stack([np.interp(at, grid, lead) for lead in wave])
