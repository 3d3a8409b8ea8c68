"""Prediction sets with guaranteed coverage, per target and age group.

A set holds every answer (absent, present) that conforms to the validation records of the same age
group. Whatever the model, it holds the true answer for at least the stated share of new records of
that age group, if they are exchangeable with the validation records: Mondrian split conformal
prediction. Vovk V, Gammerman A, Shafer G. Algorithmic Learning in a Random World. 2005, chapter 4.
The p values are those of the library crepes (Boström H. COPA 2022, PMLR 179:24-41).

A set of one answer decides. A set of both, and the empty set of a record that conforms to neither,
are uncertain. The probabilities are those before calibration: the correction was fitted on the
same validation records, which would spoil the guarantee.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from crepes import ConformalClassifier
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core import age_groups, params, tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation.cases import Cases, probabilities

FOLDER = Path("data/prediction_sets")  # <model>.json each
POSITIVE, NEGATIVE, UNCERTAIN = "positive", "negative", "uncertain"

Floats = NDArray[np.float64]
Sets = NDArray[np.bool_]
Categories = NDArray[np.str_]


class SetSettings(params.Section):
    """How sure a prediction set is, and of whom."""

    confidence: float = Field(
        description="share of the records of each age group whose set holds the true answer",
        gt=0.5,
        lt=1,
    )
    by_label: bool = Field(
        description="true: the share holds among the positives and among the negatives of each age "
        "group, too, which few positives answer by more uncertain records"
    )


@dataclass(frozen=True)
class Records:
    """Records with known sets and labels of one model.

    Attributes
    ----------
    cases : n of them.
    probabilities : shape (n, n_targets), before calibration, averaged over trainings.
    age_days : of the cases, in their order.
    """

    cases: Cases
    probabilities: Floats
    age_days: pd.Series


def records_of(
    predictions: pd.DataFrame, cases: Cases, records: pd.DataFrame, source: str
) -> Records:
    """Return what a model predicts of cases.

    Parameters
    ----------
    predictions : `tables.PREDICTIONS` of the model; records : `tables.RECORDS`.
    source : names the predictions in messages.
    """
    p = probabilities(predictions, cases, source).mean(axis=0)
    ages: pd.Series = records.set_index("record_id")["age_days"]
    return Records(cases, p, ages.loc[list(cases.record_ids)])


@dataclass(frozen=True)
class Scores:
    """What the validation records with a known label say of one target.

    Attributes
    ----------
    nonconformity : shape (n,), 1 minus the probability of the true answer.
    category : shape (n,), the age group, with the label where `by_label` holds.
    """

    nonconformity: tuple[float, ...]
    category: tuple[str, ...]


@dataclass(frozen=True)
class PredictionSets:
    """The prediction sets of one model: the mean of its trainings.

    Attributes
    ----------
    age_edges_days : of the age groups, as in ``split.age_edges_days``.
    scores : target -> its validation scores.
    """

    model: str
    confidence: float
    by_label: bool
    age_edges_days: tuple[int, ...]
    scores: Mapping[str, Scores]

    def groups(self, age_days: pd.Series) -> Categories:
        """Return the age group of each age in days, shape (n,); ``unknown`` without an age."""
        return age_groups.assign(age_days, self.age_edges_days).to_numpy(str)

    def categories(self, groups: NDArray[np.str_], y: Floats | NDArray[np.int64]) -> Categories:
        """Return the Mondrian category of records of these age groups and labels, shape (n,)."""
        return _categories(groups, y, self.by_label)

    def of(self, target: str, p: Floats, groups: Categories) -> Sets:
        """Return which answers conform, shape (n, 2): absent, present.

        Parameters
        ----------
        p : shape (n,), probability that the target is present, before calibration, averaged over
            trainings.
        groups : shape (n,), see `groups`. Of one without validation records, or with too few for
            the confidence, both answers conform.
        """
        scores = self.scores[target]
        fitted = ConformalClassifier()
        fitted.fit(np.array(scores.nonconformity), np.array(scores.category, str))
        columns = [
            fitted.predict_set(
                (1 - probability)[:, None],
                self.categories(groups, np.full(len(p), label)),
                confidence=self.confidence,
                smoothing=False,
            )[:, 0]
            for label, probability in enumerate((1 - p, p))
        ]
        return np.stack(columns, axis=1).astype(bool)

    def save(self, path: Path) -> None:
        """Write them as JSON."""
        tables.write_text(json.dumps(asdict(self), allow_nan=False) + "\n", path)


def load(path: Path) -> PredictionSets:
    """Read what `PredictionSets.save` wrote.

    Raises
    ------
    PedecgError
        The file is absent or is no file of prediction sets.
    """
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        scores = {
            str(target): Scores(
                tuple(map(float, one["nonconformity"])), tuple(map(str, one["category"]))
            )
            for target, one in card["scores"].items()
        }
        edges = tuple(map(int, card["age_edges_days"]))
        found = PredictionSets(
            str(card["model"]), float(card["confidence"]), card["by_label"] is True, edges, scores
        )
        if any(len(s.nonconformity) != len(s.category) for s in scores.values()):
            raise ValueError("as many scores as categories expected")
        return found
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; the stage prediction_sets writes it") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PedecgError(f"{path}: not a file of prediction sets ({error})") from None


def fit(
    model: str, validation: Records, age_edges_days: Sequence[int], settings: SetSettings
) -> PredictionSets:
    """Keep the scores of the records of the validation split, and of no others."""
    groups = age_groups.assign(validation.age_days, age_edges_days).to_numpy(str)
    scores = {}
    for k, target in enumerate(validation.cases.targets):
        known = ~np.isnan(validation.cases.y[:, k])
        y, p = validation.cases.y[known, k], validation.probabilities[known, k]
        category = _categories(groups[known], y, settings.by_label)
        nonconformity = np.where(y == 1, 1 - p, p)
        scores[target] = Scores(tuple(nonconformity.tolist()), tuple(category.tolist()))
    edges = tuple(age_edges_days)
    return PredictionSets(model, settings.confidence, settings.by_label, edges, scores)


def _categories(groups: Categories, y: Floats | NDArray[np.int64], by_label: bool) -> Categories:
    if not by_label:
        return groups
    return np.char.add(groups, np.where(y == 1, f", {POSITIVE}", f", {NEGATIVE}"))


def answers(sets: Sets) -> list[str]:
    """Return what each set of shape (n, 2) says: positive, negative or uncertain."""
    words = {(True, False): NEGATIVE, (False, True): POSITIVE}
    return [words.get((bool(a), bool(b)), UNCERTAIN) for a, b in sets]


def covered(sets: Sets, y: Floats) -> NDArray[np.bool_]:
    """Return whether each set holds the true answer; y of shape (n,), 0 or 1, all known."""
    return np.asarray(sets[np.arange(len(y)), y.astype(int)])


def as_plain(sets: Sets) -> list[list[int]]:
    """Return each set, a row of shape (n, 2), as the list of its answers: 0 absent, 1 present."""
    return [[label for label in (0, 1) if one[label]] for one in sets.tolist()]
