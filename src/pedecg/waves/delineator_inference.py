"""A trained network delineates: any number of leads, any length and sampling rate, one answer.

NumPy runs it for a process's first recordings, unless torch is imported already, and torch after
that: the answer has the same bits. torch is a little faster, and takes seconds to import.
"""

import functools
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.core import elementary, tables
from pedecg.core.errors import PedecgError
from pedecg.waves import network_output, qrs_detection
from pedecg.waves.array_network import ArrayNetwork
from pedecg.waves.network_input import normalise, resample
from pedecg.waves.network_settings import Settings
from pedecg.waves.wave_targets import FRAME_S, FS_HZ, SAMPLES_PER_FRAME

if TYPE_CHECKING:
    from pedecg.waves.wave_network import Network

PIECE_S = 60.0  # longer records pass in pieces, so that memory stays flat
MARGIN_S = 6.0  # what a piece sees beyond its own frames, over the network's reach
COLUMNS = tuple(name for name in tables.WAVES.columns if name != "record_id")
WEIGHTS, SETTINGS = "weights.safetensors", "network.json"
LARGEST_LOGIT = 60.0  # beyond it a probability is 0 or 1 to the last bit of float32
BEFORE_S, AFTER_S, QRS_S = 0.5, 0.65, 0.1  # of R: its P, its T, its QRS in each lead
FEW = 150  # passes of one process: in more torch saves the time that its import takes
FLAT_MV = 1e-4  # a lead that never moves more than this was not recorded


def delineate(
    signal_mv: NDArray[np.floating], fs_hz: float, leads: Sequence[str], folder: Path
) -> pd.DataFrame:
    """Find P, QRS and T in every lead and, from all leads together, one set of global waves.

    Parameters
    ----------
    signal_mv : shape (n_leads, n_samples), mV; NaN where there is no value.
    leads : one name per row.
    folder : where `save` has written the network.

    Returns
    -------
    The WAVES table without record_id, leads in the given order and then "global". A flat lead, a
    record under half a second and one without a heartbeat have no waves; a boundary beyond the
    record's edge is NaN.
    """
    signal = np.atleast_2d(np.asarray(signal_mv))
    recorded = np.flatnonzero(np.nan_to_num(np.ptp(np.nan_to_num(signal), axis=1)) > FLAT_MV)
    if not len(recorded) or signal.shape[1] < fs_hz / 2:
        return _no_waves()
    resampled, names = resample(signal[recorded], fs_hz), [leads[int(lead)] for lead in recorded]
    for quantile in qrs_detection.QUANTILES:
        found = _heard(resampled, names, _opened(folder), quantile)
        if found is not None:
            return found
    return _no_waves()


def _heard(
    resampled: NDArray[np.float32],
    names: list[str],
    network: "Network | ArrayNetwork",
    quantile: float,
) -> pd.DataFrame | None:
    """Return the waves, leads first and then "global"; None without a heartbeat.

    Parameters
    ----------
    resampled : shape (n_leads, n_samples) at 250 Hz.
    quantile : of the swing of all segments of 2 s, the usual one; beyond the first of
        `qrs_detection.QUANTILES` the beats must be alike too.
    """
    prepared = normalise(resampled, quantile)
    probability = probabilities(prepared, network)
    common = network_output.together(probability)[None]
    magnitude = np.sqrt(np.square(prepared).mean(axis=0, keepdims=True))
    together = _table(network_output.waves(common), magnitude, ["global"])
    r_peaks_s = together.loc[together["wave"] == "QRS", "peak_s"].to_numpy(float)
    r_peaks = np.rint(r_peaks_s * FS_HZ).astype(np.int64)
    steepness = qrs_detection.qrs_steepness(prepared, FS_HZ, quantile)
    long_pause = quantile != qrs_detection.QUANTILES[0]
    if long_pause:
        r_peaks = qrs_detection.high(r_peaks, steepness, FS_HZ)
        if not qrs_detection.alike(r_peaks, prepared, FS_HZ):
            return None
    if not qrs_detection.heartbeat(r_peaks, steepness, FS_HZ):
        return None
    in_leads = _table(network_output.waves(probability), prepared, names)
    found = pd.concat([in_leads, together], ignore_index=True)
    return _near(found, r_peaks / FS_HZ) if long_pause else found


def _near(waves: pd.DataFrame, r_s: NDArray[np.float64]) -> pd.DataFrame:
    """Return the waves around these beats: in a pause the network sees waves in the noise."""
    peak = waves["peak_s"].to_numpy(np.float64)
    after = np.searchsorted(r_s, peak)
    to_next = np.append(r_s, np.inf)[after] - peak
    from_last = peak - np.append(-np.inf, r_s)[after]
    near = (to_next < BEFORE_S) | (from_last < AFTER_S)
    is_qrs = (waves["wave"] == "QRS").to_numpy()
    beat = np.minimum(to_next, from_last) < QRS_S
    kept: pd.DataFrame = waves[np.where(is_qrs, beat, near)].reset_index(drop=True)
    return kept


def probabilities(
    prepared: NDArray[np.float32], network: "Network | ArrayNetwork"
) -> NDArray[np.float32]:
    """Return the probability of each wave, shape (n_leads, 3, n_frames), 125 frames per second.

    Parameters
    ----------
    prepared : shape (n_leads, n_samples), as `network_input.normalise` returns it.
    """
    n_frames = -(-prepared.shape[1] // SAMPLES_PER_FRAME)
    piece, margin = (round(length / FRAME_S) // 32 * 32 for length in (PIECE_S, MARGIN_S))
    starts = range(0, n_frames, piece) if n_frames > piece + margin else [0]
    parts = []
    for start in starts:
        end = start + piece if len(starts) > 1 else n_frames
        first = max(start - margin, 0)
        part = prepared[:, first * SAMPLES_PER_FRAME : (end + margin) * SAMPLES_PER_FRAME]
        parts.append(_forward(part, network)[..., start - first : end - first])
    return np.concatenate(parts, axis=-1)[..., :n_frames]


_calls = itertools.count()


def _opened(folder: Path) -> "Network | ArrayNetwork":
    if "torch" in sys.modules or next(_calls) >= FEW:
        return load(folder)
    return load_arrays(folder)


@functools.lru_cache(maxsize=2)
def load(folder: Path) -> "Network":
    """Return the trained network in whole numbers, ready to predict.

    Raises
    ------
    PedecgError
        The files are of an earlier version or of another network.
    """
    from safetensors.torch import load_file

    from pedecg.waves import integer_network
    from pedecg.waves.wave_network import Network

    network = integer_network.empty(Network(_settings(folder)))
    state = {name: value.float() for name, value in load_file(folder / WEIGHTS).items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise _other_network(folder) from error
    return network


@functools.lru_cache(maxsize=2)
def load_arrays(folder: Path) -> ArrayNetwork:
    """Return the same network without torch; raises as `load` does."""
    try:
        return ArrayNetwork(_settings(folder), folder / WEIGHTS)
    except KeyError as error:
        raise _other_network(folder) from error


def _settings(folder: Path) -> Settings:
    return Settings.model_validate(json.loads((folder / SETTINGS).read_text()))


def _other_network(folder: Path) -> PedecgError:
    return PedecgError(
        f"{folder / WEIGHTS}: not the whole-number weights of the network of {SETTINGS}; "
        "train it again (pipelines/delineation, stage train)"
    )


def save(
    network: "Network",
    settings: Settings,
    examples: Iterable[tuple[NDArray[np.floating], float]],
    folder: Path,
) -> None:
    """Write a trained network in whole numbers, and the settings that it is built from.

    Parameters
    ----------
    examples : recordings that show how large the values within the network become: each a signal
        of shape (n_leads, n_samples) in mV, and its sampling rate in Hz.
    """
    from safetensors.torch import save_file

    from pedecg.waves import integer_network

    prepared = (
        _padded(normalise(resample(signal, fs_hz)), network.stride) for signal, fs_hz in examples
    )
    whole = integer_network.rounded(network, prepared)
    with tables.replacing(folder / WEIGHTS) as temporary:
        save_file(integer_network.stored(whole), temporary)
    tables.write_text(settings.model_dump_json(indent=2) + "\n", folder / SETTINGS)


def _padded(part: NDArray[np.float32], stride: int) -> NDArray[np.float32]:
    return np.pad(part, ((0, 0), (0, -part.shape[1] % stride)), mode="edge")


def _forward(part: NDArray[np.float32], network: "Network | ArrayNetwork") -> NDArray[np.float32]:
    padded = _padded(part, network.stride)
    logits = (
        network.logits(padded)
        if isinstance(network, ArrayNetwork)
        else _logits_of_torch(padded, network)
    )
    below = elementary.exp(-np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT))
    return np.asarray(1.0 / (1.0 + below), np.float32)


def _logits_of_torch(padded: NDArray[np.float32], network: "Network") -> NDArray[np.float64]:
    import torch

    with torch.inference_mode(), _one_thread():
        logits: NDArray[np.float64] = network(torch.from_numpy(padded)[None])[0].double().numpy()
    return logits


@contextmanager
def _one_thread() -> Iterator[None]:
    """Give torch one thread within the block: the order of its sums depends on their number."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _no_waves() -> pd.DataFrame:
    return pd.DataFrame(columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[2:], float))


def _table(
    found: network_output.Found, signal: NDArray[np.float32], names: Sequence[str]
) -> pd.DataFrame:
    """Return the waves as a table, lead by lead in order of time."""
    onset = np.maximum(found.onset_s, 0.0)
    peak = np.fmin(np.fmax(network_output.peaks(signal, found), onset), found.offset_s)
    order = np.lexsort((peak, found.row))
    columns = {
        "lead": np.array(names, dtype=object)[found.row],
        "wave": np.array(tables.WAVES_IN_ORDER, dtype=object)[found.kind],
        "onset_s": onset,
        "peak_s": peak,
        "offset_s": found.offset_s,
        "confidence": found.confidence,
    }
    return pd.DataFrame({name: column[order] for name, column in columns.items()})
