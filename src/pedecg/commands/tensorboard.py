"""`pedecg tensorboard`: learning curves of all trainings as event files."""

from pathlib import Path
from typing import Annotated

import typer


def tensorboard(
    models: Annotated[Path, typer.Option(help="folder of the trainings")] = Path("models"),
    out: Annotated[Path, typer.Option(help="log directory to write")] = Path("tensorboard"),
) -> None:
    """Write an event file for each training that has learning curves."""
    import pandas as pd

    from pedecg.core.errors import PedecgError
    from pedecg.report import event_files

    curves = sorted(models.glob("*/seed*/curves.csv"))
    if not curves:
        raise PedecgError(f"{models}: no learning curves; run the pipeline first (dvc repro)")
    for file in curves:
        written = event_files.write(pd.read_csv(file), out / file.parent.relative_to(models))
        typer.echo(written)
