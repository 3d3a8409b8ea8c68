"""Samples of WFDB signal files, signal(5): bytes to integer counts.

Each storage format is one row of `STORAGE`. The `wfdb` package decodes them too, but parses the
header again by rules of its own, and fails on dates, dots and folders in names that data sets use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Storage:
    """One storage format.

    Attributes
    ----------
    bytes_per_sample : of the packed formats a fraction.
    no_value : the count that marks a missing value.
    group : bytes that are decoded together; a file may end within a group.
    decode : bytes, a whole number of groups, to counts of shape (n,).
    """

    bytes_per_sample: Fraction
    no_value: int
    group: int
    decode: Callable[[NDArray[np.uint8]], Counts]


def decode(raw: bytes, storage: int, n_samples: int) -> Counts:
    """Return the first `n_samples` counts of a signal file's bytes, shape (n_samples,)."""
    form = STORAGE[storage]
    rest = -len(raw) % form.group
    data = np.frombuffer(raw + bytes(rest) if rest else raw, np.uint8)
    return form.decode(data)[:n_samples]


def _three_bytes(data: NDArray[np.uint8]) -> Counts:
    low, middle, high = (data[k::3].astype(np.int32) for k in range(3))
    return _signed(low | middle << 8 | high << 16, 24)


def _twelve_bits(data: NDArray[np.uint8]) -> Counts:
    first, shared, second = (data[k::3].astype(np.int16) for k in range(3))
    counts = np.empty(2 * len(first), np.int16)
    counts[0::2] = first | (shared & 15) << 8
    counts[1::2] = second | (shared >> 4) << 8
    return _signed(counts, 12)


def _ten_bits_310(data: NDArray[np.uint8]) -> Counts:
    words = data.view("<u2").astype(np.int16)
    one, two = words[0::2], words[1::2]
    counts = np.empty(3 * len(one), np.int16)
    counts[0::3] = one >> 1 & 0x3FF
    counts[1::3] = two >> 1 & 0x3FF
    counts[2::3] = (one >> 11 & 0x1F) | (two >> 11 & 0x1F) << 5
    return _signed(counts, 10)


def _ten_bits_311(data: NDArray[np.uint8]) -> Counts:
    words = data.view("<u4")
    counts = np.empty(3 * len(words), np.int16)
    for k in range(3):
        counts[k::3] = words >> np.uint32(10 * k) & np.uint32(0x3FF)
    return _signed(counts, 10)


def _signed(counts: Counts, bits: int) -> Counts:
    """Read the lowest `bits` as two's complement, in place."""
    counts[counts >= 1 << (bits - 1)] -= 1 << bits
    return counts


STORAGE: dict[int, Storage] = {
    16: Storage(Fraction(2), -(2**15), 2, lambda d: d.view("<i2")),
    24: Storage(Fraction(3), -(2**23), 3, _three_bytes),
    32: Storage(Fraction(4), -(2**31), 4, lambda d: d.view("<i4")),
    61: Storage(Fraction(2), -(2**15), 2, lambda d: d.view(">i2")),
    80: Storage(Fraction(1), -(2**7), 1, lambda d: d.astype(np.int16) - 128),
    160: Storage(Fraction(2), -(2**15), 2, lambda d: d.view("<u2").astype(np.int32) - 32768),
    212: Storage(Fraction(3, 2), -(2**11), 3, _twelve_bits),
    310: Storage(Fraction(4, 3), -(2**9), 4, _ten_bits_310),
    311: Storage(Fraction(4, 3), -(2**9), 4, _ten_bits_311),
}
