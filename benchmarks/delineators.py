"""The delineators that `delineation.py` compares, all behind one call."""

import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import Any, Protocol

import neurokit2
import numpy as np
import pandas as pd
import torch

from pedecg.signals import filters
from pedecg.waves import delineator_inference

NEUROKIT = ("prominence", "dwt", "cwt", "peak")
OPENECG_HZ = 250.0
WORKER = Path(__file__).with_name("openecg_worker.py")
_NAMES = {"P": "ECG_P", "QRS": "ECG_R", "T": "ECG_T"}
_KEYS = {"onset_s": "Onsets", "offset_s": "Offsets", "peak_s": "Peaks"}
_COLUMNS = ["lead", "wave", "onset_s", "peak_s", "offset_s"]


@dataclass(frozen=True)
class Cost:
    """Seconds of one record: of the processor, and by the clock."""

    cpu_s: float
    wall_s: float


class Delineator(Protocol):
    """Finds the waves of a record's leads; `threads` counts for those that can use several."""

    name: str

    def __call__(
        self, signal_mv: np.ndarray, fs_hz: float, leads: Sequence[str], threads: int = 1
    ) -> tuple[pd.DataFrame, Cost]: ...


class Ours:
    """pedecg: all leads of a record at once."""

    name = "pedecg"

    def __init__(self, weights: Path) -> None:
        self.weights = weights

    def __call__(
        self, signal_mv: np.ndarray, fs_hz: float, leads: Sequence[str], threads: int = 1
    ) -> tuple[pd.DataFrame, Cost]:
        torch.set_num_threads(threads)
        return _timed(lambda: delineator_inference.delineate(signal_mv, fs_hz, leads, self.weights))


class NeuroKit:
    """NeuroKit2 as its manual shows it: clean, find R peaks, delineate; lead by lead."""

    def __init__(self, method: str) -> None:
        self.method, self.name = method, f"NeuroKit2 {neurokit2.__version__} {method}"

    def __call__(
        self, signal_mv: np.ndarray, fs_hz: float, leads: Sequence[str], threads: int = 1
    ) -> tuple[pd.DataFrame, Cost]:
        return _timed(
            lambda: pd.DataFrame(
                [
                    {"lead": name} | row
                    for lead, name in zip(signal_mv, leads, strict=True)
                    for row in self._lead(lead, fs_hz)
                ],
                columns=_COLUMNS,
            )
        )

    def _lead(self, lead: np.ndarray, fs_hz: float) -> list[dict[str, Any]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                rate = round(fs_hz)
                clean = neurokit2.ecg_clean(lead, sampling_rate=rate)
                _, peaks = neurokit2.ecg_peaks(clean, sampling_rate=rate)
                r = peaks["ECG_R_Peaks"]
                _, found = neurokit2.ecg_delineate(clean, r, sampling_rate=rate, method=self.method)
            except Exception:  # it fails in many ways on leads that it cannot read: no waves
                return []
        rows = []
        for wave, name in _NAMES.items():
            # The three lists need not be of one length: each boundary is scored on its own.
            for column, key in _KEYS.items():
                peak = (wave, column) == ("QRS", "peak_s")
                times = np.asarray(r if peak else found.get(f"{name}_{key}", []), float) / fs_hz
                rows += [{"wave": wave, column: time} for time in times[np.isfinite(times)]]
        return rows


class OpenEcg:
    """openecg's bundled TFLite model, lead by lead, in a process of its own."""

    name = "openecg 0.11.0, bundled model"

    def __init__(self, python: str) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [python, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=environment,
        )  # fmt: skip
        if self._process.stdout is None or self._process.stdout.readline().strip() != "ready":
            raise ImportError("openecg")

    def __call__(
        self, signal_mv: np.ndarray, fs_hz: float, leads: Sequence[str], threads: int = 1
    ) -> tuple[pd.DataFrame, Cost]:
        before = time.process_time(), time.perf_counter()
        resampled = filters.resample(np.nan_to_num(signal_mv), fs_hz, OPENECG_HZ)
        here = time.process_time() - before[0], time.perf_counter() - before[1]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "leads.npy"
            np.save(file, resampled.astype(np.float32))
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            print(file, threads, file=self._process.stdin, flush=True)
            answer = loads(self._process.stdout.readline())
        rows = [
            {"lead": lead, "wave": wave, "onset_s": onset, "offset_s": offset}
            for lead, found in zip(leads, answer["leads"], strict=True)
            for wave, onset, offset in found
        ]
        table = pd.DataFrame(rows, columns=_COLUMNS)
        table["peak_s"] = (table["onset_s"] + table["offset_s"]) / 2
        return table, Cost(here[0] + answer["cpu_s"], here[1] + answer["wall_s"])


def _timed(work: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, Cost]:
    cpu, wall = time.process_time(), time.perf_counter()
    table = work()
    return table, Cost(time.process_time() - cpu, time.perf_counter() - wall)
