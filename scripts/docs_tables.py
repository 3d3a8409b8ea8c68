"""Renew the tables of results and benchmarks in README.md and docs/.

    python scripts/docs_tables.py

A table lies between two marks, ``<!-- results: begin -->`` and ``end``. That of results comes
from ``metrics/`` of the root pipeline, the others from ``pipelines/benchmarks/published/``. The
picture of the results is drawn again where its figures have changed.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import benchmark_tables
from ruamel.yaml import YAML

from pedecg.core import params
from pedecg.core.experiment import ENSEMBLE
from pedecg.report.run_files import RULES_HAVE_AN_ADVANTAGE

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/benchmarks.md", "docs/results.md")
PICTURE_TABLE = "docs/images/auroc.csv"  # the figures behind docs/images/auroc.png
RESULTS = re.compile(r"(<!-- results: begin -->\n).*?(<!-- results: end -->)", re.DOTALL)

EXPLANATIONS = re.compile(
    r"(<!-- explanations: begin -->\n).*?(<!-- explanations: end -->)", re.DOTALL
)
MAPS = {"grad_cam": "Grad-CAM", "integrated_gradients": "integrated gradients"}

Read = Callable[[str], str]


def of_working_tree(name: str) -> str:
    """Return the text of a file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def renewed(page: str, read: Read = of_working_tree) -> str:
    """Return the text of a page with every table between its marks made anew.

    Parameters
    ----------
    read : returns the text of a file by its name from the root, for the table of results.
    """
    return benchmark_tables.renewed(with_results(page, read))


def with_results(page: str, read: Read = of_working_tree) -> str:
    """Return the text of a page with what the root's last run measured made anew."""
    page = RESULTS.sub(lambda found: found[1] + results(read) + found[2], page)
    return EXPLANATIONS.sub(lambda found: found[1] + explanations(read) + found[2], page)


def explanations(read: Read = of_working_tree) -> str:
    """Return how much of the maps lies on QRS where the finding lies in ST and T alone."""
    compared = json.loads(read("metrics/explain_truth.json"))["findings"]
    parts = []
    for name, regions in (compared or {}).items():
        found = regions["QRS"]["conditions_in_ST-T_alone"]
        if found["records"] and "share" in found:
            share = found["share"]
            parts.append(
                f"{share['value']:.0%} of the map by {MAPS[name]} lies on QRS "
                f"(95% interval {share['low']:.0%} to {share['high']:.0%}, {found['records']} "
                "records)"
            )
    stated = "; ".join(parts) or "too few records to say how much of a map lies on QRS"
    return (
        f"In simulated children whose finding lies in ST and T alone: {stated}. A map does not "
        "show which part of the beat a finding is in.\n"
    )


def metrics_on_test(read: Read = of_working_tree) -> dict[str, Any]:
    """Return the metrics on the test set of every model of the root's last run, by model."""
    trained = YAML(typ="safe").load(read(str(params.PARAMS_FILE)))["experiment"]["models"]
    files = {model: f"metrics/evaluate/{model}.json" for model in (*trained, ENSEMBLE)}
    return {model: json.loads(read(file))["test"] for model, file in files.items()}


def results(read: Read = of_working_tree) -> str:
    """Return the AUROC of every model and target of the root's last run, as Markdown."""
    metrics = metrics_on_test(read)
    first = next(iter(metrics.values()))
    targets = first["macro"]["targets"]
    about = (
        f"AUROC on {first['records']} ECGs of {first['patients']} simulated test children; macro "
        "average with 95% interval over patients.\n\n"
    )
    rows = [["model", *targets, "macro"], ["---"] * (len(targets) + 2)]
    for model, test in metrics.items():
        cells = [_short(test["targets"][target]["auroc"]["value"]) for target in targets]
        macro = test["macro"]["auroc"]
        low, high = _short(macro["low"]), _short(macro["high"])
        rows.append([f"`{model}`", *cells, f"{_short(macro['value'])} ({low}-{high})"])
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"{about}{table}\n{RULES_HAVE_AN_ADVANTAGE}\n"


def picture_table(read: Read = of_working_tree) -> str:
    """Return the figures of the picture of the results as CSV: macro AUROC with 95% interval."""
    lines = ["model,value,low,high"]
    for model, test in metrics_on_test(read).items():
        macro = test["macro"]["auroc"]
        lines.append(f"{model},{macro['value']},{macro['low']},{macro['high']}")
    return "\n".join(lines) + "\n"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def main() -> None:
    import docs_pictures  # matplotlib: only where something is drawn

    for page in PAGES:
        file = ROOT / page
        file.write_text(renewed(file.read_text(encoding="utf-8")), encoding="utf-8")
    if not (ROOT / PICTURE_TABLE).is_file() or of_working_tree(PICTURE_TABLE) != picture_table():
        docs_pictures.draw_results()


if __name__ == "__main__":
    main()
