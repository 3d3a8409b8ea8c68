"""`pedecg lr-find`: loss against learning rate of a model."""

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[str, typer.Argument(help="a key of models in params.yaml", show_default=False)]


def lr_find(
    model: Model,
    seed: Annotated[int, typer.Option(min=0, help="seed of weights and crops")] = 0,
    steps: Annotated[int, typer.Option(min=20, help="number of training steps")] = 100,
    lowest: Annotated[float, typer.Option(min=1e-9, help="first learning rate")] = 1e-6,
    highest: Annotated[float, typer.Option(max=100.0, help="last learning rate")] = 1.0,
    plot: Annotated[Path, typer.Option(help="picture to write, .png")] = Path("lr_find.png"),
) -> None:
    """Increase the learning rate step by step on the training records, and draw the loss."""
    from pedecg.core import params
    from pedecg.learning import lr_find, pipeline_inputs
    from pedecg.learning.train_settings import TrainSettings
    from pedecg.models import model_inputs
    from pedecg.plots import learning_rate_curve

    settings = params.load("train", TrainSettings)
    task = pipeline_inputs.read(model_inputs.current(model), seed).task(settings)
    test = lr_find.find(task, lowest=lowest, highest=highest, steps=steps)
    learning_rate_curve.draw(test.curve, test.suggestion, model, plot)
    typer.echo(
        f"{model}: the loss falls fastest at a learning rate of {test.suggestion:.1e} "
        f"(train.learning_rate is {settings.learning_rate:g}); drawn in {plot}"
    )
