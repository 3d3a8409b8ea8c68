"""2:1 AV block whose blocked P waves all lie within T.

Every interval is alike then, so that nothing but the place is known: half way between two conducted
P waves. The signal there is averaged over the beats and compared with the averaged P; a cubic curve
is taken away from both first, as T below P is wider than P.
"""

import numpy as np

from pedecg.core import elementary
from pedecg.rules.beats import Values

FEWEST_P = 5  # an average of fewer is noise
OFTEN = 0.8  # of the beats have a P
REGULAR = 0.08  # SD of PP over their mean
SLOWEST_S, FASTEST_S = 2.4, 0.54  # PP of conducted P waves: the atria beat 50 to 220 times a minute
MARGIN_S = 0.03  # of the averaged P on either side
AFTER_QRS_S = 0.06  # no P is looked for so near to QRS
AWAY, STEP_S = 0.12, 0.004  # of the interval on either side: where it is looked for; step
# Of the interval: the best match is half way. In sinus rhythm the end of T may be like P, but
# elsewhere; on 284 ECGs of adults the best such match within this distance has 0.91.
HALF_WAY, LIKE = 0.02, 0.95
SIZE = 0.5, 1.7  # of the averaged P


def two_to_one(p_waves: Values, qrs_off_s: Values, smooth: Values, fs_hz: float) -> bool:
    """Return whether a P wave like the others lies half way between all of them.

    Parameters
    ----------
    p_waves : shape (n, 2), onset and offset of the P waves, seconds, ascending.
    qrs_off_s : shape (n_beats,), ends of the QRS complexes, seconds; NaN where not known.
    smooth : shape (n_leads, n_samples), mV, band-passed.
    """
    on = p_waves[:, 0]
    pp = np.diff(on)
    if len(on) < max(FEWEST_P, OFTEN * len(qrs_off_s)):
        return False
    usual = float(np.median(pp))
    if not FASTEST_S <= usual <= SLOWEST_S or np.std(pp) > REGULAR * np.mean(pp):
        return False
    length = round((float(np.median(p_waves[:, 1] - on)) + 2 * MARGIN_S) * fs_hz)
    after = on[np.maximum(np.searchsorted(on, qrs_off_s) - 1, 0)]
    since_p = np.nanmedian(qrs_off_s - after)
    if 0.5 * usual - MARGIN_S < since_p + AFTER_QRS_S:
        return False
    form = _bends(_averaged(smooth, on - MARGIN_S, length, fs_hz))
    moves = np.arange(-AWAY * usual, AWAY * usual + STEP_S, STEP_S)
    like, size = np.zeros(len(moves)), np.zeros(len(moves))
    for k, move in enumerate(moves):
        here = _bends(_averaged(smooth, on[:-1] + 0.5 * pp + move - MARGIN_S, length, fs_hz))
        along, own = float((here * form).sum()), float((form**2).sum())
        like[k] = along / np.sqrt(max(own * float((here**2).sum()), 1e-12))
        size[k] = along / max(own, 1e-12)
    best = int(np.argmax(like))
    return bool(
        like[best] >= LIKE
        and SIZE[0] <= size[best] <= SIZE[1]
        and abs(moves[best]) <= max(HALF_WAY * usual, STEP_S)
    )


def _averaged(smooth: Values, starts_s: Values, length: int, fs_hz: float) -> Values:
    """Return the median of the segments that begin at these times, shape (n_leads, length)."""
    first = np.rint(starts_s * fs_hz).astype(int)
    first = first[(first >= 0) & (first + length <= smooth.shape[1])]
    if not len(first):
        return np.zeros((len(smooth), length))
    return elementary.median(smooth[:, first[:, None] + np.arange(length)], axis=1)


def _bends(rows: Values) -> Values:
    """Take the nearest cubic curve away from each row, shape (n_leads, length)."""
    powers = np.vander(np.linspace(-1.0, 1.0, rows.shape[1]), 4)
    coefficients = elementary.least_squares(powers, rows.T)
    return np.asarray(rows - elementary.product(coefficients.T, powers.T))
