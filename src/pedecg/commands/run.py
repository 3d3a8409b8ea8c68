"""`pedecg run`: a pipeline as a DVC experiment with the parameters of a preset."""

from pathlib import Path
from typing import Annotated

import typer

# What follows the preset and is no option below goes to `dvc exp run` as it is.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}

_Preset = Annotated[
    str | None,
    typer.Argument(
        help="name (smoke: presets/smoke.yaml of the pipeline in this folder) or file; "
        "none with --jobs",
        show_default=False,
    ),
]
_Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, show_default=False,
                 help="do what dvc repro does, with N stages at a time; without a preset"),
]  # fmt: skip
_Target = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", metavar="STAGE", show_default=False,
                 help="with --jobs: only this stage and those that it depends on; repeatable"),
]  # fmt: skip
_Set = Annotated[
    list[str] | None,
    typer.Option("--set-param", "-S", metavar="KEY=VALUE", show_default=False,
                 help="one more parameter, as in dvc exp run; takes precedence over the preset"),
]  # fmt: skip


def run(
    context: typer.Context,
    preset: _Preset = None,
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
    jobs: _Jobs = None,
    target: _Target = None,
) -> None:
    """Run a pipeline as an experiment with the parameters of a preset, or its stages in parallel.

    Parameters are checked first; the dvc command is printed, so that it can be changed and typed.
    A run that fails leaves parameters and metrics as they were before it.
    Stages and options of dvc exp run may follow.

    With --jobs and no preset, it does what dvc repro does, with several stages at a time.
    """
    import shlex

    from pedecg.commands import presets
    from pedecg.core.errors import PedecgError

    if jobs is not None or target:
        if preset or context.args or name or sets or queue or dry:
            raise PedecgError(
                "--jobs: runs with params.yaml as it is, like dvc repro; only --target goes with it"
            )
        _reproduce(target or [], jobs or 1)
        return
    if preset is None:
        raise PedecgError("pedecg run: expected a preset, or --jobs for what dvc repro does")
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


def _reproduce(targets: list[str], jobs: int) -> None:
    """Do what `dvc repro` does, with several stages at a time."""
    from pedecg.commands import presets
    from pedecg.runs import parallel_run

    presets.check_repository(Path())
    try:
        changed = parallel_run.run(targets, jobs, lambda line: typer.echo(line, err=True))
    except KeyboardInterrupt:
        typer.echo("error: interrupted; run it again to continue where it stopped", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"{len(changed)} stages were run or taken from the run cache" if changed
               else "Nothing to do: data and pipelines are up to date", err=True)  # fmt: skip
