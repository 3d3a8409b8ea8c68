"""`pedecg lr-find`: at which learning rate does the loss of a model fall fastest?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pedecg.learning.settings import TrainSettings
    from pedecg.learning.task import Task

Model = Annotated[str, typer.Argument(help="a key of models in params.yaml", show_default=False)]


def lr_find(
    model: Model,
    seed: Annotated[int, typer.Option(min=0, help="of weights and crops")] = 0,
    steps: Annotated[int, typer.Option(min=20, help="how many to take")] = 100,
    lowest: Annotated[float, typer.Option(min=1e-9, help="first learning rate")] = 1e-6,
    highest: Annotated[float, typer.Option(max=100.0, help="last learning rate")] = 1.0,
    plot: Annotated[Path, typer.Option(help="where the picture goes")] = Path("lr_find.png"),
) -> None:
    """Try rising learning rates on the training records of the last `dvc repro`; keep nothing."""
    from pedecg import params
    from pedecg.learning import lr_find as finder
    from pedecg.learning.settings import TrainSettings

    settings = params.load("train", TrainSettings)
    found = finder.find(_task(model, settings, seed), lowest=lowest, highest=highest, steps=steps)
    finder.draw(found, model, plot)
    typer.echo(
        f"{model}: the loss falls fastest at a learning rate of {found.suggestion:.1e} "
        f"(train.learning_rate is {settings.learning_rate:g}); drawn in {plot}"
    )


def _task(model: str, settings: "TrainSettings", seed: int) -> "Task":
    """Read what the stage that trains the model reads."""
    import numpy as np

    from pedecg import params, tables
    from pedecg.learning import batches
    from pedecg.learning.fit import PRETRAINED_FOLDER
    from pedecg.learning.task import Task
    from pedecg.models import registry
    from pedecg.signals.store import open_store

    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    values = params.read_section(f"models.{model}")
    rules = None
    if "rules" in registry.reads(model, values):
        rules = tables.read("data/features/rules.parquet", tables.RULES)
    normalisation = batches.read_normalisation("data/processed/lead_statistics.json")
    data = batches.dataset(open_store("data/processed/signals"), records, labels, rules)
    split = splits.set_index("record_id").loc[list(data.record_ids), "split"].to_numpy(str)
    training, validation = (np.flatnonzero(split == name) for name in ("train", "validation"))
    return Task(
        model, values, data, training, validation, normalisation, settings, seed,
        PRETRAINED_FOLDER,
    )  # fmt: skip
