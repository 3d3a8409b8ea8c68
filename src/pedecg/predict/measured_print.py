"""A digitised print measured column by column, and the columns put together as one record.

What belongs to one lead comes from the column that holds it; what belongs to the heart is the
median over the columns in which it is valid. A measure of leads of two columns is not taken.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pedecg.core.records import ALL_LEADS
from pedecg.rules import measure

FEWEST_BEATS = 2  # whole ones in 2.5 s of a heart at 60 bpm


def combined(
    by_column: Sequence[Mapping[str, Any]], leads_of: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Return the measures of the whole record, see `measure.measure`.

    Parameters
    ----------
    by_column : the measures of each column.
    leads_of : the leads of each column.
    """
    found: dict[str, Any] = {}
    for name in measure.columns({lead for leads in leads_of for lead in leads}):
        lead = lead_of(name)
        here = [
            column
            for column, leads in zip(by_column, leads_of, strict=True)
            if (lead is None or lead in leads) and math.isfinite(column.get(name, math.nan))
        ]
        valid = [column for column in here if column[f"valid_{name}"]]
        taken = valid or here
        found[name] = _median([column[name] for column in taken], name)
        found[f"spread_{name}"] = _median([column[f"spread_{name}"] for column in taken], name)
        found[f"valid_{name}"] = bool(valid)
    return found


def lead_of(name: str) -> str | None:
    """Return the lead that a measure belongs to, None where it belongs to the heart."""
    return next((lead for lead in ALL_LEADS if f"_{lead.lower()}_" in f"{name}_"), None)


def _median(values: list[float], name: str) -> float:
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return math.nan
    if name.endswith("_deg") and max(known) - min(known) > 180.0:
        known = [value % 360.0 for value in known]
        return (float(np.median(known)) + 180.0) % 360.0 - 180.0
    return float(np.median(known))
