"""`pedecg check`: checks before a long training."""

from typing import Annotated

import typer

Model = Annotated[
    list[str] | None,
    typer.Argument(help="keys of models in params.yaml; none: all networks of experiment.models"),
]


def check(models: Model = None) -> None:
    """Check splits, leads, statistics, tensors, augmentations and network; train nothing."""
    from pedecg.core import params, run_models, tables
    from pedecg.learning import pipeline_inputs, setup_checks
    from pedecg.learning.train_settings import TrainSettings
    from pedecg.models import model_inputs

    settings = params.load("train", TrainSettings)
    leads = params.read_section("preprocess.leads")
    faults = 0
    for model in models or [network.name for network in run_models.read().networks]:
        typer.echo(f"{model}:")
        task = pipeline_inputs.read(model_inputs.current(model)).task(settings)
        splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
        for item in setup_checks.run(task, splits, leads):
            typer.echo(f"  {'ok   ' if item.fault is None else 'FAULT'} {item}")
            faults += item.fault is not None
    if faults:
        raise typer.Exit(1)
