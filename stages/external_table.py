"""Put the figures of all external cohorts and of the internal test set into one table."""

import json
from pathlib import Path

from pedecg.core import errors, figures, params, tables
from pedecg.evaluation import external_table
from pedecg.plots import forest_plot

FOLDER = Path("plots/external_table")


def main() -> None:
    cohorts = params.read_section("external_cohorts")
    metrics = Path("metrics/external")
    found = {name: json.loads((metrics / f"{name}.json").read_text("utf-8")) for name in cohorts}
    model = next(iter(found.values()))["model"]

    rows = external_table.table(found)

    tables.write_metrics(
        external_table.summary(model, found), "metrics/external_summary.json", "external_summary"
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    tables.write_csv(rows, FOLDER / "cohorts.csv")
    if len(rows):
        title, sizes = external_table.sentence(model, found), external_table.sizes(found)
        drawn = external_table.for_forest_plot(rows)
        names = [params.read_section("cohort.name"), *(one["name"] for one in cohorts.values())]
        forest_plot.auroc(drawn, title, sizes, FOLDER / "forest.png", figures.marked_as(names))


if __name__ == "__main__":
    errors.one_line(main)
