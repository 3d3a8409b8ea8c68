"""Any network as a model: fitted by the training loop, saved by `trained_network`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core import params, tables
from pedecg.learning import batches, device, fit, trained_network, training_notes
from pedecg.learning.train_settings import TrainSettings
from pedecg.models import contract, registry
from pedecg.models.contract import Fitted, Rows, Training


@dataclass(frozen=True)
class Model(contract.Trainable):
    """A trained network.

    Attributes
    ----------
    curves : one row per epoch, see `fit.Fitted`; none for a network that was loaded.
    """

    trained: trained_network.Trained
    curves: tuple[dict[str, float], ...] = ()

    @classmethod
    def of(
        cls, trained: trained_network.Trained, curves: tuple[dict[str, float], ...] = ()
    ) -> Self:
        """Return a network as a model."""
        card = trained.card
        return cls(card.model, card.seed, card.targets, trained, curves)

    @property
    def reads(self) -> frozenset[str]:
        """Inputs that the network reads."""
        return registry.reads(self.trained.card.model, self.trained.card.settings)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Rule features that the network reads, in the order of its input."""
        return self.trained.card.feature_names

    @classmethod
    def fit(cls, rows: Rows, validation: NDArray[np.bool_], training: Training) -> Fitted | None:
        """Train a network; see `fit.fit`.

        Parameters
        ----------
        validation : shape (n,), true for validation rows.
        """
        source = params.PARAMS_FILE.name
        settings = params.parse(dict(training.train), "train", TrainSettings, source)
        if device.relaunched(settings.processes):
            return None
        fitted = fit.fit(
            training.name, training.values, rows, np.flatnonzero(~validation),
            np.flatnonzero(validation), batches.normalisation(training.lead_statistics), settings,
            training.seed, training.state, training.pretrained, training.trained,
        )  # fmt: skip
        if not fitted.writes:
            return None
        return Fitted(cls.of(fitted.trained, tuple(fitted.curves)), key=fitted.key)

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Return raw probabilities, shape (n_rows, n_targets)."""
        return self.trained.predict(
            rows.store, rows.positions, rows.age_days, rows.sex, rows.features
        )

    def save(self, folder: Path) -> None:
        """Write the network and, after a training, its learning curves as ``curves.csv``."""
        self.trained.save(folder)
        if self.curves:
            tables.write_csv(pd.DataFrame(self.curves), Path(folder) / training_notes.CURVES)

    @classmethod
    def load(cls, folder: Path, accelerator: str = "auto") -> Self:
        """Read a network from its folder.

        Raises
        ------
        PedecgError
            The folder does not hold a network, or not one of this version.
        """
        return cls.of(trained_network.load(folder, accelerator=accelerator))
