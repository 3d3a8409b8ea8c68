"""`pedecg predict`: apply a trained model to recordings."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedecg.commands.options import Age, AgeDays, Paths, SexOption, given_age_days

if TYPE_CHECKING:
    from pedecg.cohorts.recordings import Recording
    from pedecg.predict.answer_recording import Stated
    from pedecg.predict.prediction_report import Answer


def predict(
    paths: Paths,
    model: Annotated[
        Path,
        typer.Option(
            help="models/<name> of a pipeline that has run, one of its seeds, or a bundle",
            show_default=False,
        ),
    ],
    age: Age = None,
    age_days: AgeDays = None,
    sex: Annotated[
        SexOption | None,
        typer.Option(
            case_sensitive=False, help="default: the value in the file", show_default=False
        ),
    ] = None,
    number: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="a further number of the patient that the model reads; default: from the "
            "manifest above the file",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object per recording, one per line")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER|FILE.png",
            help="draw each recording on ECG paper, with the saliency map of the network",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="target of the Grad-CAM map of --plot; default: the predicted class, or the "
            "target farthest above its threshold",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Apply a trained model: calibrated probabilities, decisions, criteria that are met, flags.

    Signals are prepared as the model's pipeline prepared its own. Records outside
    the validated range are refused or flagged. Not a medical device.
    """
    from rich.console import Console

    from pedecg.commands import each_recording
    from pedecg.core.errors import PedecgError
    from pedecg.predict import (
        answer_recording,
        loaded_model,
        manifest_numbers,
        prediction_report,
    )

    days = given_age_days(age, age_days)
    opened = loaded_model.load(model)
    if target is not None and target not in opened.targets:
        raise PedecgError(f"--target {target}: the model predicts {', '.join(opened.targets)}")
    run = each_recording.Run(paths, manifest_numbers.age_unit(opened.cohort))
    run.places = manifest_numbers.with_numbers(run.places, opened.cohort)
    one = partial(
        _answered,
        model=model,
        stated=answer_recording.Stated(
            age_days=days,
            sex=None if sex is None else "female" if sex.value.lower()[0] == "f" else "male",
            numbers=answer_recording.numbers(number or [], opened.recipe.numbers, "--number"),
        ),
        picture=each_recording.picture_file(plot, run.places),
        target=target,
    )
    console = Console(width=100, highlight=False)
    for found in run.each(one, "predict"):
        if as_json:
            typer.echo(prediction_report.as_json_text(found))
        else:
            console.print(prediction_report.as_text(found))
    if run.places and not as_json:
        about = f"Model {opened.name}; training patients {opened.children}. {prediction_report.USE}"
        console.print(about, soft_wrap=True)
    run.end()


def _answered(
    recording: "Recording",
    model: Path,
    stated: "Stated",
    picture: Callable[[str], Path | None],
    target: str | None,
) -> "Answer":
    from pedecg.predict import answer_recording, loaded_model

    opened = loaded_model.load(model)
    found = answer_recording.answer(opened, recording, stated)
    file = picture(recording.record_id)
    if file is not None:
        from pedecg.predict import prediction_page

        prediction_page.save(found, opened, file, target)
    return found
