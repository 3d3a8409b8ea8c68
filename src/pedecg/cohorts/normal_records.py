"""Which records are certainly normal: the reference of explanations and of own centiles."""

from collections.abc import Iterable

import pandas as pd


def select(labels: pd.DataFrame, record_ids: Iterable[str], target: str | None) -> list[str]:
    """Return which records are normal: have this target, or (None) no target for certain.

    An unknown label is neither: a record of which one target is unknown is not certainly normal.
    """
    selected = labels[labels["record_id"].isin(set(record_ids))].set_index("record_id")
    # A comparison with a null is null, and `all` skips nulls: without filling, a record whose
    # labels are all unknown would count as normal.
    if target is None:
        normal = selected.eq(0).fillna(False).astype(bool).all(axis=1)
    else:
        normal = selected[target].eq(1).fillna(False).astype(bool)
    return sorted(map(str, selected.index[normal]))
