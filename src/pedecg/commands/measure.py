"""`pedecg measure`: intervals, axes, amplitudes and the criteria that they meet."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedecg.commands.options import Delineator, Method, Paths, Plot, PlotFrom, SexOption

if TYPE_CHECKING:
    from pedecg.cohorts.recordings import Recording
    from pedecg.predict.measured_recording import MeasuredRecording
    from pedecg.rules.norms import Limits


def measure(
    paths: Paths,
    age_days: Annotated[
        float | None,
        typer.Option(min=0, help="age, days; default: as the files say", show_default=False),
    ] = None,
    sex: Annotated[
        SexOption | None,
        typer.Option(case_sensitive=False, help="default: as the files say", show_default=False),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object per recording, one per line")
    ] = False,
    limits: Annotated[
        Path | None,
        typer.Option(help="CSV of normal limits; default: the shipped ones", show_default=False),
    ] = None,
    method: Delineator = Method.LEARNED,
    plot: Plot = None,
    plot_from: PlotFrom = 0.0,
) -> None:
    """Measure each recording and say which criteria it meets, and why.

    Without an age, limits by age are not applied. Not a medical device.
    """
    from rich.console import Console

    from pedecg.commands import each_recording
    from pedecg.predict import measurement_report
    from pedecg.rules import norms

    known = norms.load(limits or norms.LIMITS)
    run = each_recording.Run(paths)
    one = partial(
        _examined,
        age_days=age_days,
        sex=None if sex is None else sex.value.lower()[0],
        limits=known,
        method=method.value,
        picture=each_recording.picture_file(plot, run.places),
        start_s=plot_from,
    )
    console = Console(width=100, highlight=False)
    for found in run.each(one, "measure"):
        if as_json:
            typer.echo(json.dumps(measurement_report.as_json(found, known), ensure_ascii=False))
        else:
            console.print(measurement_report.as_text(found, known))
    run.end()


def _examined(
    recording: "Recording",
    age_days: float | None,
    sex: str | None,
    limits: "Limits",
    method: str,
    picture: Callable[[str], Path | None],
    start_s: float,
) -> "MeasuredRecording":
    from pedecg.predict import measured_recording

    if age_days is not None:
        recording = replace(recording, age_days=age_days)
    if sex is not None:
        recording = replace(recording, sex="female" if sex == "f" else "male")
    found = measured_recording.examine(recording, limits, method)
    file = picture(recording.record_id)
    if file is not None:
        from pedecg.predict import waves_page

        waves_page.save(found.recording, found.waves, file, start_s)
    return found
