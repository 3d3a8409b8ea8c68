"""Section of the report on external cohorts: weights, calibration and thresholds unchanged."""

from collections.abc import Callable
from typing import Any

from pedecg.core import figures as drawing
from pedecg.report.content_blocks import Block, Fold, Table, Text, figure, number, percent, table
from pedecg.report.run_files import RunFiles

_NO_LABEL = "no label"
_SHOWN = ("auroc", "auprc", "sensitivity", "specificity", "calibration_slope", "ece")


def external(run: RunFiles) -> list[Block]:
    """Show one table of all external cohorts, and each cohort by itself."""
    found = {
        name: run.metrics(f"external/{name}")
        for name in run.parameters["external_cohorts"]
        if run.has(f"metrics/external/{name}.json")
    }
    if not found:
        return []
    model = next(iter(found.values()))["model"]
    scored = {name: one for name, one in found.items() if one["external"] is not None}
    without = [
        Text(f"Not done on {name}: no target of {model} has a label there.")
        for name in found
        if name not in scored
    ]
    if not scored:
        return [*without]
    blocks: list[Block] = [
        Text(
            f"{model}, without any change, on cohorts that it was not trained on. "
            f"{run.selection('external_validation')}".rstrip()
        ),
        _matrix("AUROC of the internal test set and of every external cohort", run, scored, _auroc),
        _matrix(
            "Calibration in the large: mean predicted probability and share of positives; "
            "calibration intercept (0: neither too high nor too low on average)",
            run,
            scored,
            _in_the_large,
        ),
        *without,
    ]
    blocks += run.picture(
        "plots/external_table/forest.png",
        "Forest plot: AUROC with interval, internal test set and external cohorts.",
        wide=True,
    )
    folds = (
        Fold(f"External cohort {_shown(run, name)}", _cohort(run, name, one))
        for name, one in scored.items()
    )
    return [*blocks, *folds]


def _shown(run: RunFiles, name: str) -> str:
    simulated = run.parameters["external_cohorts"][name]["name"].startswith(drawing.SIMULATED)
    return f"{name} (simulated)" if simulated else name


def _matrix(
    caption: str,
    run: RunFiles,
    scored: dict[str, dict[str, Any]],
    cell: Callable[[dict[str, Any]], str],
) -> Table:
    """Return a table with a row for each cohort and a column for each target."""
    internal: dict[str, Any] = {}
    for one in scored.values():
        for target, figures in one["internal"]["targets"].items():
            internal.setdefault(target, figures)
    rows = [["internal test set", *(cell(figures) for figures in internal.values())]]
    for name, one in scored.items():
        own = one["external"]["targets"]
        cells = (cell(own[target]) if target in own else _NO_LABEL for target in internal)
        rows.append([_shown(run, name), *cells])
    return Table(caption, ["cohort", *internal], rows)


def _auroc(figures: dict[str, Any]) -> str:
    return (
        f"{figure(figures.get('auroc'))}; {number(figures['positives'])} of {number(figures['n'])}"
    )


def _in_the_large(figures: dict[str, Any]) -> str:
    found = figures.get("calibration_in_the_large")
    if not found:
        return figure(None)
    return (
        f"{percent(found['predicted'])} predicted, {percent(found['observed'])} observed; "
        f"intercept {number(found['intercept'])}"
    )


def _cohort(run: RunFiles, name: str, found: dict[str, Any]) -> list[Block]:
    """Return the figures of one external cohort, its labels and its case mix."""
    rows = []
    for target, one in found["external"]["targets"].items():
        change = found["external_minus_internal"].get(target, {})
        rows.append(
            [
                target,
                found["mapping"][target],
                f"{number(one['positives'])} of {number(one['n'])}",
                *(figure(one.get(metric)) for metric in _SHOWN),
                figure(change.get("auroc")),
            ]
        )
    left_out = [f"{reason.replace('_', ' ')}: {n:,}" for reason, n in found["left_out"].items()]
    blocks: list[Block] = [
        Text(
            f"{number(found['external']['records'])} records of "
            f"{number(found['external']['patients'])} patients. "
            f"Left out: {', '.join(left_out) or 'none'}."
        ),
        Table(
            "With calibration and thresholds of the internal cohort",
            ["target", "label of this cohort", "present", "AUROC", "AUPRC", "sensitivity",
             "specificity", "calibration slope", "ECE", "ΔAUROC (external − internal)"],
            rows,
        ),
    ]  # fmt: skip
    mix = f"plots/external/{name}/case_mix.csv"
    if run.has(mix):
        blocks.append(table("Case mix of both cohorts", run.table(mix)))
    if run.has(f"metrics/ingest_external/{name}.json"):
        read = run.metrics(f"ingest_external/{name}")
        blocks.append(
            Text(
                f"Read from this cohort: {number(read['rows'])} rows, "
                f"{number(read['quarantined'])} quarantined "
                f"({percent(read['quarantined_fraction'])}), "
                f"{number(sum(read['excluded'].values()))} excluded."
            )
        )
    return blocks
