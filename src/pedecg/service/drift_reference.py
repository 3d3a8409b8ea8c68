"""What the service should see: quantities of ECGs of the hospital that a model is used for.

Either lines of `pedecg predict --json` over such ECGs, or what the model's own pipeline stored of
its validation patients.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pedecg.bundle.input_checks import NOISE
from pedecg.core import params, tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import calibration

FEWEST = 50  # ECGs; with fewer a change is noticed late
PROBABILITY, FLAGGED = "probability_", "flagged"
# Log odds, where no model card states the interval of the calibration: odds 1.6 times.
TOLERANCE = 0.5


@dataclass(frozen=True)
class Reference:
    """Quantities of reference ECGs.

    Attributes
    ----------
    source : where they come from, in words.
    values : quantity -> one value per ECG.
    tolerance : target -> how far the log odds may be off, see `drift_tests.OutcomeTest`.
    """

    source: str
    values: Mapping[str, tuple[float, ...]]
    tolerance: Mapping[str, float]


def quantities(
    probabilities: Mapping[str, float], flags: int, quality: Mapping[str, float]
) -> dict[str, float]:
    """Return what is watched of one ECG."""
    found = {FLAGGED: float(flags > 0)} | {
        f"{PROBABILITY}{target}": p for target, p in probabilities.items()
    }
    return found | {name: value for name, value in quality.items() if math.isfinite(value)}


def of(model: Path, targets: Iterable[str], file: Path | None) -> Reference | None:
    """Return the reference of a model, or None where there is none.

    Parameters
    ----------
    model : folder of the model.
    file : lines of `predict --json`; None: what the model's pipeline stored.

    Raises
    ------
    PedecgError
        The file cannot be read, is of another model, or holds too few ECGs.
    """
    project = next(
        (up for up in model.resolve().parents if (up / params.PARAMS_FILE).is_file()), None
    )
    names = tuple(targets)
    tolerance = dict.fromkeys(names, TOLERANCE)
    name, seed = _name_and_seed(model)
    if project is not None:
        tolerance |= _card(project / "metrics" / "evaluate" / f"{name}.json", names)
    if file is not None:
        return Reference(str(file), _of_lines(file, names), tolerance)
    if project is None or (model / "bundle.json").is_file():
        return None
    values = _of_pipeline(project, name, seed)
    if values is None:
        return None
    return Reference("validation patients of the model's pipeline", values, tolerance)


def _name_and_seed(model: Path) -> tuple[str, int | None]:
    folder = model.resolve()
    if folder.name.startswith("seed") and folder.name[4:].isdecimal():
        return folder.parent.name, int(folder.name[4:])
    return folder.name, None


def _of_lines(file: Path, targets: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
        rows = [
            quantities(
                line["probabilities"],
                len(line["flags"]),
                {name: math.nan if v is None else v for name, v in line["signal_quality"].items()},
            )
            for line in lines
        ]
    except FileNotFoundError:
        raise PedecgError(f"--reference {file}: not found") from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise PedecgError(
            f"--reference {file}: expected the lines of pedecg predict --json "
            f"({type(error).__name__})"
        ) from None
    if len(rows) < FEWEST:
        raise PedecgError(f"--reference {file}: {len(rows)} ECGs; expected at least {FEWEST}")
    wanted = [f"{PROBABILITY}{target}" for target in targets]
    known = [name for name in rows[0] if name.startswith(PROBABILITY)]
    if sorted(known) != sorted(wanted):
        raise PedecgError(f"--reference {file}: of another model, with {', '.join(known)}")
    names = [*wanted, FLAGGED, *NOISE]
    return {name: tuple(row[name] for row in rows if name in row) for name in names}


def _of_pipeline(project: Path, name: str, seed: int | None) -> dict[str, tuple[float, ...]] | None:
    files = (
        project / "predictions" / f"{name}.parquet",
        project / "calibration" / f"{name}.json",
        project / "data/interim/quality.parquet",
    )
    if not all(file.is_file() for file in files):
        return None
    predictions = tables.read(files[0], tables.PREDICTIONS)
    predictions = predictions[predictions["split"] == "validation"]
    if seed is not None:
        predictions = predictions[predictions["seed"] == seed]
    quality = tables.read(files[2], tables.QUALITY)
    table = stored(predictions, quality, calibration.load(files[1]), seed)
    if len(table) < FEWEST:
        return None
    return {str(column): tuple(table[column].dropna().tolist()) for column in table}


def stored(
    predictions: pd.DataFrame,
    quality: pd.DataFrame,
    fitted: calibration.Calibration,
    seed: int | None = None,
) -> pd.DataFrame:
    """Return the quantities of ECGs of a pipeline, one row per record.

    Parameters
    ----------
    predictions : `tables.PREDICTIONS`, raw; several seeds are averaged.
    quality : `tables.QUALITY`.
    """
    raw = predictions.pivot_table("probability", "record_id", "label", aggfunc="mean")
    raw = raw[list(fitted.targets)]
    columns = [f"{PROBABILITY}{target}" for target in fitted.targets]
    table = pd.DataFrame(fitted.apply(raw.to_numpy(), seed), raw.index, columns)
    usable = quality[quality["usable"]].groupby("record_id")[list(NOISE)].median()
    return table.join(usable, how="left")


def _card(file: Path, targets: tuple[str, ...]) -> dict[str, float]:
    """Return the larger end of the test set's interval of each calibration intercept."""
    try:
        card = json.loads(file.read_text(encoding="utf-8"))["test"]["targets"]
    except (OSError, KeyError, ValueError):
        return {}
    found = {}
    for target in targets:
        interval = card.get(target, {}).get("calibration_intercept") or {}
        ends = [end for end in (interval.get("low"), interval.get("high")) if end is not None]
        if len(ends) == 2:
            found[target] = max(abs(float(end)) for end in ends)
    return found
