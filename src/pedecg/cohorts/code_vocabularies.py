"""Code cells and their vocabularies: AHA and CHN findings, ICD-10 diagnoses of ZZU-pECG.

A cell holds quoted tokens joined by ``;``. A token is a code, or English where the vocabulary has
no code, and may carry modifiers: ``'C23';'D30+Modifier308';'First-degree AV block'``. Composite
codes such as ``J(111+112+113)`` are one code. Two diagnoses differ by their study prefix alone:
``Q21.1`` is an atrial septal defect, ``(FO) Q21.1`` an open foramen ovale.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ECG_CODES = Path(__file__).parent / "codes" / "ecg_codes.csv"
DISEASE_CODES = Path(__file__).parent / "codes" / "disease_codes.csv"
CHAPTERS = Path(__file__).parent / "codes" / "disease_chapters.csv"

_COLUMN = {"aha": "AHA(Category&Code)", "chn": "CHN(Category&Code)"}
_NO_CODE = {"", "n/a", "null", "nan", "none"}
# A quoted token ends at the quote before a separator, so that it may hold quotes and semicolons.
_TOKEN = re.compile(r"\s*(?:'(?P<quoted>.*?)'|(?P<plain>[^;]*))\s*(?:;|$)", re.DOTALL)
_PLUS_OUTSIDE_BRACKETS = re.compile(r"\+(?![^()]*\))")
_ICD10 = re.compile(r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?")


@dataclass(frozen=True)
class Finding:
    """One token of a code cell.

    Attributes
    ----------
    vocabulary : aha, chn, icd10, scp or cinc2017.
    code : as the source writes it, or its prose.
    modifiers : as the source writes them.
    description : in words; None where the code is in no table of ours.
    known : the code and its modifiers belong to the vocabulary.
    likelihood : percent, where the source grades it.
    """

    vocabulary: str
    code: str
    modifiers: tuple[str, ...] = ()
    description: str | None = None
    known: bool = True
    likelihood: float | None = None


@dataclass(frozen=True)
class Disease:
    """One row of DiseaseCode.csv: its group (``Cardiomyopathy``) and its name."""

    group: str
    name: str


def split_cell(cell: str) -> list[str]:
    """Return the tokens of a cell, without quotes; an empty or ``Null`` cell has none."""
    if cell.strip().lower() in _NO_CODE:
        return []
    tokens = (match["quoted"] or match["plain"] or "" for match in _TOKEN.finditer(cell))
    return [token.strip() for token in tokens if token.strip()]


def split_token(token: str) -> tuple[str, tuple[str, ...]]:
    """Return the base code and its modifiers; a plus inside brackets joins a composite code."""
    base, *modifiers = (part.strip() for part in _PLUS_OUTSIDE_BRACKETS.split(token))
    return base, tuple(modifiers)


def findings(cell: str, vocabulary: str) -> list[Finding]:
    """Read a cell of ``aha`` or ``chn`` tokens."""
    described = _descriptions(vocabulary)
    modifiers_known = _modifiers()
    found = []
    for token in split_cell(cell):
        base, modifiers = split_token(token)
        description = described.get(code_key(base))
        known = description is not None and all(code_key(m) in modifiers_known for m in modifiers)
        found.append(Finding(vocabulary, base, modifiers, description, known))
    return found


def finding_key(finding: Finding) -> str:
    """Return the AHA code of a finding in either vocabulary, or its words where AHA has none."""
    return _aha_of_description().get(finding.description or "", finding.description or finding.code)


def finding_keys() -> set[str]:
    """Return every key that `finding_key` can give to a known finding."""
    return {aha or words for words, aha, _ in _ecg_rows()}


def diagnoses(cell: str) -> list[Finding]:
    """Read a cell of ICD-10 tokens, with their study prefixes.

    ICD-10 codes beyond the study's 19 are known by their form; their words are not in a table of
    ours.
    """
    found = []
    for token in split_cell(cell):
        disease = disease_of(token)
        known = disease is not None or _ICD10.fullmatch(token.upper()) is not None
        found.append(Finding("icd10", token, (), disease.name if disease else None, known))
    return found


def disease_of(code: str) -> Disease | None:
    """Return the study's disease of a code with its prefix, or None."""
    return _diseases().get(code_key(code))


def unlisted_groups(code: str) -> set[str]:
    """Return the groups of disease whose ICD-10 chapter contains a code that is not a key.

    A coarctation (Q25.1) is a congenital heart defect, though the study lists no such key: of a
    record with this code is not known to be free of a congenital heart defect.
    """
    category = _ICD10.search(code.upper())
    if category is None or disease_of(code) is not None:
        return set()
    here = category.group()[:3]
    return {group for group, first, last in _chapters() if first <= here <= last}


def code_key(text: str) -> str:
    """Codes and words are compared without blanks and case: ``J(111 + 112 + 113)``."""
    return "".join(text.split()).casefold()


@cache
def _ecg_rows() -> list[tuple[str, str, str]]:
    """Return (description, AHA code, CHN code) of every row; "" where there is no code."""
    with ECG_CODES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    codes = [[row["Description"], *(row[column] for column in _COLUMN.values())] for row in rows]
    clean = [["" if cell.lower() in _NO_CODE else cell for cell in row] for row in codes]
    return [(description, aha, chn) for description, aha, chn in clean]


@cache
def _descriptions(vocabulary: str) -> dict[str, str]:
    """Return description by code, and by its own words for tokens that are prose."""
    which = list(_COLUMN).index(vocabulary) + 1
    words = {code_key(row[0]): row[0] for row in _ecg_rows()}
    return words | {code_key(row[which]): row[0] for row in _ecg_rows() if row[which]}


@cache
def _modifiers() -> set[str]:
    """Return modifiers as AHA codes (``modifier308``) and as CHN words (``occasional``)."""
    rows = [row for row in _ecg_rows() if row[1].startswith("Modifier")]
    return {code_key(cell) for row in rows for cell in row[:2]}


@cache
def _aha_of_description() -> dict[str, str]:
    return {description: aha for description, aha, _ in _ecg_rows() if aha}


@cache
def _diseases() -> dict[str, Disease]:
    with DISEASE_CODES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    diseases = {}
    for row in rows:
        # The last row, "Other diseases", is a remark and no code.
        if _ICD10.search(row["ICD-10 Code"]):
            group, name = _words(row["Disease Type"]), _words(row["Disease Category"])
            diseases[code_key(row["ICD-10 Code"])] = Disease(group, name)
    return diseases


@cache
def _chapters() -> list[tuple[str, str, str]]:
    with CHAPTERS.open(encoding="utf-8", newline="") as file:
        return [(row["group"], row["from"], row["to"]) for row in csv.DictReader(file)]


def _words(text: str) -> str:
    return " ".join(text.split())
