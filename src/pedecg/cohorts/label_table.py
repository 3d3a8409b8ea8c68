"""From the codes of a record to labels, by a table of ``codes/labels_*.csv``.

A table has one of two forms. With the columns `role` and `superclass` each code says what it means
for the ECG as a whole and which diagnostic superclass of PTB-XL it belongs to; the targets are
`TARGETS`. Otherwise every column between `description` and `status` is a target, and each code
says 1, 0 or nothing of it. The column `status` says where a row comes from: published, own (by the
words of the code) or check (uncertain).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pedecg.cohorts import csv_table
from pedecg.core.errors import PedecgError

FOLDER = Path(__file__).parent / "codes"
SUPERCLASSES = ("mi", "sttc", "cd", "hyp")
TARGETS = ("abnormal", "abnormal_beyond_rate", "norm", *SUPERCLASSES)
ROLES = {
    "normal": "a normal ECG, unless another code says otherwise",
    "benign": "a finding that alone makes no ECG abnormal",
    "rate": "a heart rate outside the limits: abnormal, but not beyond rate",
    "abnormal": "a finding",
    "not_normal": "some finding, which may be of rate alone",
    "neutral": "says nothing of normal or abnormal",
    "unknown": "may be either",
}
SEVERAL = "?"  # a superclass that the code does not tell
STATUSES = ("published", "own", "check")
_LABELS: dict[str, int | None] = {"1": 1, "0": 0, "": None}
_FRAME = ("code", "description", "status", "source")
_BY_ROLE = ("role", "superclass")


@dataclass(frozen=True)
class Meaning:
    """One row: `role` and `superclass`, or one label per target."""

    description: str
    role: str
    superclass: str
    labels: dict[str, int | None]


@dataclass(frozen=True)
class LabelTable:
    """The codes of a data set and what they mean.

    Attributes
    ----------
    targets : the labels that it gives.
    by_role : the form of the table.
    """

    targets: tuple[str, ...]
    by_role: bool
    _exact: dict[str, Meaning]
    _patterns: tuple[tuple[re.Pattern[str], Meaning], ...]
    _found: dict[str, Meaning | None]

    def meaning(self, code: str) -> Meaning | None:
        """Return what a code means; None: it is not in the table."""
        if not self._patterns:
            return self._exact.get(code)
        if code not in self._found:  # the same few thousand sentences come again and again
            hits = (meaning for pattern, meaning in self._patterns if pattern.fullmatch(code))
            self._found[code] = next(hits, None)
        return self._found[code]

    def labels(self, codes: Iterable[str]) -> dict[str, int | None]:
        """Return 1 present, 0 absent or None unknown for every target, of one record's codes."""
        meanings = [self.meaning(code) for code in codes]
        if not self.by_role:
            return {target: _stated(target, meanings) for target in self.targets}
        roles = {"unknown" if one is None else one.role for one in meanings}
        classes = {SEVERAL if one is None else one.superclass for one in meanings} - {""}
        normal = _normal(roles)
        told = SEVERAL not in classes and "unknown" not in roles
        absent = 0 if told and (classes or normal == 1) else None
        return {
            "abnormal": _present(roles, {"abnormal", "rate", "not_normal"}, {"normal", "benign"}),
            "abnormal_beyond_rate": _present(roles, {"abnormal"}, {"normal", "benign", "rate"}),
            "norm": normal,
            **{name: 1 if name in classes else absent for name in SUPERCLASSES},
        }


@cache
def read(name: str, patterns: bool = False) -> LabelTable:
    """Return a table of labels.

    Parameters
    ----------
    patterns : its codes are regular expressions, in the order in which they are tried.

    Raises
    ------
    PedecgError
        In one line: a column is missing, or a row has an unknown role, superclass, status or
        label.
    """
    file = FOLDER / name
    rows = csv_table.read(file, _FRAME)
    by_role = "role" in rows[0]
    extra = [column for column in rows[0] if column not in _FRAME]
    if by_role and extra != list(_BY_ROLE):
        raise PedecgError(f"{name}: columns {', '.join(extra)}; expected {', '.join(_BY_ROLE)}")
    meanings: dict[str, Meaning] = {}
    for row in rows:
        place = f"{name}: {row['code']}"
        _check(row["status"], STATUSES, f"{place}: status")
        if by_role:
            _check(row["role"], ROLES, f"{place}: role")
            _check(row["superclass"], ("", SEVERAL, *SUPERCLASSES), f"{place}: superclass")
        else:
            for target in extra:
                _check(row[target], _LABELS, f"{place}: {target}")
        if row["code"] in meanings:
            raise PedecgError(f"{place}: listed twice")
        meanings[row["code"]] = Meaning(
            row["description"],
            row.get("role", ""),
            row.get("superclass", ""),
            {} if by_role else {target: _LABELS[row[target]] for target in extra},
        )
    compiled = tuple((re.compile(code), one) for code, one in meanings.items() if patterns)
    return LabelTable(TARGETS if by_role else tuple(extra), by_role, meanings, compiled, {})


def _check(found: str, expected: Iterable[str], place: str) -> None:
    if found not in expected:
        raise PedecgError(f"{place} {found!r}; expected one of {', '.join(expected)}")


def _normal(roles: set[str]) -> int | None:
    """Return the label NORM: PTB-XL's readers also gave it to ECGs with findings of rate."""
    if "abnormal" in roles:
        return 0
    return 1 if "normal" in roles and roles <= {"normal", "benign", "rate", "neutral"} else None


def _present(roles: set[str], ill: set[str], well: set[str]) -> int | None:
    if roles & ill:
        return 1
    return 0 if roles & well and roles <= well | {"neutral"} else None


def _stated(target: str, meanings: list[Meaning | None]) -> int | None:
    """Return 1 where a code states it, 0 where every code denies it."""
    labels = [None if one is None else one.labels[target] for one in meanings]
    if 1 in labels:
        return 1
    return 0 if labels and None not in labels else None
