"""The rows of the CSV files of limits and thresholds, with the line that a fault names."""

import csv
import math
from pathlib import Path

from pedecg.core.errors import PedecgError

SEXES = ("female", "male", "any")
VERSION = "# version:"  # a first line that states it


def read(
    path: Path, columns: tuple[str, ...], what: str
) -> tuple[str, list[tuple[dict[str, str], str]]]:
    """Return the version of a table and its rows, each with the place that a fault names.

    Parameters
    ----------
    columns : that the file must have; the first names the row.
    what : the rows are, for the text of a fault.

    Raises
    ------
    PedecgError
        The file cannot be read, has other columns, or a row lacks a field or has an unknown sex.
    """
    try:
        text = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise PedecgError(f"{path}: not found; expected a file of {what}") from None
    except OSError as error:
        raise PedecgError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise PedecgError(f"{path}: is not UTF-8 text") from None
    version = ""
    if text and text[0].startswith(VERSION):
        version = text[0].removeprefix(VERSION).strip().rstrip(",")  # a spreadsheet adds commas
    reader = csv.DictReader(text[1:] if version else text)
    found = tuple(reader.fieldnames or ())
    if found != columns:
        raise PedecgError(f"{path}: columns are {', '.join(found)}; expected {', '.join(columns)}")
    first = 3 if version else 2
    rows = [(row, f"{path}: line {line}") for line, row in enumerate(reader, first)]
    if not rows:
        raise PedecgError(f"{path}: holds no {what}")
    for row, place in rows:
        if None in row or None in row.values():
            raise PedecgError(f"{place}: expected {len(columns)} fields")
        if row["sex"] not in SEXES:
            raise PedecgError(f"{place}: sex must be {', '.join(SEXES)} (found {row['sex']!r})")
        if not row[columns[0]] or not row["source"]:
            raise PedecgError(f"{place}: {columns[0]} and source must be named")
    return version, rows


def number(row: dict[str, str], name: str, place: str) -> float:
    """Return a finite number of a row; NaN for a percentile that is not stated.

    Raises
    ------
    PedecgError
        The field is no finite number.
    """
    text = row[name].strip()
    if not text and name.startswith("p"):
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PedecgError(f"{place}: {name} must be a number (found {text!r})")
    return value
