"""Who is explained, who is a mistake, and what a reader is reported about it."""

import numpy as np
import pandas as pd

from pedecg.explain import explained_records, mistakes
from pedecg.explain.explained_records import RecordContext, RecordTarget


def subject(record: str, label: float, probability: float, target: str = "chd") -> RecordTarget:
    return RecordTarget(record, record[:3], target, label, probability, 0.5)


ALL = [
    subject("A", 1, 0.9),
    subject("B", 0, 0.8),
    subject("C", 0, 0.6),
    subject("D", 1, 0.1),
    subject("E", 1, 0.3),
    subject("F", 0, 0.2),
    subject("G", np.nan, 0.95),
]


def test_the_surest_mistakes_come_first_and_an_unknown_label_is_none():
    found = mistakes.most_confident(ALL, at_most=5)
    listed = [(m.kind, m.rank, m.subject.record_id) for m in found]
    assert listed == [
        ("false_positive", 1, "B"), ("false_positive", 2, "C"),
        ("false_negative", 1, "D"), ("false_negative", 2, "E"),
    ]  # fmt: skip
    assert len(mistakes.most_confident(ALL, at_most=1)) == 2


def test_the_ill_and_those_called_ill_are_explained():
    chosen = explained_records.present_or_positive(ALL, at_most=10)["chd"]
    assert [s.record_id for s in chosen] == ["G", "A", "B", "C", "E", "D"]
    few = explained_records.present_or_positive(ALL, at_most=3)["chd"]
    assert [s.record_id for s in few] == ["G", "B", "E"]


def test_the_table_says_what_a_reader_needs():
    rule = (("Wide QRS for age", "QRS 130 ms, above 98"),)
    contexts = {
        key: RecordContext(
            key, 0, 400.0, "female", pd.DataFrame(), pd.DataFrame(), rule, ("V1 partly-saturated",)
        )
        for key in "ABCDEFG"
    }
    findings = pd.DataFrame(
        {"record_id": ["B", "B", "B"], "code": ["A1", "A1", "x"],
         "description": ["Normal ECG", "Normal ECG", None]}
    )  # fmt: skip
    table = mistakes.table(mistakes.most_confident(ALL, 2), contexts, findings, drawn=1)
    first = table.iloc[0]
    assert first["findings"] == "Normal ECG; x"
    assert first["rules_met"] == "Wide QRS for age: QRS 130 ms, above 98"
    assert first["quality_flags"] == "V1 partly-saturated"
    assert first["picture"] == "chd_false_positive_1.png"
    assert table.iloc[1]["picture"] == ""


def test_no_mistake_is_a_table_too():
    assert list(mistakes.table([], {}, pd.DataFrame({"record_id": [], "code": [],
                "description": []}), 1).columns) == mistakes.COLUMNS  # fmt: skip
