"""The mean of models of one kind that were each fitted without one fold of the records.

It is less noisy than one of them (bagging: Breiman L. Machine Learning 1996;24:123-140), and every
record is predicted by one that has not seen it, so that what is fitted on these predictions rests
on all records and not on a small validation set.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from pedecg.core.errors import PedecgError
from pedecg.models import contract, registry
from pedecg.models.contract import Rows


@dataclass(frozen=True)
class Model(contract.Model):
    """The mean probability of the models of all folds, which are of one name."""

    members: tuple[contract.Model, ...]

    @classmethod
    def of(cls, members: Sequence[contract.Model]) -> Self:
        """Return the mean of one model or more."""
        first = members[0]
        return cls(first.name, first.seed, first.targets, tuple(members))

    @property
    def reads(self) -> frozenset[str]:
        """What each of them reads."""
        return self.members[0].reads

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features that each of them reads."""
        return self.members[0].feature_names

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Return the mean of their probabilities, shape (n, n_targets)."""
        return np.asarray(np.mean([member.predict(rows) for member in self.members], axis=0))

    def save(self, folder: Path) -> None:
        """Write ``model.json``, and the model of fold k in ``fold<k>``."""
        for k, member in enumerate(self.members):
            member.save(folder / f"fold{k}")
        contract.write_card(folder, self, {"folds": len(self.members)})

    @classmethod
    def load(cls, folder: Path, accelerator: str = "auto") -> Self:
        """Open the models of all folds; one that is not there is named."""
        card = registry.read_card(folder)
        try:
            targets, folds = tuple(card["targets"]), range(card["folds"])
        except (KeyError, TypeError) as error:
            raise PedecgError(f"{folder}: not a valid card of a mean of folds ({error})") from None
        return cls.of([registry.load(folder / f"fold{k}", targets, accelerator) for k in folds])


def folds(rows: Rows, n_folds: int, seed: int) -> NDArray[np.int64]:
    """Draw the fold of each row, from 0: patients stay together, rare targets are spread evenly.

    Returns
    -------
    Shape (n,).

    Raises
    ------
    PedecgError
        There are fewer patients than folds.
    """
    names = rows.record_ids if rows.patients is None else rows.patients
    patients, patient = np.unique(names, return_inverse=True)
    if len(patients) < n_folds:
        raise PedecgError(f"{len(patients)} patients cannot fill {n_folds} folds")
    present = np.nan_to_num(rows.labels) > 0
    rarest_first = present.sum(axis=0).argsort(kind="stable")
    rank = present[:, rarest_first].argmax(axis=1)  # of its rarest target
    kind = np.where(present.any(axis=1), rank, -1)
    split = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed % 2**31)
    fold = np.zeros(len(rows), np.int64)
    with warnings.catch_warnings():  # where a target has fewer records than there are folds
        warnings.simplefilter("ignore", UserWarning)
        for k, (_, held_out) in enumerate(split.split(np.zeros(len(rows)), kind, patient)):
            fold[held_out] = k
    return fold
