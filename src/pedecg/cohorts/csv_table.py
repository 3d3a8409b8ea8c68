"""Reading the CSV that describes a cohort: as text, whole, or not at all."""

import csv
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pedecg.core import names
from pedecg.core.errors import PedecgError


def read(
    file: Path, required: Iterable[str], named_by: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """Return the rows of a CSV as text by column; blank lines are skipped, nothing is guessed.

    The apostrophe that `tables.write_csv` sets before what looks like a formula is taken off.

    Parameters
    ----------
    named_by : the parameter that names a required column, for the error message.

    Raises
    ------
    PedecgError
        In one line: the file is absent or not UTF-8, required columns are missing (all of them,
        each with the nearest name), a column appears twice, or a line has too many or too few
        fields.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = csv.reader(stream, strict=True)
            table = [(lines.line_num, fields) for fields in lines if any(fields)]
    except FileNotFoundError:
        raise PedecgError(f"{file}: not found; expected the table of the cohort") from None
    except OSError as error:
        raise PedecgError(f"{file}: cannot be read ({error.strerror}); expected CSV") from None
    except UnicodeDecodeError as error:
        found = f"byte {error.object[error.start]:#x}"
        raise PedecgError(f"{file.name}: not UTF-8 ({found}); save it as CSV UTF-8") from None
    except csv.Error as error:
        raise PedecgError(f"{file.name}: not a CSV table ({error})") from None
    if not table:
        raise PedecgError(f"{file.name}: empty; expected a line of column names")
    columns = [name.strip() for name in table[0][1]]
    _check_columns(columns, required, file.name, named_by or {})
    rows = []
    for number, fields in table[1:]:
        if len(fields) != len(columns):
            raise PedecgError(
                f"{file.name} line {number}: {len(fields)} fields; expected {len(columns)}"
            )
        cells = (names.original(cell.strip()) for cell in fields)
        rows.append(dict(zip(columns, cells, strict=True)))
    return rows


def _check_columns(
    columns: list[str], required: Iterable[str], place: str, named_by: Mapping[str, str]
) -> None:
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(columns) == 1 and separator in columns[0]:
            raise PedecgError(f"{place}: fields are separated by {name}; expected commas")
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise PedecgError(f"{place}: column {repeated[0]!r} appears twice")
    by_lower_case = {column.lower(): column for column in columns}
    missing = []
    for name in dict.fromkeys(required):
        if name not in columns:
            near = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
            hint = f"; did you mean {by_lower_case[near[0]]!r}?" if near else ""
            parameter = f" ({named_by[name]})" if name in named_by else ""
            missing.append(f"column {name!r} not found{hint}{parameter}")
    if missing:
        raise PedecgError(f"{place}: {'; '.join(missing)}; columns are {', '.join(columns)}")
