"""The most confident errors: false positives and false negatives."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pedecg.core import names
from pedecg.explain.explained_records import RecordContext, RecordTarget, by_target

KINDS = {"false_positive": "False positive. ", "false_negative": "False negative. "}


@dataclass(frozen=True)
class Mistake:
    """A wrong answer; rank 1 is the one that the model was surest of."""

    subject: RecordTarget
    kind: str
    rank: int

    @property
    def picture(self) -> str:
        """Name of the file of its picture."""
        return f"{names.file_stem(self.subject.target)}_{self.kind}_{self.rank}.png"


def most_confident(subjects: Sequence[RecordTarget], at_most: int) -> list[Mistake]:
    """Return each target's most confident false positives and false negatives.

    A record whose label is unknown is not a mistake.
    """
    found = []
    for listed in by_target(subjects).values():
        wrong = {
            "false_positive": [s for s in listed if s.positive and s.label == 0],
            "false_negative": [s for s in reversed(listed) if not s.positive and s.label == 1],
        }
        for kind, errors in wrong.items():
            found += [Mistake(s, kind, rank) for rank, s in enumerate(errors[:at_most], start=1)]
    return found


def table(
    mistakes: Sequence[Mistake],
    contexts: dict[str, RecordContext],
    findings: pd.DataFrame,
    drawn: int,
) -> pd.DataFrame:
    """Return what a reader needs to judge each mistake, one row per mistake.

    Parameters
    ----------
    findings : `tables.FINDINGS`, what the record's own readers wrote.
    drawn : mistakes up to this rank have a picture, whose name is in the last column.
    """
    words = findings["description"].fillna(findings["code"])
    written = words.groupby(findings["record_id"]).agg(
        lambda all_of_it: "; ".join(dict.fromkeys(all_of_it))
    )
    rows = []
    for mistake in mistakes:
        subject, record = mistake.subject, contexts[mistake.subject.record_id]
        rows.append(
            {
                "target": subject.target,
                "kind": mistake.kind,
                "rank": mistake.rank,
                "record_id": subject.record_id,
                "patient_id": subject.patient_id,
                "probability": subject.probability,
                "threshold": subject.threshold,
                "age_days": record.age_days,
                "sex": record.sex,
                "quality_flags": "; ".join(record.flaws),
                "rules_met": "; ".join(f"{title}: {reason}" for title, reason in record.criteria),
                "findings": written.get(subject.record_id, ""),
                "picture": mistake.picture if mistake.rank <= drawn else "",
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


COLUMNS = [
    "target", "kind", "rank", "record_id", "patient_id", "probability", "threshold", "age_days",
    "sex", "quality_flags", "rules_met", "findings", "picture",
]  # fmt: skip
