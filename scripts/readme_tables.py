"""Renew the READMEs' tables of results, benchmarks and parameters.

python scripts/readme_tables.py
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import benchmark_tables
from ruamel.yaml import YAML

from pedecg.commands import parameter_sections
from pedecg.core import params
from pedecg.core.experiment import ENSEMBLE

ROOT = Path(__file__).resolve().parents[1]
# A table lies between two marks; the second word is its pipeline's folder, none: the root.
PARAMETERS = re.compile(
    r"(<!-- parameters ?(\S*): begin -->\n).*?(<!-- parameters ?\2: end -->)", re.DOTALL
)
RESULTS = re.compile(r"(<!-- results: begin -->\n).*?(<!-- results: end -->)", re.DOTALL)


def of_working_tree(name: str) -> str:
    """Return the text of a file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def renewed(readme: str, read: Callable[[str], str] = of_working_tree) -> str:
    """Return the README's text with every table between its marks made anew.

    Parameters
    ----------
    read : returns the text of a file by its name from the root, for the table of results.
    """
    return benchmark_tables.renewed(with_results(with_parameters(readme), read))


def with_parameters(readme: str) -> str:
    """Return the README's text with the tables of parameters alone made anew."""
    return PARAMETERS.sub(_parameters, readme)


def with_results(readme: str, read: Callable[[str], str] = of_working_tree) -> str:
    """Return the README's text with the table of results alone made anew."""
    return RESULTS.sub(lambda found: _results(found, read), readme)


def _parameters(found: re.Match[str]) -> str:
    begin, pipeline, end = found.groups()
    return f"{begin}{parameter_sections.markdown(ROOT / pipeline / params.PARAMS_FILE)}{end}"


def _results(found: re.Match[str], read: Callable[[str], str]) -> str:
    """AUROC of every model of the root's last run, as its metrics say."""
    trained = YAML(typ="safe").load(read(str(params.PARAMS_FILE)))["experiment"]["models"]
    models = [*trained, ENSEMBLE]
    rows, targets = [], []
    for model in models:
        test = json.loads(read(f"metrics/evaluate/{model}.json"))["test"]
        targets = test["macro"]["targets"]
        cells = [_short(test["targets"][target]["auroc"]["value"]) for target in targets]
        macro = test["macro"]["auroc"]
        low, high = _short(macro["low"]), _short(macro["high"])
        rows.append([f"`{model}`", *cells, f"{_short(macro['value'])} ({low}-{high})"])
    rows = [["model (simulated children)", *targets, "macro"], ["---"] * (len(targets) + 2), *rows]
    return found[1] + "".join(f"| {' | '.join(row)} |\n" for row in rows) + found[2]


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def main() -> None:
    for readme in (ROOT / "README.md", ROOT / "pipelines/benchmarks/README.md"):
        readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
