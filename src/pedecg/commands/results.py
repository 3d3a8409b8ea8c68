"""`pedecg results`: the headline of the last run."""

import typer


def show() -> None:
    """Show the headline figures of the last run and where everything else lies."""
    from rich.console import Console

    from pedecg import results

    Console(width=120).print(results.table())
    for line in results.places():
        typer.echo(line)
