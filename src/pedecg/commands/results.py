"""`pedecg results`: the main figures of the last run."""

import typer


def show() -> None:
    """Show the main figures of the last run, and the places of all other results."""
    from rich.console import Console

    from pedecg.commands import headline

    Console(width=120).print(headline.table())
    for line in (*headline.goals(), *headline.selected(), *headline.places()):
        typer.echo(line)
