"""The figures of a review as a file that the HTML report of the pipeline shows."""

import json
from pathlib import Path
from typing import Any

from pedecg.core import tables

FILE = Path("labels/review_report.json")  # beside the decisions, in git


def write(
    summary: dict[str, Any], effect: dict[str, Any] | None, entries: int, path: Path = FILE
) -> None:
    """Write summary and effect.

    Parameters
    ----------
    summary : of `review_summary.summary`.
    effect : of `retraining_effect.effect`; None: not measured.
    entries : of the journal, so that the report notices figures that are behind it.
    """
    found = {"entries": entries, **summary, "effect": effect}
    tables.write_text(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n", path)
