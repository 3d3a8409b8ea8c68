"""Calibrated probabilities and decision thresholds: ``calibration/<model>.json``.

Fitted on validation records only. Every curve rises strictly, so calibration changes no ranking:
AUROC and what a threshold separates stay as they were. The file holds one entry per training (its
seed) and one for the probability averaged over all trainings (`MEAN`).

    fitted = calibration.load("calibration/resnet1d.json")
    p = fitted.apply(raw, seed=0)          # raw: (n, n_targets), in the order of fitted.targets
    predicted = fitted.decide(p, seed=0)      # 1, 0, or NaN where there was too little to fit on
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from pedecg.core import logistic_curve as logistic
from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import curve_check

MEAN = "mean"

_EDGE = 1e-7  # probabilities nearer to 0 or 1 are as near as this
_SLOPES = (0.05, 20.0)  # bounds of the fit, without which separated classes have no finite slope
_INTERCEPTS = (-30.0, 30.0)  # bounds of the fit; a probability of 1e-13 is never
_ORDER = 1e-6  # share of the raw probability in an isotonic one: equal steps keep their order

Parameters = dict[str, list[float]]


@dataclass(frozen=True)
class Curve:
    """How one training's probability of one target is corrected and judged.

    Attributes
    ----------
    method : a key of `METHODS`.
    parameters : of the method.
    threshold : on the calibrated probability, by the chosen rule; NaN: too little to fit it on.
    thresholds : the same by each rule of `thresholds.RULES`.
    """

    method: str
    parameters: Parameters
    threshold: float
    thresholds: dict[str, float]

    def apply(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return calibrated probabilities of any shape."""
        return METHODS[self.method].apply(p, self.parameters)


@dataclass(frozen=True)
class Calibration:
    """All curves of one model.

    Attributes
    ----------
    exclusive : classes of which exactly one holds: calibrated rows are scaled to sum 1.
        Zadrozny B, Elkan C. KDD 2002:694-699.
    rule : that chose the thresholds.
    curves : seed (as text) or `MEAN` -> target -> curve.
    class_weights : of exclusive classes, seed (as text) or `MEAN` -> factor on each class's
        probability before the largest decides; empty: the likeliest class, see `class_weights`.
    """

    model: str
    targets: tuple[str, ...]
    exclusive: bool
    rule: str
    curves: Mapping[str, Mapping[str, Curve]]
    class_weights: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def apply(
        self, values: NDArray[np.float64], seed: int | None = None, logits: bool = False
    ) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (n, n_targets).

        Parameters
        ----------
        values : shape (n, n_targets), raw probabilities, or logits where `logits` is true.
        seed : of the training that made them; None: they are averaged over all trainings.
        """
        raw = special.expit(values) if logits else np.asarray(values, np.float64)
        curves = self._of(seed)
        columns = [curves[target].apply(raw[:, k]) for k, target in enumerate(self.targets)]
        p = np.column_stack(columns)
        return np.asarray(p / p.sum(axis=1, keepdims=True)) if self.exclusive else p

    def thresholds(self, seed: int | None = None, rule: str | None = None) -> NDArray[np.float64]:
        """Return the thresholds on calibrated probabilities, shape (n_targets,)."""
        curves = [self._of(seed)[target] for target in self.targets]
        return np.array([c.thresholds[rule] if rule else c.threshold for c in curves], np.float64)

    def decide(self, p: NDArray[np.float64], seed: int | None = None) -> NDArray[np.float64]:
        """Return 1 where a calibrated probability reaches its threshold, else 0; NaN: no threshold.

        Exclusive classes have no thresholds: the class of the largest weighted probability is
        predicted.

        Parameters
        ----------
        p : shape (n, n_targets), calibrated probabilities.

        Returns
        -------
        Shape (n, n_targets).
        """
        if self.exclusive:
            weighted = p * self.weights(p.shape[1], seed)
            return np.asarray(np.eye(p.shape[1])[weighted.argmax(axis=1)])
        cuts = self.thresholds(seed)
        return np.where(np.isnan(cuts), np.nan, (p >= cuts).astype(np.float64))

    def weights(self, n_classes: int, seed: int | None = None) -> NDArray[np.float64]:
        """Return the factor on each class's probability before the largest decides, shape (n,)."""
        key = MEAN if seed is None else str(seed)
        return np.array(self.class_weights.get(key, (1.0,) * n_classes), np.float64)

    def only(self, targets: Sequence[str]) -> "Calibration":
        """Return the same curves for some of the targets."""
        places = [self.targets.index(target) for target in targets]
        weights = {
            key: tuple(each[place] for place in places) for key, each in self.class_weights.items()
        }
        return Calibration(
            self.model, tuple(targets), self.exclusive, self.rule, self.curves, weights
        )

    def save(self, path: str | Path) -> None:
        """Write the curves as JSON, every number at full precision; NaN as null, infinity as 2."""
        curves = {
            seed: {target: _plain(asdict(curve)) for target, curve in by_target.items()}
            for seed, by_target in self.curves.items()
        }
        card = {**asdict(self), "targets": list(self.targets), "curves": curves}
        tables.write_text(json.dumps(card, indent=1, allow_nan=False) + "\n", path)

    def _of(self, seed: int | None) -> Mapping[str, Curve]:
        key = MEAN if seed is None else str(seed)
        if key not in self.curves:
            known = ", ".join(self.curves)
            raise PedecgError(f"calibration of {self.model}: no seed {key}; there are {known}")
        return self.curves[key]


def load(path: str | Path) -> Calibration:
    """Read what `Calibration.save` wrote.

    Raises
    ------
    PedecgError
        The file is absent, is not a calibration file, or holds an impossible curve.
    """
    try:
        card = json.loads(Path(path).read_text(encoding="utf-8"))
        curves = {
            seed: {target: _curve(values) for target, values in by_target.items()}
            for seed, by_target in card["curves"].items()
        }
        found = Calibration(
            str(card["model"]), tuple(map(str, card["targets"])), card["exclusive"],
            str(card["rule"]), curves,
            {key: tuple(map(float, each)) for key, each in card.get("class_weights", {}).items()},
        )  # fmt: skip
        _require_complete(found)
        return found
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; the evaluate stage writes it") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PedecgError(f"{path}: not a calibration file ({error})") from None


def logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log odds; 0 and 1 as a probability of 1e-7 and its opposite.

    Parameters
    ----------
    p : any shape, probabilities.

    Returns
    -------
    The same shape.
    """
    return np.asarray(special.logit(np.clip(p, _EDGE, 1 - _EDGE)))


def log_loss(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """Return the mean negative log likelihood of labels 0 and 1.

    Parameters
    ----------
    y, p : shape (n,), labels 0 and 1 and probabilities.
    """
    p = np.clip(p, _EDGE, 1 - _EDGE)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p)))


@dataclass(frozen=True)
class Method:
    """A way to correct a probability: how it is fitted to labels, and how it is applied."""

    fit: Callable[[NDArray[np.float64], NDArray[np.float64]], Parameters]
    apply: Callable[[NDArray[np.float64], Parameters], NDArray[np.float64]]


def _fit_nothing(y: NDArray[np.float64], p: NDArray[np.float64]) -> Parameters:
    return {}


def _apply_nothing(p: NDArray[np.float64], parameters: Parameters) -> NDArray[np.float64]:
    return p


def _fit_temperature(y: NDArray[np.float64], p: NDArray[np.float64]) -> Parameters:
    """Fit one slope of the logit. Guo C et al. ICML 2017 (temperature is its inverse)."""
    z = logit(p)

    def loss(log_slope: float) -> float:
        scaled = math.exp(log_slope) * z
        return float(np.mean(np.logaddexp(0, scaled) - y * scaled))

    bounds = (math.log(_SLOPES[0]), math.log(_SLOPES[1]))
    best = optimize.minimize_scalar(loss, bounds=bounds, method="bounded")
    return {"slope": [math.exp(best.x)], "intercept": [0.0]}


def _fit_platt(y: NDArray[np.float64], p: NDArray[np.float64]) -> Parameters:
    """Fit slope and intercept of the logit to labels drawn in a little, as Platt did.

    Platt J. Advances in Large Margin Classifiers, MIT Press 1999:61-74.
    """
    z = logit(p)
    positives = float(y.sum())
    negatives = len(y) - positives
    drawn_in = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    intercept, slope = logistic.line(z, drawn_in, (0.0, 1.0), _SLOPES, _INTERCEPTS)
    return {"slope": [slope], "intercept": [intercept]}


def _apply_line(p: NDArray[np.float64], parameters: Parameters) -> NDArray[np.float64]:
    slope, intercept = parameters["slope"][0], parameters["intercept"][0]
    return np.asarray(special.expit(slope * logit(p) + intercept))


def _fit_isotonic(y: NDArray[np.float64], p: NDArray[np.float64]) -> Parameters:
    """Fit the best rising steps, none of them at 0 or 1, which no finite sample shows."""
    raw, place, counts = np.unique(p, return_inverse=True, return_counts=True)
    share = np.bincount(place, weights=y) / counts
    steps = optimize.isotonic_regression(share, weights=counts.astype(np.float64)).x
    inside = np.clip(steps, 1 / (len(y) + 2), 1 - 1 / (len(y) + 2))
    turn = np.diff(inside) != 0
    ends = np.append(True, turn) | np.append(turn, True)  # both ends of every step
    return {"raw": raw[ends].tolist(), "calibrated": inside[ends].tolist()}


def _apply_isotonic(p: NDArray[np.float64], parameters: Parameters) -> NDArray[np.float64]:
    steps = np.interp(p, parameters["raw"], parameters["calibrated"])
    return np.asarray((1 - _ORDER) * steps + _ORDER * p)


METHODS: Mapping[str, Method] = {  # the simplest first: it is taken where others are no better
    "none": Method(_fit_nothing, _apply_nothing),
    "temperature": Method(_fit_temperature, _apply_line),
    "platt": Method(_fit_platt, _apply_line),
    "isotonic": Method(_fit_isotonic, _apply_isotonic),
}


def _curve(values: Mapping[str, Any]) -> Curve:
    cut = curve_check.threshold
    fixed = {str(rule): cut(value) for rule, value in values["thresholds"].items()}
    parameters = curve_check.parameters(values["method"], values["parameters"])
    return Curve(values["method"], parameters, cut(values["threshold"]), fixed)


def _require_complete(found: Calibration) -> None:
    if not isinstance(found.exclusive, bool) or not found.targets or MEAN not in found.curves:
        raise ValueError(f"no targets, no curves of {MEAN!r}, or exclusive is not true or false")
    for key, weights in found.class_weights.items():
        if len(weights) != len(found.targets) or not all(0 < one < np.inf for one in weights):
            raise ValueError(f"class_weights of {key!r}: expected a number above 0 per class")
    for seed, curves in found.curves.items():
        if set(curves) != set(found.targets):
            raise ValueError(f"curves of {seed!r} are not those of its targets")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, float):
        if np.isinf(value):
            return min(value, curve_check.NEVER)
        return None if np.isnan(value) else value
    return value
