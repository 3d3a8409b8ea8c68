"""The files of PhysioNet/CinC 2017: one lead at 300 Hz in a MATLAB 4 matrix, and a WFDB header.

The headers are written as published, carriage returns, a trailing blank and the date before the
time included: a reader that cannot read these cannot read the data set.
"""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FS_HZ = 300  # as published
COUNTS_PER_MV = 1000  # as published
_HIGHEST = 32767  # of a signed 16-bit integer
_INT16 = 30  # MATLAB 4's number for a little-endian matrix of 16-bit integers


def write_record(root: Path, name: str, signal_mv: NDArray[np.float64], when: str) -> None:
    """Write ``<name>.mat`` and ``<name>.hea``.

    Parameters
    ----------
    signal_mv : shape (n_samples,), at `FS_HZ`.
    when : ``YYYY-MM-DD HH:MM:SS``.
    """
    counts = np.clip(np.rint(signal_mv * COUNTS_PER_MV), -_HIGHEST, _HIGHEST).astype("<i2")
    matrix = struct.pack("<5i4s", _INT16, 1, counts.size, 0, 4, b"val\0")
    (root / f"{name}.mat").write_bytes(matrix + counts.tobytes())
    lines = (
        f"{name} 1 {FS_HZ} {counts.size} {when} ",
        f"{name}.mat 16+24 {COUNTS_PER_MV}/mV 16 0 {counts[0]} 0 0 ECG ",
    )
    (root / f"{name}.hea").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
