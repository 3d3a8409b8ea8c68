"""`pedecg bundle`: a trained model as a folder that works without pedecg."""

from pathlib import Path
from typing import Annotated

import typer


def bundle(
    model: Annotated[
        Path,
        typer.Option(
            help="folder of the trainings, for example models/resnet1d_age", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="folder to write; an older bundle is replaced")] = Path(
        "bundle"
    ),
) -> None:
    """Export a trained model: ONNX, preprocessing, calibration, thresholds, card, script.

    It reads params.yaml, calibration/ and data/ of the pipeline that the model's folder lies in.
    The folder then answers with numpy, scipy and onnxruntime alone: python bundle/run.py ECG…
    A model of rule features is answered by `pedecg predict --model bundle`, which measures them.
    """
    from pedecg.core.errors import PedecgError

    try:
        from pedecg.bundle import assemble
    except ModuleNotFoundError as error:
        raise PedecgError(
            f"bundle: {error.name} is not installed; pip install '.[export]'"
        ) from None
    about = assemble.write(model, out, assemble.project_of(model))
    children = about["training_data"]["children"]
    typer.echo(
        f"{out}: {about['model']}, {len(about['networks'])} networks, "
        f"{len(about['tables'])} tabular models, {len(about['targets'])} targets, "
        f"training children {children}\n"
        f"SHA-256 of {assemble.MANIFEST}, which stands for every file: {assemble.digest(out)}"
    )
