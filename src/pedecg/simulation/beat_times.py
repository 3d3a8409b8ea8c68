"""When atria and ventricles beat: sinus rhythm with breathing, ectopic beats, blocks, re-entry."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

SINUS, ECTOPIC = 0, 1  # origins of a P wave
NARROW, WIDE, PACED = 0, 1, 2  # origins of a QRS complex
_LEAD_IN_S = 2.5  # beats before the record begins, so that its first T has a beat


@dataclass(frozen=True)
class Rhythm:
    """The beats of one record, also a few before its start and after its end.

    Attributes
    ----------
    qrs_s, p_s : onsets, seconds from the record's start, ascending.
    qrs_kind : per QRS, `NARROW`, `WIDE` or `PACED`.
    p_kind : per P, `SINUS` or `ECTOPIC`.
    fibrillation : True where the atria fibrillate.
    """

    qrs_s: NDArray[np.float64]
    qrs_kind: NDArray[np.int64]
    p_s: NDArray[np.float64]
    p_kind: NDArray[np.int64]
    fibrillation: bool = False

    def rr_s(self) -> NDArray[np.float64]:
        """Return per QRS the time since the one before (for the first: to the next), seconds.

        Returns
        -------
        Shape (n_beats,).
        """
        gaps = np.diff(self.qrs_s)
        return np.concatenate([gaps[:1], gaps])


def sinus(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Beat with the breath: the rate rises as the child breathes in."""
    qrs = _sinus_times(traits, length_s, rng)
    return _conducted(qrs, traits["pr_ms"] / 1000)


def apb(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Premature atrial beats: early, with another P, and the sinus node starts anew after them."""
    qrs = _sinus_times(traits, length_s, rng)
    early = _chosen(qrs, length_s, rng)
    rr = np.diff(qrs, prepend=qrs[0] - (qrs[1] - qrs[0]))
    rr[early] *= rng.uniform(0.58, 0.75, early.size)
    beats = _conducted(qrs[0] + np.concatenate([[0.0], np.cumsum(rr[1:])]), traits["pr_ms"] / 1000)
    kind = beats.p_kind.copy()
    kind[early] = ECTOPIC
    return replace(beats, p_kind=kind)


def vpb(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Premature ventricular beats: early, wide, no P; the next sinus beat is in its place."""
    qrs = _sinus_times(traits, length_s, rng)
    early = _chosen(qrs, length_s, rng)
    rr = np.diff(qrs, prepend=qrs[0] - (qrs[1] - qrs[0]))
    times, kind = qrs.copy(), np.zeros(qrs.size, np.int64)
    times[early] -= rng.uniform(0.28, 0.4) * rr[early]
    kind[early] = WIDE
    beats = _conducted(qrs, traits["pr_ms"] / 1000)
    own = np.ones(qrs.size, bool)
    own[early] = False
    return Rhythm(times, kind, beats.p_s[own], beats.p_kind[own])


def wenckebach(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Second-degree block, Mobitz I: PR grows from beat to beat until one is not conducted."""
    beats = sinus(traits, length_s, rng)
    cycle = int(rng.integers(3, 6))
    place = (np.arange(beats.p_s.size) + rng.integers(cycle)) % cycle
    growth = 0.09 * np.sqrt(place)
    conducted = place < cycle - 1
    return replace(
        beats,
        qrs_s=(beats.qrs_s + growth)[conducted],
        qrs_kind=beats.qrs_kind[conducted],
    )


def two_to_one(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Second-degree block, 2:1: every other P is not conducted."""
    beats = sinus(traits, length_s, rng)
    return replace(beats, qrs_s=beats.qrs_s[::2], qrs_kind=beats.qrs_kind[::2])


def complete_block(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Third-degree block: the atria keep the sinus rate, the ventricles their own slow one."""
    atria = sinus(traits, length_s, rng)
    escape = rng.uniform(0.38, 0.5) * traits["rate"]
    rr = 60 / max(escape, 38.0)
    qrs = _regular(rr, length_s, 0.008, rng)
    wide = rng.random() < 0.25
    kind = np.full(qrs.size, WIDE if wide else NARROW, np.int64)
    return replace(atria, qrs_s=qrs, qrs_kind=kind)


def fibrillation(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Atrial fibrillation: no P, ventricles irregular without a pattern."""
    rr = 60 / (1.2 * traits["rate"])
    count = int((length_s + 2 * _LEAD_IN_S) / rr * 1.6) + 8
    gaps = np.maximum(rr * rng.gamma(18, 1 / 18, count), 0.27)
    qrs = np.cumsum(gaps) - _LEAD_IN_S
    qrs = qrs[qrs < length_s + 0.5]
    none = np.empty(0)
    return Rhythm(qrs, np.zeros(qrs.size, np.int64), none, none.astype(np.int64), True)


def supraventricular_tachycardia(
    traits: dict[str, float], length_s: float, rng: np.random.Generator
) -> Rhythm:
    """Re-entry: 185 to 220 per minute (older children less), regular, P hidden in QRS."""
    fastest = 220 if traits["rate"] > 95 else 200
    qrs = _regular(60 / rng.uniform(fastest - 35, fastest), length_s, 0.003, rng)
    none = np.empty(0)
    return Rhythm(qrs, np.zeros(qrs.size, np.int64), none, none.astype(np.int64))


def ectopic_atrial(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Simulate a low atrial focus: inverted P in II, short PR, faster than the sinus node."""
    beats = sinus(traits | {"rate": min(1.25 * traits["rate"], 215.0)}, length_s, rng)
    return replace(
        beats, p_s=beats.p_s + 0.2 * traits["pr_ms"] / 1000, p_kind=np.ones_like(beats.p_kind)
    )


def wandering(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Atrial escape: as the sinus node slows, the P comes from lower in the atrium."""
    beats = sinus(traits | {"rsa": max(traits["rsa"], 0.1)}, length_s, rng)
    kind = (beats.rr_s() > np.quantile(beats.rr_s(), 0.6)).astype(np.int64)
    return replace(beats, p_kind=kind)


def junctional(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Simulate a junctional rhythm: regular, no P before QRS."""
    qrs = _regular(60 / max(0.72 * traits["rate"], 40.0), length_s, 0.015, rng)
    none = np.empty(0)
    return Rhythm(qrs, np.zeros(qrs.size, np.int64), none, none.astype(np.int64))


def paced(traits: dict[str, float], length_s: float, rng: np.random.Generator) -> Rhythm:
    """Simulate a fixed-rate ventricular pacemaker: wide QRS after each spike, AV dissociation."""
    atria = sinus(traits, length_s, rng)
    qrs = _regular(60 / max(0.9 * traits["rate"], 60.0), length_s, 0.0, rng)
    return replace(atria, qrs_s=qrs, qrs_kind=np.full(qrs.size, PACED, np.int64))


RHYTHMS: dict[str, Callable[[dict[str, float], float, np.random.Generator], Rhythm]] = {
    "": sinus,
    **{
        function.__name__: function
        for function in (
            apb, vpb, wenckebach, two_to_one, complete_block, fibrillation,
            supraventricular_tachycardia, ectopic_atrial, wandering, junctional, paced,
        )
    },
}  # fmt: skip


def _sinus_times(
    traits: dict[str, float], length_s: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    mean = 60 / traits["rate"]
    count = int((length_s + 2 * _LEAD_IN_S) / mean * 1.5) + 8
    clock = np.arange(count) * mean
    breath_hz = traits["breathing"] / 60 * rng.lognormal(0, 0.05)
    # No child breathes like a metronome.
    phase = 2 * np.pi * breath_hz * clock + np.cumsum(rng.normal(0, 0.12, count))
    slow = np.sin(2 * np.pi * 0.09 * clock + rng.uniform(0, 6.28)) * 0.25
    breath = np.sin(phase + rng.uniform(0, 6.28)) + 0.2 * np.sin(2 * phase)
    white = rng.normal(0, 0.004, count)
    rr = mean * np.clip(1 + traits["rsa"] * (breath + slow) + white, 0.5, 1.8)
    rr *= mean / rr[: int(length_s / mean) + 1].mean()
    times = np.cumsum(rr) - _LEAD_IN_S - rng.uniform(0, mean)
    return times[times < length_s + 1.0]


def _regular(
    rr_s: float, length_s: float, jitter: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    count = int((length_s + 2 * _LEAD_IN_S) / rr_s) + 4
    gaps = rr_s * (1 + jitter * rng.normal(size=count))
    times = np.cumsum(gaps) - _LEAD_IN_S - rng.uniform(0, rr_s)
    return times[times < length_s + 1.0]


def _conducted(qrs_s: NDArray[np.float64], pr_s: float) -> Rhythm:
    zeros = np.zeros(qrs_s.size, np.int64)
    return Rhythm(qrs_s, zeros, qrs_s - pr_s, zeros.copy())


def _chosen(
    qrs_s: NDArray[np.float64], length_s: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Choose which beats come early: at least one within the record, no two in a row."""
    inside = np.flatnonzero((qrs_s > 1.0) & (qrs_s < length_s - 1.0))[::2]
    if inside.size == 0:
        return inside
    share = rng.choice([0.06, 0.15, 0.4], p=[0.6, 0.3, 0.1])
    count = max(1, round(share * inside.size))
    return np.sort(rng.choice(inside, min(count, inside.size), replace=False))
