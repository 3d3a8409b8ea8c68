"""External validation: a trained model on other cohorts, with thresholds unchanged.

Nothing is fitted here. Calibration and thresholds come from the model's own validation split, and
the metrics are compared with those of its own test split.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy import optimize, special

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.evaluation import bootstrap, case_mix, cases, curves, evaluate, label_mapping, metrics
from pedecg.evaluation.calibration import Calibration
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.evaluate import Scored
from pedecg.evaluation.select_models import Selected

_LOGIT_LIMIT = 30.0  # a probability of 1e-13 is never; keeps the logarithm finite


class ExternalSettings(evaluate.Scoring):
    """Which model meets which children, and how their labels translate."""

    model: str | None = Field(
        description="model that is validated, or `ensemble`; null: the best on validation "
        "records, reference models left out"
    )
    age_from_days: int = Field(description="youngest child, days", ge=0)
    age_to_days: int = Field(description="oldest child, days, included; 6574: under 18 years", ge=0)
    mapping: dict[str, str] = Field(
        description="external cohort -> which of external_validation.mappings it takes"
    )
    mappings: dict[str, dict[str, str]] = Field(
        description="name -> target of the model -> expression over the external labels, of not, "
        "and, or, any(…), all(…); a target that is left out, or that the model does not know, is "
        "not validated",
        min_length=1,
    )

    def chosen(self, cohort: str, targets: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Return the mapping of a cohort, and of its targets those that the model does not have.

        A cohort with other targets than the mapping's has fewer to validate, or none at all.

        Raises
        ------
        PedecgError
            The cohort names no mapping, or one that is not there.
        """
        place = f"{params.PARAMS_FILE.name}: external_validation.mapping.{cohort}"
        if cohort not in self.mapping:
            raise PedecgError(f"{place}: missing; mappings are {', '.join(self.mappings)}")
        named = self.mapping[cohort]
        if named not in self.mappings:
            there = ", ".join(self.mappings)
            raise PedecgError(f"{place} names {named!r}: not found; mappings are {there}")
        mapping = self.mappings[named]
        unknown = [target for target in mapping if target not in targets]
        return {target: mapping[target] for target in mapping if target in targets}, unknown


def eligible(
    records: pd.DataFrame, stored: tuple[str, ...], settings: ExternalSettings
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the records to validate on, and how many were left out for which reason.

    Parameters
    ----------
    records : `tables.RECORDS` of the external cohort.
    stored : records that have a signal.
    """
    age = records["age_days"].astype("float64")
    reasons = {
        "age_unknown": age.isna(),
        "too_young": age < settings.age_from_days,
        "too_old": age > settings.age_to_days,
        "no_signal": ~records["record_id"].isin(stored),
    }
    kept = pd.Series(True, index=records.index)
    left_out = {}
    for reason, here in reasons.items():
        left_out[reason] = int((kept & here).sum())
        kept &= ~here
    if not kept.any():
        raise PedecgError(
            f"external cohort: no record of {settings.age_from_days} to {settings.age_to_days} "
            f"days is left; left out: {left_out}"
        )
    return records[kept].reset_index(drop=True), left_out


@dataclass(frozen=True)
class ExternalCohort:
    """The external records that a model can be validated on.

    Attributes
    ----------
    records : `tables.RECORDS` of those that are not left out.
    left_out : how many were, by reason.
    mapping : target of the model -> expression over the external labels; empty: none in common.
    unknown : targets of the chosen mapping that the model does not have.
    cases : the records with the mapped labels; None where the mapping is empty.
    """

    records: pd.DataFrame
    left_out: dict[str, int]
    mapping: dict[str, str]
    unknown: list[str]
    cases: Cases | None

    def as_metrics(self) -> dict[str, Any]:
        """Return what was mapped and left out."""
        return {
            "mapping": self.mapping, "unknown_targets": self.unknown, "left_out": self.left_out
        }  # fmt: skip


def prepare(
    cohort: str,
    records: pd.DataFrame,
    labels: pd.DataFrame,
    stored: tuple[str, ...],
    targets: Sequence[str],
    settings: ExternalSettings,
) -> ExternalCohort:
    """Choose the external records and map their labels to the targets of a model.

    Parameters
    ----------
    cohort : its name in the parameters.
    records, labels : `tables.RECORDS` and `tables.LABELS` of the external cohort.
    stored : records that have a signal.
    targets : of the model.
    """
    mapping, unknown = settings.chosen(cohort, targets)
    kept, left_out = eligible(records, stored, settings)
    mapped = cases.of_records(label_mapping.apply(labels, mapping), kept) if mapping else None
    return ExternalCohort(kept, left_out, mapping, unknown, mapped)


@dataclass(frozen=True)
class Outcome:
    """One model on the internal and on the external cohort.

    Attributes
    ----------
    internal, external : its test split and the external cohort, with the same targets and at the
        same thresholds.
    internal_probabilities, probabilities : shape (n, n_targets), of the internal and of the
        external cases, averaged over seeds, with the internal calibration.
    """

    internal: Scored
    external: Scored
    internal_probabilities: NDArray[np.float64]
    probabilities: NDArray[np.float64]


def validate(
    predictions: tuple[pd.DataFrame, pd.DataFrame],
    fitted: Calibration,
    test: Cases,
    external: Cases,
    seeds: Sequence[int],
    settings: evaluate.Scoring,
) -> Outcome:
    """Score the external cases with the internal calibration and thresholds.

    Parameters
    ----------
    predictions : `tables.PREDICTIONS` of the internal and of the external records.
    test : internal cases.
    external : external cases; their targets are among the internal ones.
    """
    here, there = predictions
    test, fitted = test.only(external.targets), fitted.only(external.targets)
    raw = cases.probabilities(here, test, "predictions")
    on_internal = evaluate.calibrated(fitted, raw, seeds)
    raw = cases.probabilities(there, external, "external predictions")
    on_external = evaluate.calibrated(fitted, raw, seeds)
    apart = settings.model_copy(update={"seed": settings.seed + 1})
    return Outcome(
        internal=evaluate.score(test, on_internal, settings),
        external=evaluate.score(external, on_external, apart),
        internal_probabilities=on_internal.p[0],
        probabilities=on_external.p[0],
    )


@dataclass(frozen=True)
class Validated:
    """What stage external_validation writes.

    Attributes
    ----------
    metrics : of the metrics file.
    tables : by name, for ``plots/external``; empty where no target could be validated.
    title, sizes : of the forest plot.
    """

    metrics: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    title: str = ""
    sizes: str = ""


def validate_cohort(
    model: Selected,
    predictions: pd.DataFrame,
    external: ExternalCohort,
    internal: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    seeds: Sequence[int],
    settings: ExternalSettings,
) -> Validated:
    """Return everything that is reported of one model on an external cohort.

    Parameters
    ----------
    predictions : `tables.PREDICTIONS` of the external records.
    internal : `tables.RECORDS`, `tables.LABELS` and `tables.SPLITS` of the internal cohort.
    """
    about = {"model": model.name, **external.as_metrics()}
    if external.cases is None:
        return Validated({**about, "macro_auroc": macro_auroc(None), "external": None}, {})
    records, labels, splits = internal
    test = cases.of_split(labels, splits, "test")
    both = (model.predictions(), predictions)
    outcome = validate(both, model.calibration(), test, external.cases, seeds, settings)
    cohorts = {
        "internal": (records, cases.of_records(labels, records)),
        "external": (external.records, external.cases),
    }
    drawn = curves.all_targets(
        external.cases, outcome.probabilities, outcome.external.counted, model.name
    )
    figures = evaluate.as_table({"internal": outcome.internal, "external": outcome.external})
    return Validated(
        metrics={**about, "macro_auroc": macro_auroc(outcome), **as_metrics(outcome, settings)},
        tables={"case_mix": case_mix.table(cohorts), "figures": figures, **drawn},
        title=sentence(model.name, outcome),
        sizes=f"internal: {test.size}; external: {external.cases.size}",
    )


def macro_auroc(outcome: Outcome | None) -> dict[str, float | None]:
    """Return the macro AUROC of both cohorts, over the targets that both can score."""
    if outcome is None:
        return {"internal": None, "external": None}
    column = metrics.METRICS.index("auroc")
    both = outcome.internal.counted & outcome.external.counted
    sides = {"internal": outcome.internal, "external": outcome.external}
    return {
        name: float(side.values[:-2, column][both].mean()) if both.any() else None
        for name, side in sides.items()
    }


def as_metrics(outcome: Outcome, settings: evaluate.Scoring) -> dict[str, Any]:
    """Return the figures of both cohorts, their calibration, and the difference of the two."""
    sides = {
        "internal": (outcome.internal, outcome.internal_probabilities, settings.seed),
        "external": (outcome.external, outcome.probabilities, settings.seed + 1),
    }
    return {
        **{name: _with_calibration(*side, settings) for name, side in sides.items()},
        "external_minus_internal": difference(outcome),
    }


def _with_calibration(
    scored: Scored, p: NDArray[np.float64], seed: int, settings: evaluate.Scoring
) -> dict[str, Any]:
    figures = evaluate.as_metrics(scored, settings)
    weights = bootstrap.counts(scored.cases.patients, settings.bootstrap, seed)
    for row, target in enumerate(scored.cases.targets):
        if scored.counted[row]:
            figures["targets"][target]["calibration_in_the_large"] = calibration_in_the_large(
                scored.cases, p, row, weights
            )
    return figures


def sentence(model: str, outcome: Outcome) -> str:
    """Return the macro AUROC of both cohorts as a sentence."""
    auroc = macro_auroc(outcome)
    if auroc["internal"] is None:
        return "No target has enough cases in both cohorts"
    return (
        f"{model}: macro AUROC {auroc['internal']:.3f} internal, {auroc['external']:.3f} external"
    )


def calibration_in_the_large(
    subjects: Cases, p: NDArray[np.float64], row: int, weights: NDArray[np.uint16]
) -> dict[str, Any]:
    """Return how far the mean probability lies from the share of positives.

    ``intercept`` is that of a logistic model with the slope held at 1: 0 is calibrated, negative
    over-predicts. Steyerberg EW. Clinical Prediction Models, 2nd ed. 2019, chapter 15.

    Parameters
    ----------
    p : shape (n, n_targets), probabilities.
    row : number of the target.
    weights : shape (n, n_resamples), how often each record is drawn.
    """
    known = ~np.isnan(subjects.y[:, row])
    y, p, weights = subjects.y[known, row], p[known, row], weights[known].astype(np.float64)
    excess = p - y
    drawn = np.divide(excess @ weights, weights.sum(axis=0))
    return {
        "predicted": float(p.mean()),
        "observed": float(y.mean()),
        "excess": bootstrap.estimate(float(excess.mean()), drawn),
        "intercept": _intercept(y, p),
    }


def difference(outcome: Outcome) -> dict[str, Any]:
    """Return external minus internal test for every metric, targets by name and their mean.

    The two cohorts hold different patients, so that their resamples are independent. The mean is
    over the targets that both cohorts can score.
    """
    internal, external = outcome.internal, outcome.external
    counted = internal.counted & external.counted
    value = _with_mean(external.values[:-2] - internal.values[:-2], counted)
    drawn = _with_mean(external.draws[:, :-2] - internal.draws[:, :-2], counted)
    return {
        target: {
            metric: bootstrap.estimate(value[row, column], drawn[:, row, column])
            for column, metric in enumerate(metrics.METRICS)
        }
        for row, target in enumerate([*external.cases.targets, evaluate.MACRO])
    }


def _with_mean(differences: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Append the mean over the targets that count as a last row, shape (…, n_targets + 1, any)."""
    if counted.any():
        mean = differences[..., counted, :].mean(axis=-2, keepdims=True)
    else:
        mean = np.full_like(differences[..., :1, :], np.nan)
    return np.concatenate([differences, mean], axis=-2)


def _intercept(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    if y.min() == y.max():
        return float("nan")
    logits = special.logit(np.clip(p, 1e-9, 1 - 1e-9))

    def excess(shift: float) -> float:
        return float((special.expit(logits + shift) - y).sum())

    return float(optimize.brentq(excess, -_LOGIT_LIMIT, _LOGIT_LIMIT))
