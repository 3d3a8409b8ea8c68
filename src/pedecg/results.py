"""Where a run's results are, and its headline figures, for the end of `make repro`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from pedecg.errors import PedecgError

SUMMARY = Path("metrics/summary.json")

PLACES = {
    "figures": "metrics/summary.json first, metrics/*.json in detail; dvc metrics show",
    "pictures": "plots/**/*.png; curves of all models: dvc plots show",
    "predictions": "predictions/<model>.parquet (record_id, split, seed, label, probability)",
    "tables": "data/interim, data/features, data/audit/*.csv",
    "labels to review": "data/review/candidates.csv; your decisions go to decisions/labels.csv",
    "trained models": "models/<model>/seed<k>/",
    "experiments": "dvc exp run -S train.learning_rate=1e-3; dvc exp show",
}


def table(file: Path = SUMMARY) -> Table:
    """Return the test AUROC of every model and target; simulated cohorts are called so.

    Raises
    ------
    PedecgError
        The pipeline has not run here yet.
    """
    try:
        summary: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PedecgError(f"{file}: not found; run the pipeline first (make repro)") from None
    cohort = summary.pop("cohort")
    about = "simulated children, not patients" if cohort == "simulated" else f"cohort {cohort}"
    shown = Table(title=f"AUROC on test patients ({about})")
    shown.add_column("model")
    targets = [name for name in next(iter(summary.values()))["auroc"] if name != "macro"]
    for name in [*targets, "macro (95% interval)"]:
        shown.add_column(name, justify="right")
    for model, figures in summary.items():
        shown.add_row(model, *(_figure(figures["auroc"][t]) for t in targets), _macro(figures))
    return shown


def places() -> Iterator[str]:
    """Yield one line per kind of result."""
    width = max(map(len, PLACES))
    for what, where in PLACES.items():
        yield f"{what:>{width}}  {where}"


def _macro(figures: dict[str, Any]) -> str:
    low, high = figures["auroc_macro_low"], figures["auroc_macro_high"]
    value = _figure(figures["auroc"]["macro"])
    return value if low is None else f"{value} ({_figure(low)}-{_figure(high)})"


def _figure(value: float | None) -> str:
    return "too few" if value is None else f"{value:.3f}"
