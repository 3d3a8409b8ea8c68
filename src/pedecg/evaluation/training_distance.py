"""Distance of a record from the training records, in measures of its waves and its age.

The distance is that of Mahalanobis over the measures that are known of the record, with the
covariance of the training records shrunk by Ledoit and Wolf (J Multivar Anal 2004;88:365-411), as
the probability of a farther record of a normal distribution: records with fewer leads compare with
all others. The limit is a rank among the distances of validation records, which the covariance was
not fitted on, so that of new records like these at most the stated share lies beyond it, whatever
their distribution (Laxhammar R, Falkman G. ICMLA 2010:757-762, conformal anomaly detection).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy import stats
from sklearn.covariance import ledoit_wolf

from pedecg.core import params, tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation.set_coverage import clopper_pearson
from pedecg.models import features

FILE = Path("data/training_distance.json")
AGE = "log_age"
_LEADS = ("i", "ii", "v1", "v5", "v6")  # in recordings of nine and of twelve leads
_MEASURES = (
    "heart_rate_bpm", "rr_cv", "p_ms", "pr_ms", "qrs_ms", "qt_ms",
    *(f"{wave}_{lead}_mv" for wave in ("r", "s", "t", "st") for lead in _LEADS),
)  # fmt: skip
_AXES = ("qrs_axis_deg", "t_axis_deg")  # as sine and cosine: 179° and -179° are neighbours
NAMES = (*_MEASURES, *(f"{part}_{axis}" for axis in _AXES for part in ("sin", "cos")), AGE)
_FEWEST = 5  # known measures below which nothing is stated
_FARTHEST = 5.0  # SD; beyond it a training record's measure counts no more in the covariance
_NEWBORN_DAYS = 30.0  # added to the age before the logarithm, which days would stretch at birth

Floats = NDArray[np.float64]


class DistanceSettings(params.Section):
    """When a record is far from the training records."""

    false_alarm_rate: float = Field(
        description="largest share of records like those of training that are flagged",
        gt=0,
        lt=0.5,
    )


@dataclass(frozen=True)
class Share:
    """How many records of a split were flagged, with the exact 95% interval of their share."""

    records: int
    flagged: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TrainingDistance:
    """The training records' distribution, and the limit.

    Attributes
    ----------
    mean, sd : of each of `names` over the training records.
    covariance : n rows of n, of the scaled measures.
    limit : distance beyond which a record is flagged; None: too few validation records for one.
    false_alarm_rate : which the limit keeps for new records like those of training.
    validation_records : that the limit rests on.
    test : what it flags of the test records, which it has not seen.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    limit: float | None
    false_alarm_rate: float
    validation_records: int
    test: Share

    def distances(self, table: pd.DataFrame) -> Floats:
        """Return the distance of each row of `measures`, shape (n,); NaN: too little is known.

        It is minus the natural logarithm of the probability of a farther record.
        """
        scaled = self._scaled(table)
        covariance = np.array(self.covariance)
        return np.array([_distance(row, covariance) for row in scaled])

    def flag(self, table: pd.DataFrame) -> str | None:
        """Return in words that a record, the one row of `measures`, is far; None where not."""
        distance = float(self.distances(table)[0])
        if self.limit is None or math.isnan(distance) or distance <= self.limit:
            return None
        scaled = self._scaled(table)[0]
        most = int(np.nanargmax(np.abs(scaled)))
        return (
            f"far from the training records (distance {distance:.0f}, limit {self.limit:.0f}; "
            f"largest: {self.names[most]} {scaled[most]:+.1f} SD); flags at most "
            f"{self.false_alarm_rate:.0%} of records like those of training, "
            f"{self.test.flagged} of {self.test.records} test records"
        )

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        tables.write_text(json.dumps(asdict(self), allow_nan=False) + "\n", path)

    def _scaled(self, table: pd.DataFrame) -> Floats:
        values = table[list(self.names)].to_numpy(np.float64)
        return np.asarray((values - np.array(self.mean)) / np.array(self.sd))


def measures(rules: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Return the measures that the distance is of, one row per record, NaN where unknown.

    Parameters
    ----------
    rules, records : `tables.RULES` and `tables.RECORDS`, in any order.

    Returns
    -------
    Columns `NAMES`, in the order of `records`.
    """
    valid = features.of_rules(rules, list(records["record_id"])).astype("float64")
    table = valid.reindex(columns=list(_MEASURES))
    for axis in _AXES:
        angle = np.deg2rad(valid.get(axis, np.nan))
        table[f"sin_{axis}"], table[f"cos_{axis}"] = np.sin(angle), np.cos(angle)
    age_days = records["age_days"].astype("Float64").to_numpy(np.float64, na_value=np.nan)
    table[AGE] = np.log(age_days + _NEWBORN_DAYS)
    return table[list(NAMES)]


def fit(table: pd.DataFrame, split: pd.Series, settings: DistanceSettings) -> TrainingDistance:
    """Measure the training records, set the limit on validation records, count on test records.

    Parameters
    ----------
    table : of `measures`; split : train, validation or test of each row.

    Raises
    ------
    PedecgError
        There are fewer than two training records.
    """
    train = table[(split == "train").to_numpy()]
    if len(train) < 2:
        raise PedecgError(f"training distance: {len(train)} training records; expected 2 or more")
    mean, sd = train.mean().fillna(0.0), train.std(ddof=0).fillna(1.0)
    sd = sd.where(sd > 0, 1.0)
    scaled = ((train - mean) / sd).fillna(0.0).clip(-_FARTHEST, _FARTHEST).to_numpy()
    covariance, _ = ledoit_wolf(scaled)
    nothing = Share(0, 0, None, None, None)
    found = TrainingDistance(
        names=tuple(table.columns),
        mean=tuple(mean.tolist()),
        sd=tuple(sd.tolist()),
        covariance=tuple(map(tuple, covariance.tolist())),
        limit=None,
        false_alarm_rate=settings.false_alarm_rate,
        validation_records=0,
        test=nothing,
    )
    distances, known = found.distances(table), split.to_numpy(str)
    of = {
        name: distances[(known == name) & ~np.isnan(distances)] for name in ("validation", "test")
    }
    limit = _limit(of["validation"], settings.false_alarm_rate)
    return replace(
        found,
        limit=limit,
        validation_records=len(of["validation"]),
        test=_share(of["test"], limit),
    )


def load(path: Path) -> TrainingDistance:
    """Read what `TrainingDistance.save` wrote.

    Raises
    ------
    PedecgError
        The file is absent or is no such file.
    """
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        card["test"] = Share(**card["test"])
        for name in ("names", "mean", "sd"):
            card[name] = tuple(card[name])
        card["covariance"] = tuple(map(tuple, card["covariance"]))
        found = TrainingDistance(**card)
        if np.shape(found.covariance) != (len(found.names),) * 2:
            raise ValueError("a covariance of its names expected")
        return found
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; the stage training_distance writes it") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PedecgError(f"{path}: not a training distance ({error})") from None


def as_metrics(found: TrainingDistance) -> Mapping[str, Any]:
    """Return the limit and its false alarms for a metrics file."""
    return {
        "measures": len(found.names),
        "limit": found.limit,
        "false_alarm_rate": found.false_alarm_rate,
        "validation_records": found.validation_records,
        "test": asdict(found.test),
    }


def _distance(scaled: Floats, covariance: Floats) -> float:
    known = ~np.isnan(scaled)
    if known.sum() < _FEWEST:
        return math.nan
    here = scaled[known]
    squared = here @ np.linalg.solve(covariance[np.ix_(known, known)], here)
    return float(-stats.chi2.logsf(squared, known.sum()))


def _limit(distances: Floats, rate: float) -> float | None:
    """Return the smallest rank that new distances exceed with at most this probability."""
    n = len(distances)
    rank = math.ceil((n + 1) * (1 - rate) - 1e-9)  # 1e-9: 0.99 * 100 is above 99 in float64
    return float(np.sort(distances)[rank - 1]) if rank <= n else None


def _share(distances: Floats, limit: float | None) -> Share:
    n = len(distances)
    flagged = 0 if limit is None else int((distances > limit).sum())
    if n == 0:
        return Share(0, 0, None, None, None)
    return Share(n, flagged, flagged / n, *clopper_pearson(flagged, n))
