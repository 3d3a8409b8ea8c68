"""`pedecg augment`: the effect of each augmentation on an ECG, as a picture."""

from pathlib import Path
from typing import Annotated

import typer

from pedecg.commands.options import Paths


def augment(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="picture to write, .png")] = Path("augment.png"),
    lead: Annotated[
        str | None, typer.Option(help="which lead is drawn; II by default", show_default=False)
    ] = None,
) -> None:
    """Draw the first recording after each augmentation of `train.augment`; mixup uses the second.

    Each augmentation is applied alone, with probability 1; also those that are off in params.yaml.
    """
    from pedecg.commands import each_recording
    from pedecg.core import params
    from pedecg.core.errors import PedecgError
    from pedecg.plots import augmentation_examples
    from pedecg.signals.augmentation import AugmentSettings

    if out.suffix.lower() != ".png":
        raise PedecgError(f"--out {out}: expected a name that ends in .png")
    settings = params.load("train.augment", AugmentSettings)
    run = each_recording.Run(paths)
    run.places = run.places[:2]
    read = list(run.each(lambda recording: recording, "augment"))
    if read:
        augmentation_examples.draw(read[0], read[1] if len(read) > 1 else None, settings, out, lead)
        typer.echo(f"{read[0].record_id}: {out}", err=True)
    run.end()
