"""How fast and how regularly the ventricles beat, from 10 to 300 per minute.

Three rates are kept apart:

- the heart rate, all beats over time, which limits for age are compared with;
- the rate that QT is corrected by, from the intervals before the measured beats;
- the longest and the shortest interval, which a mean hides.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pedecg.core import elementary
from pedecg.rules.beats import TO_SD, Values
from pedecg.rules.measured_value import Reading

SHORTEST, LONGEST = 0.6, 1.8  # of the median RR: outside are early beats and pauses
REGULAR = 0.65, 1.55  # of the RR before: outside, one of the two beats came early or late
EARLY = 0.85  # of the RR before: shorter is an early beat
IMPOSSIBLE_S = 0.16  # two QRS complexes cannot follow each other faster: 375 bpm
# Intervals under 250 ms occur in a heart of 200 bpm and more; next to much longer ones they are
# noise that was taken for beats. One in seven, and no rate can be trusted.
NOISE_S, NOISE_SHARE = 0.25, 0.15
OPEN_S, OPEN_SHARE = 1.5, 1.5  # s, and of the median RR: a longer silence at an edge is a pause


def rhythm(
    r_s: Values,
    has_p: NDArray[np.bool_],
    recorded_s: tuple[float, float] | None = None,
    cycle: int = 1,
) -> dict[str, Reading]:
    """Return the heart rate, its longest and shortest interval, and how regular it is.

    Parameters
    ----------
    r_s : shape (n_beats,), at least 3; times of the R peaks, seconds.
    has_p : shape (n_beats,), whether a P wave was found before each.
    recorded_s : from when to when there is a signal, seconds; None: from the first beat to the
        last.
    cycle : number of intervals after which the rhythm repeats; the rate is counted over whole
        cycles where the record holds two or more.

    Returns
    -------
    heart_rate_bpm : beats over time, 60 x number of intervals / their sum; early beats and pauses
        count like any others, and so does a silence at an edge that is too long for the rhythm. Not
        valid where noise was taken for beats.
    longest_rr_ms, shortest_rr_ms : of all intervals; the longest is "at least" where the record
        begins or ends within it.
    rr_sd_ms : 1.4826 x the median absolute deviation of RR: one premature beat is not an
        arrhythmia.
    sdnn_ms, rmssd_ms : SD of the normal intervals, and root mean square of the differences between
        two normal ones in a row; normal is within 0.65 to 1.55 times the interval before.
    rr_change : median of the relative change from one interval to the next, 0 to 1: a few per
        cent in sinus rhythm, more than 10% where the rhythm has no pattern.
    p_share : share of the beats with a P wave.

    And what `irregularity` tells, over all intervals: early beats and pauses count there.

    Notes
    -----
    SDNN and RMSSD as named by the Task Force of the ESC and NASPE. Circulation 1996;93:1043-1065;
    here from a record of seconds, not from the five minutes that they ask for.
    """
    rr = np.diff(r_s)
    usual = float(np.median(rr))
    inside = (rr >= SHORTEST * usual) & (rr <= LONGEST * usual)
    deviation = TO_SD * float(np.median(np.abs(rr - usual)))
    both = inside[1:] & inside[:-1]
    ratio = rr[1:] / rr[:-1]
    in_a_row = both & (ratio >= REGULAR[0]) & (ratio <= REGULAR[1])
    change = np.diff(rr)
    normal = np.zeros(len(rr), bool)
    normal[1:] |= in_a_row
    normal[:-1] |= in_a_row
    noise = (rr < NOISE_S) & (rr < SHORTEST * usual)
    trusted = bool(noise.mean() <= NOISE_SHARE)
    few = in_a_row.sum() < 2
    counted = np.append(rr, open_intervals(r_s, usual, recorded_s))
    longest = float(counted.max())
    if len(counted) >= 2 * cycle:
        counted = counted[: len(counted) // cycle * cycle]
    rate = 60.0 * len(counted) / float(counted.sum())
    return {
        "heart_rate_bpm": Reading(rate, rate * deviation / usual, trusted),
        "longest_rr_ms": Reading(1000.0 * longest, valid=trusted),
        "shortest_rr_ms": Reading(1000.0 * float(rr.min()), valid=trusted),
        "rr_sd_ms": Reading(1000.0 * deviation, valid=trusted),
        "sdnn_ms": Reading(np.nan if few else 1000.0 * float(rr[normal].std()), valid=trusted),
        "rmssd_ms": Reading(
            np.nan if few else 1000.0 * float(np.sqrt(np.mean(change[in_a_row] ** 2))),
            valid=trusted,
        ),
        "rr_change": Reading(
            float(np.median(np.abs(change[both]) / usual)) if both.any() else np.nan,
            valid=trusted,
        ),
        "p_share": Reading(float(np.mean(has_p)), valid=trusted),
        **{name: Reading(value, valid=trusted) for name, value in irregularity(rr).items()},
    }


def open_intervals(
    r_s: Values, usual_s: float, recorded_s: tuple[float, float] | None
) -> list[float]:
    """Return the silences before the first and after the last beat that are pauses, seconds.

    A record begins and ends within an interval; only one that is already longer than the rhythm
    allows tells something.

    Parameters
    ----------
    r_s : shape (n_beats,), times of the R peaks, s.
    """
    if recorded_s is None:
        return []
    silences = (float(r_s[0]) - recorded_s[0], recorded_s[1] - float(r_s[-1]))
    return [s for s in silences if s > max(OPEN_S, OPEN_SHARE * usual_s)]


def irregularity(rr: Values) -> dict[str, float]:
    """Return RR variability: measures of sinus arrhythmia, premature beats and fibrillation.

    Parameters
    ----------
    rr : shape (n_intervals,), at least 2, seconds.

    Returns
    -------
    rr_cv : SD over mean.
    rr_p5_to_median, rr_p95_to_median : 5th and 95th percentile over the median.
    rr_short_share : share of intervals under 0.85 of the one before.
    rr_turning_points : turning points, share of intervals; 2/3 by chance.
    rr_autocorrelation : correlation of each interval with the next; sinus arrhythmia swings
        slowly, so near 1.
    rr_entropy : sample entropy of single intervals within 0.2 SD: high where one does not tell the
        next (Richman JS, Moorman JR. Am J Physiol Heart Circ Physiol 2000;278:H2039-H2049).
    """
    usual = float(np.median(rr))
    change = np.diff(rr)
    low, high = np.quantile(rr, [0.05, 0.95]) / usual
    turns = change[1:] * change[:-1] < 0
    varies = len(rr) > 3 and rr[1:].std() > 0 and rr[:-1].std() > 0
    return {
        "rr_cv": float(rr.std() / rr.mean()),
        "rr_p5_to_median": float(low),
        "rr_p95_to_median": float(high),
        "rr_short_share": float(np.mean(rr[1:] < EARLY * rr[:-1])),
        "rr_turning_points": float(np.mean(turns)) if len(turns) else np.nan,
        "rr_autocorrelation": elementary.correlation(rr[1:], rr[:-1]) if varies else 0.0,
        "rr_entropy": _sample_entropy(rr) if len(rr) > 5 else np.nan,
    }


def _sample_entropy(rr: Values) -> float:
    """Return minus the log of the share of similar pairs whose followers are similar too.

    One half is added to both counts, so that no pair at all is a large number and not infinity.
    """
    within = 0.2 * rr.std() + np.finfo(float).tiny
    near = np.abs(rr[:, None] - rr) <= within
    pairs = np.triu(near[:-1, :-1], 1)
    followed = pairs & near[1:, 1:]
    return -math.log((followed.sum() + 0.5) / (pairs.sum() + 1.0))
