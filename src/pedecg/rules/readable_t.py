"""Whether QT and ST of the median beat can be read: where T ends, and whether ST is before it.

A late T wave may be cut short by the delineator, so that QT ends near the peak of T; in a very fast
heart T begins where QRS ends, and what lies 40 to 60 ms after J is T. Flutter waves lie over both.
"""

from dataclasses import replace

import numpy as np

from pedecg.rules.beats import MedianBeat
from pedecg.rules.measured_value import Reading

# Of T's greatest height: a T that is still so high has not ended. In 135 real records (children and
# PTB-XL) readable ends of T lay at .66 or lower; low T waves end higher, in noise.
HIGH_END = 0.75
LEAST_T_MV = 0.1  # of a lower T the ST segment beside it is a large part
FAST_BPM = 180.0  # in slower hearts an early peak is an elevated ST segment
ST_END_S = 0.06  # after J, see `wave_shape`
ST_SHARE = 0.6  # of the time from J to the peak of T: later T itself is measured
QT_NAMES = ("qt_ms", "qt_consensus_ms", "qtc_")
ST_NAMES = ("st_",)


def checked(
    found: dict[str, Reading], beat: MedianBeat, fluttering: bool = False
) -> dict[str, Reading]:
    """Return the readings, QT and ST not valid where they cannot be read.

    Parameters
    ----------
    found : measures of `beat` by name.
    fluttering : flutter waves lie over ST and T: neither is valid.
    """
    height_mv, ends, peak_s = t_wave(beat)
    rate = found.get("heart_rate_bpm", Reading(np.nan)).value
    hidden: tuple[str, ...] = ()
    if fluttering or (ends > HIGH_END and height_mv > LEAST_T_MV):
        hidden += QT_NAMES
    if fluttering or (peak_s * ST_SHARE < ST_END_S and rate > FAST_BPM):
        hidden += ST_NAMES
    return {
        name: replace(reading, valid=False) if name.startswith(hidden) and hidden else reading
        for name, reading in found.items()
    }


def t_wave(beat: MedianBeat) -> tuple[float, float, float]:
    """Return the height of T, mV, what share of it is left at its end, and its peak after J, s.

    Heights are root mean squares over the leads, above the PR segment. NaN without a T wave.
    """
    if beat.t is None or not beat.median:
        return np.nan, np.nan, np.nan
    size = np.sqrt(np.mean(np.square(list(beat.median.values())), axis=0))
    j = beat.qrs.stop - 1
    first = max(beat.t.start, j)
    t = size[first : beat.t.stop]
    if not len(t) or t.max() <= 0:
        return np.nan, np.nan, np.nan
    height = float(t.max())
    return height, float(t[-1]) / height, (first + int(np.argmax(t)) - j) / beat.fs_hz
