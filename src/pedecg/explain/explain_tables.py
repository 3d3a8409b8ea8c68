"""The tables that explanations, error review and atlas write."""

import pandera.pandas as pa

from pedecg.explain.beat_regions import REGIONS

_ID = pa.Column("string", pa.Check.str_length(min_value=1))
_SHARE = pa.Column("float64", pa.Check.in_range(0, 1), nullable=True)
_LABEL = pa.Column("float64", pa.Check.isin([0.0, 1.0]), nullable=True)

# One row per record, target, method and region of the heart's cycle.
SHARES = pa.DataFrameSchema(
    {
        "record_id": _ID,
        "patient_id": _ID,
        "target": _ID,
        "label": _LABEL,
        "positive": pa.Column("bool", description="the probability reaches the threshold"),
        "method": _ID,
        "region": pa.Column("string", pa.Check.isin(REGIONS)),
        "share": _SHARE,  # of the map; null where the map is empty
        "time": _SHARE,  # of the time
    },
    strict=True,
    coerce=True,
    name="attribution shares",
)

# One row per record, target and region: decrease of the logit when the region is replaced by the
# normal beat.
RESTORED = pa.DataFrameSchema(
    {
        "record_id": _ID,
        "patient_id": _ID,
        "target": _ID,
        "label": _LABEL,
        "positive": pa.Column("bool", description="the probability reaches the threshold"),
        "region": pa.Column("string", pa.Check.isin(REGIONS)),
        "logit_decrease": pa.Column("float64", description="of the positive class"),
    },
    strict=True,
    coerce=True,
    name="regions replaced by the normal beat",
)

# The normal heart: one row per age, lead, region and point of its wave.
NORMAL_BEATS = pa.DataFrameSchema(
    {
        "age_days": pa.Column("float64", nullable=True, description="null: all ages"),
        "lead": _ID,
        "region": pa.Column("string", pa.Check.isin(REGIONS)),
        "point": pa.Column("int64", pa.Check.ge(0), description="evenly from onset to offset"),
        "mv": pa.Column("float64", nullable=True, description="from the level before the wave"),
    },
    strict=True,
    coerce=True,
    name="normal beats",
)

# One row per record: its place on the map and what it is coloured by.
ATLAS = pa.DataFrameSchema(
    {
        "record_id": _ID,
        "patient_id": _ID,
        "split": _ID,
        "age_days": pa.Column("float64", nullable=True),
        "x": pa.Column("float64", description="t-SNE"),
        "y": pa.Column("float64", description="t-SNE"),
        "pc1": pa.Column("float64", description="first principal component"),
        "pc2": pa.Column("float64", description="second principal component"),
        r"^label_.+$": pa.Column("float64", nullable=True, regex=True),
        r"^probability_.+$": pa.Column("float64", pa.Check.in_range(0, 1), regex=True),
    },
    strict=True,
    coerce=True,
    name="atlas",
)
