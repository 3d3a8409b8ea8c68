"""Labels and predictions of the same records in the same order."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation.calibration import logit

_SHOWN = 3  # names in a message, which stays one line


@dataclass(frozen=True)
class Cases:
    """The records of one split.

    Attributes
    ----------
    record_ids : n of them, sorted, so that the bootstrap does not depend on a table's order.
    targets : names of the labels, in the order of the labels table.
    y : shape (n, n_targets), 1, 0 or NaN where the source cannot tell.
    patients : shape (n,), one code per patient.
    """

    record_ids: tuple[str, ...]
    targets: tuple[str, ...]
    y: NDArray[np.float64]
    patients: NDArray[np.int64]

    def only(self, targets: Sequence[str]) -> "Cases":
        """Return the same records with these targets."""
        columns = [self.targets.index(target) for target in targets]
        return Cases(self.record_ids, tuple(targets), self.y[:, columns], self.patients)

    def rows(self, chosen: NDArray[np.bool_]) -> "Cases":
        """Return some of the records.

        Parameters
        ----------
        chosen : shape (n,).
        """
        ids = tuple(name for name, here in zip(self.record_ids, chosen, strict=True) if here)
        return Cases(ids, self.targets, self.y[chosen], self.patients[chosen])

    @property
    def n_patients(self) -> int:
        """Number of different patients."""
        return len(np.unique(self.patients))

    @property
    def size(self) -> str:
        """In words, for pictures: how many records of how many patients."""
        return f"{len(self.record_ids):,} ECGs of {self.n_patients:,} patients"


def of_records(labels: pd.DataFrame, records: pd.DataFrame) -> Cases:
    """Return the cases of every given record.

    Parameters
    ----------
    labels : `tables.LABELS`.
    records : any table with record_id and patient_id.

    Raises
    ------
    PedecgError
        If a record has no row of labels.
    """
    ordered = records.sort_values("record_id", kind="stable")
    record_ids = tuple(ordered["record_id"])
    missing = sorted(set(record_ids) - set(labels["record_id"]))
    if missing:
        raise PedecgError(f"labels: {_some(missing)} not found; every record needs a row")
    known = labels.set_index("record_id").loc[list(record_ids)]
    return Cases(
        record_ids=record_ids,
        targets=tuple(map(str, known.columns)),
        y=known.astype("float64").to_numpy(np.float64, na_value=np.nan),
        patients=pd.factorize(ordered["patient_id"])[0].astype(np.int64),
    )


def of_split(labels: pd.DataFrame, splits: pd.DataFrame, split: str) -> Cases:
    """Return the cases of one split of `tables.SPLITS`."""
    return of_records(labels, splits[splits["split"] == split])


def probabilities(predictions: pd.DataFrame, cases: Cases, source: str) -> NDArray[np.float64]:
    """Return the predictions of the cases, shape (n_seeds, n, n_targets), seeds ascending.

    Parameters
    ----------
    predictions : `tables.PREDICTIONS`; rows of other records are left out.
    source : names the predictions in messages.

    Raises
    ------
    PedecgError
        If a record lacks a prediction, or has two, for some seed and target.
    """
    selected = predictions[predictions["record_id"].isin(set(cases.record_ids))]
    twice = selected[selected.duplicated(["record_id", "seed", "label"])]
    if len(twice):
        raise PedecgError(f"{source}: {_some(list(twice['record_id']))} predicted twice for a seed")
    wide = selected.pivot_table(
        index="record_id", columns=["seed", "label"], values="probability", aggfunc="first"
    )
    seeds = sorted(set(predictions["seed"]))
    wanted = pd.MultiIndex.from_product([seeds, cases.targets])
    lacking = [f"{label} (seed {seed})" for seed, label in wanted if (seed, label) not in wide]
    if lacking or not seeds:
        raise PedecgError(f"{source}: predicts no {_some(lacking) or 'record'}; retrain the model")
    wide = wide.reindex(index=list(cases.record_ids), columns=wanted)
    absent = wide.index[wide.isna().any(axis=1)]
    if len(absent):
        raise PedecgError(f"{source}: {_some(list(absent))} not predicted for every label")
    flat = wide.to_numpy(np.float64)
    return flat.reshape(len(cases.record_ids), len(seeds), len(cases.targets)).transpose(1, 0, 2)


def by_patient(cases: Cases, p: NDArray[np.float64]) -> tuple[Cases, NDArray[np.float64]]:
    """Return one case per patient: the mean logit of the records, and what holds for any of them.

    Parameters
    ----------
    p : shape (…, n, n_targets), probabilities.

    Returns
    -------
    Cases under the name of each patient's first record, and probabilities (…, n_patients,
    n_targets). A label is 1 where it is for any record, else NaN where it is for any, else 0.
    """
    codes, first, sizes = np.unique(cases.patients, return_index=True, return_counts=True)
    together = np.argsort(cases.patients, kind="stable")
    starts = np.cumsum(sizes) - sizes
    ill = np.logical_or.reduceat(cases.y[together] == 1, starts, axis=0)
    unknown = np.logical_or.reduceat(np.isnan(cases.y[together]), starts, axis=0)
    y = np.where(ill, 1.0, np.where(unknown, np.nan, 0.0))
    mean = np.add.reduceat(logit(p)[..., together, :], starts, axis=-2) / sizes[:, None]
    names = tuple(cases.record_ids[row] for row in first)
    return Cases(names, cases.targets, y, codes), np.asarray(special.expit(mean))


def read_seeds(model: str, seeds: Sequence[int]) -> pd.DataFrame:
    """Return the predictions of all trainings of one model, from ``models/<model>/seed<k>``."""
    files = [Path("models") / model / f"seed{seed}" / "predictions.parquet" for seed in seeds]
    parts = [tables.read(file, tables.PREDICTIONS) for file in files]
    together = pd.concat(parts, ignore_index=True)
    return together.sort_values(["seed", "split", "record_id", "label"], ignore_index=True)


def as_predictions(
    probabilities: NDArray[np.float64],
    record_ids: Sequence[str],
    seeds: Sequence[int],
    targets: Sequence[str],
    split: str,
) -> pd.DataFrame:
    """Return probabilities of shape (n_seeds, n_records, n_targets) as `tables.PREDICTIONS`."""
    index = pd.MultiIndex.from_product(
        [seeds, record_ids, targets], names=["seed", "record_id", "label"]
    )
    table = pd.DataFrame({"probability": probabilities.ravel()}, index=index).reset_index()
    return table.assign(split=split)[list(tables.PREDICTIONS.columns)]


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
