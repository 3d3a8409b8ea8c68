"""`pedecg measure`: intervals, axes, amplitudes and criteria that are met."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedecg.commands.options import (
    Age,
    AgeDays,
    AgeUnit,
    Delineator,
    Method,
    Paths,
    Plot,
    PlotFrom,
    SexOption,
    given_age_days,
)

if TYPE_CHECKING:
    from pedecg.cohorts.recordings import Recording
    from pedecg.predict.measured_recording import MeasuredRecording
    from pedecg.rules.norms import Limits


def measure(
    paths: Paths,
    age: Age = None,
    age_days: AgeDays = None,
    age_unit: Annotated[
        AgeUnit | None,
        typer.Option(
            help="unit of ages in a manifest that state none; default: cohort.manifest.age_unit "
            "where params.yaml names that folder",
            show_default=False,
        ),
    ] = None,
    sex: Annotated[
        SexOption | None,
        typer.Option(case_sensitive=False, help="default: the sex in the file", show_default=False),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object per recording, one per line")
    ] = False,
    limits: Annotated[
        Path | None,
        typer.Option(help="CSV of reference limits; default: those of pedecg", show_default=False),
    ] = None,
    method: Delineator = Method.LEARNED,
    plot: Plot = None,
    plot_from: PlotFrom = 0.0,
) -> None:
    """Measure each recording, and list the criteria that are met, with reasons.

    Without an age, limits by age are not applied. Not a medical device.
    """
    from rich.console import Console

    from pedecg.commands import each_recording
    from pedecg.predict import measurement_report
    from pedecg.rules import norms

    known = norms.load(limits or norms.LIMITS)
    days = given_age_days(age, age_days)
    run = each_recording.Run(paths, None if age_unit is None else age_unit.value)
    one = partial(
        _examined,
        age_days=days,
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

    recording = recording.with_stated(
        age_days, None if sex is None else "female" if sex == "f" else "male"
    )
    found = measured_recording.examine(recording, limits, method)
    file = picture(recording.record_id)
    if file is not None:
        from pedecg.predict import waves_page

        waves_page.save(found.recording, found.waves, file, start_s, found.unusable)
    return found
