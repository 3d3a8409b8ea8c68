"""From probabilities to waves: where a probability crosses one half, between frames too."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedecg.waves.wave_targets import FRAME_S, FS_HZ, N_WAVES

Array = NDArray[np.float64]
LEVEL = 0.5  # probability from which a frame belongs to a wave
BRIDGED_S = (0.030, 0.030, 0.060)  # a dip of P, QRS, T shorter than this is within one wave
SHORTEST_S = (0.024, 0.024, 0.040)  # a shorter rise over one half is noise
BEST_SHARE = 1 / 3  # of the leads: those that see a wave best make the global one


@dataclass(frozen=True)
class Found:
    """Waves found, one entry each: row of the probabilities, kind, times in s, confidence 0 to 1.

    An onset or offset that the record's edge cuts off is NaN.
    """

    row: NDArray[np.int64]
    kind: NDArray[np.int64]
    onset_s: Array
    offset_s: Array
    confidence: Array


def waves(probability: NDArray[np.floating]) -> Found:
    """Find waves in probabilities (n_rows, 3, n_frames), in order of row, kind and time."""
    n_rows, _, n_frames = probability.shape
    flat = np.zeros((n_rows * N_WAVES, n_frames + 2))
    flat[:, 1:-1] = probability.reshape(-1, n_frames)
    step = np.diff((flat > LEVEL).astype(np.int8), axis=1)
    line, rise = np.nonzero(step == 1)
    fall = np.nonzero(step == -1)[1]
    kind = line % N_WAVES
    apart = np.ones(len(line) + 1, bool)
    gap_s = (rise[1:] - fall[:-1]) * FRAME_S
    apart[1:-1] = (line[1:] != line[:-1]) | (gap_s > np.array(BRIDGED_S)[kind[1:]])
    line, kind, rise, fall = line[apart[:-1]], kind[apart[:-1]], rise[apart[:-1]], fall[apart[1:]]
    onset = _crossing(flat, line, rise)
    offset = _crossing(flat, line, fall)
    total = np.cumsum(flat, axis=1)
    confidence = (total[line, fall] - total[line, rise]) / np.maximum(fall - rise, 1)
    long_enough = offset - onset >= np.array(SHORTEST_S)[kind]
    onset[rise == 0] = np.nan
    offset[fall == n_frames] = np.nan
    return Found(
        row=(line // N_WAVES)[long_enough],
        kind=kind[long_enough],
        onset_s=onset[long_enough],
        offset_s=offset[long_enough],
        confidence=np.clip(confidence, 0.0, 1.0)[long_enough],
    )


def together(probability: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return one probability for all leads, shape (3, n_frames), from (n_leads, 3, n_frames).

    The mean of the third of the leads that see a wave best: a wave begins with its earliest leads
    and ends with its latest, yet a single noisy lead does not move it.
    """
    n_best = max(1, round(len(probability) * BEST_SHARE))
    best = np.partition(probability, len(probability) - n_best, axis=0)[-n_best:]
    # The order in which a partition leaves them, and so their sum, depends on the processor.
    return np.asarray(np.sort(best, axis=0).mean(axis=0))


def peaks(signal: NDArray[np.floating], found: Found) -> Array:
    """Return the time of each wave's largest deflection from the line between its ends, seconds.

    Parameters
    ----------
    signal : shape (n_rows, n_samples) at 250 Hz, the rows that the waves were found in.
    """
    last = signal.shape[1] - 1
    low = np.nan_to_num(np.round(found.onset_s * FS_HZ), nan=0).astype(int).clip(0, last)
    high = np.round(found.offset_s * FS_HZ)
    high = np.where(np.isnan(high), last, high).astype(int).clip(low, last)
    reach = np.arange(int((high - low).max(initial=0)) + 1)
    at = np.minimum(low[:, None] + reach, high[:, None])
    row = found.row[:, None]
    ends = signal[found.row, low], signal[found.row, high]
    slope = (ends[1] - ends[0]) / np.maximum(high - low, 1)
    height = np.abs(signal[row, at] - ends[0][:, None] - slope[:, None] * (at - low[:, None]))
    top = low + height.argmax(axis=1)
    return np.asarray((top + _vertex(signal, found.row, top)) / FS_HZ)


def _crossing(flat: Array, line: NDArray[np.int64], left: NDArray[np.int64]) -> Array:
    """Return when the line between column `left` and the next one passes one half, seconds."""
    before, after = flat[line, left], flat[line, left + 1]
    return np.asarray((left - 1 + (LEVEL - before) / (after - before)) * FRAME_S)


def _vertex(signal: NDArray[np.floating], row: NDArray[np.int64], top: NDArray[np.int64]) -> Array:
    """Return how far from its sample a peak lies, by a parabola, -0.5 to 0.5 samples."""
    inner = np.clip(top, 1, signal.shape[1] - 2)
    left, middle, right = (signal[row, inner + step].astype(float) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros(len(top)), where=np.abs(bend) > 1e-9)
    return np.where(inner == top, np.clip(shift, -0.5, 0.5), 0.0)
