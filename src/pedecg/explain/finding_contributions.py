"""What each ECG finding adds to the probability of a model of rule features.

The measures of one finding (rate, axis, ST segment, …) are moved together from the usual ECG of the
age to the record's own, one finding after the other in random orders: sampled Shapley values
(Castro J et al. Comput Oper Res 2009;36:1726-1730), by the library captum. They add up to the
difference of the two probabilities. Age and sex stay those of the record.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from captum.attr import ShapleyValueSampling
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from pedecg.core import age_groups, params, tables
from pedecg.evaluation.calibration import Calibration
from pedecg.explain.explained_records import RecordTarget
from pedecg.models.contract import Model, Rows

FINDINGS = (  # the first pattern that fits the name of a feature; z-scores and scores go with them
    ("rhythm", r"rr_|sdnn|rmssd|ectopic|eminy|flutter|atrial_rate|blocked|dissociation|strip_"),
    ("rhythm", r"premature|pause|fibrillation|p_share|longest|shortest|arrhythmia|irregular"),
    ("pacing", r"paced"),
    (
        "AV conduction, pre-excitation",
        r"(^|_)pr(_|$)|delta_wave|pre_excitation|(degree|complete)_block",
    ),
    ("heart rate", r"heart_rate|qtc_rate|tachycardia|bradycardia"),
    ("QT interval", r"(^|_)qtc?(_|$)"),
    ("electrical axis", r"axis|angle|anterior_block"),
    ("ST segment", r"(^|_)(st|st80|j)_|brugada"),
    ("T wave", r"(^|_)t(_|$)"),
    ("P wave", r"(^|_)p_|atrial_enlargement"),
    ("QRS duration, bundle branches", r"^qrs$|qrs_(ms|consensus)|bbb|r_peak|r2_v1|wide_qrs"),
    ("Q wave", r"(^|_)q_|qr_ratio"),
    ("QRS voltage", r"(^|_)[rs]_|rs_ratio|sv1_rv6|qrs_(limb|precordial)|voltage|[rl]vh"),
    ("other criteria", r"."),
)  # fmt: skip
NAMES = tuple(dict.fromkeys(name for name, _ in FINDINGS))
_UNKNOWN = -1e30  # stands for NaN, which captum's products of masks would spread


class FindingSettings(params.Section):
    """Section `explain_findings`."""

    model: str | None = Field(
        description="model of rule features, without signals, that is explained; null: the best of "
        "them on validation records"
    )
    records: int = Field(
        description="largest number of explained test records per target, of those in which it is "
        "present or predicted",
        ge=1,
    )
    orders: int = Field(
        description="random orders of the findings per record; more is less noisy", ge=1, le=1000
    )
    seed: int = Field(description="seed of the orders", ge=0)


@dataclass(frozen=True)
class Usual:
    """The usual ECG of each age group: medians of the training records without any target.

    Attributes
    ----------
    medians : rows by age group, columns of the features; NaN where nothing is known.
    edges_days : of the age groups.
    """

    medians: pd.DataFrame
    edges_days: tuple[int, ...]

    def of(self, rows: Rows) -> NDArray[np.float64]:
        """Return the usual features of each row's age, shape (n, n_features)."""
        groups = _groups(rows, self.edges_days)
        return self.medians.loc[groups.to_list(), list(rows.features)].to_numpy(np.float64)


def usual(rows: Rows, splits: pd.DataFrame, edges_days: Sequence[int]) -> Usual:
    """Return the usual ECG of each age group; of a group without records that of all ages.

    Parameters
    ----------
    rows, splits : all records, and `tables.SPLITS`; training records alone are taken.
    """
    training = splits.loc[splits["split"] == "train", "record_id"]
    normal = rows.take(
        np.isin(rows.record_ids, training.to_numpy(str)) & ~(rows.labels == 1).any(axis=1)
    )
    groups = _groups(normal, edges_days)
    table = normal.features.astype("float64")
    everyone = table.median()
    named = [*age_groups.names(edges_days), age_groups.UNKNOWN]
    medians = {
        name: table[here].median() if (here := (groups == name).to_numpy(bool)).any() else everyone
        for name in named
    }
    return Usual(pd.DataFrame(medians).T, tuple(edges_days))


def _groups(rows: Rows, edges_days: Sequence[int]) -> pd.Series:
    ages = pd.Series(rows.age_days.astype(np.float64)).astype("Float64")
    return age_groups.assign(ages.where(ages.notna(), pd.NA), edges_days)


def finding_of(feature: str) -> str:
    """Return the finding that a feature belongs to."""
    plain = re.sub(r"^(z|rule|score)_", "", feature)
    return next(name for name, pattern in FINDINGS if re.search(pattern, plain))


Predict = Callable[[Rows], NDArray[np.float64]]


def calibrated(trainings: Sequence[Model], fitted: Calibration) -> Predict:
    """Return a function from rows to the calibrated mean probabilities of some trainings."""
    of_targets = fitted.only(trainings[0].targets)

    def predict(rows: Rows) -> NDArray[np.float64]:
        return of_targets.apply(np.mean([one.predict(rows) for one in trainings], axis=0))

    return predict


def contributions(
    predict: Predict, rows: Rows, target: int, norm: Usual, settings: FindingSettings
) -> pd.DataFrame:
    """Return what each finding adds to the probability of one target, in probability.

    Parameters
    ----------
    predict : probabilities of rows, shape (n, n_targets).
    target : column of the probabilities.

    Returns
    -------
    One row per record, columns record_id, usual (the probability of the usual ECG of the age),
    probability, and one per finding; usual and findings add up to probability.
    """
    columns = list(map(str, rows.features))
    places = {name: place for place, name in enumerate(NAMES)}
    mask = torch.tensor([[places[finding_of(name)] for name in columns]])
    present = sorted(set(mask[0].tolist()))
    mask = torch.tensor([[present.index(place) for place in mask[0].tolist()]])
    own, base = (
        torch.from_numpy(np.nan_to_num(values, nan=_UNKNOWN))
        for values in (rows.features.to_numpy(np.float64), norm.of(rows))
    )

    def asked(values: Tensor) -> Tensor:
        plain = values.numpy()
        plain = np.where(plain < _UNKNOWN / 2, np.nan, plain).astype(np.float32)
        many = rows.take(np.tile(np.arange(len(rows)), len(plain) // len(rows)))
        features = pd.DataFrame(plain, columns=columns)
        return torch.from_numpy(predict(replace(many, features=features))[:, target])

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        # All steps of an order in one prediction: of a forest, one of many rows costs little more.
        found = ShapleyValueSampling(asked).attribute(
            own, baselines=base, feature_mask=mask, n_samples=settings.orders,
            perturbations_per_eval=len(present),
        )  # fmt: skip
    first = [mask[0].tolist().index(group) for group in range(len(present))]
    values = found.numpy()[:, first]
    table = pd.DataFrame(values, columns=[NAMES[place] for place in present])
    table.insert(0, "record_id", list(rows.record_ids))
    table.insert(1, "usual", asked(base).numpy())
    table.insert(2, "probability", asked(own).numpy())
    return table


def of_targets(
    predict: Predict,
    rows: Rows,
    chosen: Mapping[str, Sequence[RecordTarget]],
    norm: Usual,
    settings: FindingSettings,
) -> pd.DataFrame:
    """Return `contributions` of every target's records, with columns target, label and words."""
    parts = []
    place = {name: number for number, name in enumerate(rows.record_ids)}
    for number, target in enumerate(rows.targets):
        listed = chosen.get(target, [])
        if not listed:
            continue
        own = rows.take(np.array([place[one.record_id] for one in listed]))
        table = contributions(predict, own, number, norm, settings)
        words = [in_words(row) for row in table.to_dict("records")]
        labels = pd.array([None if one.label != one.label else int(one.label) for one in listed])
        parts.append(table.assign(target=target, label=labels.astype("Int64"), words=words))
    if not parts:
        return pd.DataFrame(columns=["target", "record_id", "usual", "probability", *NAMES])
    together = pd.concat(parts, ignore_index=True)
    ahead = ["target", "record_id", "label", "usual", "probability"]
    named = [name for name in NAMES if name in together]
    return together[[*ahead, *named, "words"]]


def in_words(row: Mapping[Any, Any], most: int = 3) -> str:
    """Return the findings that add or take most: ``QRS voltage +0.21, T wave -0.05``."""
    known = {name: row[name] for name in NAMES if name in row and row[name] == row[name]}
    largest = sorted(known, key=lambda name: -abs(known[name]))[:most]
    shown = [f"{name} {known[name]:+.2f}" for name in largest if abs(known[name]) >= 0.005]
    usual_p = f"{row['usual']:.2f} for the usual ECG of the age"
    return f"{usual_p}; {', '.join(shown)}" if shown else f"{usual_p}; no finding moves it"


def mean_sizes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean absolute contribution, columns target, finding, mean, records."""
    named = [name for name in NAMES if name in table]
    rows = [
        {"target": target, "finding": name, "mean": float(part[name].abs().mean()),
         "records": len(part)}
        for target, part in table.groupby("target", sort=False)
        for name in named
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["target", "finding", "mean", "records"])


def as_metrics(sizes: pd.DataFrame, model: str) -> dict[str, Any]:
    """Return the mean absolute contributions by target, the largest first."""
    targets = {}
    for target, part in sizes.groupby("target", sort=False):
        ordered = part.sort_values("mean", ascending=False, kind="stable")
        targets[str(target)] = {
            "records": int(part["records"].iloc[0]),
            "mean_absolute_contribution": dict(
                zip(ordered["finding"], ordered["mean"].tolist(), strict=True)
            ),
        }
    return {"model": model, "targets": targets}


def write_nothing(folder: Path, plots: Path, metrics: Path) -> None:
    """Leave the outputs of a run without a model of rule features: empty, and saying so."""
    for each in (folder, plots):
        each.mkdir(parents=True, exist_ok=True)
    tables.write_metrics({"model": None, "targets": {}}, metrics)
