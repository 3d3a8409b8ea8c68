"""Label expressions: small, safe, and honest about what is not known."""

from itertools import product

import pandas as pd
import pytest

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.evaluation import label_mapping

VALUES = (0, 1, None)
PAIRS = list(product(VALUES, VALUES))
LABELS = tables.check(
    pd.DataFrame(
        {
            "record_id": [f"r{i}" for i in range(9)],
            "norm": [a for a, _ in PAIRS],
            "mi": [b for _, b in PAIRS],
            "left axis": [0] * 9,
        }
    ),
    tables.LABELS,
    "made",
)


def kleene_or(a: int | None, b: int | None) -> int | None:
    if 1 in (a, b):
        return 1
    return None if None in (a, b) else 0


def kleene_and(a: int | None, b: int | None) -> int | None:
    if 0 in (a, b):
        return 0
    return None if None in (a, b) else 1


def values(expression: str) -> list[int | None]:
    column = label_mapping.apply(LABELS, {"target": expression})["target"]
    return [None if pd.isna(value) else int(value) for value in column]


@pytest.mark.parametrize("expression", ["norm or mi", "any(norm, mi)", "not (not norm and not mi)"])
def test_or_knows_what_one_positive_settles(expression: str) -> None:
    assert values(expression) == [kleene_or(a, b) for a, b in PAIRS]


@pytest.mark.parametrize("expression", ["norm and mi", "all(norm, mi)", " (norm) and (mi) "])
def test_and_knows_what_one_negative_settles(expression: str) -> None:
    assert values(expression) == [kleene_and(a, b) for a, b in PAIRS]


def test_not_of_unknown_is_unknown() -> None:
    assert values("not norm") == [None if a is None else 1 - a for a, _ in PAIRS]


def test_a_label_of_two_words_is_quoted() -> None:
    assert values('"left axis" or mi') == [kleene_or(0, b) for _, b in PAIRS]


def test_the_result_is_a_table_of_labels() -> None:
    mapped = label_mapping.apply(LABELS, {"abnormal": "not norm", "infarct": "mi"})
    checked = tables.check(mapped, tables.LABELS, "mapped")
    assert list(checked.columns) == ["record_id", "abnormal", "infarct"]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("not nrm", "mapping of t, 'not nrm': no label nrm; labels are norm, mi, left axis"),
        ("norm or", "mapping of t: cannot read 'norm or'; expected labels"),
        ("", "mapping of t: cannot read ''"),
        ("norm + mi", r"'norm \+ mi' is not allowed"),
        ("__import__('os').system('true')", "is not allowed"),
        ("any()", r"'any\(\)' is not allowed"),
        ("norm if mi else 1", "is not allowed"),
        ("any(*norm)", "is not allowed"),
    ],
)
def test_what_cannot_be_read_is_reported_in_one_line(expression: str, message: str) -> None:
    with pytest.raises(PedecgError, match=message) as caught:
        label_mapping.apply(LABELS, {"t": expression})
    assert "\n" not in str(caught.value)
