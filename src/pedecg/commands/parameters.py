"""`pedecg params`: list or check all parameters."""

from pathlib import Path
from typing import Annotated

import typer


def show(
    check: Annotated[bool, typer.Option("--check", help="only check the file")] = False,
    file: Annotated[Path, typer.Option(help="file of parameters")] = Path("params.yaml"),
) -> None:
    """List every parameter with its value, unit and range, or check them all."""
    from pedecg.commands import parameter_sections

    parameter_sections.check(file)
    if check:
        typer.echo(f"{file.name}: every parameter is known and in range")
    else:
        typer.echo(parameter_sections.markdown(file), nl=False)
