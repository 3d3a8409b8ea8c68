"""Fit the calibration and the thresholds of a model on the validation set."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core import params
from pedecg.evaluation import thresholds
from pedecg.evaluation.calibration import MEAN, METHODS, Calibration, Curve, log_loss
from pedecg.evaluation.cases import Cases

# Records of the rarer class from which on isotonic calibration is a candidate. With fewer, its
# steps follow chance: 200 events and 200 non-events are the least for a flexible calibration curve.
# Van Calster B et al. J Clin Epidemiol 2016;74:167-176.
ISOTONIC_FROM = 200


class CalibrationSettings(params.Section):
    """How probabilities are corrected and judged; all of it on validation records."""

    methods: list[Literal["none", "temperature", "platt", "isotonic"]] = Field(
        description=(
            "candidate corrections; log loss chooses one per target and training; "
            "isotonic, unless alone, needs 200 positives and 200 negatives in validation"
        ),
        min_length=1,
    )
    folds: int = Field(
        description="folds of validation patients for the comparison of corrections", ge=2, le=20
    )
    seed: int = Field(description="seed of these folds", ge=0)
    rule: Literal["f1", "youden", "sensitivity", "specificity"] = Field(
        description=(
            "criterion of the threshold: largest F1 or Youden index, or a sensitivity or "
            "specificity of `rate`; specificity rests on the many negatives, not on the "
            "few positives"
        )
    )
    rate: float = Field(description="sensitivity or specificity at that threshold", gt=0, lt=1)
    class_rule: Literal["likeliest", "f1"] = Field(
        "likeliest",
        description="with train.task multiclass: the likeliest class; f1: rare classes weigh more, "
        "as far as the mean F1 of challenge_classes on validation records rises",
    )


def fit(
    model: str,
    validation: Cases,
    probabilities: NDArray[np.float64],
    seeds: Sequence[int],
    settings: CalibrationSettings,
    enough: NDArray[np.bool_],
    exclusive: bool = False,
) -> Calibration:
    """Fit every target of every training, and of their average.

    Parameters
    ----------
    validation : cases of the validation split, and no others.
    probabilities : shape (n_seeds, n, n_targets), raw.
    enough : shape (n_targets,), False for a target with too few cases: it is left as it is, and
        gets no threshold.
    exclusive : exactly one of the targets holds for each record.
    """
    sources = {MEAN: probabilities.mean(axis=0)}
    sources |= {str(seed): p for seed, p in zip(seeds, probabilities, strict=True)}
    curves = {
        name: {
            target: fit_one(validation.y[:, k], p[:, k], validation.patients, settings)
            if enough[k]
            else _untouched()
            for k, target in enumerate(validation.targets)
        }
        for name, p in sources.items()
    }
    return Calibration(model, validation.targets, exclusive, settings.rule, curves)


def fit_one(
    y: NDArray[np.float64],
    p: NDArray[np.float64],
    patients: NDArray[np.int64],
    settings: CalibrationSettings,
) -> Curve:
    """Choose and fit the correction of one target, and its thresholds.

    Parameters
    ----------
    y : shape (n,), 1, 0 or NaN where not known; both classes present.
    p : shape (n,), raw probabilities.
    patients : shape (n,), whose records they are: a patient is in one fold.
    """
    known = ~np.isnan(y)
    y, p, patients = y[known], p[known], patients[known]
    method = choose(y, p, patients, settings)
    parameters = METHODS[method].fit(y, p)
    calibrated = METHODS[method].apply(p, parameters)
    cuts = {rule: thresholds.fit(y, calibrated, rule) for rule in thresholds.RULES}
    chosen = thresholds.fit(y, calibrated, settings.rule, settings.rate)
    return Curve(method, parameters, chosen, cuts)


def choose(
    y: NDArray[np.float64],
    p: NDArray[np.float64],
    patients: NDArray[np.int64],
    settings: CalibrationSettings,
) -> str:
    """Return the method of the smallest log loss on patients that it was not fitted on.

    Isotonic calibration is no candidate with few positives or negatives (`ISOTONIC_FROM`).

    Parameters
    ----------
    y, p : shape (n,), labels 0 and 1 and probabilities.
    patients : shape (n,), a number for each patient.
    """
    few = min(y.sum(), len(y) - y.sum()) < ISOTONIC_FROM
    named = [name for name in METHODS if name in settings.methods]
    candidates = [name for name in named if not (few and name == "isotonic")] or named
    losses = {name: held_out_loss(name, y, p, folds(y, patients, settings)) for name in candidates}
    return min(losses, key=losses.__getitem__)


def held_out_loss(
    method: str, y: NDArray[np.float64], p: NDArray[np.float64], fold: NDArray[np.int64]
) -> float:
    """Return the log loss of a method over records of folds that it was not fitted on.

    Parameters
    ----------
    y, p : shape (n,), labels 0 and 1 and probabilities.
    fold : shape (n,), as `folds` returns it.
    """
    held_out = np.empty_like(p)
    for one in np.unique(fold):
        here = fold == one
        parameters = METHODS[method].fit(y[~here], p[~here])
        held_out[here] = METHODS[method].apply(p[here], parameters)
    return log_loss(y, held_out)


def folds(
    y: NDArray[np.float64], patients: NDArray[np.int64], settings: CalibrationSettings
) -> NDArray[np.int64]:
    """Deal patients to folds, those with a positive record first, so that every fold has some.

    Parameters
    ----------
    y, patients : shape (n,), labels 0 and 1 and a number for each patient.

    Returns
    -------
    Shape (n,), the fold of each record.
    """
    codes, place = np.unique(patients, return_inverse=True)
    ill = np.bincount(place, weights=y, minlength=len(codes)) > 0
    drawn = np.random.default_rng(settings.seed).permutation(len(codes))
    dealt = drawn[np.argsort(~ill[drawn], kind="stable")]
    fold = np.empty(len(codes), np.int64)
    fold[dealt] = np.arange(len(codes)) % settings.folds
    return fold[place]


def _untouched() -> Curve:
    nothing = float("nan")
    return Curve("none", {}, nothing, dict.fromkeys(thresholds.RULES, nothing))
