"""The ensemble asked about new records: its members, calibrated as they were, and their mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core.errors import PedecgError
from pedecg.evaluation import ensemble
from pedecg.learning import trained_network as predict
from pedecg.learning.trained_network import Trained
from pedecg.signals.signal_store import SignalStore


@dataclass(frozen=True)
class Ensemble:
    """Networks and their calibration; answers as `Trained` does."""

    members: tuple[tuple[ensemble.Member, Trained], ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """Names, in the order of the answers."""
        return self.members[0][1].card.targets

    def predict(
        self,
        store: SignalStore,
        positions: NDArray[np.int64],
        age_days: NDArray[np.float32],
        sex: NDArray[np.int64],
        features: pd.DataFrame | None = None,
    ) -> NDArray[np.float64]:
        """Return the mean of calibrated probabilities, shape (n, n_targets); see `Trained`."""
        total = np.zeros((len(positions), len(self.targets)))
        for member, network in self.members:
            p = network.predict(store, positions, age_days, sex, features)
            for k, target in enumerate(self.targets):
                column = network.card.targets.index(target)
                total[:, k] += member.calibrated(p[:, column], target)
        return total / len(self.members)


def load(
    folder: str | Path, seeds: Sequence[int] | None = None, accelerator: str = "auto"
) -> Ensemble:
    """Rebuild an ensemble of networks.

    Parameters
    ----------
    folder : ``models/ensemble``; its members lie beside it.
    seeds : of the trainings to ask; None: all that there are.

    Raises
    ------
    PedecgError
        There is no card, or a member is no network (it reads rule features alone).
    """
    folder = Path(folder)
    cards = sorted(folder.glob("seed*/model.json"))
    if seeds is not None:
        cards = [folder / f"seed{seed}" / "model.json" for seed in seeds]
    if not cards:
        raise PedecgError(f"{folder}: no ensemble here; stage ensemble writes it")
    members = [member for card in cards for member in ensemble.load(card)]
    return Ensemble(
        tuple(
            (m, predict.load(folder.parent / m.model / f"seed{m.seed}", accelerator=accelerator))
            for m in members
        )
    )
