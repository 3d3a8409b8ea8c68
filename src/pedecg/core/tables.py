"""Every table of the pipeline: its columns, units and ranges, and how it is read and written.

A schema names its columns, what they hold and in which unit; reading and writing check it.
Tables are parquet, written by way of `atomic_files`: a killed stage leaves either the old file or
the new one.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.parquet as parquet
from pandera.errors import SchemaError, SchemaErrors

from pedecg.core import names, schema_versions
from pedecg.core.atomic_files import replacing as replacing
from pedecg.core.atomic_files import write_text as write_text
from pedecg.core.errors import PedecgError

SPLITS_IN_ORDER = ("train", "validation", "test")
WAVES_IN_ORDER = ("P", "QRS", "T")
_LINE = 100  # characters of a line of a metrics file


def _id(description: str, unique: bool = False) -> pa.Column:
    check = pa.Check.str_length(min_value=1)
    return pa.Column("string", check, unique=unique, description=description)


def _number(description: str, low: float | None = None, high: float | None = None) -> pa.Column:
    checks = []
    if low is not None:
        checks.append(pa.Check.ge(low))
    if high is not None:
        checks.append(pa.Check.le(high))
    return pa.Column("float64", checks, nullable=True, description=description)


def _some(description: str, low: float | None = None) -> pa.Column:
    checks = [] if low is None else [pa.Check.ge(low)]
    return pa.Column(
        "float64", checks, nullable=True, regex=True, required=False, description=description
    )


def _text(description: str, nullable: bool = True) -> pa.Column:
    return pa.Column("string", nullable=nullable, description=description)


RECORDS = pa.DataFrameSchema(
    {
        "record_id": _id("one examination", unique=True),
        "patient_id": _id("whose examination"),
        "path": _id("relative to the cohort's root, as its reader opens it"),
        "fs_hz": pa.Column("float64", pa.Check.gt(0), description="samples per second, Hz"),
        "n_samples": pa.Column("int64", pa.Check.gt(0), description="samples per lead"),
        "leads": _id("canonical names, joined by a space"),
        "age_days": pa.Column("Int64", pa.Check.ge(0), nullable=True, description="days"),
        "sex": pa.Column("string", pa.Check.isin(["female", "male"]), nullable=True),
        "acquired_at": _text("date and time of acquisition as the source writes it"),
        "fold": pa.Column("Int64", nullable=True, description="the data set's own fold"),
        "source_split": _text("the data set's own split, train, validation or test"),
        "split_group": pa.Column(
            "string",
            nullable=True,
            required=False,
            description="of patients that may be one (see `same_patient`): one side of a split",
        ),
        r"^x_.+$": pa.Column(
            "float64",
            nullable=True,
            regex=True,
            required=False,
            description="a further number of the manifest",
        ),
    },
    strict=True,
    coerce=True,
    name="records",
)

# One nullable column per target: 1 present, 0 absent, null where the source cannot tell.
LABELS = pa.DataFrameSchema(
    {
        "record_id": _id("one examination", unique=True),
        r"^(?!record_id$).+$": pa.Column(
            "Int8",
            pa.Check.isin([0, 1]),
            nullable=True,
            regex=True,
            required=False,
            description="target",
        ),
    },
    coerce=True,
    name="labels",
)

QUARANTINE = pa.DataFrameSchema(
    {
        "record_id": _id("one examination, or the row or file that names it"),
        "reason": _id("reason code, e.g. corrupt-signal"),
        "detail": _id("one line: file, lead or column; found; expected"),
    },
    strict=True,
    coerce=True,
    name="quarantine",
)

FINDINGS = pa.DataFrameSchema(
    {
        "record_id": _id("one examination"),
        "vocabulary": _id("aha, chn, icd10, scp, …"),
        "code": _id("the code, or the prose where the vocabulary has none"),
        "modifiers": _text("modifiers of this code, joined by +"),
        "description": _text("in words; null where the code is in no table"),
        "likelihood": _number("percent, where the source grades it; 0 means not graded", 0, 100),
    },
    strict=True,
    coerce=True,
    name="findings",
)

# Measured by us on the raw signal at ingest, besides what the source itself states.
QUALITY = pa.DataFrameSchema(
    {
        "record_id": _id("one examination"),
        "lead": _id("canonical name"),
        "usable": pa.Column("bool", description="False: mask this lead"),
        "flaw": _text(
            "flat, saturated, not-finite: not usable; partly-saturated: usable; null: none"
        ),
        "peak_mv": _number("largest absolute deviation from the median, mV", 0),
        "saturated_fraction": _number("share of samples at the recorder's limit", 0, 1),
        "flat_fraction": _number("share of samples in flat segments", 0, 1),
        "nonfinite_fraction": _number("share of samples without a value", 0, 1),
        "psqi": _number("power 5-15 Hz over 5-40 Hz", 0, 1),
        "bassqi": _number("1 - power 0-1 Hz over 0-40 Hz", 0, 1),
        "source_psqi": _number("the source's own pSQI", 0, 1),
        "source_bassqi": _number("the source's own basSQI", 0, 1),
        "source_bsqi": _number("the source's own bSQI", 0, 1),
    },
    strict=True,
    coerce=True,
    name="quality",
)

# What a reader must know of a record that is used all the same, one row per note.
NOTES = pa.DataFrameSchema(
    {
        "record_id": _id("one examination"),
        "kind": _id("paced, clipped-high, clipped-low, mains-hum, limb-leads, electrodes"),
        "leads": _text("canonical names, joined by a space; null: not of single leads"),
        "detail": _id("one line"),
        "from_middle_s": _text(
            "times that it is about, s from the middle of the recording, joined by a space"
        ),
    },
    strict=True,
    coerce=True,
    name="notes",
)

SPLITS = pa.DataFrameSchema(
    {
        "record_id": _id("one examination", unique=True),
        "patient_id": _id("whose examination"),
        "split": pa.Column("string", pa.Check.isin(SPLITS_IN_ORDER)),
    },
    strict=True,
    coerce=True,
    name="splits",
)

WAVES = pa.DataFrameSchema(
    {
        "record_id": _id("one examination"),
        "lead": _id(
            "canonical name; 'global': all leads together; 'any_lead': the same waves from the "
            "earliest onset to the latest offset in any lead"
        ),
        "wave": pa.Column("string", pa.Check.isin(WAVES_IN_ORDER)),
        "onset_s": _number("seconds from the record's start", 0),
        "peak_s": _number("seconds from the record's start", 0),
        "offset_s": _number("seconds from the record's start", 0),
        "confidence": _number("0 to 1; null where the method gives none", 0, 1),
    },
    strict=True,
    coerce=True,
    name="waves",
)

# Each measure has its spread over the beats and whether it may be used. Further columns are the
# z-scores `z_<measure>`, the criteria `rule_<name>` and the points `score_<name>`.
RULES = pa.DataFrameSchema(
    {
        "record_id": _id("one examination", unique=True),
        "heart_rate_bpm": _number("beats per minute", 10, 400),
        "qtc_rate_bpm": _number("rate by which QT is corrected, beats per minute", 10, 400),
        "longest_rr_ms": _number(
            "longest RR interval, or time without a beat at either end, ms", 0
        ),
        "shortest_rr_ms": _number("shortest RR interval, ms", 0),
        "rr_sd_ms": _number("robust spread of RR intervals, ms", 0),
        "sdnn_ms": _number("SD of normal RR intervals, ms", 0),
        "rmssd_ms": _number("root mean square of successive differences of normal RR, ms", 0),
        "rr_change": _number("median relative change from one RR to the next", 0),
        "p_share": _number("share of beats with a P wave", 0, 1),
        "rr_cv": _number("SD of RR over its mean", 0),
        "rr_shortest": _number("5th percentile of RR over its median", 0, 1),
        "rr_longest": _number("95th percentile of RR over its median", 1),
        "rr_early": _number("share of RR below 0.85 of the preceding RR", 0, 1),
        "rr_turns": _number("turning points of RR, share of intervals", 0, 1),
        "rr_lag1": _number("lag-1 autocorrelation of RR", -1, 1),
        "rr_entropy": _number("sample entropy of RR"),
        "ectopic_share": _number("share of premature beats", 0, 1),
        "ventricular_ectopic_share": _number("share of ventricular premature beats", 0, 1),
        "atrial_ectopic_share": _number("share of atrial premature beats", 0, 1),
        "bigeminy_share": _number("share of beats in runs of bigeminy", 0, 1),
        "trigeminy_share": _number("share of beats in runs of trigeminy", 0, 1),
        "base_rr_cv": _number("SD of RR over its mean, without premature beats", 0),
        "base_rr_change": _number("median relative change of RR, without premature beats", 0),
        "flutter": _number("1: flutter waves, 0: none", 0, 1),
        "flutter_regularity": _number("correlation of atrial waves after one and two cycles", 0, 1),
        "atrial_rate_bpm": _number("of repeating atrial waves, per minute", 0, 600),
        "blocked_p_share": _number("share of P waves that no QRS follows", 0, 1),
        "av_dissociation": _number("1: regular P waves without relation to regular QRS", 0, 1),
        "paced_share": _number("share of beats with a pacemaker spike", 0, 1),
        "ventricular_paced_share": _number("share of beats with a spike just before QRS", 0, 1),
        "p_ms": _number("P duration, ms", 0, 400),
        "pr_ms": _number("PR interval, ms", 0, 800),
        "qrs_ms": _number("QRS duration, ms", 0, 400),
        "qt_ms": _number("QT interval, ms", 0, 1000),
        "p_consensus_ms": _number("P duration of all leads together, ms", 0, 400),
        "pr_consensus_ms": _number("PR interval of all leads together, ms", 0, 800),
        "qrs_consensus_ms": _number("QRS duration of all leads together, ms", 0, 400),
        "qt_consensus_ms": _number("QT interval of all leads together, ms", 0, 1000),
        "qtc_bazett_ms": _number("QT / sqrt(RR), ms", 0, 1500),
        "qtc_fridericia_ms": _number("QT / cbrt(RR), ms", 0, 1500),
        "qtc_framingham_ms": _number("QT + 154 x (1 - RR), ms", 0, 1500),
        "qtc_hodges_ms": _number("QT + 1.75 x (rate - 60), ms", 0, 1500),
        "p_axis_deg": _number("frontal plane, -180 to 180 degrees", -180, 180),
        "qrs_axis_deg": _number("frontal plane, -180 to 180 degrees", -180, 180),
        "qrs_early_axis_deg": _number("axis of the first 80 ms of QRS, degrees", -180, 180),
        "t_axis_deg": _number("frontal plane, -180 to 180 degrees", -180, 180),
        "qrs_t_angle_deg": _number("frontal angle between QRS and T axis, degrees", 0, 180),
        "qrs_limb_mv": _number("largest peak-to-peak QRS of the limb leads, mV", 0),
        "qrs_chest_mv": _number("largest peak-to-peak QRS of the precordial leads, mV", 0),
        "sv1_rv6_mv": _number("S in V1 + R in V6, mV", 0),
        r"^p_(ii|v1)_mv$": _some("P amplitude, from the line between onset and offset, mV", 0),
        r"^p_terminal_v1_m[vs]$": _some("amplitude and duration of terminal negative P, mV, ms", 0),
        "p_terminal_force_v1_mvms": _some("P terminal force, mV ms", 0),
        "r2_v1_mv": _number("r' in V1, 0 where there is none, mV", 0),
        "paced": pa.Column(
            "boolean", nullable=True, required=False, description="pacemaker spikes were found"
        ),
        "slur_ms": _number("duration of the delta wave (slurred upstroke), ms", 0, 400),
        r"^(r|s|q)_(i|ii|iii|av[rlf]|v[1-6])_mv$": _some("amplitude of R, S and Q, mV", 0),
        r"^q_(i|ii|iii|av[rlf]|v[1-6])_ms$": _some("duration of Q, or of a QS complex, ms", 0),
        r"^rs_ratio_(i|ii|iii|av[rlf]|v[1-6])$": _some("R over S", 0),
        r"^qr_ratio_(i|ii|iii|av[rlf]|v[1-6])$": _some("Q over R", 0),
        r"^t_(i|ii|iii|av[rlf]|v[1-6])_mv$": _some("T amplitude, signed, mV"),
        r"^st_(i|ii|iii|av[rlf]|v[1-6])_mv$": _some("ST 40 to 60 ms after J, mV"),
        r"^(j|st80)_v[12]_mv$": _some("level at J and 80 ms after it, mV"),
        r"^r_peak_(avl|v[156])_ms$": _some("from the onset of QRS to the peak of R, ms", 0),
        r"^strip_.+$": _some("of a recording of one lead: rhythm and noise, see `rhythm_strip`"),
        r"^spread_.+$": _some("robust SD over the beats, in the measure's unit", 0),
        r"^valid_.+$": pa.Column("bool", regex=True, required=False),
        r"^z_.+$": _some("SD from the median for age and sex"),
        r"^rule_.+$": pa.Column("boolean", nullable=True, regex=True, required=False),
        r"^score_.+$": _some("points", 0),
        "why": _text("one line per criterion that is met: value, limit, source"),
    },
    strict=True,
    coerce=True,
    name="rules",
)

PREDICTIONS = pa.DataFrameSchema(
    {
        "record_id": _id("one examination"),
        "split": pa.Column("string", pa.Check.isin([*SPLITS_IN_ORDER, "external"])),
        "seed": pa.Column("int64", description="of the training"),
        "label": _id("target"),
        "probability": pa.Column("float64", pa.Check.in_range(0, 1)),
    },
    strict=True,
    coerce=True,
    name="predictions",
)

CANDIDATES = pa.DataFrameSchema(
    {
        "rank": pa.Column("int64", pa.Check.ge(1), unique=True, description="1 is most suspect"),
        "record_id": _id("one examination"),
        "patient_id": _id("whose examination"),
        "label": _id("target"),
        "given": pa.Column("int64", pa.Check.isin([0, 1]), description="the label as recorded"),
        "probability": pa.Column("float64", pa.Check.in_range(0, 1), description="out of fold"),
        "label_quality": pa.Column("float64", pa.Check.in_range(0, 1), description="low: suspect"),
        "flagged": pa.Column("bool", description="off-diagonal by confident learning"),
    },
    strict=True,
    coerce=True,
    name="candidates",
)

# Of simulated records only, written where the pipeline does not look. Further columns are
# `true_<target>` (0 or 1), `wrong_<target>` (does the written label differ from the true one),
# `severity_<disease>` (0 to 1) and true measurements with their unit in the name.
TRUTH = pa.DataFrameSchema(
    {
        "record_id": _id("one examination", unique=True),
        "patient_id": _id("whose examination"),
        r"^true_.+$": pa.Column("int8", pa.Check.isin([0, 1]), regex=True),
        r"^wrong_.+$": pa.Column("bool", regex=True),
        r"^severity_.+$": pa.Column("float64", pa.Check.in_range(0, 1), regex=True),
        "conditions": _text("name:severity of the simulated conditions, joined by ;"),
        "rhythm": _id("sinus, vpb, complete_block, …"),
        "heart_rate_bpm": _number("ventricles, beats per minute", 10, 400),
        "pr_ms": _number("PR interval, ms", 0),
        "qrs_ms": _number("QRS duration, ms", 0),
        "qt_ms": _number("QT interval, ms", 0),
        "qrs_axis_deg": _number("frontal plane, -180 to 180 degrees", -180, 180),
        r"^read_.+$": _some("true value of the measure, by the column of RULES"),
    },
    coerce=True,
    name="truth",
)


def check(table: pd.DataFrame, schema: pa.DataFrameSchema, source: str) -> pd.DataFrame:
    """Return the table with the schema's types, or raise a `PedecgError` that names the column."""
    try:
        return schema.validate(table).reset_index(drop=True)
    except (SchemaError, SchemaErrors) as error:
        raise PedecgError(f"{source}: {_say(error, table)}") from None


def ranges(schema: pa.DataFrameSchema) -> dict[str, tuple[float, float]]:
    """Return the smallest and the largest value that each number of a schema may be."""
    found = {}
    for name, column in schema.columns.items():
        if str(column.dtype) == "float64":
            limits = {
                key: value for check in column.checks for key, value in check.statistics.items()
            }
            found[name] = limits.get("min_value", -math.inf), limits.get("max_value", math.inf)
    return found


def read(
    path: str | Path, schema: pa.DataFrameSchema, only: dict[str, list[str]] | None = None
) -> pd.DataFrame:
    """Read a parquet table and check it against its schema.

    Parameters
    ----------
    only : the values that a column may have, by column; other rows are not loaded. None: all rows.

    Raises
    ------
    PedecgError
        The file is absent, is not parquet, has another schema version, or a column does not meet
        the schema.
    """
    filters = [(column, "in", values) for column, values in (only or {}).items()]
    with opened(path, schema):
        stored = parquet.read_table(path, filters=filters or None)
    return check(stored.to_pandas(), schema, str(path))


@contextmanager
def opened(path: str | Path, schema: pa.DataFrameSchema) -> Iterator[parquet.ParquetFile]:
    """Yield a parquet file whose schema version is checked; faults of the file are one line.

    Raises
    ------
    PedecgError
        The file is absent, is not parquet or has another schema version.
    """
    try:
        with parquet.ParquetFile(path) as file:
            version = (file.schema_arrow.metadata or {}).get(schema_versions.KEY.encode())
            schema_versions.check(str(schema.name), version.decode() if version else None, path)
            yield file
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; the stage that writes it has not run") from None
    except arrow.ArrowInvalid as error:
        raise PedecgError(f"{path}: not a parquet table ({str(error).splitlines()[0]})") from None


def write(table: pd.DataFrame, path: str | Path, schema: pa.DataFrameSchema) -> None:
    """Check a table and write it as parquet: the same rows give the same bytes."""
    checked = as_arrow(table, schema, path)
    with replacing(path) as temporary:
        parquet.write_table(checked, temporary, compression="zstd")


def as_arrow(table: pd.DataFrame, schema: pa.DataFrameSchema, path: str | Path) -> arrow.Table:
    """Return a table, checked, with the schema's version as it is written to `path`."""
    checked = check(table, schema, str(path))
    version = schema_versions.current(str(schema.name))
    stated = {schema_versions.KEY: str(version)} if version > 1 else None
    return arrow.Table.from_pandas(checked, preserve_index=False).replace_schema_metadata(stated)


def write_metrics(metrics: dict[str, Any], path: str | Path, schema: str = "") -> None:
    """Write metrics as JSON: keys in the given order, floats to six digits, NaN as null.

    A metric with its interval is one line.

    Parameters
    ----------
    schema : key of `schema_versions.SCHEMAS`, where the file states its version.
    """
    stated = {schema_versions.KEY: schema_versions.current(schema)} if schema else {}
    write_text(_json(stated | _rounded(metrics)) + "\n", path)


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table for people and for `dvc plots`: CSV, floats to six digits.

    A text that a spreadsheet would take for a formula has an apostrophe before it; the readers of
    `csv_table` take it off again.
    """
    plain = without_formulas(table)
    write_text(plain.to_csv(index=False, float_format="%.6g", lineterminator="\n"), path)


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts and column names no spreadsheet takes for formulas."""
    plain = table.rename(columns=_neutralised)
    for place, (_, column) in enumerate(table.items()):
        if not pd.api.types.is_numeric_dtype(column.dtype):
            plain.isetitem(place, column.map(_neutralised).array)
    return plain


def _neutralised(cell: Any) -> Any:
    return names.neutralised(cell) if isinstance(cell, str) else cell


def _json(value: Any, indent: str = "") -> str:
    """Return indented JSON in which an object or list of scalars is one line where it fits."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    nested = any(isinstance(each, dict | list) for each in inner)
    if not inner or (indent and not nested and len(indent) + len(line) <= _LINE):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        items = [
            f"{deeper}{json.dumps(key, ensure_ascii=False)}: {_json(each, deeper)}"
            for key, each in value.items()
        ]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(f"{deeper}{_json(each, deeper)}" for each in value) + f"\n{indent}]"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if value == value and abs(value) != float("inf") else None
    return value


def _say(error: SchemaError | SchemaErrors, table: pd.DataFrame) -> str:
    first = error.schema_errors[0] if isinstance(error, SchemaErrors) else error
    missing = getattr(first, "reason_code", None)
    if missing is not None and missing.name == "COLUMN_NOT_IN_DATAFRAME":
        wanted = str(first.failure_cases).strip()
        return f"column {wanted} not found; columns are {', '.join(map(str, table.columns))}"
    return " ".join(str(first).split())[:300]
