"""Every table of the pipeline: how it is read, checked against its schema, and written.

Tables are parquet, written by way of `atomic_files`: a killed stage leaves either the old file or
the new one. The schemas are those of `table_schemas`.
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
from pedecg.core.table_schemas import CANDIDATES as CANDIDATES
from pedecg.core.table_schemas import FINDINGS as FINDINGS
from pedecg.core.table_schemas import LABELS as LABELS
from pedecg.core.table_schemas import NOTES as NOTES
from pedecg.core.table_schemas import PREDICTIONS as PREDICTIONS
from pedecg.core.table_schemas import QUALITY as QUALITY
from pedecg.core.table_schemas import QUARANTINE as QUARANTINE
from pedecg.core.table_schemas import RECORDS as RECORDS
from pedecg.core.table_schemas import RULES as RULES
from pedecg.core.table_schemas import SPLITS as SPLITS
from pedecg.core.table_schemas import SPLITS_IN_ORDER as SPLITS_IN_ORDER
from pedecg.core.table_schemas import TRUTH as TRUTH
from pedecg.core.table_schemas import WAVES as WAVES
from pedecg.core.table_schemas import WAVES_IN_ORDER as WAVES_IN_ORDER

_LINE = 100  # characters of a line of a metrics file


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
