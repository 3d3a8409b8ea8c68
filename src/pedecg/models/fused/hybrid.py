"""Late fusion of a network with models of rule features.

Each side is a model of its own and is fitted first: the network by the training loop, with its
best epoch or its last as ``train.monitor`` says, the others on rule features. The fusion is fitted
afterwards, on the probabilities that the sides give for validation records. A network trained
together with rule features overfits its training records, and was worse than its better side.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pedecg.core import folder_hashes, params, tables
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.models import contract, fusion, registry
from pedecg.models.contract import Fitted, Rows, Training


class Settings(Section):
    """Section `models.hybrid`."""

    network: str = Field(
        description="key of models; the network, of any backbone: resnet1d_age, foundation, …"
    )
    rules: list[str] = Field(
        min_length=1, description="keys of models; one or more models of rule features"
    )
    shrinkage: float = Field(
        description=(
            "shrinkage of each target's weights, fitted on validation records, to those "
            "that all targets share; the larger, the more records it takes to set them "
            "apart"
        ),
        gt=0,
        le=1e6,
    )
    sides: dict[str, dict[str, Any]] = Field(
        {},
        description=(
            "settings of `network` and `rules` that differ from their own sections, by "
            "key of models, e.g. {resnet1d_age: {dropout: 0.3}}"
        ),
    )


def sides(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the kind that each side must be of, see `registry.kind`, by its key in ``models``."""
    rules = {str(name): "tabular" for name in values["rules"]}
    return {str(values["network"]): "network", **rules}


def reads(values: Mapping[str, Any]) -> frozenset[str]:
    """Return what the sides read together; without values, what they read by default."""
    if "sides" not in values:
        return frozenset({"signals", "demographics", "rules"})
    each = (registry.reads(name, values["sides"][name]) for name in sides(values))
    return frozenset().union(*each)


@dataclass(frozen=True)
class Model(contract.Trainable):
    """Fitted sides and their fusion.

    Attributes
    ----------
    sides : the fitted models, in the order of the weights; the network is the first.
    """

    sides: tuple[contract.Model, ...]
    fusion: fusion.Fusion

    @property
    def reads(self) -> frozenset[str]:
        """What its sides read together."""
        return frozenset().union(*(side.reads for side in self.sides))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features that its sides read, each once."""
        each = (name for side in self.sides for name in side.feature_names)
        return tuple(dict.fromkeys(each))

    @classmethod
    def fit(cls, rows: Rows, validation: NDArray[np.bool_], training: Training) -> Fitted | None:
        """Fit the sides, then their fusion on the validation rows.

        The returned probabilities of validation rows are those of sides that have not seen them.

        Parameters
        ----------
        validation : shape (n,), true for validation rows.

        Raises
        ------
        PedecgError
            A side cannot be fitted, or no validation row has a known label.
        """
        schema = registry.settings(training.name, training.values)
        section, source = f"models.{training.name}", params.PARAMS_FILE.name
        settings: Any = params.parse(training.values, section, schema, source)
        fitted: list[Fitted] = []
        for name in sides(training.values):
            if name not in training.values["sides"]:
                raise PedecgError(f"{section}.sides: the settings of side {name} are missing")
            own = training.values["sides"][name]
            seen = _read_by(rows, registry.reads(name, own))
            side = registry.fit(seen, validation, replace(training, name=name, values=own))
            if side is None:
                return None  # another process of this training returns the model
            fitted.append(side)
        unseen = np.stack([_of_validation(side, rows, validation) for side in fitted])
        labels = rows.labels.astype(np.float64)
        prior = fusion.prior(labels[~validation], training.exclusive)
        fused = fusion.fit(
            unseen, labels[validation], prior, training.exclusive, settings.shrinkage
        )
        models = tuple(side.model for side in fitted)
        model = cls(training.name, training.seed, rows.targets, models, fused)
        return Fitted(model, fused.apply(unseen))

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Return the fused probabilities of its sides, shape (n, n_targets)."""
        each = [side.predict(_read_by(rows, side.reads)) for side in self.sides]
        return self.fusion.apply(np.stack(each))

    def save(self, folder: Path) -> None:
        """Write ``model.json`` with the weights, and each side in a folder of its name."""
        for side in self.sides:
            side.save(folder / side.name)
        arrays = asdict(self.fusion)
        card = {
            "model": self.name,
            "family": __name__.rpartition(".")[2],
            "seed": self.seed,
            "targets": self.targets,
            "sides": [side.name for side in self.sides],
            "exclusive": arrays.pop("exclusive"),
            **{name: values.tolist() for name, values in arrays.items()},
        }
        text = json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False)
        tables.write_text(text + "\n", folder / contract.CARD)
        folder_hashes.seal(folder, [contract.CARD])  # the sides have hashes of their own

    @classmethod
    def load(cls, folder: Path, accelerator: str = "auto") -> Self:
        """Open the sides in a folder, and their fusion; a side that is not there is named."""
        card = registry.read_card(folder)
        try:
            targets = tuple(card["targets"])
            arrays = {name: np.array(card[name]) for name in ("prior", "weights", "bias")}
            fused = fusion.Fusion(card["exclusive"], **arrays)
            opened = [registry.load(folder / name, targets, accelerator) for name in card["sides"]]
            return cls(card["model"], card["seed"], targets, tuple(opened), fused)
        except (KeyError, TypeError, ValueError) as error:
            raise PedecgError(f"{folder}: not the card of a hybrid ({error})") from None


def _of_validation(side: Fitted, rows: Rows, validation: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return probabilities of the validation rows, of a model that has not seen them."""
    if side.validation is not None:
        return side.validation
    return side.model.predict(_read_by(rows.take(validation), side.model.reads))


def _read_by(rows: Rows, reads: frozenset[str]) -> Rows:
    """Return rows with the features that one side reads: rule features, numbers, or none."""
    kinds = {name: "numbers" if str(name).startswith("x_") else "rules" for name in rows.features}
    own = [name for name, kind in kinds.items() if kind in reads]
    return replace(rows, features=rows.features[own])
