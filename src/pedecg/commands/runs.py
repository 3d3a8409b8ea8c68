"""`pedecg runs`: list, filter, compare and plot experiments."""

from pathlib import Path
from typing import Annotated

import typer

_Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[EXPERIMENT]…",
        help="only these: names, their beginnings, commits, HEAD or workspace",
        show_default=False,
    ),
]
_Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", "-w", metavar="CONDITION", show_default=False,
        help="'learning_rate between 1e-5 and 1e-3', 'model = resnet1d and auroc > 0.8'; "
        "=, !=, <, <=, >, >=, ~, in, has; several must all hold",
    ),
]  # fmt: skip
_Sort = Annotated[
    str | None,
    typer.Option("--sort", "-s", metavar="NAME", help="any metric or parameter, highest first"),
]
_Columns = Annotated[
    str | None,
    typer.Option("--columns", "-c", metavar="NAME,NAME", show_default=False,
                 help="columns; the last part of a name is sufficient"),
]  # fmt: skip
_Over = Annotated[
    str | None,
    typer.Option(metavar="NAME,NAME", show_default=False,
                 help="mean and SD over this parameter: split.fold, experiment.seeds"),
]  # fmt: skip


def runs(
    names: _Names = None,
    where: _Where = None,
    sort: _Sort = None,
    ascending: Annotated[bool, typer.Option("--ascending", help="lowest first")] = False,
    top: Annotated[int | None, typer.Option(min=1, help="number of rows to show")] = None,
    columns: _Columns = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="all parameters that differ, not only the first eight")
    ] = False,
    compare: Annotated[bool, typer.Option("--compare", help="side by side: what differs")] = False,
    over: _Over = None,
    pool: Annotated[
        bool, typer.Option("--pool", help="with --over: score all out-of-fold predictions together")
    ] = False,
    curves: Annotated[
        bool,
        typer.Option("--curves", help="each training: epochs, best epoch, metrics at that epoch"),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="draw the learning curves of all rows")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="as CSV, with all digits")] = False,
    every: Annotated[
        bool,
        typer.Option("--all", help="also experiments that started from another commit than HEAD"),
    ] = False,
    listed: Annotated[bool, typer.Option("--names", help="every name that can be used")] = False,
) -> None:
    """List experiments, one row per experiment and model; filter, sort, compare and plot them.

    Call it in a pipeline's folder. Without columns it shows the parameters that differ and the
    main figures on test records; a line below says how many parameters are hidden.
    """
    from pedecg.core.errors import PedecgError
    from pedecg.runs import experiment_history, run_rows, run_table, where_conditions

    found = experiment_history.read(every or bool(names))
    chosen = run_rows.of(found.runs)
    if names:
        chosen = run_rows.chosen(chosen, names)
    filters = [where_conditions.parse(text) for text in where or []]
    for one in filters:
        run_rows.check_names(chosen, where_conditions.names(one))
    chosen = where_conditions.select(chosen, filters)
    if sort:
        chosen = run_rows.ordered(chosen, sort, ascending)
    chosen = chosen[:top]
    for line in experiment_history.notes(found):
        typer.echo(line, err=True)
    if not chosen:
        raise PedecgError("no run meets the conditions; pedecg runs without --where shows all")
    if listed:
        for name in run_rows.names(chosen):
            typer.echo(name)
        return
    wanted = [name.strip() for name in columns.split(",")] if columns else []

    if over and pool:
        from pedecg.runs import pooled_folds

        shown = pooled_folds.pool(chosen, over.split(","))
    elif over:
        shown = run_table.over(chosen, over.split(","), wanted, wide)
    elif compare:
        shown = run_table.side_by_side(chosen, wanted)
    elif plot or curves:
        from pedecg.plots import training_curves
        from pedecg.runs import training_history

        trainings, lines = training_history.trainings(chosen)
        for line in lines:
            typer.echo(line, err=True)
        if plot:
            cohort = str(chosen[0].run.params.get("cohort.name", ""))
            training_curves.draw(trainings, plot, cohort)
            typer.echo(plot, err=True)
        shown = training_history.summary(trainings)
    else:
        shown = run_table.listing(chosen, wanted, wide)
    typer.echo(shown.csv() if csv else shown.text(), nl=False)
    cuts = not (wide or pool or compare or plot or curves or (wanted and not over))
    if cuts and (left_out := run_table.hidden(chosen, over.split(",") if over else ())):
        which = "parameter that differs is" if left_out == 1 else "parameters that differ are"
        typer.echo(f"{left_out} more {which} hidden; --wide shows all, --columns some", err=True)
