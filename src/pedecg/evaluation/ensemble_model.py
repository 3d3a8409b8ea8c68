"""One seed of the ensemble as a model: its members and their calibration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pedecg.core.errors import PedecgError
from pedecg.evaluation import ensemble
from pedecg.models import contract, registry


@dataclass(frozen=True)
class Model(contract.Model):
    """One seed of the ensemble: its members, opened, and how each is calibrated."""

    members: tuple[tuple[ensemble.Member, contract.Model], ...]

    @property
    def reads(self) -> frozenset[str]:
        """Inputs that at least one member reads."""
        return frozenset().union(*(model.reads for _, model in self.members))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Rule features that the members read, each once."""
        each = (name for _, model in self.members for name in model.feature_names)
        return tuple(dict.fromkeys(each))

    def predict(self, rows: contract.Rows) -> NDArray[np.float64]:
        """Return the mean of the members' calibrated probabilities, shape (n, n_targets)."""
        total = np.zeros((len(rows), len(self.targets)))
        for member, model in self.members:
            p = dict(zip(model.targets, model.predict(rows).T, strict=True))
            total += np.stack([member.calibrated(p[t], t) for t in self.targets], axis=1)
        return total / len(self.members)

    def save(self, folder: Path) -> None:
        """Write the members' names and curves; each member stays in its own folder."""
        ensemble.write(folder, self.seed, self.targets, [member for member, _ in self.members])

    @classmethod
    def load(cls, folder: Path, accelerator: str = "auto") -> Self:
        """Open ``models/ensemble/seed<k>``; its members lie in ``models/<member>/seed<k>``."""
        card, members = registry.read_card(folder), ensemble.load(folder / contract.CARD)
        models = folder.parent.parent
        opened = [
            registry.load(models / each.model / f"seed{each.seed}", accelerator=accelerator)
            for each in members
        ]
        try:
            return cls(
                card["model"], card["seed"], tuple(card["targets"]),
                tuple(zip(members, opened, strict=True)),
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise PedecgError(f"{folder}: not a valid ensemble card ({error})") from None
