"""Renew the READMEs' tables of results, benchmarks and parameters.

python scripts/readme_tables.py
"""

import json
import re
from pathlib import Path

import benchmark_tables
from ruamel.yaml import YAML

from pedecg.commands import parameter_sections
from pedecg.core import params

ROOT = Path(__file__).resolve().parents[1]
# A table lies between two marks; the second word is its pipeline's folder, none: the root.
PARAMETERS = re.compile(
    r"(<!-- parameters ?(\S*): begin -->\n).*?(<!-- parameters ?\2: end -->)", re.DOTALL
)
RESULTS = re.compile(r"(<!-- results: begin -->\n).*?(<!-- results: end -->)", re.DOTALL)


def renewed(readme: str) -> str:
    """Return the README's text with every table between its marks made anew."""
    return benchmark_tables.renewed(RESULTS.sub(_results, PARAMETERS.sub(_parameters, readme)))


def _parameters(found: re.Match[str]) -> str:
    begin, pipeline, end = found.groups()
    return f"{begin}{parameter_sections.markdown(ROOT / pipeline / params.PARAMS_FILE)}{end}"


def _results(found: re.Match[str]) -> str:
    """AUROC of every model of the root's last run, as its metrics say."""
    models = YAML(typ="safe").load(ROOT / params.PARAMS_FILE)["evaluate"]["models"]
    rows, targets = [], []
    for model in models:
        file = ROOT / "metrics/evaluate" / f"{model}.json"
        test = json.loads(file.read_text(encoding="utf-8"))["test"]
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
