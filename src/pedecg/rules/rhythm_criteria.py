"""Criteria of rate and rhythm: too fast, too slow, irregular, and what makes it so."""

import math
from collections.abc import Callable

from pedecg.rules.criterion_logic import (
    NOT_MET,
    UNKNOWN,
    Criterion,
    MeasuredChild,
    Verdict,
    above,
    below,
    fmt,
)

Sign = tuple[bool | None, str]


def _sign(value: float, limit: float, above: bool, text: str) -> Sign:
    """Return whether a value is above, or below, its limit (None: unknown), with the reason."""
    if math.isnan(value) or math.isnan(limit):
        return None, text
    return (value > limit if above else value < limit), text


def _all(signs: list[Sign], source: str) -> Verdict:
    """Are all signs present? Not met as soon as one is not, whatever the others are."""
    present = [sign for sign, _ in signs]
    if False in present:
        return NOT_MET
    if None in present:
        return UNKNOWN
    return Verdict(True, f"{', '.join(text for _, text in signs if text)} ({source})")


def _above(child: MeasuredChild, column: str, name: str, what: str) -> tuple[Sign, str]:
    """Compare a share with its threshold; return the sign and the threshold's source."""
    value, (limit, source) = child.value(column), child.limit(name)
    text = f"{what} {fmt(value, 'share')}, above {fmt(limit, 'share')}"
    return _sign(value, limit, True, text), source


def _sinus(child: MeasuredChild) -> bool | None:
    """Assess sinus rhythm: a P wave before nearly every QRS, and AV association."""
    share, (enough, _) = child.value("p_share"), child.limit("sinus_p_share")
    if math.isnan(share):
        return None
    dissociated = child.value("av_dissociation") > 0
    # Premature beats have no P of their own, or one within T.
    premature = child.value("ectopic_share")
    expected = enough * (1.0 - (0.0 if math.isnan(premature) else premature))
    return share >= expected and not math.isnan(child.value("pr_ms")) and not dissociated


def sinus_rate(rate: Callable[[MeasuredChild], Verdict]) -> Callable[[MeasuredChild], Verdict]:
    """Judge a rate where a P wave precedes nearly every beat, and a beat follows every P wave."""

    def judge(child: MeasuredChild) -> Verdict:
        verdict, sinus = rate(child), _sinus(child)
        if verdict.met is False or sinus is False or child.value("blocked_p_share") > 0:
            return NOT_MET
        if verdict.met is None or sinus is None:
            return UNKNOWN
        share = fmt(child.value("p_share"), "share")
        return Verdict(True, f"P before {share} of the beats, {verdict.reason}")

    return judge


def sinus_arrhythmia(child: MeasuredChild) -> Verdict:
    """Assess sinus arrhythmia: variable rate with P before QRS, without ectopy and pauses."""
    sinus = _sinus(child)
    sign, source = _above(
        child,
        "base_rr_cv",
        "sinus_arrhythmia_rr",
        "SD of RR without premature beats over their mean",
    )
    pause = pauses(child).met
    signs = [
        sign,
        (sinus, f"P before {fmt(child.value('p_share'), 'share')} of the beats"),
        (pause is not True, ""),
    ]
    return _all(signs, source)


def irregular_rhythm(child: MeasuredChild) -> Verdict:
    """Assess irregular rhythm other than respiratory: ectopy, pauses, AV block, AF."""
    sign, source = _above(child, "rr_cv", "irregular_rr", "SD of RR over their mean")
    breathing = sinus_arrhythmia(child).met
    other = None if breathing is None else not breathing
    if child.value("ectopic_share") > 0 or child.value("blocked_p_share") > 0:
        other = True
    return _all([sign, (other, "")], source)


def premature(
    column: str, name: str, what: str, needs_sinus: bool
) -> Callable[[MeasuredChild], Verdict]:
    """Judge by the share of premature beats of one origin.

    Atrial ones are recognised in a regular rhythm only: in fibrillation and in sinus arrhythmia
    some beats are always earlier than the others.
    """

    def judge(child: MeasuredChild) -> Verdict:
        sign, source = _above(child, column, name, f"{what} premature beats")
        signs = [sign]
        if needs_sinus:
            change, (limit, _) = (
                child.value("base_rr_change"),
                child.limit("fibrillation_rr_change"),
            )
            regular = not change > limit  # NaN in bigeminy: no two base intervals in a row
            signs.append((regular, ""))
        return _all(signs, source)

    return judge


def repeated(column: str, name: str, what: str) -> Callable[[MeasuredChild], Verdict]:
    """Judge by the share of beats in runs in which every second, or third, is premature."""

    def judge(child: MeasuredChild) -> Verdict:
        sign, source = _above(child, column, name, f"beats in runs of {what}")
        ventricular, atrial = (
            child.value(f"{origin}_ectopic_share") for origin in ("ventricular", "atrial")
        )
        origin = "ventricular" if ventricular >= atrial else "atrial"
        return _all([sign, (True, f"premature beats mostly {origin}")], source)

    return judge


def pauses(child: MeasuredChild) -> Verdict:
    """Assess a pause: one RR interval that is long, and much longer than the others."""
    # In bigeminy there is no rate for QTc.
    rate = next((bpm for name in RATES if not math.isnan(bpm := child.value(name))), math.nan)
    longest, usual = child.value("longest_rr_ms"), 60_000.0 / rate
    (limit, source), (times, _) = child.limit("pause"), child.limit("pause_ratio")
    return _all(
        [
            _sign(
                longest,
                limit,
                True,
                f"{fmt(longest, 'ms')} without a beat, above {fmt(limit, 'ms')}",
            ),
            _sign(longest, times * usual, True, f"the usual RR interval is {fmt(usual, 'ms')}"),
        ],
        source,
    )


def second_degree_block(child: MeasuredChild) -> Verdict:
    """Assess second-degree AV block: P waves on time that no QRS follows."""
    sign, source = _above(child, "blocked_p_share", "blocked_p", "P waves without QRS")
    complete = complete_block(child).met
    return _all([sign, (None if complete is None else not complete, "")], source)


def complete_block(child: MeasuredChild) -> Verdict:
    """Assess complete AV block: regular P waves and regular QRS, independent of each other."""
    dissociated, (limit, source) = child.value("av_dissociation"), child.limit("av_dissociation")
    rate = child.value("heart_rate_bpm")
    text = f"P waves and QRS are regular without a constant PR, QRS at {fmt(rate, 'bpm')}"
    return _all([_sign(dissociated, limit, True, text)], source)


def atrial_fibrillation(child: MeasuredChild) -> Verdict:
    """Assess atrial fibrillation: irregular RR intervals without P waves."""
    change, source = _above(
        child, "base_rr_change", "fibrillation_rr_change", "median change from one RR to the next"
    )
    share, (limit, _) = child.value("p_share"), child.limit("fibrillation_p_share")
    no_p = _sign(share, limit, False, f"P before {fmt(share, 'share')} of the beats")
    fluttering = child.value("flutter")
    return _all(
        [change, no_p, (None if math.isnan(fluttering) else not fluttering > 0, "")], source
    )


def atrial_flutter(child: MeasuredChild) -> Verdict:
    """Assess atrial flutter: atrial waves at 200 to 350 per minute."""
    fluttering, (limit, source) = child.value("flutter"), child.limit("flutter")
    rate, regularity = child.value("atrial_rate_bpm"), child.value("flutter_regularity")
    text = (
        f"atrial waves at {fmt(rate, 'bpm')} with a correlation of {fmt(regularity, 'ratio')}, "
        f"QRS at {fmt(child.value('heart_rate_bpm'), 'bpm')}"
    )
    return _all([_sign(fluttering, limit, True, text)], source)


def _fast_without_p(child: MeasuredChild, wide: bool, limit_name: str) -> Verdict:
    """Assess regular tachycardia without visible P waves, with narrow or wide QRS."""
    rate, share = child.value("heart_rate_bpm"), child.value("p_share")
    (limit, source), (most, _) = child.limit(limit_name), child.limit("no_p_share")
    qrs, (width, _) = child.value("qrs_ms"), child.limit("qrs_complete_block")
    spread, (regular, _) = child.value("rr_cv"), child.limit("irregular_rr")
    fluttering = child.value("flutter")
    side = "above" if wide else "not above"
    qrs_sign, qrs_text = _sign(qrs, width, True, f"QRS {fmt(qrs, 'ms')}, {side} {fmt(width, 'ms')}")
    return _all(
        [
            _sign(rate, limit, True, f"{fmt(rate, 'bpm')}, above {fmt(limit, 'bpm')}"),
            _sign(share, most, False, f"P before {fmt(share, 'share')} of the beats"),
            _sign(spread, regular, False, "regular"),
            (None if qrs_sign is None else qrs_sign == wide, qrs_text),
            (None if math.isnan(fluttering) else not fluttering > 0, ""),
        ],
        source,
    )


def paced(child: MeasuredChild) -> Verdict:
    """Assess whether beats are paced."""
    sign, source = _above(child, "paced_share", "paced", "beats with a pacemaker spike")
    return _all([sign], source)


RATES = ("qtc_rate_bpm", "heart_rate_bpm")
FAST = above("heart_rate")
SLOW = below("heart_rate")
CRITERIA = (
    Criterion("tachycardia", "Tachycardia for age", FAST),
    Criterion("bradycardia", "Bradycardia for age", SLOW),
    Criterion("sinus_tachycardia", "Sinus tachycardia for age", sinus_rate(FAST)),
    Criterion("sinus_bradycardia", "Sinus bradycardia for age", sinus_rate(SLOW)),
    Criterion("sinus_arrhythmia", "Sinus arrhythmia", sinus_arrhythmia),
    Criterion("irregular_rhythm", "Irregular rhythm", irregular_rhythm),
    Criterion("pause", "Pause", pauses),
    Criterion(
        "ventricular_premature_beats", "Ventricular premature beats",
        premature("ventricular_ectopic_share", "premature_share", "ventricular", False),
    ),
    Criterion(
        "atrial_premature_beats", "Atrial premature beats",
        premature("atrial_ectopic_share", "premature_share", "atrial", True),
    ),
    Criterion("bigeminy", "Bigeminy", repeated("bigeminy_share", "repeated_share", "bigeminy")),
    Criterion("trigeminy", "Trigeminy", repeated("trigeminy_share", "repeated_share", "trigeminy")),
    Criterion("atrial_fibrillation", "Atrial fibrillation", atrial_fibrillation),
    Criterion("atrial_flutter", "Atrial flutter", atrial_flutter),
    Criterion(
        "supraventricular_tachycardia", "Supraventricular tachycardia, no visible P waves",
        lambda child: _fast_without_p(child, False, "svt_rate"),
    ),
    Criterion(
        "wide_qrs_tachycardia", "Wide QRS tachycardia, no visible P waves",
        lambda child: _fast_without_p(child, True, "wide_tachycardia_rate"),
    ),
    Criterion("second_degree_block", "Second-degree AV block", second_degree_block),
    Criterion("complete_block", "Third-degree AV block or AV dissociation", complete_block),
    Criterion("paced", "Paced rhythm", paced),
)  # fmt: skip
