"""Coverage of prediction sets by age group, and error rate over the share of answered records."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pedecg.core import age_text, figures
from pedecg.plots.forest_plot import COLOURS

_COLUMNS = 3  # panels beside each other, as wide as the page
_ALL = "all"


def coverage(
    test: pd.DataFrame,
    external: pd.DataFrame | None,
    confidence: float,
    folder: Path,
    note: str,
    cohort: str,
) -> None:
    """Draw ``<model>.png`` for each model: coverage in every age group, one panel per target.

    Parameters
    ----------
    test : as `evaluation.set_coverage.table` returns it.
    external : as `evaluation.set_coverage.external` returns it; None where there is none.
    note : how many test records and patients.
    """
    for model in dict.fromkeys(test["model"]):
        of_model = test[test["model"] == model]
        targets = list(dict.fromkeys(of_model["target"]))
        figure, panels = _panels(targets, 2.6)
        for axes, target in zip(panels, targets, strict=True):
            here = of_model[(of_model["target"] == target) & (of_model["group"] != _ALL)]
            ages = here["group"].map(age_text.group_in_words)
            axes.set_yticks(
                range(len(here)), [f"{g} (n={n})" for g, n in zip(ages, here["n"], strict=True)]
            )
            places = {group: place for place, group in enumerate(here["group"])}
            _intervals(axes, here, places, -0.12, COLOURS[0], "test")
            for number, (name, of_cohort) in enumerate(_by_cohort(external, model), start=1):
                there = of_cohort[(of_cohort["target"] == target) & of_cohort["group"].isin(places)]
                shift = -0.12 + 0.24 * number
                _intervals(axes, there, places, shift, COLOURS[number % len(COLOURS)], name)
            axes.axvline(confidence, color="0.4", lw=1, ls=":")
            axes.set_xlim(0.4, 1.01)
            axes.set_ylim(len(here) - 0.5, -0.5)  # the first group at the top, all ticks shown
            axes.set_title(target, fontsize=9)
            axes.set_xlabel("coverage (95% interval)", fontsize=8)
        groups = of_model[of_model["group"] != _ALL]
        below = int((groups["coverage"] < groups["expected_low"] - 1e-9).sum())
        kept = len(groups) - below
        title = f"{model}: {confidence:.0%} covered, within chance, in {kept} of {len(groups)}"
        _finish(figure, f"{title} groups on test", note, folder / f"{model}.png", cohort, panels)


def risk(table: pd.DataFrame, note: str, path: Path, cohort: str) -> None:
    """Draw the error rate among the surest records over their share, one panel per target.

    Parameters
    ----------
    table : as `evaluation.set_coverage.risk_over_coverage` returns it.
    """
    targets = list(dict.fromkeys(table["target"]))
    figure, panels = _panels(targets, 2.5)
    models = list(dict.fromkeys(table["model"]))
    for axes, target in zip(panels, targets, strict=True):
        for number, model in enumerate(models):
            curve = table[(table["target"] == target) & (table["model"] == model)]
            axes.plot(
                curve["coverage"], curve["risk"], lw=1.2, label=model,
                color=COLOURS[number % len(COLOURS)], ls="-" if number < len(COLOURS) else "--",
            )  # fmt: skip
        axes.set_title(target, fontsize=9)
        axes.set_xlabel("share of records answered", fontsize=8)
        axes.set_ylabel("share of errors among them", fontsize=8)
        axes.set_xlim(0, 1)
        axes.set_ylim(bottom=0)
    title = "Error rate when only the surest records are answered"
    _finish(figure, title, note, path, cohort, panels)


def _panels(targets: list[str], height: float) -> tuple[Figure, list[Axes]]:
    columns = min(_COLUMNS, max(1, len(targets)))
    rows = max(1, -(-len(targets) // columns))
    size = (max(7.0, 1 + 3.4 * columns), 1.5 + height * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(targets) :]:
        axes.set_visible(False)
    panels = list(grid.flat[: len(targets)])
    for axes in panels:
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def _by_cohort(external: pd.DataFrame | None, model: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name of each external cohort that a model was validated on, and its rows."""
    if external is not None:
        of_model = external[external["model"] == model]
        for name, rows in of_model.groupby("cohort", sort=False):
            yield str(name).replace("_", " "), rows


def _intervals(
    axes: Axes,
    shown: pd.DataFrame,
    places: Mapping[str, int],
    shift: float,
    colour: str,
    label: str,
) -> None:
    heights = [places[group] + shift for group in shown["group"]]
    errors = [shown["coverage"] - shown["low"], shown["high"] - shown["coverage"]]
    if heights:
        axes.errorbar(
            shown["coverage"], heights, xerr=errors, fmt="o", ms=4, color=colour, lw=1.2,
            label=label,
        )  # fmt: skip


def _finish(
    figure: Figure, title: str, note: str, path: Path, cohort: str, panels: list[Axes]
) -> None:
    figure.suptitle(f"{title}\n{note}", x=0.01, ha="left", fontsize=10.5)
    if panels:
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=5, frameon=False)
    figures.save(figure, path, cohort)
