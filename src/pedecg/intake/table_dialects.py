"""A hospital's own table as spreadsheets save it: any encoding, separator and decimal sign.

The manifest of a cohort has one form (CSV, commas, UTF-8). This module reads the tables from which
one is drafted.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from pedecg.core.errors import PedecgError

SUFFIXES = (".csv", ".tsv", ".txt")
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LARGEST = 200_000_000  # bytes; a million rows of 20 columns have some 100 MB
_SAMPLE_LINES = 20  # in which the separator is looked for


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes
    ----------
    columns : names of those that have one; each once.
    rows : cells by column, stripped; blank lines are left out.
    dialect : encoding and separator in words.
    """

    file: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    dialect: str

    def cells(self, column: str) -> list[str]:
        """Return one column, from the first row to the last."""
        return [row[column] for row in self.rows]


def read(file: Path) -> Table:
    """Read a table; nothing but its outer form is guessed.

    Raises
    ------
    PedecgError
        In one line: it cannot be read, has no line of column names, a column twice, or a line of
        more fields than there are columns.
    """
    try:
        if file.stat().st_size > _LARGEST:
            raise PedecgError(f"{file.name}: over {_LARGEST // 10**6} MB; expected a table")
        data = file.read_bytes()
    except OSError as error:
        raise PedecgError(f"{file}: cannot be read ({error.strerror}); expected a table") from None
    text, encoding = _decoded(data)
    lines = text.replace("\0", "").splitlines()
    first = lines[0].strip().strip('"') if lines else ""
    if first.lower().startswith("sep=") and first[4:] in _SEPARATORS:  # Excel's first line
        separator, lines = first[4:], lines[1:]
    else:
        separator = _separator(lines)
    while lines and (not lines[0].strip(f"{separator} ") or lines[0].startswith("#")):
        lines = lines[1:]
    try:
        fields = [row for row in csv.reader(lines, delimiter=separator, strict=True) if any(row)]
    except csv.Error as error:
        raise PedecgError(f"{file.name}: not a table ({error})") from None
    if not fields:
        raise PedecgError(f"{file.name}: empty; expected a line of column names")
    names = [" ".join(name.split()) for name in fields[0]]
    named = [place for place, name in enumerate(names) if name]
    repeated = sorted({names[place] for place in named if names.count(names[place]) > 1})
    if repeated:
        raise PedecgError(f"{file.name}: column {repeated[0]!r} appears twice")
    for number, row in enumerate(fields[1:], start=2):
        if any(cell.strip() for cell in row[len(names) :]):
            raise PedecgError(f"{file.name} row {number}: {len(row)} fields; expected {len(names)}")
    rows = tuple(
        {names[place]: (row[place].strip() if place < len(row) else "") for place in named}
        for row in fields[1:]
    )
    columns = tuple(names[place] for place in named)
    return Table(file, columns, rows, f"{encoding}, {_SEPARATORS[separator]}")


def _decoded(data: bytes) -> tuple[str, str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), "UTF-16"
    for encoding, name in (("utf-8-sig", "UTF-8"), ("gb18030", "GB18030"), ("cp1252", "cp1252")):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        # GB18030 takes nearly any bytes: it is that only where Chinese characters come out.
        if encoding != "gb18030" or _is_chinese(text):
            return text, name
    return data.decode("latin-1"), "latin-1"


def _is_chinese(text: str) -> bool:
    beyond = [letter for letter in text if ord(letter) > 127]  # ASCII ends at 127
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in beyond)
    return chinese > 0.9 * len(beyond)


def _separator(lines: list[str]) -> str:
    """Return the separator that splits the most lines into the same number of fields, over one."""
    sample = [line for line in lines if line.strip() and not line.startswith("#")][:_SAMPLE_LINES]
    best, most = ",", (0, 0)
    for separator in _SEPARATORS:
        try:
            counts = [len(row) for row in csv.reader(sample, delimiter=separator)]
        except csv.Error:
            continue
        if counts and counts[0] > 1:
            score = (sum(count == counts[0] for count in counts), counts[0])
            if score > most:
                best, most = separator, score
    return best
