"""`pedecg tokens`: an ECG as a sequence of 13 symbols."""

import json
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from pedecg.commands.options import Delineator, Method, Paths

if TYPE_CHECKING:
    from pedecg.cohorts.recordings import Recording


class Form(StrEnum):
    """How tokens are written."""

    COMPACT = "compact"
    TIMED = "timed"
    JSON = "json"


def tokens(
    paths: Paths,
    lead: Annotated[
        str | None,
        typer.Option(help="lead; default: II, otherwise the first", show_default=False),
    ] = None,
    form: Annotated[
        Form,
        typer.Option(
            "--format",
            help="compact: one character per event; timed: one per 20 ms; json: names and ms",
        ),
    ] = Form.COMPACT,
    method: Delineator = Method.LEARNED,
) -> None:
    """Print one line per recording: its name, a tab, and its tokens.

    _ rest, p q r s t waves, w wide QRS without Q and S, * pacemaker spike, ? no heartbeat found.
    """
    from pedecg.commands import each_recording

    run = each_recording.Run(paths)
    one = partial(_line, lead=lead, form=form.value, method=method.value)
    for line in run.each(one, "tokens"):
        typer.echo(line)
    run.end()


def _line(recording: "Recording", lead: str | None, form: str, method: str) -> str:
    from pedecg.predict import measured_recording
    from pedecg.waves import tokens

    chosen = measured_recording.lead_for_tokens(recording, lead)
    events = measured_recording.events(recording, chosen, method)
    if form == Form.JSON:
        report = {"record": recording.record_id, "lead": chosen}
        return json.dumps(report | {"events": tokens.render_json(events)}, ensure_ascii=False)
    render = tokens.render_timed if form == Form.TIMED else tokens.render_compact
    return f"{recording.record_id}\t{render(events)}"
