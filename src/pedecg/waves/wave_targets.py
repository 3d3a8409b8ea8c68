"""What the delineator learns: the share of each frame that each wave covers.

Frame k stands for ``FRAME_S`` around the time ``k * FRAME_S``, whatever the sampling rate and the
length of the record. Marks come in seconds, so labels cannot drift; a boundary inside a frame
leaves its position in the frame's share, so it is not rounded to the frame.
"""

import numpy as np
from numpy.typing import NDArray

from pedecg.waves.annotations import Marks

FS_HZ = 250  # the network's input
SAMPLES_PER_FRAME = 2  # 8 ms: finer than readers agree
FRAME_S = SAMPLES_PER_FRAME / FS_HZ
N_WAVES = 3  # P, QRS, T

Array = NDArray[np.float32]


def targets(marks: Marks, n_frames: int) -> tuple[Array, Array]:
    """Return shares and weights, both of shape (3, n_frames), both from 0 to 1.

    The weight is the share of a frame for which the source says whether this wave is there.
    """
    covered = np.zeros((N_WAVES, n_frames))
    known = np.tile(share(marks.spans, n_frames), (N_WAVES, 1))
    for kind in range(N_WAVES):
        waves = marks.of(kind)
        # A side without a mark ends at the peak; the frames beyond it are unknown anyway.
        low = np.where(np.isfinite(waves[:, 0]), waves[:, 0], waves[:, 1])
        high = np.where(np.isfinite(waves[:, 2]), waves[:, 2], waves[:, 1])
        covered[kind] = share(np.column_stack([low, high]), n_frames)
        known[kind] -= share(marks.unknown[marks.unknown[:, 0] == kind, 1:], n_frames)
    return covered.astype(np.float32), np.maximum(known, 0.0).astype(np.float32)


def share(intervals: NDArray[np.float64], n_frames: int) -> NDArray[np.float64]:
    """Return how much of each frame lies within the intervals, shape (n_frames,).

    Parameters
    ----------
    intervals : shape (n, 2), seconds; NaN counts as nothing.
    """
    edges = (np.arange(n_frames + 1) - 0.5) * FRAME_S
    touching = (intervals[:, 1] > edges[0]) & (intervals[:, 0] < edges[-1])
    low, high = np.clip(intervals[touching], edges[0], edges[-1]).T[..., None]
    passed = np.clip(edges, low, np.maximum(low, high)).sum(axis=0)
    return np.asarray(np.minimum(np.diff(passed) / FRAME_S, 1.0))
