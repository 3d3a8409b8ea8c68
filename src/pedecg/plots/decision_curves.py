"""Decision curves: net benefit over the threshold probability, one panel per target."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pedecg.core import figures
from pedecg.evaluation.net_benefit import ALL, NONE, sentence, widths
from pedecg.plots.forest_plot import COLOURS

_COLOURED = 4  # models that stand out; more lines cannot be told apart
_PALE = "0.75"


def draw(
    table: pd.DataFrame, prevalence: Mapping[str, float], note: str, path: Path, cohort: str
) -> None:
    """Draw one panel per target, every model against treating all and none.

    The models of the highest net benefit over most thresholds are coloured, the others grey.

    Parameters
    ----------
    table : as `evaluation.net_benefit.curves` returns it.
    prevalence : of each target in the table; the axes end at a multiple of it.
    note : how many records and patients it rests on.
    """
    panels = list(dict.fromkeys(table["panel"]))
    models = [name for name in dict.fromkeys(table["model"]) if name not in (ALL, NONE)]
    shares = widths(table)
    best = [str(name) for name in shares.sort_values(ascending=False, kind="stable").index]
    best = best[: len(models) if len(models) <= _COLOURED + 1 else _COLOURED]
    winner = best[0] if best else None
    columns = min(3, max(1, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    width = max(7.0, 1 + 3.2 * columns)  # one panel alone would cut the title
    figure = Figure(figsize=(width, 1.6 + 2.7 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for panel_axes in axes.flat[len(panels) :]:
        panel_axes.set_visible(False)
    for panel_axes, panel in zip(axes.flat, panels, strict=False):
        rows_of_panel = table[table["panel"] == panel].set_index("model")
        treat_all = rows_of_panel.loc[ALL]
        share = prevalence[str(treat_all["target"].iloc[0])]
        for model in sorted(models, key=best.__contains__):  # the grey ones below
            curve = rows_of_panel.loc[model]
            colour = COLOURS[best.index(model)] if model in best else _PALE
            if model == winner:  # the bands of all would cover each other
                panel_axes.fill_between(
                    curve["threshold"], curve["low"], curve["high"], color=colour, alpha=0.2, lw=0
                )
            panel_axes.plot(
                curve["threshold"], curve["net_benefit"], color=colour,
                lw=1.8 if model in best else 1.0, label=model if model in best else "other models",
            )  # fmt: skip
        panel_axes.plot(
            treat_all["threshold"], treat_all["net_benefit"], color="0.4", lw=1, label=ALL
        )
        panel_axes.axhline(0, color="0.4", lw=1, ls=":", label=NONE)
        panel_axes.set_xlim(0, min(1.0, max(3 * share, 0.15)))
        panel_axes.set_ylim(-0.35 * share, 1.1 * share)
        panel_axes.set_title(panel, fontsize=9)
        panel_axes.set_xlabel("threshold probability", fontsize=8)
        panel_axes.tick_params(labelsize=8)
        panel_axes.spines[["top", "right"]].set_visible(False)
    figure.supylabel("net benefit, true positives per record", fontsize=10)
    figure.suptitle(
        f"{sentence(table)}\n{note}; band: its 95% interval", x=0.01, ha="left", fontsize=10.5
    )
    if panels:
        handles, names = axes.flat[0].get_legend_handles_labels()
        by_name = dict(zip(names, handles, strict=True))
        shown = [name for name in (*best, "other models", ALL, NONE) if name in by_name]
        figure.legend(
            [by_name[name] for name in shown], shown, loc="outside lower center",
            ncols=min(len(shown), 4), frameon=False,
        )  # fmt: skip
    figures.save(figure, path, cohort)
