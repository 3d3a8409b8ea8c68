"""Files of a run: metrics, tables and pictures that are available."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from pedecg.core import figures, params, schema_versions
from pedecg.report import content_blocks

# Under every table of results of the default cohort.
RULES_HAVE_AN_ADVANTAGE = (
    "Simulated children are drawn from the same percentiles as the normal limits, and most of what "
    "a simulated disease changes is what the rules measure: models of rule features have an "
    "advantage here that they need not have on real children."
)


@dataclass(frozen=True)
class RunFiles:
    """The folder of a pipeline that has run, read only."""

    root: Path = Path()

    def has(self, *names: str) -> bool:
        """Return whether all these files or folders exist; a pattern needs at least one match."""
        return all(
            any(True for _ in self.root.glob(n)) if "*" in n else (self.root / n).exists()
            for n in names
        )

    def metrics(self, name: str) -> dict[str, Any]:
        """Return ``metrics/<name>.json``.

        Raises
        ------
        PedecgError
            The file has another schema version.
        """
        file = f"metrics/{name}.json"
        found: dict[str, Any] = self.json(file)
        schema_versions.check(name.partition("/")[0], found.get(schema_versions.KEY), file)
        return found

    def json(self, name: str) -> Any:
        """Return the content of a JSON file of the run."""
        return json.loads((self.root / name).read_text(encoding="utf-8"))

    def table(self, name: str) -> pd.DataFrame:
        """Return a CSV file; empty cells are NaN, and "NA" is text."""
        return pd.read_csv(self.root / name, keep_default_na=False, na_values=[""])

    def names(self, pattern: str) -> list[str]:
        """Return the files of a pattern, sorted."""
        return sorted(f.relative_to(self.root).as_posix() for f in self.root.glob(pattern))

    def picture(
        self, name: str, alt: str, caption: str = "", wide: bool = False
    ) -> list[content_blocks.Picture]:
        """Return a picture as a block, or nothing where the run has not drawn it."""
        return [content_blocks.Picture(name, alt, caption, wide)] if self.has(name) else []

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The values of ``params.yaml``; sections by name, since DVC sees no change of order."""
        return dict(sorted(params.read_file(self.root / params.PARAMS_FILE).items()))

    @property
    def cohort(self) -> str:
        """Name of the cohort."""
        return str(self.parameters["cohort"]["name"])

    @property
    def simulated(self) -> bool:
        """Whether the cohort is simulated."""
        return self.cohort.startswith(figures.SIMULATED)

    @property
    def simulated_advantage(self) -> str:
        """What a reader of figures of simulated children must know of rules; else nothing."""
        return RULES_HAVE_AN_ADVANTAGE if self.cohort == figures.SIMULATED else ""

    @property
    def cohort_people(self) -> str:
        """Whom a simulated cohort stands for, as the pictures say it."""
        return "children" if self.cohort == figures.SIMULATED else "recordings"

    @cached_property
    def compared(self) -> dict[str, Any]:
        """``metrics/compare.json``."""
        return self.metrics("compare")

    @property
    def models(self) -> list[str]:
        """The evaluated models, in the order of the parameters."""
        return list(self.compared["figures"])

    @property
    def baselines(self) -> list[str]:
        """Models that read no signals."""
        return list(self.compared["baselines"])

    @property
    def best(self) -> str:
        """The model with the largest macro AUROC on validation patients, or the last of all."""
        chosen = self.metrics("summary").get("best", {"model": self.models[-1]})
        return str(chosen["model"])

    @cached_property
    def evaluated(self) -> dict[str, dict[str, Any]]:
        """``metrics/evaluate/<model>.json`` of every model."""
        return {model: self.metrics(f"evaluate/{model}") for model in self.models}

    @property
    def targets(self) -> list[str]:
        """The targets of the run, in the order of the metrics."""
        return list(self.evaluated[self.models[0]]["test"]["targets"])

    def selection(self, stage: str) -> str:
        """Return which model a stage took and why, or nothing where the run does not tell."""
        if not self.has("metrics/selected_models.json"):
            return ""
        selected = self.metrics("selected_models")[stage]
        figures = selected["validation_auroc"].items()
        models = ", ".join(
            model if value is None else f"{model} ({value:.3f})" for model, value in figures
        )
        others = ", ".join(selected["candidates"])
        return f"Selected by {selected['by']}: {models}; candidates: {others}."

    def mark(self, model: str) -> str:
        """Return a model's name, with a star where it is a baseline."""
        return f"{model} *" if model in self.baselines else model
