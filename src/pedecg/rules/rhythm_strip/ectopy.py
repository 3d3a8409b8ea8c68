"""Premature and aberrant beats, rate and averaged beat of the clean parts of a recording.

Movement artefacts of a hand-held recorder cause many false detections. A beat counts as premature
or aberrant only where its neighbours are typical beats without noise between them.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedecg.rules.rhythm_strip import beat_similarity
from pedecg.signals import filters

Values = NDArray[np.float64]

FEWEST = 6  # beats; fewer give no value
BASELINE_HZ, MUSCLE_HZ = 1.0, 18.0  # below: baseline wander; above: muscle noise more than QRS
USUAL_LIKE, USUAL_SIZE = 0.8, (0.5, 1.8)  # correlation with the median QRS, size against it
LOUD, ROUGH = 2.2, 3.0  # of the usual range, of the usual muscle noise, between two beats
NEIGHBOURS = 5  # intervals on either side of which the local median is taken
EARLY, ON_TIME, LONGER = 0.9, 0.92, 1.12  # of the local median; of the early interval itself
# Correlation below it, height within: of another form, but a beat.
ODD_LIKE, ODD_SIZE = 0.75, (0.7, 6.0)
ODD_PAIR = 0.8, 1.25  # both intervals around an odd beat, of two usual ones: its place is taken
ODD_RR_S = 0.25, 0.35  # before and after it, at least: nearer is a bump of the same beat
STEEP = 0.08  # of the steepest slope: within QRS; 20 ms without end it
QRS_GAP_S, QRS_REACH_S = 0.02, 0.15  # flat for so long: QRS is over; no QRS reaches further from R
ST_S, ST_WIDTH_S = 0.06, 0.01  # after the end of QRS
ONSET_S = 0.1, 0.045  # before R: the isoelectric reference of ST


@dataclass(frozen=True)
class _Beats:
    """Beats at samples `at`, and what lies between them.

    Attributes
    ----------
    like : shape (n,), correlation of each QRS with the median one.
    height : shape (n,), range of each QRS, over that of usual ones.
    usual : shape (n,), as the median QRS in form and size.
    loud, rough : shape (n - 1,), something moved, or muscle, between a beat and the next.
    """

    at: NDArray[np.int64]
    like: Values
    height: Values
    usual: NDArray[np.bool_]
    loud: NDArray[np.bool_]
    rough: NDArray[np.bool_]

    @property
    def sound(self) -> NDArray[np.bool_]:
        """Return which intervals lie between two usual beats with quiet between them."""
        return self.usual[:-1] & self.usual[1:] & ~self.loud & ~self.rough


def ectopy(signal_mv: Values, fs_hz: float, r_s: Values) -> dict[str, float]:
    """Return the measures; all NaN where there are too few beats.

    Parameters
    ----------
    signal_mv : shape (n_samples,), band-passed.
    r_s : shape (n_beats,), R peaks, seconds, ascending.

    Returns
    -------
    clean_interval_fraction : of RR intervals between two typical beats without noise.
    typical_beat_fraction : of beats whose QRS has the median form and amplitude.
    clean_rate_bpm : 60 over the median of the clean intervals, per minute.
    premature_beats : number.
    prematurity_max : 1 - RR over the local median, of the most premature beat.
    prematurity_to_rr_variability : that over the SD of all other intervals.
    aberrant_beats : number of beats of another form between two typical ones.
    aberrant_beat_score : sum of (1 - correlation with the median QRS) x relative amplitude.
    average_beat_qrs_s : QRS duration of the averaged typical beat, seconds.
    average_beat_st_to_qrs : its ST level over its QRS amplitude.
    """
    nothing = dict.fromkeys(NAMES, np.nan)
    steady = _passed(signal_mv, fs_hz, BASELINE_HZ)
    beats = _beats(steady, fs_hz, r_s)
    if beats is None:
        return nothing
    rr = np.diff(beats.at) / fs_hz
    sound = beats.sound
    base = rr[sound] if sound.sum() > 4 else rr
    return nothing | {
        "clean_interval_fraction": float(sound.mean()),
        "typical_beat_fraction": float(beats.usual.mean()),
        "clean_rate_bpm": 60 / float(np.median(base)),
        **_early(rr, sound),
        **_odd(beats, rr, float(np.median(base))),
        **_averaged(steady, fs_hz, beats),
    }


def _passed(signal_mv: Values, fs_hz: float, low_hz: float) -> Values:
    return filters.zero_phase(filters.butterworth(2, low_hz, "highpass", fs_hz), signal_mv)


def _beats(steady: Values, fs_hz: float, r_s: Values) -> _Beats | None:
    edge, shift = round(beat_similarity.QRS_S * fs_hz), round(beat_similarity.SHIFT_S * fs_hz)
    reach = np.arange(-edge, edge + 1)

    def inside(at: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.unique(at[(at >= edge + shift) & (at < len(steady) - edge - shift)])

    at = inside(np.rint(r_s * fs_hz).astype(int))
    for _ in range(2):  # the median QRS of aligned beats aligns them better
        if len(at) < FEWEST:
            return None
        at = inside(beat_similarity.aligned(steady, at, reach, shift))
    if len(at) < FEWEST:
        return None
    qrs = steady[at[:, None] + reach]
    typical = np.median(qrs, axis=0)
    like, height = beat_similarity.correlation(qrs, typical), np.ptp(qrs, axis=1)
    form = typical - typical.mean()
    along = ((qrs - qrs.mean(axis=1, keepdims=True)) * form).sum(axis=1)
    size = along / max(float(np.square(form).sum()), 1e-12)
    near = like > USUAL_LIKE
    usual_height = float(np.median(height[near] if near.sum() > 3 else height))
    muscle = _passed(steady, fs_hz, min(MUSCLE_HZ, 0.4 * fs_hz))
    between = [slice(a + edge, max(b - edge, a + edge + 2)) for a, b in itertools.pairwise(at)]
    ranges = np.array([np.ptp(steady[each]) for each in between])
    roughness = np.array([muscle[each].std() for each in between])
    return _Beats(
        at=at,
        like=like,
        height=height / max(usual_height, 1e-6),
        usual=near & (size > USUAL_SIZE[0]) & (size < USUAL_SIZE[1]),
        loud=ranges > LOUD * np.median(ranges),
        rough=roughness > ROUGH * np.median(roughness),
    )


def _early(rr: Values, sound: NDArray[np.bool_]) -> dict[str, float]:
    """Return number, depth and clearness of beats that come early and let the next one wait."""
    share = rr / np.array([_local(rr, k) for k in range(len(rr))])
    before, after = share[:-1], share[1:]
    early = sound[:-1] & sound[1:] & (before < EARLY) & (after > ON_TIME)
    early &= after > LONGER * before
    depth = np.where(early, 1 - before, 0.0)
    rest = sound.copy()
    rest[:-1] &= ~early
    rest[1:] &= ~early
    spread = float(share[rest].std()) if rest.sum() > 3 else np.nan
    deepest = float(depth.max(initial=0.0))
    return {
        "premature_beats": float(early.sum()),
        "prematurity_max": deepest,
        "prematurity_to_rr_variability": deepest / (spread + 0.02),  # 2%: error of a peak
    }


def _local(rr: Values, k: int) -> float:
    """Return the median of the intervals around one, without itself."""
    around = np.concatenate([rr[max(0, k - NEIGHBOURS) : k], rr[k + 1 : k + NEIGHBOURS + 1]])
    return float(np.median(around))


def _odd(beats: _Beats, rr: Values, usual_rr: float) -> dict[str, float]:
    """Return number and weight of beats of another form, between two usual ones."""
    like, height = beats.like[1:-1], beats.height[1:-1]
    before, after = rr[:-1], rr[1:]
    pair = (before + after) / (2 * usual_rr)
    odd = (
        (like < ODD_LIKE) & (height > ODD_SIZE[0]) & (height < ODD_SIZE[1])
        & beats.usual[:-2] & beats.usual[2:] & ~beats.rough[:-1] & ~beats.rough[1:]
        & (before > ODD_RR_S[0]) & (after > ODD_RR_S[1])
        & (pair > ODD_PAIR[0]) & (pair < ODD_PAIR[1])
    )  # fmt: skip
    weight = (1 - like[odd]) * np.minimum(height[odd], 3)
    return {"aberrant_beats": float(odd.sum()), "aberrant_beat_score": float(weight.sum())}


def _averaged(steady: Values, fs_hz: float, beats: _Beats) -> dict[str, float]:
    """Return width of QRS (seconds) and ST (share of QRS) of the averaged usual beat."""
    quiet = np.concatenate([[False], ~(beats.loud | beats.rough), [False]])
    for chosen in (beats.usual & quiet[:-1] & quiet[1:], beats.usual, beats.like > -1):
        if chosen.sum() > 4:
            break
    first, last = round(-0.3 * fs_hz), round(0.35 * fs_hz)
    at = beats.at[chosen]
    at = at[(at + first >= 0) & (at + last < len(steady))]
    if not len(at):
        return {}
    reach = np.arange(first, last + 1)
    rows = steady[at[:, None] + reach]
    level = (reach > -ONSET_S[0] * fs_hz) & (reach < -ONSET_S[1] * fs_hz)
    beat = np.median(rows - np.median(rows[:, level], axis=1, keepdims=True), axis=0)
    inner = np.abs(reach) <= beat_similarity.QRS_S * fs_hz
    qrs = beat[inner]
    beat *= 1.0 if qrs.max() >= -qrs.min() else -1.0  # an inverted recording
    slope = np.abs(np.gradient(beat))
    steepest = int(np.argmax(np.where(inner, slope, 0)))
    steep = slope > STEEP * slope[steepest]
    gap, most = max(1, round(QRS_GAP_S * fs_hz)), round(QRS_REACH_S * fs_hz) - first
    onset = _end(steep, steepest, -1, gap, -first - round(QRS_REACH_S * fs_hz))
    offset = _end(steep, steepest, 1, gap, most)
    st = offset + round(ST_S * fs_hz)
    around = round(ST_WIDTH_S * fs_hz)
    height = max(float(np.ptp(qrs)), 1e-6)
    return {
        "average_beat_qrs_s": (offset - onset) / fs_hz,
        "average_beat_st_to_qrs": float(beat[st - around : st + around + 1].mean()) / height,
    }


def _end(steep: NDArray[np.bool_], start: int, step: int, gap: int, limit: int) -> int:
    """Return the last steep sample on one side, before `gap` flat ones in a row or the limit."""
    last, k = start, start
    while abs(k - last) < gap and (k - limit) * step < 0:
        k += step
        if steep[k]:
            last = k
    return last


NAMES = (
    "clean_interval_fraction", "typical_beat_fraction", "clean_rate_bpm", "premature_beats",
    "prematurity_max", "prematurity_to_rr_variability", "aberrant_beats", "aberrant_beat_score",
    "average_beat_qrs_s", "average_beat_st_to_qrs",
)  # fmt: skip
