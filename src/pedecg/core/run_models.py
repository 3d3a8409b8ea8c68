"""What the stages need to know of each model of a run, without importing the models.

Stage ``model_inputs`` writes it once per run; every stage after the training takes its models from
there.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.core.experiment import ENSEMBLE

FILE = Path("data/run_models.json")
OPTIONAL = ("explain_findings",)  # stages that do nothing in a run without a model for them


@dataclass(frozen=True)
class RunModel:
    """One model of a run.

    Attributes
    ----------
    reads : what it reads of a record, as the registry of models names it.
    reference : a reference model, by default no member of the ensemble.
    network : a network; a model that is made of a network and others is none.
    """

    name: str
    reads: tuple[str, ...]
    reference: bool
    network: bool

    @property
    def reads_signals(self) -> bool:
        """Whether it reads signals, as every network and every model with a network in it does."""
        return "signals" in self.reads


@dataclass(frozen=True)
class RunModels:
    """All models of a run.

    Attributes
    ----------
    models : those that are trained, in the order of the parameters.
    members : names of the models that the ensemble averages; empty where there is no ensemble.
    """

    models: tuple[RunModel, ...]
    members: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Return the names of all models that are evaluated, the ensemble last."""
        return [model.name for model in self.models] + [ENSEMBLE] * bool(self.members)

    @property
    def networks(self) -> list[RunModel]:
        """Return the networks."""
        return [model for model in self.models if model.network]

    @property
    def baselines(self) -> list[str]:
        """Return the models that read no signals: what a network adds is measured against them."""
        return [model.name for model in self.models if not model.reads_signals]

    @property
    def references(self) -> list[str]:
        """Return the reference models, which no stage takes unless a parameter names them."""
        return [model.name for model in self.models if model.reference]

    def candidates(self, section: str) -> list[str]:
        """Return the models that can serve a stage that takes one.

        Maps (`explain`) are of networks, contributions of findings (`explain_findings`) of models
        of rule features. An external cohort has signals, ages, sexes and rule features, and no
        further numbers of a manifest: every other model can be validated there, and the ensemble
        of such models.
        """
        able, unread = self.networks, {"numbers"}
        if section == "explain_findings":
            able, unread = [m for m in self.models if "rules" in m.reads], {"numbers", "signals"}
        if section == "external_validation":
            able = list(self.models)
        names = [model.name for model in able if not unread & set(model.reads)]
        if section == "external_validation" and self.members and set(self.members) <= set(names):
            names.append(ENSEMBLE)
        return names

    def write(self, path: Path = FILE) -> None:
        """Write them as JSON."""
        about = {"models": [asdict(model) for model in self.models], "members": self.members}
        tables.write_text(json.dumps(about, indent=1) + "\n", path)


def read(path: Path = FILE) -> RunModels:
    """Read the models of the run, as `RunModels.write` wrote them.

    Raises
    ------
    PedecgError
        Stage model_inputs has not run.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; stage model_inputs writes it") from None
    models = tuple(
        RunModel(entry["name"], tuple(entry["reads"]), entry["reference"], entry["network"])
        for entry in about["models"]
    )
    return RunModels(models, tuple(about["members"]))
