"""Tables that grow with records × leads × beats, written and read a group of records at a time.

One parquet file whose row groups each hold the rows of `RECORDS_IN_GROUP` records, so that neither
the stage that writes it nor one that reads it holds more than a group in memory.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import pyarrow.parquet as parquet

from pedecg.core import tables

# Of waves some 64,000 rows: large enough to compress well, a few MB in memory.
RECORDS_IN_GROUP = 64


def write(frames: Iterable[pd.DataFrame], path: str | Path, schema: pa.DataFrameSchema) -> None:
    """Write one frame per record, as they come; the same frames give the same bytes.

    Raises
    ------
    PedecgError
        A column does not meet the schema; an earlier file is then left as it was.
    """
    coming = iter(frames)
    first = _next(coming)
    empty = pd.DataFrame(columns=list(schema.columns))
    group = tables.as_arrow(empty if first is None else first, schema, path)
    with (
        tables.replacing(path) as temporary,
        parquet.ParquetWriter(temporary, group.schema, compression="zstd") as writer,
    ):
        writer.write_table(group)
        while (frame := _next(coming)) is not None:
            writer.write_table(tables.as_arrow(frame, schema, path))


def _next(frames: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    group = list(islice(frames, RECORDS_IN_GROUP))
    return pd.concat(group, ignore_index=True) if group else None


def read(path: str | Path, schema: pa.DataFrameSchema) -> Iterator[pd.DataFrame]:
    """Yield a table's rows, a row group at a time, checked against its schema.

    Raises
    ------
    PedecgError
        As `tables.read`.
    """
    with tables.opened(path, schema) as file:
        for group in range(file.num_row_groups):
            yield tables.check(file.read_row_group(group).to_pandas(), schema, str(path))
