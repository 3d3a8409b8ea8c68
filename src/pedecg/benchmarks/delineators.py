"""The delineators that are compared, each behind the same call."""

import os
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from json import loads
from pathlib import Path
from typing import Any, Protocol

import neurokit2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from pedecg.core.errors import PedecgError
from pedecg.signals import filters
from pedecg.waves import delineator_inference

OPENECG_HZ = 250.0  # the rate of openecg's network
OPENECG = "openecg"
PEDECG = "pedecg"
_OPENECG_SCRIPT = Path(__file__).with_name("openecg_worker.py")
_NAMES = {"P": "ECG_P", "QRS": "ECG_R", "T": "ECG_T"}
_KEYS = {"onset_s": "Onsets", "offset_s": "Offsets", "peak_s": "Peaks"}
_COLUMNS = ["lead", "wave", "onset_s", "peak_s", "offset_s"]
Signal = NDArray[np.floating[Any]]


class Delineator(Protocol):
    """Finds P, QRS and T in the leads of a record."""

    name: str

    def __call__(self, signal_mv: Signal, fs_hz: float, leads: Sequence[str]) -> pd.DataFrame:
        """Return one row per wave: ``lead, wave, onset_s, peak_s, offset_s``, NaN if not found.

        Parameters
        ----------
        signal_mv : shape (n_leads, n_samples), mV.
        """


class PedecgDelineator:
    """The network of this project with the weights of a folder: all leads at once."""

    name = PEDECG

    def __init__(self, weights: Path) -> None:
        self.weights = weights

    def __call__(self, signal_mv: Signal, fs_hz: float, leads: Sequence[str]) -> pd.DataFrame:
        """Return the waves of a record; see `Delineator.__call__`."""
        torch.set_num_threads(1)
        return delineator_inference.delineate(signal_mv, fs_hz, leads, self.weights)


class NeuroKit:
    """NeuroKit2 as its manual shows it: clean, find R peaks, delineate; lead by lead."""

    def __init__(self, method: str) -> None:
        self.method, self.name = method, f"neurokit2_{method}"

    def __call__(self, signal_mv: Signal, fs_hz: float, leads: Sequence[str]) -> pd.DataFrame:
        """Return the waves of a record; see `Delineator.__call__`."""
        rows = [
            {"lead": name} | row
            for lead, name in zip(signal_mv, leads, strict=True)
            for row in self._lead(lead, fs_hz)
        ]
        return pd.DataFrame(rows, columns=_COLUMNS)

    def _lead(self, lead: Signal, fs_hz: float) -> list[dict[str, Any]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                rate = round(fs_hz)
                clean = neurokit2.ecg_clean(lead, sampling_rate=rate)
                _, peaks = neurokit2.ecg_peaks(clean, sampling_rate=rate)
                r = peaks["ECG_R_Peaks"]
                _, waves = neurokit2.ecg_delineate(clean, r, sampling_rate=rate, method=self.method)
            except Exception:  # it fails in many ways on leads that it cannot read: no waves
                return []
        rows = []
        for wave, name in _NAMES.items():
            # The three lists need not be of one length: each boundary is scored on its own.
            for column, key in _KEYS.items():
                peak = (wave, column) == ("QRS", "peak_s")
                times = np.asarray(r if peak else waves.get(f"{name}_{key}", []), float) / fs_hz
                rows += [{"wave": wave, column: time} for time in times[np.isfinite(times)]]
        return rows


class OpenEcg:
    """The TFLite model that openecg ships, lead by lead, in a process of its own environment."""

    name = OPENECG

    def __init__(self, python: str) -> None:
        """Start the process.

        Raises
        ------
        PedecgError
            It does not start, or has no openecg.
        """
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        try:
            self._process = subprocess.Popen(
                [python, str(_OPENECG_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, env=environment,
            )  # fmt: skip
        except OSError as error:
            raise PedecgError(f"delineation.openecg_python: {python}: {error.strerror}") from None
        if self._process.stdout is None or self._process.stdout.readline().strip() != "ready":
            raise PedecgError(
                f"delineation.openecg_python: {python} cannot import openecg; expected an "
                "environment with openecg and ai-edge-litert"
            )

    def __call__(self, signal_mv: Signal, fs_hz: float, leads: Sequence[str]) -> pd.DataFrame:
        """Return the waves of a record; see `Delineator.__call__`."""
        resampled = filters.resample(np.nan_to_num(signal_mv), fs_hz, OPENECG_HZ)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "leads.npy"
            np.save(file, resampled.astype(np.float32))
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            print(file, file=self._process.stdin, flush=True)
            answer = loads(self._process.stdout.readline())
        rows = [
            {"lead": lead, "wave": wave, "onset_s": onset, "offset_s": offset}
            for lead, waves in zip(leads, answer, strict=True)
            for wave, onset, offset in waves
        ]
        table = pd.DataFrame(rows, columns=_COLUMNS)
        table["peak_s"] = (table["onset_s"] + table["offset_s"]) / 2
        return table
