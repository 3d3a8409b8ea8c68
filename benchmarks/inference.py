"""ECGs per second from file to calibrated probability: torch here, onnxruntime in a bundle.

    python benchmarks/inference.py --model models/resnet1d_age --records 100

Run it where the pipeline ran. Both read the cohort's WFDB files, refuse leads, filter, resample,
ask every training of the model and calibrate; `pedecg predict` judges criteria too.
They take turns, at 1 and at 2 threads, so that a busy machine slows them all; the largest
difference between their answers is printed too. ``--clock cpu`` counts processor time, at 1 thread.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pedecg.bundle import assemble, inference_steps, run
from pedecg.cohorts import recordings
from pedecg.cohorts.formats import wfdb_files
from pedecg.cohorts.record_check import IngestSettings
from pedecg.core import params, tables
from pedecg.core.records import LEADS, EcgRecord
from pedecg.evaluation import calibration
from pedecg.evaluation.calibration import Calibration
from pedecg.learning import trained_network
from pedecg.learning.trained_network import Trained
from pedecg.predict import loaded_model, prediction_report, prepared_recording
from pedecg.signals import preprocess, quality
from pedecg.signals.signal_store import SignalStore

UNKNOWN = (np.array([np.nan], np.float32), np.array([-1]))  # age and sex: they cost no time
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
now = CLOCKS["wall"]
AT_ONCE = 32  # ECGs asked together, where they need not be answered one by one

Prepared = tuple[NDArray[np.int16], NDArray[np.bool_]]


class Own:
    """The pipeline's own functions, without its tables."""

    def __init__(self, folders: list[Path], fitted: Calibration) -> None:
        self.networks: list[Trained] = [trained_network.load(f, accelerator="cpu") for f in folders]
        self.fitted = fitted
        self.limits = params.load("ingest", IngestSettings)
        self.settings = params.load("preprocess", preprocess.PreprocessSettings)

    def read(self, path: Path) -> EcgRecord:
        return wfdb_files.read(path.parent, path.name)

    def prepare(self, record: EcgRecord) -> Prepared:
        good = quality.lead_quality(record.signal, record.fs_hz, self.limits).usable
        refused = frozenset(np.array(record.leads)[~good].tolist())
        return preprocess.prepare(record, refused, self.settings)[:2]

    def ask(self, ecgs: list[Prepared]) -> NDArray[np.float64]:
        lengths = np.array([counts.shape[1] for counts, _ in ecgs])
        store = SignalStore(
            self.settings.fs_hz, LEADS, tuple(map(str, range(len(ecgs)))),
            np.append(0, np.cumsum(lengths * len(LEADS))[:-1]), lengths,
            np.array([mask for _, mask in ecgs]),
            np.concatenate([counts.ravel() for counts, _ in ecgs]),
        )  # fmt: skip
        age, sex = (np.repeat(value, len(ecgs)) for value in UNKNOWN)
        raw = [one.predict(store, np.arange(len(ecgs)), age, sex) for one in self.networks]
        return self.fitted.apply(np.mean(raw, axis=0))


def timed(steps: list[Callable], value) -> tuple[list[float], object]:
    """Run steps one after the other; seconds of each, and what the last gives."""
    seconds = []
    for step in steps:
        start = now()
        value = step(value)
        seconds.append(now() - start)
    return seconds, value


def with_torch(own: Own, paths: list[Path], threads: int):
    torch.set_num_threads(threads)
    steps = [own.read, own.prepare, lambda ecg: own.ask([ecg])]
    done = [timed(steps, path) for path in paths]
    return np.sum([seconds for seconds, _ in done], axis=0), np.concatenate([p for _, p in done])


def in_batches(own: Own, paths: list[Path], threads: int):
    torch.set_num_threads(threads)
    total, answers = np.zeros(3), []
    for first in range(0, len(paths), AT_ONCE):
        steps = [
            lambda some: [own.read(path) for path in some],
            lambda some: [own.prepare(record) for record in some],
            own.ask,
        ]
        seconds, p = timed(steps, paths[first : first + AT_ONCE])
        total, answers = total + seconds, [*answers, p]
    return total, np.concatenate(answers)


def with_criteria(model: loaded_model.Model, paths: list[Path]):
    """Do what `pedecg predict` does; waves are found while preparing, criteria while asking."""
    torch.set_num_threads(1)

    def read(path):
        ((place,), _) = recordings.find([path])
        return replace(recordings.read(place), age_days=None, sex=None)

    steps = [
        read,
        lambda one: prepared_recording.prepare(one, model.recipe),
        lambda one: prediction_report.of(model, one),
    ]
    done = [timed(steps, path) for path in paths]
    return np.sum([seconds for seconds, _ in done], axis=0), np.array(
        [found.probabilities for _, found in done]
    )


def with_onnxruntime(bundle: run.Bundle, paths: list[Path]):
    """Ask the runner; what of its time is preprocessing is measured by doing it once more."""
    total, answers = np.zeros(3), []
    targets = bundle.about["targets"]
    for path in paths:
        seconds, ecg = timed([lambda p: run.read(p, None, None)], path)
        signal, fs_hz, names = ecg
        start = now()
        answer = bundle.predict(signal, fs_hz, names)
        whole = now() - start
        start = now()
        good = inference_steps.usable(signal, fs_hz, bundle.about["lead_limits"])
        bundle.prepare(signal, fs_hz, {n: row for row, n in enumerate(names) if good[row]})
        preparing = now() - start
        total += [*seconds, preparing, whole - preparing]
        answers.append([answer["probabilities"][target] for target in targets])
    return total, np.array(answers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/resnet1d_age"))
    parser.add_argument("--records", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    asked = parser.parse_args()
    global now
    now = CLOCKS[asked.clock]
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    root = Path(params.read_section("cohort.root"))
    paths = [root / path for path in records["path"][: asked.records]]
    folders = sorted(asked.model.glob("seed*"))
    own = Own(folders, calibration.load(f"calibration/{asked.model.name}.json"))
    with tempfile.TemporaryDirectory() as scratch:
        assemble.write(asked.model, Path(scratch) / "bundle", Path())
        model = loaded_model.load(asked.model)
        ways: dict[str, Callable] = {"pedecg predict": lambda some: with_criteria(model, some)}
        for n in (1, 2) if asked.clock == "wall" else (1,):
            bundle = run.Bundle(Path(scratch) / "bundle", threads=n)
            ways |= {
                f"torch, {n} thread": lambda some, n=n: with_torch(own, some, n),
                f"torch by {AT_ONCE}, {n} thread": lambda some, n=n: in_batches(own, some, n),
                f"onnxruntime, {n} thread": lambda some, b=bundle: with_onnxruntime(b, some),
            }
        spent: dict[str, list] = {name: [] for name in ways}
        answers = {}
        for number in range(asked.rounds + 1):
            for name, way in ways.items():
                seconds, answers[name] = way(paths)
                if number:  # the first round warms the file cache and the libraries
                    spent[name].append(seconds)
    about = f"{asked.model.name}, {len(folders)} trainings, {len(paths)} ECGs"
    print(f"{about}, median of rounds, {asked.clock} time")
    print("| | read ms | prepare ms | ask ms | ECGs per s |\n|---|---|---|---|---|")
    for name, rounds in spent.items():
        middle = [1000 * statistics.median(part) / len(paths) for part in zip(*rounds, strict=True)]
        rate = len(paths) / statistics.median([sum(one) for one in rounds])
        print(f"| {name} | {' | '.join(f'{ms:.1f}' for ms in middle)} | {rate:.0f} |")
    first, *others = answers.values()
    worst = max(np.abs(other - first).max() for other in others)
    print(f"largest difference between their probabilities: {worst:.1e}")


if __name__ == "__main__":
    main()
