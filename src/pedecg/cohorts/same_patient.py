"""Patients of a cohort that may be one: ids that differ only in form, or the same signal twice.

Nobody here can tell whether ``12`` and ``P12`` are one child. They are kept on one side of every
split and listed, so that a person can.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import pandas as pd

from pedecg.core import patient_keys

_NUMBERED = re.compile(r"(?P<prefix>\D*?)(?P<number>[0-9]+)(?:\.0*)?")
BY_FORM = "the ids differ only in form"
BY_SIGNAL = "the same signal"


def groups(patients: Sequence[str], digests: Sequence[bytes]) -> dict[str, str]:
    """Return the group of every patient identifier that may belong to the same patient.

    Parameters
    ----------
    patients, digests : of each record; records of equal signals have equal digests.

    Returns
    -------
    patient_id -> name of its group, the first id of it in order; an identifier without a match is
    absent.
    """
    linked = [*_of_one_form(patients)]
    by_digest: dict[bytes, set[str]] = defaultdict(set)
    for patient, digest in zip(patients, digests, strict=True):
        by_digest[digest].add(patient)
    linked += [names for names in by_digest.values() if len(names) > 1]
    return _joined(linked)


def listed(records: pd.DataFrame) -> pd.DataFrame:
    """Return the table of identifiers that may belong to the same patient.

    Parameters
    ----------
    records : `tables.RECORDS`.

    Returns
    -------
    Columns ``group``, ``patient_id``, ``records`` and ``why``; empty where there is none.
    """
    columns = ["group", "patient_id", "records", "why"]
    if "split_group" not in records or records["split_group"].isna().all():
        return pd.DataFrame(columns=columns)
    members = records.dropna(subset=["split_group"])
    counts = members.groupby(["split_group", "patient_id"]).size().rename("records").reset_index()
    alike = _joined(_of_one_form(counts["patient_id"]))
    counts["why"] = [BY_FORM if name in alike else BY_SIGNAL for name in counts["patient_id"]]
    return counts.rename(columns={"split_group": "group"})[columns]


def in_two_splits(assignment: pd.DataFrame, records: pd.DataFrame) -> int:
    """Return how many groups stand in several splits, as the data set's own split may leave them.

    Parameters
    ----------
    assignment : `tables.SPLITS`, in the order of `records`.
    """
    splits = assignment.groupby(patient_keys.of(records).to_numpy(str))["split"].nunique()
    return int((splits > 1).sum())


def _of_one_form(patients: Iterable[str]) -> list[set[str]]:
    """Return sets of ids that differ only in case, blanks, separators, leading zeros or ``.0``.

    A number with and without letters before it is alike; the same number after different letters
    is so only where the bare number also occurs: ``A12`` and ``B12`` are two wards'.
    """
    written: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name in set(patients):
        plain = re.sub(r"[\s_\-/]", "", name).casefold()
        found = _NUMBERED.fullmatch(plain)
        number = str(int(found["number"])) if found else plain
        written[number][found["prefix"] if found else ""].add(name)
    alike = []
    for forms in written.values():
        sets = [set().union(*forms.values())] if "" in forms else list(forms.values())
        alike += [names for names in sets if len(names) > 1]
    return alike


def _joined(linked: Iterable[set[str]]) -> dict[str, str]:
    """Join sets that share a name; each name goes to the first name of its set in order."""
    leader: dict[str, str] = {}

    def first(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    for names in linked:
        ordered = sorted(names)
        for name in ordered[1:]:
            one, other = sorted((first(ordered[0]), first(name)))
            leader[other] = one
    return {name: first(name) for name in sorted(leader)}
