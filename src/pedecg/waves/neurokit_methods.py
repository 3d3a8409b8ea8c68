"""NeuroKit2's four delineation methods, given our beats.

NeuroKit2 finds no T wave above about 100 beats per minute with `prominence`, since it looks no
further than half the RR interval, and reports QRS complexes too wide with `dwt`. Kept for
comparison. Makowski D et al. NeuroKit2. Behav Res Methods 2021;53:1689-1696.
"""

import warnings

import neurokit2
import numpy as np
from numpy.typing import NDArray

Boundaries = NDArray[np.float64]
"""Shape (n_beats, 9): onset, peak, offset of P, then of QRS, then of T, in samples; NaN: absent."""

_COLUMNS = (
    "ECG_P_Onsets", "ECG_P_Peaks", "ECG_P_Offsets",
    "ECG_R_Onsets", "", "ECG_R_Offsets",
    "ECG_T_Onsets", "ECG_T_Peaks", "ECG_T_Offsets",
)  # fmt: skip


def prominence(
    signal_mv: NDArray[np.float64], fs_hz: float, r_peaks: NDArray[np.int64]
) -> Boundaries:
    """Prominence of extrema (Emrich 2024); NeuroKit2's best on LUDB.

    Parameters
    ----------
    signal_mv : shape (n_samples,), mV.
    r_peaks : shape (n_beats,), samples.
    """
    return _boundaries(signal_mv, fs_hz, r_peaks, "prominence")


def dwt(signal_mv: NDArray[np.float64], fs_hz: float, r_peaks: NDArray[np.int64]) -> Boundaries:
    """Discrete wavelet transform (Martinez 2004); NeuroKit2's default.

    Parameters
    ----------
    signal_mv : shape (n_samples,), mV.
    r_peaks : shape (n_beats,), samples.
    """
    return _boundaries(signal_mv, fs_hz, r_peaks, "dwt")


def cwt(signal_mv: NDArray[np.float64], fs_hz: float, r_peaks: NDArray[np.int64]) -> Boundaries:
    """Continuous wavelet transform.

    Parameters
    ----------
    signal_mv : shape (n_samples,), mV.
    r_peaks : shape (n_beats,), samples.
    """
    return _boundaries(signal_mv, fs_hz, r_peaks, "cwt")


def peak(signal_mv: NDArray[np.float64], fs_hz: float, r_peaks: NDArray[np.int64]) -> Boundaries:
    """Delineate by peak search; gives no QRS boundaries.

    Parameters
    ----------
    signal_mv : shape (n_samples,), mV.
    r_peaks : shape (n_beats,), samples.
    """
    return _boundaries(signal_mv, fs_hz, r_peaks, "peak")


def _boundaries(
    signal_mv: NDArray[np.float64], fs_hz: float, r_peaks: NDArray[np.int64], method: str
) -> Boundaries:
    found = np.full((len(r_peaks), 9), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one per record that it cannot delineate: seen as NaN
        try:
            _, waves = neurokit2.ecg_delineate(
                signal_mv, r_peaks, sampling_rate=round(fs_hz), method=method
            )
        except (IndexError, ValueError, ZeroDivisionError, TypeError, KeyError):
            return found  # it fails so on short or irregular records
    for column, name in enumerate(_COLUMNS):
        values = waves.get(name)
        if values is not None and len(values) == len(found):
            found[:, column] = values
    ordered = np.diff(found.reshape(-1, 3, 3), axis=2)
    found.reshape(-1, 3, 3)[(ordered < 0).any(axis=2)] = np.nan
    return found
