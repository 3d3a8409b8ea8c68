"""Grammar of ``pedecg runs --where``: conditions, and whether a row meets them.

    learning_rate between 1e-5 and 1e-3
    model = resnet1d and auroc > 0.8
    model in cnn_only, gru or train.loss = focal
    seeds has 3            # a list that holds 3
    experiment ~ puppy     # text that holds puppy, in any case

``and`` binds before ``or``. Values are numbers, ``true``, ``false``, ``null`` or text, in quotes
where it has blanks; a row that lacks the column answers no condition but ``= null``.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pedecg.core.errors import PedecgError
from pedecg.runs.run_rows import RunRow, is_number

_TOKEN = re.compile(
    r"""\s*("[^"]*"|'[^']*'|\[[^\]]*\]|<=|>=|!=|==|=|<|>|~|,|(?!["'\[])[^\s,<>=!~]+)"""
)
_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_WORDS = {"true": True, "false": False, "null": None}
_OPERATORS = "=, !=, <, <=, >, >=, ~, between … and …, in …, has"


@dataclass(frozen=True)
class Condition:
    """One column, one operator and its values."""

    name: str
    question: str
    values: tuple[Any, ...]

    def holds(self, row: RunRow) -> bool:
        """Return whether a run meets the condition; one without the column does not.

        Raises
        ------
        PedecgError
            The operator needs a number and the run has none.
        """
        found, first = row.get(self.name), self.values[0]
        if self.question in ("=", "!="):
            if found is None and first is not None:
                return False
            return same(found, first) == (self.question == "=")
        if found is None:
            return False
        if self.question == "in":
            return any(same(found, value) for value in self.values)
        if self.question == "has":
            return isinstance(found, list) and any(same(item, first) for item in found)
        if self.question == "~":
            return str(first).lower() in str(found).lower()
        if not is_number(found):
            raise PedecgError(f"{self.name}: is {found!r}; {self.question} asks for a number")
        if self.question == "between":
            low, high = sorted(self.values)
            return bool(low <= found <= high)
        return _NUMBERS[self.question](found, first)


# Any of these groups holds where all conditions of it hold.
Filter = list[list[Condition]]


def same(found: Any, wanted: Any) -> bool:
    """Compare as a reader does: 0.001 is 1e-3, and true is not 1."""
    if is_number(found) and is_number(wanted):
        return bool(found == wanted)
    if isinstance(found, bool) or isinstance(wanted, bool) or found is None or wanted is None:
        return found is wanted
    if isinstance(found, list):
        items = wanted if isinstance(wanted, list) else [wanted]
        return len(found) == len(items) and all(map(same, found, items))
    return str(found) == str(wanted)


def parse(text: str) -> Filter:
    """Read a filter.

    Raises
    ------
    PedecgError
        What was found, and what was expected there.
    """
    tokens = _Tokens(text)
    groups = [[_condition(tokens)]]
    while tokens.more():
        joined = tokens.next("and, or")
        if joined == "and":
            groups[-1].append(_condition(tokens))
        elif joined == "or":
            groups.append([_condition(tokens)])
        else:
            raise tokens.fault(joined, "and, or")
    return groups


def holds(groups: Filter, row: RunRow) -> bool:
    """Return whether a row answers a filter."""
    return any(all(condition.holds(row) for condition in group) for group in groups)


def names(groups: Filter) -> list[str]:
    """Return the columns that a filter asks for."""
    return [condition.name for group in groups for condition in group]


class _Tokens:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise PedecgError(f"--where {text!r}: cannot read {text[at:].strip()!r}")
            self.tokens.append(match[1])
            at = match.end()

    def more(self) -> bool:
        return bool(self.tokens)

    def next(self, expected: str) -> str:
        if not self.tokens:
            raise PedecgError(f"--where {self.text!r}: ends where {expected} is expected")
        return self.tokens.pop(0)

    def take(self, wanted: str) -> bool:
        """Take the next token if it is the one that is wanted."""
        if self.tokens[:1] != [wanted]:
            return False
        self.tokens.pop(0)
        return True

    def fault(self, found: str, expected: str) -> PedecgError:
        return PedecgError(f"--where {self.text!r}: found {found!r}; expected {expected}")


def _condition(tokens: _Tokens) -> Condition:
    name = _plain(tokens.next("a column"))
    question = tokens.next(_OPERATORS)
    if question == "==":
        question = "="
    if question == "between":
        low = _number(tokens)
        joined = tokens.next("and")
        if joined not in ("and", ","):
            raise tokens.fault(joined, "and")
        return Condition(name, question, (low, _number(tokens)))
    if question in _NUMBERS:
        return Condition(name, question, (_number(tokens),))
    if question == "in":
        values = [value(tokens.next("a value"))]
        while tokens.take(","):
            values.append(value(tokens.next("a value")))
        several = values[0] if isinstance(values[0], list) and len(values) == 1 else values
        return Condition(name, question, tuple(several))
    if question in ("=", "!=", "~", "has"):
        return Condition(name, question, (value(tokens.next("a value")),))
    raise tokens.fault(question, f"one of {_OPERATORS}")


def _number(tokens: _Tokens) -> float:
    token = tokens.next("a number")
    found = value(token)
    if not is_number(found):
        raise tokens.fault(token, "a number")
    return float(found)


def value(token: str) -> Any:
    """Read a value: a number, true, false, null, a list in brackets, or text."""
    if token.startswith("["):
        return [value(item.strip()) for item in token[1:-1].split(",") if item.strip()]
    if token in _WORDS:
        return _WORDS[token]
    for kind in (int, float):
        try:
            return kind(token)
        except ValueError:
            pass
    return _plain(token)


def _plain(token: str) -> str:
    return token[1:-1] if len(token) > 1 and token[0] == token[-1] and token[0] in "\"'" else token


def select(rows: Sequence[RunRow], filters: Sequence[Filter]) -> list[RunRow]:
    """Return the rows that answer every filter."""
    return [row for row in rows if all(holds(groups, row) for groups in filters)]
