"""The command line: `pedecg …`; each command is one call into a room."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pedecg import errors, params, results

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)


@app.callback()
def pedecg() -> None:
    """From raw paediatric ECGs to models that a clinician can defend."""


@app.command("params")
def show_params(
    check: Annotated[bool, typer.Option("--check", help="only check the file")] = False,
    file: Annotated[Path, typer.Option(help="which file")] = params.PARAMS_FILE,
) -> None:
    """List every parameter with its value, unit and range, or check them all."""
    from pedecg import settings  # reads every room, torch included: two seconds

    settings.check(file)
    if check:
        typer.echo(f"{file.name}: every parameter is known and in range")
    else:
        typer.echo(settings.markdown(file), nl=False)


@app.command("results")
def show_results() -> None:
    """Show the headline figures of the last run and where everything else lies."""
    Console(width=120).print(results.table())
    for line in results.places():
        typer.echo(line)


def main() -> None:
    """Run the command line; a user's fault is one line and exit status 1."""
    errors.one_line(app)
