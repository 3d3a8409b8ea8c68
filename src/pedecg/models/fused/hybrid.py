"""Late fusion of a network with models of rule features.

Each side is a model of its own and is fitted first: the network by the training loop, with its
best epoch or its last as ``train.monitor`` says, the others on rule features. The fusion is fitted
afterwards, on probabilities of records that the sides have not seen: validation records or, with
``folds``, each fold of training and validation records together. A network trained together with
rule features overfits its training records, and was worse than its better side.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.core.params import Section
from pedecg.models import contract, fold_mean, fusion, registry
from pedecg.models.contract import Fitted, Rows, Training


class Settings(Section):
    """Section `models.hybrid`."""

    network: str = Field(
        description="key of models; the network, of any backbone: resnet1d_age, foundation, …"
    )
    rules: list[str] = Field(
        min_length=1, description="keys of models; one or more models of rule features"
    )
    folds: int = Field(
        0,
        description=(
            "0: sides are trained on training records, weights on validation records; from 2: "
            "patient-wise folds of both together, each predicted by sides trained on the others; "
            "the network is the mean of those of all folds, which takes as many times as long"
        ),
        ge=0,
        le=20,
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

    @field_validator("folds")
    @classmethod
    def _several(cls, folds: int) -> int:
        if folds == 1:
            raise ValueError("must be 0, or 2 and more (found 1)")
        return folds


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
        """Fit the sides, then their fusion on the validation rows or, with folds, on all rows.

        The returned probabilities of validation rows are those of sides that have not seen them.

        Parameters
        ----------
        validation : shape (n,), true for validation rows.

        Raises
        ------
        PedecgError
            A side cannot be fitted, there are fewer patients than folds, or no row to fit the
            weights on has a known label.
        """
        schema = registry.settings(training.name, training.values)
        section, source = f"models.{training.name}", params.PARAMS_FILE.name
        settings: Any = params.parse(training.values, section, schema, source)
        fold = None
        if settings.folds:
            # A process that does not write its network would not know what the other predicts.
            if training.train.get("processes", 1) > 1:
                raise PedecgError(
                    f"{section}.folds needs train.processes 1 (found {training.train['processes']})"
                )
            fold = fold_mean.folds(rows, settings.folds, training.seed)
        learnt = ~validation if fold is None else np.ones(len(rows), bool)
        fitted_on = validation if fold is None else learnt
        # The same network may be training by itself at this moment, with a state of the same key.
        state = training.state and training.state.with_name(
            f"{training.state.name}_{training.name}"
        )
        models, unseen = [], []
        for name in sides(training.values):
            if name not in training.values["sides"]:
                raise PedecgError(f"{section}.sides: the settings of side {name} are missing")
            values = training.values["sides"][name]
            own = replace(training, name=name, values=values, state=state, models=None)
            if training.models is not None and fold is None:
                own = replace(own, trained=training.models / name / f"seed{training.seed}")
            seen = _read_by(rows, registry.reads(name, own.values))
            made = _once(seen, validation, own) if fold is None else _crossed(seen, fold, own)
            if made is None:
                return None  # another process of this training returns the model
            models.append(made[0])
            unseen.append(made[1])
        labels = rows.labels.astype(np.float64)
        prior = fusion.prior(labels[learnt], training.exclusive)
        probabilities = np.stack(unseen)
        fused = fusion.fit(
            probabilities[:, fitted_on], labels[fitted_on], prior, training.exclusive,
            settings.shrinkage,
        )  # fmt: skip
        model = cls(training.name, training.seed, rows.targets, tuple(models), fused)
        return Fitted(model, fused.apply(probabilities[:, validation]))

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Return the fused probabilities of its sides, shape (n, n_targets)."""
        each = [side.predict(_read_by(rows, side.reads)) for side in self.sides]
        return self.fusion.apply(np.stack(each))

    def save(self, folder: Path) -> None:
        """Write ``model.json`` with the weights, and each side in a folder of its name."""
        for side in self.sides:
            side.save(folder / side.name)
        arrays = asdict(self.fusion)
        more = {
            "sides": [side.name for side in self.sides],
            "exclusive": arrays.pop("exclusive"),
            **{name: values.tolist() for name, values in arrays.items()},
        }
        contract.write_card(folder, self, more)

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
            raise PedecgError(f"{folder}: not a valid hybrid card ({error})") from None


def _once(
    rows: Rows, validation: NDArray[np.bool_], training: Training
) -> tuple[contract.Model, NDArray[np.float64]] | None:
    """Fit a side on the training rows.

    Returns
    -------
    The side, and its probabilities of all rows, shape (n, n_targets): of the validation rows those
    of a model that has not seen them. None where another process returns it.
    """
    fitted = registry.fit(rows, validation, training)
    return None if fitted is None else (fitted.model, fitted.predict(rows, validation))


def _crossed(
    rows: Rows, fold: NDArray[np.int64], training: Training
) -> tuple[contract.Model, NDArray[np.float64]] | None:
    """Fit a side once per fold on the others.

    A network is the mean of those of the folds; a model of tables, fitted in seconds and without a
    choice of epochs, is fitted once more on all rows.

    Returns
    -------
    The side, and its probabilities of all rows, shape (n, n_targets), of models that have not seen
    them. None where another process returns it.
    """
    once = {"refit": False} if "refit" in training.values else {}
    training = replace(training, values=training.values | once)
    network = registry.is_network(training.name, training.values)

    def fit_fold(held_out: NDArray[np.bool_]) -> Fitted | None:
        if network:
            return registry.fit(rows, held_out, training)
        others = rows.take(~held_out)
        return registry.fit(others, np.zeros(len(others), bool), training)

    unseen = np.zeros(rows.labels.shape, np.float64)
    members = []
    for k in np.unique(fold):
        held_out = fold == k
        fitted = fit_fold(held_out)
        if fitted is None:
            return None
        members.append(fitted.model)
        unseen[held_out] = fitted.model.predict(rows.take(held_out))
    if network:
        return fold_mean.Model.of(members), unseen
    whole = fit_fold(np.zeros(len(rows), bool))
    return None if whole is None else (whole.model, unseen)


def _read_by(rows: Rows, reads: frozenset[str]) -> Rows:
    """Return rows with the features that one side reads: rule features, numbers, or none."""
    kinds = {name: "numbers" if str(name).startswith("x_") else "rules" for name in rows.features}
    own = [name for name, kind in kinds.items() if kind in reads]
    return replace(rows, features=rows.features[own])
