"""What a model is made of: the networks and models of tables at its ends, and what joins them.

A bundle holds each of the ends as an ONNX file. What joins them, folds, the fusion of a hybrid and
the mean of an ensemble, is numbers in ``bundle.json``, see `inference_steps.combined`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedecg.evaluation import ensemble_model
from pedecg.learning import network_model
from pedecg.models import contract, fold_mean
from pedecg.models.fused import hybrid

Node = str | dict[str, Any]  # the file of an end, or what joins nodes, in plain values


@dataclass(frozen=True)
class End:
    """A network or a model of tables.

    Attributes
    ----------
    folder : where it was saved.
    file : its name in the bundle.
    """

    model: contract.Model
    folder: Path
    file: str

    @property
    def is_network(self) -> bool:
        """Whether it is a network; else it is a model of tables."""
        return isinstance(self.model, network_model.Model)


def of(
    model: contract.Model, folder: Path, targets: Sequence[str], name: str
) -> tuple[Node, list[End]]:
    """Return how a model's ends are joined, and its ends.

    Parameters
    ----------
    folder : where the model was saved.
    targets : in the order in which joining numbers are given.
    name : of the model among those of the bundle; becomes part of the names of files.
    """
    if isinstance(model, fold_mean.Model):
        folds = {f"fold{k}": folder / f"fold{k}" for k in range(len(model.members))}
        of_each, ends = _each(model.members, folds, targets, name)
        return {"combine": "mean", "of": of_each}, ends
    if isinstance(model, hybrid.Model):
        sides = {side.name: folder / side.name for side in model.sides}
        of_each, ends = _each(model.sides, sides, targets, name)
        order, fused = [model.targets.index(target) for target in targets], model.fusion
        numbers = {
            "exclusive": fused.exclusive,
            "prior": fused.prior[order].tolist(),
            "weights": fused.weights[:, order].tolist(),
            "bias": fused.bias[order].tolist(),
        }
        return {"combine": "fusion", "of": of_each, **numbers}, ends
    if isinstance(model, ensemble_model.Model):
        models = folder.resolve().parent.parent
        members = {
            each.model: models / each.model / f"seed{each.seed}" for each, _ in model.members
        }
        of_each, ends = _each([own for _, own in model.members], members, targets, name)
        curves = [
            {
                target: {
                    "method": each.method if each.curves[target] else "none",
                    "parameters": dict(each.curves[target]),
                }
                for target in targets
            }
            for each, _ in model.members
        ]
        return {"combine": "calibrated_mean", "of": of_each, "curves": curves}, ends
    kind = "network" if isinstance(model, network_model.Model) else "table"
    end = End(model, folder, f"{kind}_{name}.onnx")
    return end.file, [end]


def _each(
    models: Sequence[contract.Model], folders: dict[str, Path], targets: Sequence[str], name: str
) -> tuple[list[Node], list[End]]:
    found = [
        of(model, folder, targets, f"{name}_{key}")
        for model, (key, folder) in zip(models, folders.items(), strict=True)
    ]
    return [node for node, _ in found], [end for _, ends in found for end in ends]
