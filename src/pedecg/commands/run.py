"""`pedecg run`: a pipeline as a DVC experiment with the parameters of a preset."""

from pathlib import Path
from typing import Annotated

import typer

# What follows the preset and is no option below goes to `dvc exp run` as it is.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}

_Preset = Annotated[
    str,
    typer.Argument(
        help="name (smoke: presets/smoke.yaml of the pipeline in this folder) or file",
    ),
]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set-param", "-S", metavar="KEY=VALUE", show_default=False,
                 help="one more parameter, as in dvc exp run; takes precedence over the preset"),
]  # fmt: skip


def run(
    context: typer.Context,
    preset: _Preset,
    name: Annotated[
        str | None,
        typer.Option("--name", "-n", help="name of the experiment; default: chosen by DVC"),
    ] = None,
    sets: _Set = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="only queue it; dvc queue start runs it")
    ] = False,
    dry: Annotated[
        bool, typer.Option("--dry", help="check the parameters, print the command, run nothing")
    ] = False,
) -> None:
    """Run a pipeline as an experiment with the parameters of a preset.

    Parameters are checked first; the dvc command is printed, so that it can be changed and typed.
    A run that fails leaves parameters and metrics as they were before it.
    Stages and options of dvc exp run may follow.
    """
    import shlex

    from pedecg.commands import presets

    file = presets.find(preset)
    folder = presets.pipeline_of(file)
    overrides = [*presets.overrides(file), *(sets or [])]
    presets.check(folder, overrides, queue)
    command = presets.command(overrides, name, queue, context.args)
    place = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    typer.echo(place + shlex.join(command), err=True)
    if dry:
        return
    presets.check_repository(folder)
    state = presets.GitState(folder)
    status = presets.execute(command, folder)
    if status:
        if restored := state.restore():
            typer.echo(
                f"The run failed; {', '.join(restored[:3])}"
                + (f" and {len(restored) - 3} more files" if len(restored) > 3 else "")
                + " are again as before it. Stages that had ended are taken from DVC's cache when "
                "it is run again.",
                err=True,
            )
        raise typer.Exit(status)
    typer.echo(
        "Queued; `dvc queue start` runs it, `pedecg runs` shows it afterwards."
        if queue
        else "Keep the results: git add -A && git commit. "
        "Go back to those before: git checkout . && dvc checkout dvc.yaml "
        "(the experiment stays: pedecg runs).",
        err=True,
    )
