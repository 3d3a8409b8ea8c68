"""Summary of a review: confirmed errors by rank, agreement of the readers, open cases."""

import math
from itertools import combinations
from typing import Any

from pedecg.evaluation import curves
from pedecg.review_app import agreement
from pedecg.review_app.answers import Answers, Case
from pedecg.review_app.worklist import Worklist

DEPTHS = (10, 20, 50, 100, 200)  # cases from the top of the list


def summary(worklist: Worklist, answers: Answers, seed: int = 0) -> dict[str, Any]:
    """Return the figures of a review as plain values.

    Parameters
    ----------
    seed : of the bootstrap of the kappas.
    """
    finals = {item.case: answers.final(item.case) for item in worklist.items}
    decided = [finals[item.case].decision for item in worklist.items]
    return {
        "cases": len(worklist.items),
        "reviewed": sum(bool(final.entries) for final in finals.values()),
        "decisions": {word: decided.count(word) for word in ("keep", "flip", "unknown")},
        "disagreements": len(answers.disagreements()),
        "confirmed_errors": [_depth(decided, depth) for depth in DEPTHS if _worth(decided, depth)],
        "readers": {reader: _reader(answers, reader) for reader in answers.readers()},
        "agreement": kappas(worklist, answers, seed),
    }


def kappas(worklist: Worklist, answers: Answers, seed: int = 0) -> dict[str, Any]:
    """Return Fleiss' kappa of all readers and Cohen's of each pair, over first blinded answers.

    An answer that was changed after the label was shown counts as it was before.
    """
    patients = {item.case: item.patient_id for item in worklist.items}
    first = {case: answers.first_blinded(case) for case in answers.cases() if case in patients}
    both: list[Case] = [case for case, given in first.items() if len(given) > 1]
    everyone = agreement.of_many(
        [list(first[case].values()) for case in both], [patients[case] for case in both], seed
    )
    readers = sorted({reader for given in first.values() for reader in given})
    pairs = []
    for a, b in combinations(readers, 2):
        cases = [case for case in both if a in first[case] and b in first[case]]
        kappa = agreement.of_pair(
            [first[case][a] for case in cases],
            [first[case][b] for case in cases],
            [patients[case] for case in cases],
            seed,
        )
        pairs.append({"readers": [a, b], **_kappa(kappa)})
    return {"all": _kappa(everyone), "pairs": pairs}


def as_text(found: dict[str, Any]) -> list[str]:
    """Return the summary as lines for a terminal."""
    words = found["decisions"]
    lines = [
        f"{found['reviewed']} of {found['cases']} cases reviewed: {words['flip']} labels wrong, "
        f"{words['keep']} right, {words['unknown']} cannot be determined; "
        f"{found['disagreements']} disagreements wait for consensus",
        "",
        "first   decided   wrong   precision (95 % interval)",
    ]
    lines += [
        f"{row['first']:5d}   {row['decided']:7d}   {row['wrong']:5d}   "
        f"{row['precision']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        for row in found["confirmed_errors"]
    ]
    if not found["confirmed_errors"]:
        lines.append("no case is decided yet")
    lines += ["", f"Fleiss' kappa, first blinded answers: {_kappa_text(found['agreement']['all'])}"]
    lines += [
        f"Cohen's kappa, {' and '.join(pair['readers'])}: {_kappa_text(pair)}"
        for pair in found["agreement"]["pairs"]
    ]
    lines += [
        f"{reader}: {one['answered']} answers, {one['blinded']} blinded, "
        f"{one['changed_after_reveal']} changed after the label was shown"
        for reader, one in found["readers"].items()
    ]
    return lines


def _worth(decided: list[str | None], depth: int) -> bool:
    """Leave out a depth that adds no decision to the one before it."""
    shallower = max((d for d in DEPTHS if d < depth), default=0)
    return any(decided[shallower:depth])


def _depth(decided: list[str | None], depth: int) -> dict[str, Any]:
    """Precision among the decided of the first candidates.

    Those that nobody decided are left out: their labels may be right or wrong.
    """
    known = [word for word in decided[:depth] if word is not None]
    wrong = known.count("flip")
    low, high = curves.wilson(wrong, len(known))
    return {
        "first": min(depth, len(decided)), "decided": len(known), "wrong": wrong,
        "precision": wrong / len(known), "low": low, "high": high,
    }  # fmt: skip


def _reader(answers: Answers, reader: str) -> dict[str, int]:
    cases = [case for case in answers.cases() if reader in answers.readers_of(case)]
    blinded = {c: a for c in cases if (a := answers.first_blinded(c).get(reader)) is not None}
    changed = sum(
        answers.readers_of(case)[reader].answers[case[1]] != word for case, word in blinded.items()
    )
    return {"answered": len(cases), "blinded": len(blinded), "changed_after_reveal": changed}


def _kappa(kappa: agreement.Kappa) -> dict[str, Any]:
    def number(value: float) -> float | None:
        return None if math.isnan(value) else round(value, 4)

    return {
        "kappa": number(kappa.value), "low": number(kappa.low), "high": number(kappa.high),
        "observed": number(kappa.observed), "n_cases": kappa.n_cases, "reason": kappa.reason,
    }  # fmt: skip


def _kappa_text(one: dict[str, Any]) -> str:
    if one["kappa"] is None:
        return f"not defined ({one['reason']})"
    between = f"{one['low']:.2f} to {one['high']:.2f}" if one["low"] is not None else one["reason"]
    return (
        f"{one['kappa']:.2f} ({between}); same answer in {one['observed']:.0%} of "
        f"{one['n_cases']} cases"
    )
