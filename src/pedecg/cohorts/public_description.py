"""Public data sets as data: one YAML file each in ``descriptions/``, read by `public_cohort`."""

import re
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pedecg.core import params
from pedecg.core.params import Section

FOLDER = Path(__file__).parent / "descriptions"
# What the row of a WFDB header has besides the keys of its comments.
HEADER_COLUMNS = ("record", "path", "part")
ROW = "row"  # the number of a row in its table, from 0
_FIELD = re.compile(r"\{([^{}]+)\}")


class FurtherTable(Section):
    """A table with further columns of the same records."""

    table: str
    key: str = Field(description="column of both tables; one row each")


class ByPosition(Section):
    """An HDF5 array whose n-th entry belongs to the n-th row of the table."""

    file: str
    dataset: str


class AgeColumn(Section):
    """Where the age is, and how it is written."""

    column: str
    unit: Literal["days", "weeks", "months", "years"] = Field(description="of a bare number")
    unknown: list[str] = Field([], description="values that state no age, in lower case")
    hidden: list[str] = Field(
        [], description="values that stand for a range of ages; the age is null, never a fault"
    )
    corrected: dict[str, str] = Field({}, description="misprints of the source, as they are read")


class SexColumn(Section):
    """Where the sex is, and its words."""

    column: str
    female: list[str]
    male: list[str]


class Flag(Section):
    """A column of true and false: the code that each stands for."""

    present: str
    absent: str | None = Field(None, description="null: false says nothing on its own")


class Codes(Section):
    """Where the codes of a record are."""

    vocabulary: str = Field(description="name in findings.parquet")
    columns: list[str] = Field([], description="cells with codes")
    separator: str | None = Field(None, description="between codes of a cell; null: one code")
    modifiers: str | None = Field(None, description="between a code and its modifiers")
    no_code: list[str] = Field([], description="cells that hold none, in lower case")
    sentences: bool = Field(
        False, description="codes are sentences: case, blanks and a final full stop do not count"
    )
    flags: dict[str, Flag] = Field({}, description="column -> codes")


class Annotations(Section):
    """Annotations of beats alongside each record, and the labels that they give it."""

    extension: str = Field(description="of the annotation file")
    labels: dict[str, list[str]] = Field(
        description="label: annotations, symbol or symbol and text, of which one makes it positive"
    )
    others: list[str] = Field([], description="further annotations with a text, of no label")


class Description(Section):
    """One public data set.

    ``{column}`` in a text stands for the cell of that column.
    """

    title: str
    data_set: str = Field(description="name in the registry of `pedecg fetch`")
    source: str = Field(description="its page")
    licence: str | None = Field(description="null: unknown")
    checked: str = Field(description="what this description rests on, and what is not certain")
    tables: list[str] = Field([], description="CSV tables, one below the other")
    further_tables: list[FurtherTable] = Field(
        [], description="tables with further columns of the records"
    )
    headers: str | None = Field(
        None, description="folder of WFDB headers, whose comments are the rows; null: `tables`"
    )
    record_id: str
    patient_id: str
    path: str
    folder: str = Field("", description="where records without a row are looked for")
    by_position: ByPosition | None = None
    acquired_at: str | None = Field(None, description="column")
    samples: str | None = Field(None, description="column of the number of samples")
    age: AgeColumn | None = Field(description="null: not published")
    sex: SexColumn | None = Field(description="null: not published")
    codes: Codes
    labels: str = Field(description="table of labels in ``codes/``")
    patterns: bool = Field(False, description="its codes are regular expressions, the first counts")
    annotations: Annotations | None = Field(None, description="null: none, or none that is read")
    other_channels: list[str] = Field(
        [], description="channels besides the twelve leads that may be left out"
    )

    @model_validator(mode="after")
    def _rows_of_one_kind(self) -> "Description":
        if bool(self.tables) == (self.headers is not None):
            raise ValueError("needs either tables or headers")
        return self

    def named_columns(self) -> list[str]:
        """Return every column that the description names, in order."""
        texts = (self.record_id, self.patient_id, self.path)
        filled = [column for text in texts for column in _FIELD.findall(text)]
        single = [self.acquired_at, self.samples]
        stated = [part.column for part in (self.age, self.sex) if part is not None]
        named = [*filled, *filter(None, single), *stated, *self.codes.columns, *self.codes.flags]
        return [column for column in dict.fromkeys(named) if column != ROW]


def fill(text: str, cells: dict[str, str]) -> str:
    """Return a text with the cells of its columns; "" where one of them is empty."""
    columns = _FIELD.findall(text)
    if not all(cells[column] for column in columns):
        return ""
    return _FIELD.sub(lambda match: cells[match[1]], text)


def names() -> tuple[str, ...]:
    """Return the names of all described data sets, as `cohort.name` has them."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.yaml")))


@cache
def read(name: str) -> Description:
    """Return one description.

    Raises
    ------
    PedecgError
        The file is not a description.
    """
    file = FOLDER / f"{name}.yaml"
    return params.parse(params.read_file(file), name, Description, file.name)
