"""`pedecg delineate`: onset, peak and offset of P, QRS and T as a table."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedecg.commands.options import Delineator, Method, Paths, Plot, PlotFrom

if TYPE_CHECKING:
    import pandas as pd

    from pedecg.cohorts.recordings import Recording

COLUMNS = ("record", "lead", "wave", "onset_s", "peak_s", "offset_s", "confidence")
SUFFIXES = (".parquet", ".csv")


def delineate(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="table to write: .parquet or .csv")],
    method: Delineator = Method.LEARNED,
    plot: Plot = None,
    plot_from: PlotFrom = 0.0,
) -> None:
    """Find P, QRS and T in every lead, and in all leads together (lead `global`).

    Lead `any_lead` holds the same waves from the earliest onset to the latest offset in any lead.

    The table has the columns record, lead, wave, onset_s, peak_s, offset_s (seconds from the
    record's start) and confidence. A boundary that was not found is empty.
    """
    from pedecg.commands import each_recording
    from pedecg.core.errors import PedecgError

    if out.suffix.lower() not in SUFFIXES:
        raise PedecgError(f"--out {out}: expected a name that ends in {' or '.join(SUFFIXES)}")
    run = each_recording.Run(paths)
    picture = each_recording.picture_file(plot, run.places)
    one = partial(_waves, method=method.value, picture=picture, start_s=plot_from)
    tables = list(run.each(one, "delineate"))
    if tables:
        _write(tables, out)
        silent = [table for table in tables if table.empty]
        rows = sum(map(len, tables))
        typer.echo(f"{len(tables)} recordings, {rows} waves: {out}", err=True)
        for table in silent:
            typer.echo(f"{table.attrs['record']}: no heartbeat found", err=True)
    run.end()


def _waves(
    recording: "Recording", method: str, picture: Callable[[str], Path | None], start_s: float
) -> "pd.DataFrame":
    from pedecg.predict import measured_recording, waves_page

    table = measured_recording.waves(recording, method)
    file = picture(recording.record_id)
    if file is not None:
        waves_page.save(recording, table, file, start_s)
    table.insert(0, "record", recording.record_id)
    table.attrs["record"] = recording.record_id
    return table


def _write(found: "list[pd.DataFrame]", out: Path) -> None:
    import pandas as pd

    from pedecg.core import tables

    whole = pd.concat([t for t in found if len(t)] or found, ignore_index=True)
    whole = tables.check(
        whole[list(COLUMNS)].rename(columns={"record": "record_id"}), tables.WAVES, str(out)
    ).rename(columns={"record_id": "record"})
    if out.suffix.lower() == ".csv":
        tables.write_text(
            tables.without_formulas(whole).to_csv(index=False, float_format="%.6f"), out
        )
    else:
        with tables.replacing(out) as temporary:
            whole.to_parquet(temporary, index=False, compression="zstd")
