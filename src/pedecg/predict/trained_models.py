"""One training of any kind of model, asked about one exam.

What kind it is, is told from the files in its folder, see `KINDS`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pedecg.core.errors import PedecgError
from pedecg.evaluation import ensemble
from pedecg.learning import batches, trained_network
from pedecg.models import registry
from pedecg.predict.prepared_recording import Exam
from pedecg.tabular import rules as rule_score
from pedecg.tabular import rules_boosted as boosted_trees
from pedecg.tabular import rules_trees as random_trees
from pedecg.tabular.shared import logistic as linear

Floats = NDArray[np.float64]


class Training(Protocol):
    """One training: raw probabilities of its targets."""

    @property
    def targets(self) -> tuple[str, ...]: ...
    def ask(self, exam: Exam) -> Floats:
        """Return probabilities of shape (n_targets,)."""


@dataclass(frozen=True)
class Network:
    """A network that reads the signal."""

    trained: trained_network.Trained

    @property
    def targets(self) -> tuple[str, ...]:
        return self.trained.card.targets

    def features(self, exam: Exam) -> Any:
        """Return what it reads beside the signal, one row."""
        card = self.trained.card
        return exam.features(registry.reads(card.model, card.settings), card.feature_names)

    def ask(self, exam: Exam) -> Floats:
        age_days, sex = batches.ages_and_sexes(exam.record)
        first = np.zeros(1, np.int64)
        found = self.trained.predict(exam.signals, first, age_days, sex, self.features(exam))
        return np.asarray(found[0])


@dataclass(frozen=True)
class Linear:
    """A logistic model over age and sex, or over rule features."""

    model: linear.Linear

    @property
    def targets(self) -> tuple[str, ...]:
        return self.model.targets

    def ask(self, exam: Exam) -> Floats:
        if self.model.name == linear.AGE_SEX:
            return np.asarray(self.model.predict(linear.age_and_sex(exam.record))[0])
        return np.asarray(self.model.predict(linear.rule_features(exam.rules))[0])


@dataclass(frozen=True)
class Trees:
    """Random or boosted trees over rule features, age and sex."""

    model: random_trees.Trees | boosted_trees.Boosted

    @property
    def targets(self) -> tuple[str, ...]:
        return self.model.targets

    def ask(self, exam: Exam) -> Floats:
        return np.asarray(self.model.predict(random_trees.features(exam.rules, exam.record))[0])


@dataclass(frozen=True)
class Rules:
    """The rule baseline: a curve per target over its score."""

    targets: tuple[str, ...]
    curves: Mapping[str, Mapping[str, float]]

    def ask(self, exam: Exam) -> Floats:
        found = []
        for target in self.targets:
            score, curve = rule_score.scores(exam.rules, target), self.curves[target]
            found.append(rule_score.predict(score, curve["intercept"], curve["slope"])[0])
        return np.array(found)


@dataclass(frozen=True)
class Ensemble:
    """The mean of its members' calibrated probabilities."""

    members: tuple[tuple[ensemble.Member, Training], ...]

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self.members[0][0].curves)

    def ask(self, exam: Exam) -> Floats:
        total = np.zeros(len(self.targets))
        for member, training in self.members:
            said = dict(zip(training.targets, training.ask(exam), strict=True))
            total += [member.calibrated(said[target], target) for target in self.targets]
        return total / len(self.members)


def load(folder: Path) -> Training:
    """Open ``models/<name>/seed<k>``.

    Raises
    ------
    PedecgError
        It holds no training of a known kind.
    """
    for file, kind in KINDS.items():
        if (folder / file).is_file():
            return kind(folder)
    raise PedecgError(f"{folder}: no trained model; expected one of {', '.join(KINDS)} in it")


def _network(folder: Path) -> Training:
    torch.set_num_threads(1)  # one ECG is too little to share, and processes share the cores
    return Network(trained_network.load(folder, accelerator="cpu"))


def _card(folder: Path) -> Training:
    """Open a model that is all in its card: what the card holds says which."""
    file = folder / "model.json"
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise PedecgError(f"{file}: not the card of a model ({error})") from None
    if "members" in card:
        members = ensemble.load(file)
        models = folder.parent.parent
        opened = (load(models / member.model / f"seed{member.seed}") for member in members)
        return Ensemble(tuple(zip(members, opened, strict=True)))
    if "coefficients" in card:
        return Linear(linear.load(file))
    if "curves" in card:
        return Rules(tuple(card["targets"]), card["curves"])
    raise PedecgError(f"{file}: the card of no model that can be asked")


KINDS: dict[str, Callable[[Path], Training]] = {  # the file that tells it, in this order
    "weights.safetensors": _network,
    "trees.safetensors": lambda folder: Trees(random_trees.load(folder)),
    "boosted.safetensors": lambda folder: Trees(boosted_trees.load(folder)),
    "model.json": _card,
}
