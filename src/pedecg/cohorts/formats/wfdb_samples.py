"""Samples of WFDB signal files, signal(5): bytes to integer counts.

Each storage format is one row of `STORAGE`. The `wfdb` package decodes them too, but parses the
header again by rules of its own, and fails on dates, dots and folders in names that data sets use.
Files compressed by FLAC are decoded by `soundfile`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.formats import file_ecg
from pedecg.cohorts.record_faults import RecordFault

Counts = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Storage:
    """One storage format.

    Attributes
    ----------
    bytes_per_sample : of the packed formats a fraction.
    no_value : the count that marks a missing value; beyond the range where none does.
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


DIFFERENCES = 8  # storage format of first differences, from a count in the header on
# Storage formats compressed by FLAC: bits of a count.
FLAC = {508: 8, 516: 16, 524: 24}


def no_value(storage: int) -> int:
    """Return the count that marks a missing value; beyond the range where none does."""
    return -(1 << FLAC[storage] - 1) if storage in FLAC else STORAGE[storage].no_value


def read_flac(place: Path, storage: int, n_channels: int, n_samples: int | None) -> Counts:
    """Return the counts of a file compressed by FLAC, shape (n_samples, n_channels).

    Parameters
    ----------
    n_samples : of each channel, as announced; None: what the file says of itself.

    Raises
    ------
    RecordFault
        bad-header, truncated-signal, overlong-signal, corrupt-signal, oversized-file.
    """
    import soundfile

    bits = FLAC[storage]
    try:
        with soundfile.SoundFile(place) as stream:
            n_stored = int(stream.frames)
            kind = (stream.format, stream.subtype, stream.channels)
            if kind != ("FLAC", "PCM_S8" if bits == 8 else f"PCM_{bits}", n_channels):
                raise RecordFault(
                    "bad-header",
                    f"{place.name}: expected FLAC of {bits} bits and {n_channels} channels",
                )
            n_samples = n_stored if n_samples is None else n_samples
            if n_stored != n_samples:
                reason = "truncated-signal" if n_stored < n_samples else "overlong-signal"
                raise RecordFault(reason, f"{place.name}: {n_stored} samples; expected {n_samples}")
            file_ecg.require_size(n_channels, n_samples, place.name)
            wide = np.int16 if bits <= 16 else np.int32
            counts = stream.read(n_samples, dtype=wide.__name__, always_2d=True)
    except soundfile.SoundFileError:
        raise RecordFault("corrupt-signal", f"{place.name}: not a whole FLAC file") from None
    if len(counts) != n_samples:
        raise RecordFault(
            "truncated-signal", f"{place.name}: {len(counts)} samples; expected {n_samples}"
        )
    found: Counts = counts >> (8 * wide().itemsize - bits)  # samples are stored in the upper bits
    return found


STORAGE: dict[int, Storage] = {
    DIFFERENCES: Storage(Fraction(1), 1 << 20, 1, lambda d: d.view(np.int8).astype(np.int32)),
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
