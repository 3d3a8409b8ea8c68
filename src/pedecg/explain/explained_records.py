"""Selection of records to explain, with probabilities, thresholds, labels and criteria."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pedecg.core import age_text, criterion_lines
from pedecg.evaluation import cases
from pedecg.evaluation.calibration import Calibration
from pedecg.explain.beat_regions import GLOBAL
from pedecg.models import features
from pedecg.signals.signal_store import SignalStore


@dataclass(frozen=True)
class RecordTarget:
    """One record and one target.

    Attributes
    ----------
    label : 1, 0, or NaN where the source cannot tell.
    probability : calibrated, of the mean over the trainings.
    threshold : fitted on validation; NaN where there was too little to fit it on.
    positive : the probability reaches the threshold.
    """

    record_id: str
    patient_id: str
    target: str
    label: float
    probability: float
    threshold: float

    @property
    def positive(self) -> bool:
        """Whether the probability reaches the threshold; False where there is no threshold."""
        return self.probability >= self.threshold


@dataclass(frozen=True)
class RecordContext:
    """One record: age and sex, its place in the signal store, its waves, the criteria met.

    Attributes
    ----------
    age_days, sex : None where unknown.
    features : one row of `features.of_rules`.
    criteria : (title, reason) of every criterion that is met.
    flaws : signal-quality findings of its leads, e.g. "V1 partly-saturated".
    """

    record_id: str
    position: int
    age_days: float | None
    sex: str | None
    features: pd.DataFrame = field(repr=False)
    waves: pd.DataFrame = field(repr=False)
    criteria: tuple[tuple[str, str], ...]
    flaws: tuple[str, ...]

    @property
    def sex_and_age(self) -> str:
        """In words: sex and age."""
        if self.sex is None and self.age_days is None:
            return "age and sex unknown"
        age = "age unknown" if self.age_days is None else age_text.in_words(self.age_days)
        return f"{self.sex or 'child of unknown sex'}, {age}"


def of_test(
    predictions: pd.DataFrame,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    fitted: Calibration,
    source: str,
) -> list[RecordTarget]:
    """Return every test record with every target: calibrated probability and its threshold."""
    test = cases.of_split(labels, splits, "test")
    of_targets = fitted.only(test.targets)
    p = of_targets.apply(cases.probabilities(predictions, test, source).mean(axis=0)).tolist()
    cuts = of_targets.thresholds().tolist()
    patient = dict(zip(splits["record_id"], splits["patient_id"], strict=True))
    return [
        RecordTarget(record_id, patient[record_id], target, float(test.y[i, k]), p[i][k], cuts[k])
        for k, target in enumerate(test.targets)
        for i, record_id in enumerate(test.record_ids)
    ]


def by_target(subjects: Sequence[RecordTarget]) -> dict[str, list[RecordTarget]]:
    """Return the subjects of each target, the most probable first, then by record."""
    found: dict[str, list[RecordTarget]] = {}
    for subject in sorted(subjects, key=lambda s: (-s.probability, s.record_id)):
        found.setdefault(subject.target, []).append(subject)
    return {target: found[target] for target in dict.fromkeys(s.target for s in subjects)}


def present_or_positive(
    subjects: Sequence[RecordTarget], at_most: int
) -> dict[str, list[RecordTarget]]:
    """Return, per target, its positives and predicted positives, the most probable first.

    Of more than `at_most` those are taken that lie evenly in that order.
    """
    return {
        target: spread([s for s in listed if s.label == 1 or s.positive], at_most)
        for target, listed in by_target(subjects).items()
    }


def spread(listed: Sequence[RecordTarget], at_most: int) -> list[RecordTarget]:
    """Return at most so many, evenly over the order, the first among them."""
    places = np.linspace(0, len(listed), min(at_most, len(listed)), endpoint=False)
    return [listed[int(place)] for place in places]


@dataclass(frozen=True)
class Known:
    """The tables of these names, see `tables`."""

    records: pd.DataFrame
    quality: pd.DataFrame
    waves: pd.DataFrame
    rules: pd.DataFrame


def contexts(
    record_ids: Sequence[str], signals: SignalStore, known: Known
) -> dict[str, RecordContext]:
    """Return what is known about each record, by its id."""
    wanted = set(record_ids)
    waves, quality = known.waves, known.quality
    waves = waves[(waves["lead"] == GLOBAL) & waves["record_id"].isin(wanted)]
    by_record = dict(list(waves.groupby("record_id", sort=False)))
    flawed = quality[quality["record_id"].isin(wanted) & quality["flaw"].notna()]
    flaws = {
        str(key): tuple(f"{lead} {flaw}" for lead, flaw in rows[["lead", "flaw"]].to_numpy())
        for key, rows in flawed.groupby("record_id")
    }
    about = known.records.set_index("record_id")[["age_days", "sex"]].to_dict("index")
    why = known.rules.set_index("record_id")["why"].fillna("")
    found = {}
    numbers = features.of_rules(known.rules, record_ids)
    positions = signals.positions(record_ids)
    for place, (record_id, position) in enumerate(zip(record_ids, positions, strict=True)):
        row: dict[Hashable, Any] = about[record_id]
        age = None if pd.isna(row["age_days"]) else float(row["age_days"])
        sex = None if pd.isna(row["sex"]) else str(row["sex"])
        found[record_id] = RecordContext(
            record_id=record_id,
            position=int(position),
            age_days=age,
            sex=sex,
            features=numbers.iloc[[place]],
            waves=by_record.get(record_id, waves.iloc[:0]),
            criteria=criterion_lines.split(str(why[record_id])),
            flaws=flaws.get(record_id, ()),
        )
    return found
