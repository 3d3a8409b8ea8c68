"""Decision among exclusive classes: the likeliest, or one that does not forget the rare classes.

The likeliest class makes the fewest errors, and so calls rare classes too seldom for a score that
counts each class alike. Here a class is called where its probability over its share to the power of
tau is the largest: logit adjustment, Menon AK et al. ICLR 2021 (arXiv 2007.07314). Tau is one
number between 0 (the likeliest class) and 1 (balanced), chosen on validation records.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pedecg.evaluation import multiclass
from pedecg.evaluation.calibration import MEAN, Calibration
from pedecg.evaluation.cases import Cases
from pedecg.evaluation.evaluate import EvaluateSettings

POWERS = tuple(k / 10 for k in range(11))  # tried for tau
_GAIN = 0.005  # of the mean F1 below which a larger tau is not taken: chance of a few records

Floats = NDArray[np.float64]


def fit_all(
    fitted: Calibration,
    validation: Cases,
    probabilities: Floats,
    seeds: Sequence[int],
    settings: EvaluateSettings,
) -> Calibration:
    """Return a calibration with the class weights that `class_rule` asks for, if any.

    Parameters
    ----------
    probabilities : shape (n_seeds, n, n_classes), raw, of the validation cases.
    """
    if not fitted.exclusive or settings.calibration.class_rule == "likeliest":
        return fitted
    own = {str(seed): fitted.apply(p, seed) for seed, p in zip(seeds, probabilities, strict=True)}
    calibrated = {MEAN: fitted.apply(probabilities.mean(axis=0))} | own
    challenge = settings.challenge_classes
    weights = {name: fit(validation, p, challenge) for name, p in calibrated.items()}
    return replace(fitted, class_weights=weights)


def fit(validation: Cases, p: Floats, challenge: Sequence[str]) -> tuple[float, ...]:
    """Return the weight of each class, by which its probability is multiplied.

    Parameters
    ----------
    validation : cases of the validation split, and no others.
    p : shape (n, n_classes), calibrated probabilities.
    challenge : classes whose mean F1 is made large; none: all.
    """
    true = multiclass.truth(validation)
    known = true >= 0
    counts = np.bincount(true[known], minlength=p.shape[1])
    # Half a record more of each: a class without one has a weight, too.
    share = (counts + 0.5) / (counts.sum() + 0.5 * p.shape[1])
    chosen, best = np.ones(p.shape[1]), -np.inf
    for power in POWERS:
        weights = share**-power
        called = (p * weights).argmax(axis=1)
        once = np.ones((len(true), 1))
        matrices = multiclass.tables(true, called, p.shape[1], once)
        f1 = multiclass.scores(matrices, validation.targets, challenge)["f1_challenge"][0]
        if f1 > best + (_GAIN if best > -np.inf else 0.0):
            chosen, best = weights, f1
    return tuple((chosen / chosen.max()).tolist())
