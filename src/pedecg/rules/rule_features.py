"""From waves to the table of rules: measures, z-scores for age and sex, criteria."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core import age_groups, criterion_lines, tables
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.rules import beats, criteria, criterion_logic, measure, norms
from pedecg.rules.rhythm_strip import strip_features
from pedecg.signals import clipping, signal_notes, signal_store

SHOWN = ("heart_rate_bpm", "pr_ms", "qrs_ms", "qtc_bazett_ms", "qrs_axis_deg")
_open_store = lru_cache(maxsize=2)(signal_store.open_store)


class RuleFeaturesSettings(Section):
    """Section `rule_features`."""

    limits: str = Field(
        description="CSV of normal limits by age and sex; a hospital's own table is accepted"
    )
    thresholds: str = Field(
        description="CSV of the thresholds of the criteria; a hospital's own table is accepted"
    )


@dataclass(frozen=True)
class DelineatedRecord:
    """One record's place in the signal store, its waves, and whose it is.

    Attributes
    ----------
    spikes_s : times of pacemaker spikes in the stored signal, seconds; empty: there are none;
        None: nothing is known of them.
    """

    record_id: str
    position: int
    waves: pd.DataFrame
    age_days: float | None
    sex: str | None
    spikes_s: NDArray[np.float64] | None = None
    clipped: clipping.Clipped = clipping.NOT_CLIPPED

    @property
    def paced(self) -> bool | None:
        """Whether it shows the spikes of a pacemaker; None where that is not known."""
        return None if self.spikes_s is None else len(self.spikes_s) > 0


def delineated_records(
    signals: signal_store.SignalStore,
    waves: Iterable[pd.DataFrame],
    records: pd.DataFrame,
    notes: pd.DataFrame | None = None,
) -> Iterator[DelineatedRecord]:
    """Yield every record of the signal store, in its order, also where no wave was found.

    Parameters
    ----------
    waves : `tables.WAVES` in parts, each of whole records, in the order of the signal store; a
        part is held in memory at a time.
    notes : `tables.NOTES`; None: nothing is known of pacemakers and clipped leads.

    Raises
    ------
    PedecgError
        The waves of a record do not come in the order of the signal store.
    """
    found = _by_record(waves)
    current, rows = next(found, (None, _no_waves()))
    ages = dict(zip(records["record_id"], records["age_days"], strict=True))
    sexes = dict(zip(records["record_id"], records["sex"], strict=True))
    rates = dict(zip(records["record_id"], records["fs_hz"], strict=True))
    noted = {} if notes is None else dict(list(notes.groupby("record_id")))
    none = None if notes is None else notes.iloc[:0]
    lengths_s = signals.n_samples / signals.fs_hz
    for position, record_id in enumerate(signals.record_ids):
        age, sex = ages[record_id], sexes[record_id]
        own = _no_waves()
        if current == record_id:
            own = rows
            current, rows = next(found, (None, _no_waves()))
        yield DelineatedRecord(
            record_id,
            position,
            own,
            None if pd.isna(age) else float(age),
            None if pd.isna(sex) else str(sex),
            **_flaws(noted.get(record_id, none), rates[record_id], lengths_s[position]),
        )
    if current is not None:
        raise PedecgError(
            f"waves: record {current} is not in the order of the signal store; delineate it again"
        )


def _by_record(waves: Iterable[pd.DataFrame]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each record's waves of all leads together."""
    for part in waves:
        all_leads = part[part["lead"].isin((beats.GLOBAL, beats.ANY_LEAD))]
        record_ids = all_leads["record_id"].to_numpy()
        if len(record_ids) and (record_ids == record_ids[0]).all():  # grouping one costs a ms
            yield str(record_ids[0]), all_leads
        else:
            for record_id, rows in all_leads.groupby("record_id", sort=False):
                yield str(record_id), rows


@lru_cache(maxsize=1)
def _no_waves() -> pd.DataFrame:
    return tables.check(pd.DataFrame(columns=list(tables.WAVES.columns)), tables.WAVES, "waves")


def _flaws(notes: pd.DataFrame | None, fs_hz: float, length_s: float) -> dict[str, Any]:
    if notes is None:
        return {}
    leads = notes["leads"].fillna("").str.split()
    return {
        "spikes_s": signal_notes.paced_at(
            zip(notes["kind"], notes["from_middle_s"].fillna(""), strict=True), fs_hz, length_s
        ),
        "clipped": signal_notes.clipped_of(zip(notes["kind"], leads, strict=True)),
    }


def of_record(examination: DelineatedRecord, folder: str, limits: norms.Limits) -> dict[str, Any]:
    """Return `of_signals` of a store's folder; each process opens it for itself."""
    return of_signals(examination, _open_store(folder), limits)


def of_signals(
    examination: DelineatedRecord, signals: signal_store.SignalStore, limits: norms.Limits
) -> dict[str, Any]:
    """Return one row of `tables.RULES`; a measure outside the range of its column is null.

    Noise taken for waves can give an impossible interval: that record has no such measure,
    and the others keep theirs. The signal store still has pacemaker spikes, smeared by its filter:
    heights and axes of a paced heart are not valid here.
    """
    signal_mv = signals.millivolts(examination.position)
    measures = possible(
        measure.measure(
            examination.waves,
            signal_mv,
            signals.fs_hz,
            signals.leads,
            signals.lead_mask[examination.position],
            examination.clipped,
            spikes_s=examination.spikes_s,
        )
    )
    if examination.paced:
        measures |= dict.fromkeys(filter(_is_height, measures), False)
    measures["paced"] = examination.paced
    age, sex = examination.age_days, examination.sex
    return {
        "record_id": examination.record_id,
        **measures,
        **of_strip(examination, signal_mv, signals.fs_hz, limits),
        **adjusted(measures, age, sex, limits),
    }


def _is_height(name: str) -> bool:
    """Return whether a column tells if a height, a ratio of heights or an axis is valid."""
    return name.startswith("valid_") and (name.endswith(("_mv", "_deg")) or "_ratio_" in name)


def of_strip(
    examination: DelineatedRecord,
    signal_mv: NDArray[np.floating[Any]],
    fs_hz: float,
    limits: norms.Limits,
) -> dict[str, float]:
    """Return the measures of a rhythm strip where there is one lead; see `strip_features`.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), millivolts, band-passed.
    """
    if len(signal_mv) != 1:
        return {}
    age, sex = examination.age_days, examination.sex
    return strip_features.measure(examination.waves, signal_mv[0], fs_hz, limits, age, sex)


@lru_cache(maxsize=1)
def _ranges() -> dict[str, tuple[float, float]]:
    return tables.ranges(tables.RULES)


def possible(measures: dict[str, Any]) -> dict[str, Any]:
    """Return the measures, NaN and not valid where `tables.RULES` allows no such value."""
    kept = dict(measures)
    for name, (low, high) in _ranges().items():
        if name in kept and not low <= kept[name] <= high:
            kept |= {name: math.nan, f"valid_{name}": False}
    return kept


def adjusted(
    measures: dict[str, Any], age_days: float | None, sex: str | None, limits: norms.Limits
) -> dict[str, Any]:
    """Return z-scores `z_<measure>`, criteria `rule_<name>`, scores `score_<name>` and `why`.

    A measure that is not valid is judged by nothing. `why` says, one line each, which value of
    which criterion that is met lies beyond which limit.
    """
    child = criterion_logic.MeasuredChild(measures, age_days, sex, limits)
    z_scores = {
        f"z_{name}": norms.z_score(limits, name, child.value(limits.column(name)), age_days, sex)
        for name in limits.units
    }
    verdicts = criteria.judge(child)
    met = [
        (criterion.title, verdicts[criterion.name].reason)
        for criterion in criteria.CRITERIA
        if verdicts[criterion.name].met
    ]
    return {
        **z_scores,
        **{f"rule_{name}": verdict.met for name, verdict in verdicts.items()},
        **{f"score_{c.name}": verdicts[c.name].points for c in criteria.CRITERIA if c.is_score},
        "why": criterion_lines.join(met),
    }


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Put rows together; a criterion that cannot be determined is null."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name, math.nan) for row in rows] for name in names}
    # All numbers and all flags as one block each: looking at hundreds of columns one by one took
    # pandas an eighth of the time of a prediction.
    kinds = {name: {type(value) for value in values} for name, values in columns.items()}
    fired = [name for name in names if name.startswith("rule_")]
    numbers = [n for n in names if kinds[n] <= {float, np.float64} and n not in fired]
    flags = [n for n in names if kinds[n] <= {bool, np.bool_} and n not in fired]
    in_blocks = {*fired, *numbers, *flags}
    parts = [
        pd.DataFrame({name: columns[name] for name in names if name not in in_blocks}),
        pd.DataFrame({name: pd.array(columns[name], dtype="boolean") for name in fired}),
        *(
            pd.DataFrame(np.array([columns[name] for name in block], kind).T, columns=block)
            for block, kind in ((numbers, np.float64), (flags, np.bool_))
            if block
        ),
    ]
    return pd.concat(parts, axis=1)[names]


def summary(rules: pd.DataFrame, records: pd.DataFrame, limits_version: str = "") -> dict[str, Any]:
    """Return which share of records has each measure, medians by age, and how often rules fire.

    ``measured``: a value was taken; ``valid``: it may be used.
    """
    measured = [name for name in (*measure.COLUMNS, *measure.FURTHER_COLUMNS) if name in rules]
    fired = [column for column in rules.columns if column.startswith("rule_")]
    age = records.set_index("record_id")["age_days"].reindex(rules["record_id"])
    groups = age_groups.CLINICAL
    group = groups.assign(age.reset_index(drop=True)).to_numpy(str)
    return {
        "records": len(rules),
        "limits_version": limits_version,
        "measured": {name: float(rules[name].notna().mean()) for name in measured},
        "valid": {name: float(rules[f"valid_{name}"].mean()) for name in measured},
        "medians": {
            name: {"records": int((group == name).sum())}
            | {column: _median(rules.loc[group == name, column]) for column in SHOWN}
            for name in groups.names
        },
        "fired": {column.removeprefix("rule_"): int(rules[column].sum()) for column in fired},
        "not_evaluable": {
            column.removeprefix("rule_"): int(rules[column].isna().sum()) for column in fired
        },
    }


def _median(values: "pd.Series[float]") -> float:
    return float(values.median()) if values.notna().any() else math.nan
