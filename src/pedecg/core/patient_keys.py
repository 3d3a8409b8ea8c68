"""What of a cohort must not be divided between splits or folds."""

import pandas as pd


def of(records: pd.DataFrame) -> "pd.Series[str]":
    """Return per record the group of its patient, or the patient; `records` is RECORDS."""
    if "split_group" not in records:
        return records["patient_id"]
    return records["split_group"].fillna(records["patient_id"])
