"""What a network must beat: a logistic model on age and sex alone, and one on rule features alone.

Neither reads a signal. Both are fitted on the training split and written as JSON: names, scale and
coefficients, so that a reader can follow every probability by hand.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy import special
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.models.features import of_rules

Values = NDArray[np.float64]

AGE_SEX, RULES_LINEAR = "age_sex", "rules_linear"
# Normal limits change in days at birth and in years at school; knots at 1 w, 1 m, 3 m, 1 y, 3 y,
# 8 y and 14 y, in days.
_KNOTS_DAYS = (7, 30, 91, 365, 1096, 2922, 5114)
_OFFSET_DAYS = 30.0  # log age is linear below a month, so that the first days do not dominate
_LARGEST = 8.0  # SD; a measure farther out is a mistake, and must not decide alone
_MAX_STEPS = 2000  # of L-BFGS, at most


class LinearSettings(Section):
    """Sections `models.age_sex` and `models.rules_linear`."""

    strength: float = Field(
        description="inverse of the penalty on squared coefficients (scikit-learn's C): more lets "
        "them grow",
        gt=0,
        le=1e6,
    )


@dataclass(frozen=True)
class Linear:
    """Logistic models, one per target, over features of one name and scale each.

    Attributes
    ----------
    name : `AGE_SEX` or `RULES_LINEAR`.
    features, mean, sd : n_features; those of the training split.
    intercepts : per target.
    coefficients : per target, first of the scaled features, then of their being unknown.
    """

    name: str
    seed: int
    targets: tuple[str, ...]
    features: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    intercepts: Mapping[str, float]
    coefficients: Mapping[str, tuple[float, ...]]

    def predict(self, features: pd.DataFrame) -> Values:
        """Return probabilities of shape (n, n_targets).

        Raises
        ------
        PedecgError
            A feature that it was fitted on is no column.
        """
        missing = [name for name in self.features if name not in features]
        if missing:
            raise PedecgError(f"{self.name}: fitted on {', '.join(missing[:5])}; not found here")
        x = design(features[list(self.features)], np.array(self.mean), np.array(self.sd))
        coefficients = np.array([self.coefficients[t] for t in self.targets])
        # Not `@`: its last bits depend on how many threads there are.
        sums = np.einsum("nf,tf->nt", x, coefficients)
        return np.asarray(special.expit(sums + [self.intercepts[t] for t in self.targets]))

    def save(self, path: str | Path) -> None:
        """Write all of it as JSON, every number in full."""
        tables.write_text(json.dumps(asdict(self), indent=1, allow_nan=False) + "\n", path)


def load(path: str | Path) -> Linear:
    """Read what `Linear.save` wrote, or raise a `PedecgError`."""
    try:
        card: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        lists = {name: tuple(value) for name, value in card.items() if isinstance(value, list)}
        coefficients = {target: tuple(each) for target, each in card["coefficients"].items()}
        return Linear(**(card | lists | {"coefficients": coefficients}))
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; the stage that writes it has not run") from None
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise PedecgError(f"{path}: not the card of a linear model ({error})") from None


def age_and_sex(records: pd.DataFrame) -> pd.DataFrame:
    """Return a smooth basis of log age and the sex, NaN where unknown, from `tables.RECORDS`.

    The basis is the natural cubic spline of Hastie, Tibshirani and Friedman, The Elements of
    Statistical Learning, 5.2.1: cubic between the knots, straight beyond them.
    """
    age = records["age_days"].to_numpy(np.float64, na_value=np.nan)
    x = np.log1p(np.maximum(age, 0) / _OFFSET_DAYS)
    knots = np.log1p(np.array(_KNOTS_DAYS) / _OFFSET_DAYS)

    def bent(k: int) -> Values:
        after, beyond = (np.maximum(x - knot, 0) ** 3 for knot in (knots[k], knots[-1]))
        return np.asarray((after - beyond) / (knots[-1] - knots[k]))

    last = bent(len(knots) - 2)
    basis = {"log_age": x} | {f"log_age_{k}": bent(k) - last for k in range(len(knots) - 2)}
    female = (records["sex"] == "female").to_numpy(np.float64, na_value=np.nan)
    return pd.DataFrame(basis | {"female": female})


def rule_features(rules: pd.DataFrame) -> pd.DataFrame:
    """Return every valid measure, z-score and criterion of `tables.RULES`, NaN where unknown."""
    return of_rules(rules, list(rules["record_id"])).astype("float64")


def train(
    name: str,
    features: pd.DataFrame,
    record_ids: pd.Series,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    seed: int,
    settings: LinearSettings,
) -> tuple[Linear, pd.DataFrame]:
    """Fit one logistic model per target on the training split and predict every record of a split.

    Parameters
    ----------
    features : one row for each of `record_ids`, numbers, NaN where unknown.
    seed : changes nothing; it names the run as for the models that draw from it.

    Raises
    ------
    PedecgError
        The labels hold no target.
    """
    targets = tuple(str(column) for column in labels.columns if column != "record_id")
    if not targets:
        raise PedecgError("train: the cohort has no target (cohort.manifest.labels names columns)")
    table = features.set_index(pd.Index(record_ids)).reindex(splits["record_id"])
    known = labels.set_index("record_id").reindex(splits["record_id"])
    training = (splits["split"] == "train").to_numpy()
    mean, sd = scale(table[training])
    x = design(table[training], mean, sd)
    fitted = {}
    for target in targets:
        y = known[target].to_numpy(np.float64, na_value=np.nan)[training]
        fitted[target] = _fit(x[~np.isnan(y)], y[~np.isnan(y)], settings)
    model = Linear(
        name, seed, targets, tuple(map(str, table.columns)), tuple(mean.tolist()),
        tuple(sd.tolist()), {t: intercept for t, (intercept, _) in fitted.items()},
        {t: coefficients for t, (_, coefficients) in fitted.items()},
    )  # fmt: skip
    return model, predictions(targets, splits, seed, model.predict(table))


def predictions(
    targets: tuple[str, ...], splits: pd.DataFrame, seed: int, probabilities: Values
) -> pd.DataFrame:
    """Return the table PREDICTIONS from probabilities of shape (n, n_targets), in split order."""
    n = len(targets)
    return pd.DataFrame(
        {
            "record_id": np.repeat(splits["record_id"].to_numpy(object), n),
            "split": np.repeat(splits["split"].to_numpy(object), n),
            "seed": seed,
            "label": np.tile(np.array(targets, object), len(splits)),
            "probability": probabilities.ravel(),
        }
    )


def scale(table: pd.DataFrame) -> tuple[Values, Values]:
    """Return mean and SD of each column; 0 and 1 for what is never known or never varies."""
    mean, sd = table.mean().fillna(0.0), table.std(ddof=0).fillna(0.0)
    return mean.to_numpy(np.float64), sd.where(sd > 0, 1.0).to_numpy(np.float64)


def design(table: pd.DataFrame, mean: Values, sd: Values) -> Values:
    """Return scaled features, the mean where unknown, and beside each whether it is unknown."""
    values = table.to_numpy(np.float64)
    unknown = np.isnan(values)
    scaled = np.where(unknown, 0.0, (values - mean) / sd).clip(-_LARGEST, _LARGEST)
    return np.hstack([scaled, unknown.astype(np.float64)])


def _fit(x: Values, y: Values, settings: LinearSettings) -> tuple[float, tuple[float, ...]]:
    """Return intercept and coefficients; a target with one class alone has its share's log odds."""
    if len(np.unique(y)) < 2:
        share = (y.sum() + 0.5) / (len(y) + 1.0)
        return float(special.logit(share)), (0.0,) * x.shape[1]
    with threadpool_limits(1, "blas"):  # the same bytes however many cores there are
        model = LogisticRegression(C=settings.strength, max_iter=_MAX_STEPS, tol=1e-6).fit(x, y)
    return float(model.intercept_[0]), tuple(map(float, model.coef_[0]))
