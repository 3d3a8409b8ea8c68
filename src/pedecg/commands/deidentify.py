"""`pedecg deidentify`: recordings under new names, without dates."""

from pathlib import Path
from typing import Annotated

import typer

from pedecg.commands.options import AgeUnit


def deidentify(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="recording, folder, or folder of a cohort")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="new folder")],
    mapping: Annotated[
        Path | None,
        typer.Option(
            help="list of old and new ids, mode 600, outside OUT; default: OUT_mapping.csv next to "
            "OUT",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        str,
        typer.Option(
            metavar="COLUMN,COLUMN", help="columns of 0 and 1 of manifest.csv that are copied",
            show_default=False,
        ),
    ] = "",
    shift_dates: Annotated[
        bool,
        typer.Option(
            "--shift-dates", help="keep the table's dates, moved by up to ten years per patient"
        ),
    ] = False,
    age_unit: Annotated[
        AgeUnit | None,
        typer.Option(help="unit of ages in a manifest that state none", show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Write recordings as WFDB with new ids, age in days and sex; nothing else is copied.

    No message names a file of the input. Neither OUT nor the mapping may exist.
    """
    from pedecg.intake import deidentify as work

    wanted = [column.strip() for column in labels.split(",") if column.strip()]
    unit = None if age_unit is None else age_unit.value
    done = work.deidentify(source, out, mapping, wanted, shift_dates, unit)
    typer.echo(
        f"{done.written} recordings of {done.patients} patients written to {out}. The mapping "
        "leads back to the patients: keep it apart."
    )
    if done.refused:
        refused = ", ".join(f"{count} {reason}" for reason, count in done.refused.items())
        typer.echo(f"error: not written: {refused}; the mapping says which", err=True)
        raise typer.Exit(1)
