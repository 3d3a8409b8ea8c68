"""From answers to ``labels/decisions.csv``, which the pipeline applies to the labels."""

import unicodedata
from pathlib import Path

import pandas as pd

from pedecg.cohorts import csv_table, label_decisions
from pedecg.core import tables
from pedecg.review_app.answers import Answers

# What the stage label_decisions reads, and what it leaves aside but a person wants to know.
COLUMNS = [*label_decisions.COLUMNS, "time", "blinded", "version"]


def rows(answers: Answers) -> list[dict[str, str]]:
    """Return one row per case whose readers agree (or whose consensus is reached).

    Cases on which readers disagree, and those without a recorded label, are left out: the
    pipeline then uses the label as it was recorded.
    """
    found = []
    for case in answers.cases():
        final = answers.final(case)
        if final.decision is None:
            continue
        entries = sorted(final.entries, key=lambda entry: entry.id)
        reasons = dict.fromkeys(_plain(entry.reason) for entry in entries if entry.reason)
        suffix = " (consensus)" if entries[0].consensus else ""
        found.append(
            {
                "record_id": case[0],
                "label": case[1],
                "decision": final.decision,
                "reviewer": "; ".join(entry.reader for entry in entries) + suffix,
                "reason": " / ".join(reasons),
                "time": max(entry.time for entry in entries),
                "blinded": "yes" if all(entry.blinded for entry in entries) else "no",
                "version": f"pedecg {entries[-1].version}",
            }
        )
    return sorted(found, key=lambda row: (row["record_id"], row["label"]))


def write(answers: Answers, path: Path = label_decisions.FILE) -> int:
    """Bring the file up to date and return how many rows come from this review.

    Rows that somebody wrote by hand (without a version) stay as they are, also where the review
    comes to another decision: an edit by hand is intended. Rows of a review are replaced.

    Raises
    ------
    PedecgError
        The file has another form.
    """
    by_hand = []
    if path.exists():
        label_decisions.read(path)  # faults are reported here, not when the pipeline runs
        lines = csv_table.read(path, label_decisions.COLUMNS)
        by_hand = [
            {name: line.get(name, "") for name in COLUMNS}
            for line in lines
            if not line.get("version")
        ]
    taken = {(row["record_id"], row["label"]) for row in by_hand}
    ours = [row for row in rows(answers) if (row["record_id"], row["label"]) not in taken]
    table = pd.DataFrame([*by_hand, *ours], columns=COLUMNS, dtype="string")
    tables.write_csv(table, path)
    return len(ours)


def _plain(text: str) -> str:
    """Return a text on one line that no spreadsheet takes for a formula."""
    line = " ".join(
        "".join(" " if unicodedata.category(c).startswith("C") else c for c in text).split()
    )
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
