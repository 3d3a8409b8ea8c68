"""Places of the results of a run, and its main figures, for the end of `make repro`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from pedecg.core import schema_versions
from pedecg.core.errors import PedecgError

COMPARED = Path("metrics/compare.json")
SELECTED = Path("metrics/selected_models.json")

PLACES = {
    "figures": "metrics/summary.json (dvc metrics diff), details in metrics/**/*.json",
    "pictures": "plots/**/*.png; curves of all models: dvc plots show",
    "predictions": "predictions/<model>.parquet (record_id, split, seed, label, probability)",
    "calibration": "calibration/<model>.json, with the thresholds",
    "tables": "data/interim, data/features, data/audit/*.csv",
    "label candidates": "data/review/candidates.csv; your decisions go to labels/decisions.csv",
    "trained models": "models/<model>/seed<k>/",
    "experiments": "dvc exp run -S train.learning_rate=1e-3; pedecg runs",
    "report": "report/report.html, for a browser; model card in the same folder",
}


def table(file: Path = COMPARED) -> Table:
    """Return the test AUROC of every model and target; the title names a simulated cohort.

    Raises
    ------
    PedecgError
        The pipeline has not run here yet, or the file has another schema version.
    """
    compared = _compared(file)
    cohort, models = compared["cohort"], compared["figures"]
    about = f"cohort {cohort}"
    if cohort.startswith("simulated"):
        subjects = "children" if cohort == "simulated" else "recordings"
        about = f"simulated {subjects}, not patients"
    shown = Table(title=f"AUROC on test patients with 95% interval ({about}); *: reads no signal")
    shown.add_column("model")
    names = [name for name in next(iter(models.values())) if name != "micro"]
    for name in names:
        shown.add_column(name, justify="right")
    for model, figures in models.items():
        star = " *" if model in compared["baselines"] else ""
        shown.add_row(model + star, *(_figure(figures[name]["auroc"]) for name in names))
    return shown


def goals(file: Path = COMPARED) -> Iterator[str]:
    """Yield one line per goal of the run: reached, on whom, met or not; then published figures."""
    compared = _compared(file)
    for target, one in compared.get("goals", {}).items():
        wanted = f"goal {target} {one['metric']} > {one['goal']:g}"
        if one["met"] is None:
            yield f"{wanted}: not known, {one['why']}"
            continue
        yield (
            f"{wanted}: {'met' if one['met'] else 'not met'}, {one['model']} {_figure(one)} on "
            f"{one['records']} test records ({one['positives']} positive) of cohort "
            f"{one['cohort']}; interval {one['interval']}"
        )
    for one in compared.get("published", []):
        note = "comparable" if one["comparable"] else f"not comparable: {one['differs']}"
        yield f"published {one['target']} {one['metric']} {one['value']:g} on {one['on']} ({note})"


def selected(file: Path = SELECTED) -> Iterator[str]:
    """Yield one line per stage that took a model of the run: which one, and why."""
    if not file.is_file():
        return
    stages: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    for stage, selection in stages.items():
        yield f"{stage} took {', '.join(selection['models'])}: {selection['by']}"


def places() -> Iterator[str]:
    """Yield one line per kind of result."""
    width = max(map(len, PLACES))
    for what, where in PLACES.items():
        yield f"{what:>{width}}  {where}"


def _compared(file: Path) -> dict[str, Any]:
    try:
        compared: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PedecgError(f"{file}: not found; run the pipeline first (make repro)") from None
    schema_versions.check("compare", compared.get(schema_versions.KEY), file)
    return compared


def _figure(figure: dict[str, float | None]) -> str:
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    if value is None:
        return "too few"
    text = f"{value:.3f}"
    return (
        text if low is None or high is None else f"{text} ({low:.2f}-{high:.2f})".replace("0.", ".")
    )
