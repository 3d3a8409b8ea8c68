"""Figures of the cohort's audit; the title of each is its main result."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pedecg.core import figures

Tables = dict[str, pd.DataFrame]

BLUE, ORANGE, GREY, RED = "#3b6ea5", "#e08e45", "#b9bec5", "#b5473c"
LEAD_COLOURS = (RED, GREY, ORANGE, BLUE)  # the last for the fullest set of leads


def draw(tables: Tables, quality: pd.DataFrame, folder: Path, cohort: str) -> None:
    """Draw every picture for which the cohort has data into ``folder/<name>.png``.

    Parameters
    ----------
    tables : of `pedecg.cohorts.audit.tables_of`.
    quality : the table `pedecg.core.tables.QUALITY`, for the points behind the agreement.
    cohort : its name in the parameters.
    """
    for picture in PICTURES:
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        picture(figure, tables, quality)
        if figure.axes:
            figures.save(figure, folder / f"{picture.__name__}.png", cohort, dpi=110)


def ages(figure: Figure, tables: Tables, quality: pd.DataFrame) -> None:
    """Draw the age distribution by number of recorded leads."""
    table = tables["ages_and_leads"]
    kinds = [column for column in table.columns if column.startswith("leads_")]
    axes = figure.add_subplot()
    below = np.zeros(len(table))
    for kind, colour in zip(kinds, (LEAD_COLOURS * len(kinds))[-len(kinds) :], strict=True):
        n = kind.removeprefix("leads_")
        label = f"{n} lead{'s' if n != '1' else ''} ({table[kind].sum():,})"
        axes.bar(table["age"], table[kind], bottom=below, color=colour, label=label)
        below += table[kind].to_numpy()
    axes.set_ylabel(f"records (n = {table['records'].sum():,})")
    axes.set_xlabel("age")
    axes.tick_params(axis="x", labelrotation=30)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    if len(kinds) == 1:
        common = table["age"].iloc[int(table["records"].to_numpy().argmax())]
        axes.set_title(f"Most frequent age: {common}; all records have the same number of leads")
        return
    few = table[kinds[0]].to_numpy(float)
    fewer = few / table["records"].to_numpy(float)
    axes.set_title(
        f"{few.sum() / below.sum():.0%} of the records have only {kinds[0].removeprefix('leads_')} "
        f"leads: {fewer.max():.0%} at {table['age'].iloc[int(fewer.argmax())]}, "
        f"{fewer[-1]:.0%} at {table['age'].iloc[-1]}"
    )


def classes(figure: Figure, tables: Tables, quality: pd.DataFrame) -> None:
    """Draw the number of positive records of each target."""
    table = tables["classes"].sort_values("share", kind="stable")
    if table.empty:
        return
    axes = figure.add_subplot()
    below = np.zeros(len(table))
    for part, colour in (("positive", BLUE), ("negative", GREY), ("unknown", "#f0e3c8")):
        axes.barh(table["target"], table[part], left=below, color=colour, label=part)
        below += table[part].to_numpy()
    total = int(below.max())
    for place, (records, patients) in enumerate(table[["positive", "patients"]].to_numpy()):
        text = f"  {records:,} positive\n  of {patients:,} patients"
        axes.text(total, place, text, va="center", fontsize=9)
    axes.set_xlim(0, 1.22 * total)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(f"records (n = {total:,})")
    axes.legend(frameon=False, loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.14))
    rarest = table.sort_values("positive", kind="stable").iloc[0]
    count = f"{rarest['positive']:,} positive records, {rarest['share']:.1%} of those known"
    axes.set_title(
        f"{rarest['target']} is the rarest target: {count if rarest['positive'] else 'none'}"
    )


def co_occurrence(figure: Figure, tables: Tables, quality: pd.DataFrame) -> None:
    """Draw the co-occurrence of targets."""
    names = tables["co_occurrence"]["target"].str.replace("_", " ").tolist()
    counts = tables["co_occurrence"].drop(columns="target").to_numpy(int)
    if len(names) < 2:
        return
    own = np.diag(counts)
    share = counts / np.maximum(own, 1)[:, None]
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(share.shape):
        shade = "white" if share[row, column] > 0.6 else "black"
        text = f"{counts[row, column]:,}"
        axes.text(column, row, text, ha="center", va="center", color=shade, fontsize=9)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(
        range(len(names)), [f"{t} (n = {n:,})" for t, n in zip(names, own, strict=True)]
    )
    axes.set_xlabel("also positive for (records)")
    axes.set_ylabel("records positive for")
    figure.colorbar(image, label="share of the row's records")
    apart = share - np.eye(len(names))
    row, column = divmod(int(apart.argmax()), len(names))
    figure.suptitle(f"{apart.max():.0%} of {names[row]} are also positive for {names[column]}")


def lengths(figure: Figure, tables: Tables, quality: pd.DataFrame) -> None:
    """Draw the distribution of record lengths."""
    table = tables["lengths"]
    axes = figure.add_subplot()
    seconds = table["seconds"].to_numpy(float)
    top = max(float(seconds.max()), 1.0)
    edges = np.linspace(0, 1.01 * top, 61).tolist()
    axes.hist(seconds, bins=edges, weights=table["records"], color=BLUE)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    total = int(table["records"].sum())
    axes.set_ylabel(f"records (n = {total:,})")
    axes.set_xlabel("length, s")
    by_length = table.groupby("seconds")["records"].sum()
    share, mode = by_length.max() / total, by_length.idxmax()
    rates = ", ".join(f"{rate:g}" for rate in sorted(table["fs_hz"].unique()))
    if len(by_length) == 1:
        axes.set_title(f"All records last {mode:g} s, at {rates} Hz")
    else:
        axes.set_title(
            f"{share:.0%} of the records last {mode:g} s, all between {seconds.min():g} and "
            f"{seconds.max():g} s, at {rates} Hz"
        )


def quality_by_lead(figure: Figure, tables: Tables, quality: pd.DataFrame) -> None:
    """Draw the percentage of unusable and of partly saturated records by lead."""
    table = tables["quality_by_lead"]
    axes = figure.add_subplot()
    place = np.arange(len(table))
    unusable = 100 * (1 - table["usable_share"])
    axes.bar(place - 0.2, unusable, 0.4, color=RED, label="unusable, masked")
    axes.bar(
        place + 0.2, 100 * table["saturated_share"], 0.4, color=ORANGE,
        label="short spikes beyond any QRS, bridged",
    )  # fmt: skip
    axes.set_xticks(place, table["lead"])
    total = quality["record_id"].nunique()
    axes.set_xlabel("lead")
    axes.set_ylabel(f"records that have the lead, % (n = {total:,})")
    axes.set_ylim(0, max(1.0, *(axes.get_ylim()[1:])))
    axes.legend(frameon=False)
    worst = int(unusable.to_numpy().argmax())
    if unusable.max() == 0:
        axes.set_title(f"Every lead of all {total:,} records can be used")
    else:
        axes.set_title(
            f"{table['lead'].iloc[worst]} is unusable most often: {unusable.iloc[worst]:.1f}% of "
            f"{table['records'].iloc[worst]:,} records"
        )


def quality_agreement(figure: Figure, tables: Tables, quality: pd.DataFrame) -> None:
    """Draw the agreement of our signal-quality measures with those of the source."""
    table = tables["quality_agreement"]
    table = table[table["leads_with_both"] > 2]
    if table.empty:
        return
    correlations = []
    for place, row in enumerate(table.itertuples(), start=1):
        axes = figure.add_subplot(1, len(table), place)
        both = quality[[row.measure, f"source_{row.measure}"]].dropna()
        axes.hexbin(
            both[f"source_{row.measure}"], both[row.measure],
            gridsize=40, bins="log", cmap="Blues", extent=(0, 1, 0, 1), mincnt=1,
        )  # fmt: skip
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        axes.set_xlabel(f"{row.measure} by the source, 0 to 1")
        axes.set_ylabel(f"{row.measure} by us, 0 to 1 (n = {len(both):,} leads)")
        correlations.append(f"{row.spearman:.2f} on {row.measure}")
    figure.suptitle(
        "Rank correlation of lead quality with that stated by the source: "
        + ", ".join(correlations)
    )


def disagreement(figure: Figure, tables: Tables, quality: pd.DataFrame) -> None:
    """Draw how often the records of one patient disagree on a target."""
    table = tables["disagreement"].dropna().sort_values("share", kind="stable")
    if table.empty:
        return
    axes = figure.add_subplot()
    axes.barh(table["target"], 100 * table["share"], color=BLUE)
    marks = table[["share", "disagreeing", "repeated_patients"]].to_numpy(float)
    for place, (share, differ, repeated) in enumerate(marks):
        axes.text(100 * share, place, f" {differ:,.0f} of {repeated:,.0f}", va="center", fontsize=9)
    axes.margins(x=0.15)
    n = int(table["repeated_patients"].max())
    axes.set_xlabel(f"patients with contradictory records, % (n = {n:,} examined repeatedly)")
    worst = table.iloc[-1]
    axes.set_title(
        f"Repeated examinations disagree most on {worst['target']}: "
        f"{worst['share']:.0%} of {worst['repeated_patients']:,} patients"
    )


PICTURES: tuple[Callable[[Figure, Tables, pd.DataFrame], None], ...] = (
    ages, classes, co_occurrence, lengths, quality_by_lead, quality_agreement, disagreement,
)  # fmt: skip
