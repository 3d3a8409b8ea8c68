"""Report section on the review of suspect labels: confirmed errors, agreement, effect."""

from collections.abc import Mapping
from typing import Any

from pedecg.report.content_blocks import NONE, Block, Table, Text, figure, number
from pedecg.report.run_files import RunFiles

FIGURES = "labels/review_report.json"  # `pedecg review report --save` writes it
JOURNAL = "labels/review.jsonl"


def review(run: RunFiles) -> list[Block]:
    """Show what readers decided and what it changed; nothing where nobody has decided a case."""
    found = run.json(FIGURES)
    if not found["reviewed"]:
        return []
    words = found["decisions"]
    blocks: list[Block] = [
        Text(
            f"{number(found['reviewed'])} of {number(found['cases'])} cases were reviewed: "
            f"{number(words['flip'])} labels are wrong, {number(words['keep'])} right, "
            f"{number(words['unknown'])} cannot be determined; on "
            f"{number(found['disagreements'])} the readers disagree."
        )
    ]
    if _entries(run) not in (None, found["entries"]):
        blocks.append(
            Text(
                f"The journal has {number(_entries(run))} entries, these figures are of "
                f"{number(found['entries'])}: run pedecg review report --save again.",
                "warning",
            )
        )
    if found["confirmed_errors"]:
        blocks.append(_confirmed(found["confirmed_errors"]))
    blocks.append(_agreement(found["agreement"]))
    if found["effect"] is not None:
        blocks.append(_effect(found["effect"]))
    return blocks


def _confirmed(rows: list[dict[str, Any]]) -> Table:
    return Table(
        "Confirmed label errors among the first candidates",
        ["candidates", "decided", "wrong", "precision (95% interval)"],
        [
            [
                f"first {row['first']}",
                number(row["decided"]),
                number(row["wrong"]),
                figure({**row, "value": row["precision"]}, 2),
            ]
            for row in rows
        ],
        "Wilson's interval; cases that nobody decided are left out.",
    )


def _agreement(found: dict[str, Any]) -> Table:
    rows = [
        [name, number(one["n_cases"]), number(one["observed"], 2), _kappa(one)]
        for name, one in [
            ("all readers, Fleiss", found["all"]),
            *((f"{' and '.join(pair['readers'])}, Cohen", pair) for pair in found["pairs"]),
        ]
    ]
    return Table(
        "Agreement of the readers",
        ["readers", "cases", "same answer", "kappa (95% interval)"],
        rows,
        "First answers, given before the recorded label was shown; patients are resampled.",
    )


def _kappa(one: Mapping[str, Any]) -> str:
    if one["kappa"] is None:
        return f"not defined: {one['reason']}"
    return figure({**one, "value": one["kappa"]}, 2)


def _effect(found: dict[str, Any]) -> Table:
    rows = [
        [
            target,
            number(one["without"]),
            number(one["with"]),
            f"not scored: {one.get('reason', NONE)}"
            if one["difference"] is None
            else figure({**one, "value": one["difference"]}),
        ]
        for target, one in found["targets"].items()
    ]
    return Table(
        "Retraining: AUROC without and with the decisions",
        ["target", "without", "with", "difference (95% interval)"],
        rows,
        f"{number(found['records'])} test ECGs of {number(found['patients'])} patients of whom no "
        f"ECG was reviewed; {number(found['left_out_patients'])} test patients are left out. "
        "Paired by patient.",
    )


def _entries(run: RunFiles) -> int | None:
    """Return the number of entries of the journal; None where it is not there."""
    if not run.has(JOURNAL):
        return None
    return (run.root / JOURNAL).read_bytes().count(b"\n")
