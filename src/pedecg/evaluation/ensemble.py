"""Ensemble: the mean of the calibrated probabilities of several models.

Each member is calibrated on validation records before the mean is taken: one that is too sure must
not speak louder than the others. Its run of seed k is the mean over its members' runs of seed k, so
that figures averaged over seeds are those of all members and seeds together.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core import experiment, folder_hashes, tables
from pedecg.core.errors import PedecgError
from pedecg.core.experiment import ENSEMBLE
from pedecg.core.params import Section
from pedecg.evaluation import calibration, curve_check

NAME = ENSEMBLE
Curves = dict[str, calibration.Parameters]


class EnsembleSettings(Section):
    """Section `ensemble`."""

    # A stage that calibrates one member need not declare them: they may be absent there.
    members: list[str] | None = Field(
        None,
        description=(
            "models of the run that are averaged, each with all its seeds; null: all "
            "except reference models (age_sex, rules)"
        ),
    )
    method: Literal["none", "temperature", "platt"] = Field(
        description=(
            "how members are calibrated on validation records, per target and seed, "
            "before their mean is taken"
        )
    )
    min_positives: int = Field(
        description="records; a target with fewer positives or negatives in validation is left as "
        "it is",
        ge=1,
    )


@dataclass(frozen=True)
class Member:
    """One training of a member: which, and the curve of each target.

    Attributes
    ----------
    curves : target -> parameters of `method`; empty where too little was there to fit on.
    """

    model: str
    seed: int
    method: str
    curves: Curves

    def calibrated(self, p: NDArray[np.float64], target: str) -> NDArray[np.float64]:
        """Return calibrated probabilities of one target, any shape."""
        curve = self.curves[target]
        return calibration.METHODS[self.method].apply(p, curve) if curve else p


def fit(
    model: str, predictions: pd.DataFrame, labels: pd.DataFrame, settings: EnsembleSettings
) -> tuple[list[Member], pd.DataFrame]:
    """Calibrate every training of one member; only validation rows are fitted on.

    Parameters
    ----------
    predictions : `tables.PREDICTIONS` of all its seeds.

    Returns
    -------
    The members, one per seed, and their calibrated predictions.
    """
    targets = [str(column) for column in labels.columns if column != "record_id"]
    found = sorted(set(predictions["label"]))
    if found != sorted(targets):
        raise PedecgError(
            f"models/{model}: trained for targets {found}, labels hold {sorted(targets)}; "
            "retrain it"
        )
    truth = labels.melt("record_id", targets, "label", "y")
    rows = predictions.merge(truth, on=["record_id", "label"], how="left")
    members, parts = [], []
    for seed, own in rows.groupby("seed"):
        curves: Curves = {}
        for target, part in own.groupby("label"):
            fitted_on = part[(part["split"] == "validation") & part["y"].notna()]
            y = fitted_on["y"].to_numpy(np.float64)
            enough = min(y.sum(), len(y) - y.sum()) >= settings.min_positives
            p = fitted_on["probability"].to_numpy(np.float64)
            method = calibration.METHODS[settings.method]
            curves[str(target)] = method.fit(y, p) if enough else {}
        member = Member(model, int(str(seed)), settings.method, {t: curves[t] for t in targets})
        members.append(member)
        for target, part in own.groupby("label"):
            p = member.calibrated(part["probability"].to_numpy(np.float64), str(target))
            parts.append(part.assign(probability=p)[list(tables.PREDICTIONS.columns)])
    together = pd.concat(parts, ignore_index=True)
    return members, together.sort_values(["seed", "split", "record_id", "label"], ignore_index=True)


def mean(members: Sequence[pd.DataFrame], seed: int) -> pd.DataFrame:
    """Return the mean over members of their calibrated predictions of one seed.

    Raises
    ------
    PedecgError
        The members do not predict the same records and targets.
    """
    keys = ["record_id", "split", "label"]
    own = [table[table["seed"] == seed].set_index(keys)["probability"] for table in members]
    first = own[0].sort_index()
    each = [one.reindex(first.index) for one in own]
    if any(len(one) != len(first) or one.isna().any() for one in [*own, *each]):
        raise PedecgError(f"{NAME}: its members do not predict the same records with seed {seed}")
    average = sum(one.to_numpy(np.float64) for one in each) / len(each)
    return first.to_frame().assign(probability=average, seed=seed).reset_index()


def write(folder: Path, seed: int, targets: Sequence[str], members: Sequence[Member]) -> None:
    """Write the card of one seed of the ensemble, which `ensemble_model` opens."""
    about = {"model": NAME, "family": NAME, "seed": seed, "targets": list(targets)}
    save(members, folder / "model.json", **about)
    folder_hashes.seal(folder, ["model.json"])


def _member(values: Any) -> Member:
    """Return a member as `save` wrote it; its name becomes part of a path."""
    member = Member(**values)
    if not experiment.is_model_name(str(member.model)) or type(member.seed) is not int:
        raise ValueError(f"member {member.model!r}, seed {member.seed!r}")
    for curve in member.curves.values():
        if curve or member.method not in calibration.METHODS:
            curve_check.parameters(member.method, curve)
    return member


def save(members: Sequence[Member], path: str | Path, **about: Any) -> None:
    """Write members and their curves as JSON, every number in full."""
    card = {**about, "members": [asdict(member) for member in members]}
    tables.write_text(json.dumps(card, indent=1, allow_nan=False) + "\n", path)


def load(path: str | Path) -> list[Member]:
    """Read what `save` wrote, or raise a `PedecgError`."""
    try:
        card = json.loads(Path(path).read_text(encoding="utf-8"))
        return [_member(values) for values in card["members"]]
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; the stage that writes it has not run") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PedecgError(f"{path}: not a valid ensemble card ({error})") from None
