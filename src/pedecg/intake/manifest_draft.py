"""Draft of a cohort's manifest and parameters from a folder of files and a table of patients."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from pedecg.cohorts import ages
from pedecg.core.errors import PedecgError
from pedecg.core.params import did_you_mean
from pedecg.intake import column_guesses
from pedecg.intake.column_guesses import ROLES, FileColumn, Guess
from pedecg.intake.found_files import FoundFiles, FoundRecording
from pedecg.intake.table_dialects import Table

UNKNOWN_UNIT = "age_unit_unknown"  # column of ages without a known unit: kept, not read
NO_COLUMN = "none"  # as the user says that a role has no column
BY_FILE, BY_FOLDER = "file", "folder"  # what stands for a patient where no column does
_SPLIT = {"training": "train", "val": "validation"}
_FEW = 5  # names that a line of the summary quotes


@dataclass(frozen=True)
class Answers:
    """What the user has answered.

    Attributes
    ----------
    columns : column by role of `column_guesses.ROLES`; ``none`` for a role without one.
    labels : columns of labels; None: guessed.
    age_unit : of ages without one; None: no answer.
    female, male : codes of the sex.
    patient_from : `BY_FILE` or `BY_FOLDER`, where no column holds the patient.
    """

    columns: dict[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] | None = None
    age_unit: str | None = None
    female: tuple[str, ...] = ()
    male: tuple[str, ...] = ()
    patient_from: str | None = None


@dataclass(frozen=True)
class Draft:
    """The manifest and what a reader must know of it.

    Attributes
    ----------
    columns, rows : of manifest.csv.
    labels : names of the label columns.
    guesses, missing, questions : in words, one line each.
    """

    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    labels: tuple[str, ...]
    guesses: tuple[str, ...]
    missing: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass
class _Notes:
    guesses: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)


def answers(
    columns: Sequence[str],
    labels: str | None,
    age_unit: str | None,
    female: Sequence[str],
    male: Sequence[str],
    patient_from: str | None,
) -> Answers:
    """Read what the options say; `columns` are ``ROLE=COLUMN``.

    Raises
    ------
    PedecgError
        An entry of `columns` is of another form or names no role, or one sex alone has codes.
    """
    by_role = {}
    for entry in columns:
        role, equals, name = entry.partition("=")
        if not equals or not name.strip():
            raise PedecgError(f"--column {entry}: expected ROLE=COLUMN")
        if role.strip() not in ROLES:
            raise PedecgError(f"--column {entry}: no such role{did_you_mean(role.strip(), ROLES)}")
        by_role[role.strip()] = name.strip()
    if bool(female) != bool(male):
        raise PedecgError("--female, --male: expected codes of both")
    named = None if labels is None else tuple(filter(None, map(str.strip, labels.split(","))))
    return Answers(by_role, named, age_unit, tuple(female), tuple(male), patient_from)


def draft(found: FoundFiles, answers: Answers, given: Table | None = None) -> Draft:
    """Give every recording one row; what no table says of it stays empty.

    Parameters
    ----------
    given : the table that the user named; None: the one below the folder whose cells name the most
        recordings.

    Raises
    ------
    PedecgError
        An answer names a column that the table does not have, or the named table names no file.
    """
    notes = _Notes()
    table, files = _table(found, answers, given, notes)
    cells: dict[str, dict[str, str]] = {one.path: {} for one in found.recordings}
    labels: tuple[str, ...] = ()
    if table is not None and files is not None:
        roles = _roles(table, files.column, answers, notes)
        columns = _converted(table, roles, answers, notes)
        labels = _labels(table, {*roles.values(), files.column}, answers, columns, notes)
        for path, row in files.row_of.items():
            cells[path] = {name: column[row] for name, column in columns.items() if column[row]}
    elif answers.columns.keys() - {"path"} or answers.labels:
        raise PedecgError("--column, --labels: no table names the files; expected --table FILE")
    _patients(found.recordings, cells, answers, notes)
    present = [name for name in _ORDER if any(name in row for row in cells.values())]
    rows = tuple(
        {"record_id": one.record_id, "path": one.path, **cells[one.path]}
        for one in found.recordings
    )
    for name in ("age", "sex"):
        lacking = sum(name not in row for row in rows)
        if lacking:
            notes.missing.append(
                f"{name}: not in the table for {lacking} of {len(rows)} recordings; that of their "
                "files is used, if there is one"
            )
    return Draft(
        columns=("record_id", "path", *present, *labels),
        rows=rows,
        labels=labels,
        guesses=tuple(notes.guesses),
        missing=tuple(notes.missing),
        questions=tuple(notes.questions),
    )


# The manifest's columns after record_id and path; labels follow.
_ORDER = ("patient_id", "age", UNKNOWN_UNIT, "sex", "acquired_at", "split", "fold")


def _table(
    found: FoundFiles, answers: Answers, given: Table | None, notes: _Notes
) -> tuple[Table | None, FileColumn | None]:
    candidates = (given,) if given is not None else found.tables
    fits = []
    for table in candidates:
        files = _files(table, found.recordings, answers)
        if files is not None:
            fits.append((table, files))
    if given is not None and not fits:
        raise PedecgError(
            f"{given.file.name}: no column names the files below the folder; expected "
            "paths or file names, as --column path=COLUMN"
        )
    if not fits:
        notes.missing.append("a table that names the files: patients, ages and labels are unknown")
        notes.questions.append("Is there a table of patients and labels? --table FILE")
        return None, None
    table, files = max(fits, key=lambda fit: len(fit[1].row_of))
    for other, _ in fits:
        if other is not table:
            notes.guesses.append(f"table {other.file.name} also names files; not used (--table)")
    notes.guesses.append(
        f"table {table.file.name} ({table.dialect}): column {files.column!r} names "
        f"{len(files.row_of)} of {len(found.recordings)} recordings"
    )
    unnamed = len(found.recordings) - len(files.row_of)
    if unnamed:
        notes.missing.append(f"{unnamed} recordings are in no row of {table.file.name}")
    if files.without_file:
        shown = _some([table.cells(files.column)[row] for row in files.without_file])
        notes.missing.append(
            f"{len(files.without_file)} rows of {table.file.name} name no file that is there, or "
            f"several, and are left out: {shown}"
        )
    return table, files


def _files(
    table: Table, recordings: Sequence[FoundRecording], answers: Answers
) -> FileColumn | None:
    wanted = answers.columns.get("path")
    if wanted is None:
        return column_guesses.files_of(table, recordings)
    _require(table, wanted)
    alone = Table(table.file, (wanted,), table.rows, table.dialect)
    return column_guesses.files_of(alone, recordings)


def _roles(table: Table, path: str, answers: Answers, notes: _Notes) -> dict[str, str]:
    """Return the column of each role that has one."""
    roles: dict[str, str] = {}
    for role in ROLES[1:]:
        wanted = answers.columns.get(role)
        if wanted is not None:
            if wanted != NO_COLUMN:
                roles[role] = _require(table, wanted)
            continue
        guess = column_guesses.role(table, role, {path, *roles.values()})
        if guess is not None and not (role == "patient" and answers.patient_from):
            roles[role] = guess.column
            notes.guesses.append(_told(role, guess))
    return roles


def _told(role: str, guess: Guess) -> str:
    return f"{role}: column {guess.column!r}, {guess.reason}"


def _converted(
    table: Table, roles: dict[str, str], answers: Answers, notes: _Notes
) -> dict[str, list[str]]:
    """Return the manifest's columns, cells in the order of the table."""
    columns: dict[str, list[str]] = {}
    for role, column in roles.items():
        cells = table.cells(column)
        if role == "age":
            name, cells = _ages(column, cells, answers, notes)
            columns[name] = cells
        elif role == "sex":
            columns["sex"] = _sexes(column, cells, answers, notes)
        elif role == "split":
            columns["split"] = [_SPLIT.get(cell.lower(), cell.lower()) for cell in cells]
        else:
            columns["patient_id" if role == "patient" else role] = cells
    return columns


def _ages(column: str, cells: list[str], answers: Answers, notes: _Notes) -> tuple[str, list[str]]:
    """Return ages that all say their unit, or those without as a column that is not read."""
    bare = [cell for cell in cells if ages.has_no_unit(cell.replace(",", "."))]
    named = column_guesses.unit_in_name(column)
    unit = answers.age_unit or named
    if bare and unit is None:
        if ages.ambiguous(cell.replace(",", ".") for cell in bare) is None:
            unit = "days"
            notes.guesses.append(
                f"age: days, since one is over {ages.LARGEST_AMBIGUOUS}, "
                f"which no child has in months or years (column {column!r})"
            )
        else:
            largest = max(bare, key=lambda cell: float(cell.replace(",", ".")))
            notes.questions.append(
                f"In which unit are the ages of column {column!r} (numbers up to {largest})? "
                f"--age-unit days, weeks, months or years. Until then they stand in "
                f"{UNKNOWN_UNIT}, which is not read"
            )
            return UNKNOWN_UNIT, cells
    elif bare:
        where = "by --age-unit" if answers.age_unit else "by the column's name"
        notes.guesses.append(f"age: in {unit}, {where} (column {column!r})")
    read = [column_guesses.age_cell(cell, unit or "") for cell in cells]
    unreadable = [cell for cell in read if cell and ages.read_or_note(cell).days is None]
    if unreadable:
        notes.missing.append(
            f"age: {len(unreadable)} cells give no age in days: {_some(unreadable)}"
        )
    return "age", read


def _sexes(column: str, cells: list[str], answers: Answers, notes: _Notes) -> list[str]:
    stated = {word.lower(): "female" for word in answers.female}
    stated |= {word.lower(): "male" for word in answers.male}
    words = stated or column_guesses.sex_words(column, cells)
    if words is None:
        codes = sorted({cell for cell in cells if cell})
        notes.questions.append(
            f"Which codes of column {column!r} are female, which male ({_some(codes)})? "
            "--female CODE --male CODE. Until then the sex is the file's own"
        )
        return [""] * len(cells)
    unknown = sorted({c for c in cells if c.lower() not in words} - column_guesses.EMPTY)
    if unknown:
        notes.missing.append(f"sex: codes that are neither female nor male: {_some(unknown)}")
    return [words.get(cell.lower(), "") for cell in cells]


def _labels(
    table: Table,
    taken: set[str],
    answers: Answers,
    columns: dict[str, list[str]],
    notes: _Notes,
) -> tuple[str, ...]:
    """Add the label columns to `columns`, and return their names."""
    if answers.labels is None:
        wanted = column_guesses.labels(table, taken)
        if wanted:
            notes.guesses.append(f"labels, columns of 0 and 1: {', '.join(map(repr, wanted))}")
            notes.questions.append(
                f"Are these columns the labels: {', '.join(wanted)}? If not: --labels COLUMN,COLUMN"
            )
        else:
            notes.missing.append("labels: no column of 0 and 1; a training needs some (--labels)")
    else:
        wanted = [_require(table, column) for column in answers.labels]
    names = []
    for column in wanted:
        name = column_guesses.target_name(column)
        if name in columns or name in _ORDER or name in ("record_id", "path"):
            raise PedecgError(f"column {column!r}: a label of the name {name} exists already")
        columns[name] = [column_guesses.label(cell) for cell in table.cells(column)]
        odd = {c for c in table.cells(column) if not column_guesses.label(c)}
        odd = {cell for cell in odd if cell.lower() not in column_guesses.EMPTY}
        if odd:
            raise PedecgError(f"column {column!r}: {sorted(odd)[0]!r}; expected 0, 1 or empty")
        names.append(name)
    rest = {*table.columns} - taken - set(wanted)
    numeric = column_guesses.numbers(table, taken | set(wanted))
    if numeric:
        notes.guesses.append(f"numbers, not used: {_some(numeric)}")
    texts = [column for column in table.columns if column in rest and column not in numeric]
    if texts:
        notes.guesses.append(f"other columns, not copied, may name a person: {_some(texts)}")
    return tuple(names)


def _patients(
    recordings: Sequence[FoundRecording],
    cells: dict[str, dict[str, str]],
    answers: Answers,
    notes: _Notes,
) -> None:
    """Fill in patients that no column gives: ingest keeps a patient on one side of a split."""
    without = [one for one in recordings if "patient_id" not in cells[one.path]]
    by_folder = answers.patient_from == BY_FOLDER
    for one in without:
        parent = PurePosixPath(one.path).parent.as_posix()
        cells[one.path]["patient_id"] = parent if by_folder else one.record_id
    if not without or answers.patient_from is not None:
        return
    folders = Counter(PurePosixPath(one.path).parent for one in without)
    notes.missing.append(f"patient: {len(without)} of {len(recordings)}")
    notes.questions.append(
        f"Which recordings belong to one patient? Until then each of {len(without)} files is a "
        "patient of its own, and one child could be in training and test. --column patient=COLUMN, "
        f"--patient-from folder ({len(folders)} folders) or --patient-from file"
    )


def _require(table: Table, column: str) -> str:
    if column not in table.columns:
        raise PedecgError(
            f"{table.file.name}: column {column!r} not found{did_you_mean(column, table.columns)}"
        )
    return column


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more
