"""Which column of a hospital's table holds what: by its name and by all of its cells.

A guess is always reported. What a name and the cells do not say, as the unit of an age or which of
1 and 2 is female, becomes a question and never a guess.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pedecg.cohorts import ages, signal_files
from pedecg.cohorts.formats import file_ecg
from pedecg.intake.found_files import FoundRecording
from pedecg.intake.table_dialects import Table

ROLES = ("path", "patient", "age", "sex", "acquired_at", "split", "fold")
FEWEST_MATCHES = 0.5  # share of its cells by which a column is taken for the names of the files
MOST_ROWS_EACH = 1.5  # of a recording in a table of recordings: some rows may be repeated
MOST_AGES = 0.9  # share of its cells by which a column called age is one; the others are reported

_NAMES = {
    "patient": r"(patient|pat|subject|case|person)([ _.-]*(id|nr|no|num|number|code|key))?|pid|mrn"
    r"|patienten[ _.-]*(nummer|nr|id)|fallnummer",
    "age": r"(?!.*(group|class|categor|gruppe|band))"  # a group is no age
    r"((age|alter|edad|idade|lebensalter)(?![a-z]).*|age(in)?(days?|weeks?|months?|years?)"
    r"|.*[ _]age([ _](in[ _])?[a-z]+)?)",
    "sex": r"(sex|gender|geschlecht|sexe|sexo|genre)|is[ _]?(male|female)|male|female",
    "acquired_at": r"(acquired|acquisition|recording|recorded|exam|examination|ecg|study)?[ _]?"
    r"(at|date|datetime|time|timestamp|datum)|aufnahmedatum|untersuchungsdatum",
    "split": r"(data[ _]?)?(split|set|partition)",
    "fold": r"(strat[ _]?)?fold",
}
_BIRTH = re.compile(r"birth|born|\bdob\b|geb(urts|oren)|nacimiento|naissance", re.IGNORECASE)
_UNIT_IN_NAME = re.compile(
    r"(?:^|[^a-z]|age(?:in)?)(hours?|days?|d|weeks?|wk|w|months?|mo|years?|yrs?|y|tage?|wochen?|monate?|jahre?)"
    r"[\])]?$"
)
_GERMAN = {"tag": "days", "woc": "weeks", "mon": "months", "jah": "years"}
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_SPLITS = {"train", "training", "val", "validation", "test"}
YES = {"1", "1.0", "true", "yes", "y", "ja"}
NO = {"0", "0.0", "false", "no", "n", "nein"}
EMPTY = {"", "na", "n/a", "nan", "null", "none", "-", "?", "unknown"}


@dataclass(frozen=True)
class Guess:
    """What a column is taken for, and why."""

    column: str
    reason: str


@dataclass(frozen=True)
class FileColumn:
    """The column that names the recordings' files.

    Attributes
    ----------
    row_of : number of the row, from 0, by a recording's path.
    without_file : rows that name no file, or a name that several have.
    """

    column: str
    row_of: dict[str, int]
    without_file: tuple[int, ...]


def files_of(table: Table, found: Sequence[FoundRecording]) -> FileColumn | None:
    """Return the column that names the files, or None where none does for half of its cells.

    It is the one whose cells name the most recordings: by path, or by a name that is unique in the
    folder, with or without suffix, in any case.
    """
    keys = _keys(found)
    best: FileColumn | None = None
    for column in table.columns:
        cells = table.cells(column)
        rows: dict[str, int] = {}
        for number, cell in enumerate(cells):
            path = _path_of(cell, keys)
            if path is not None:
                rows.setdefault(path, number)
        filled = [number for number, cell in enumerate(cells) if cell]
        named = sum(_path_of(cell, keys) is not None for cell in cells)
        if named > MOST_ROWS_EACH * len(rows):
            continue  # beats or intervals, many of each recording
        absent = tuple(number for number in filled if _path_of(cells[number], keys) is None)
        most = 0 if best is None else len(best.row_of)
        if len(rows) > most and len(absent) <= FEWEST_MATCHES * len(filled):
            best = FileColumn(column, rows, absent)
    return best


def role(table: Table, which: str, taken: set[str]) -> Guess | None:
    """Return the column that a role other than the path is taken from, or None."""
    name = re.compile(_NAMES[which], re.IGNORECASE)
    fits = _FITS[which]
    for column in table.columns:
        plain = column.strip().lower()
        if column in taken or _BIRTH.search(plain) or not name.fullmatch(plain):
            continue
        cells = [cell for cell in table.cells(column) if cell.lower() not in EMPTY]
        least = MOST_AGES if which == "age" else 1.0
        if cells and sum(map(fits, cells)) >= least * len(cells):
            return Guess(column, "by its name and its cells")
    return None


def labels(table: Table, taken: set[str]) -> list[str]:
    """Return the columns whose cells are 0 or 1 (false, true; no, yes), both of them, or empty."""
    found = []
    for column in table.columns:
        cells = {cell.lower() for cell in table.cells(column)} - EMPTY
        if column not in taken and cells & YES and cells & NO and cells <= YES | NO:
            found.append(column)
    return found


def label(cell: str) -> str:
    """Return a label's cell as a manifest has it: 1, 0 or empty."""
    word = cell.lower()
    return "1" if word in YES else "0" if word in NO else ""


def numbers(table: Table, taken: set[str]) -> list[str]:
    """Return the other columns in which every cell is a number or empty."""
    found = []
    for column in table.columns:
        cells = [cell for cell in table.cells(column) if cell.lower() not in EMPTY]
        if column not in taken and cells and all(map(_is_number, cells)):
            found.append(column)
    return found


def unit_in_name(column: str) -> str | None:
    """Return the unit of age that a column's name says (``Age (months)``), or None."""
    match = _UNIT_IN_NAME.search(column.strip().lower())
    if match is None:
        return None
    word = match[1]
    if word.startswith(tuple(_GERMAN)):
        return _GERMAN[word[:3]]
    return {"h": "hours", "d": "days", "w": "weeks", "m": "months", "y": "years"}[word[0]]


def sex_words(column: str, cells: Sequence[str]) -> dict[str, str] | None:
    """Return ``female`` or ``male`` by cell, in lower case; None where the codes do not say it."""
    words = {cell.lower() for cell in cells} - EMPTY
    name = column.strip().lower()
    if words <= YES | NO and name.replace("_", " ").split()[-1] in ("male", "ismale"):
        return {word: "male" if word in YES else "female" for word in words}
    if words <= YES | NO and name.replace("_", " ").split()[-1] in ("female", "isfemale"):
        return {word: "female" if word in YES else "male" for word in words}
    known: dict[str, str] = {
        word: found for word in words if (found := file_ecg.sex(word)) is not None
    }
    return known if len(known) == len(words) else None


def age_cell(cell: str, unit: str) -> str:
    """Return an age with its unit, decimal commas as points; "" where it is unknown."""
    if cell.lower() in EMPTY:
        return ""
    plain = cell.replace(",", ".") if re.fullmatch(r"\d+,\d+\s*[a-zA-Z]*", cell) else cell
    return f"{plain} {unit}" if ages.has_no_unit(plain) else plain


def target_name(column: str) -> str:
    """Return a label's name as parameters and files take it: letters, digits and underscores."""
    plain = re.sub(r"\W+", "_", column.strip().lower(), flags=re.ASCII).strip("_") or "label"
    return f"label_{plain}" if plain[0].isdigit() or plain == "record_id" else plain


def _keys(found: Sequence[FoundRecording]) -> dict[str, str]:
    """Return the path of each recording by every name that means it alone."""
    meant: dict[str, set[str]] = {}
    for one in found:
        path = PurePosixPath(one.path)
        for name in (one.path, path.name, one.path.rpartition("#")[2]):
            for key in _spellings(name):
                meant.setdefault(key, set()).add(one.path)
    return {key: next(iter(paths)) for key, paths in meant.items() if len(paths) == 1}


def _path_of(cell: str, keys: Mapping[str, str]) -> str | None:
    """Return the path of the one recording that a cell names, or None."""
    return next((keys[key] for key in _spellings(cell) if key in keys), None)


def _spellings(name: str) -> tuple[str, str]:
    """Return a name with its suffix, which tells two exports of an ECG apart, and without it."""
    plain = name.strip().replace("\\", "/").removeprefix("./")
    return plain.lower(), signal_files.without_suffix(plain).lower()


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?", cell) is not None


def _is_age(cell: str) -> bool:
    plain = cell.replace(",", ".").strip().lower()
    return ages.has_no_unit(plain) or ages.read_or_note(plain).note == ""


_FITS: dict[str, Callable[[str], bool]] = {
    "patient": bool,
    "age": _is_age,
    "sex": lambda cell: len(cell) <= 10,  # a word or a code
    "acquired_at": lambda cell: _ISO.fullmatch(cell) is not None,
    "split": lambda cell: cell.lower() in _SPLITS,
    "fold": lambda cell: re.fullmatch(r"\d+(?:\.0)?", cell) is not None,
}
