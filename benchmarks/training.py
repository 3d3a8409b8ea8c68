"""Our fit loop against the plain DataLoader loop that published ECG repositories use.

`python benchmarks/training.py` trains the same network (a model of params.yaml) on the same
synthetic records in both ways, each in a process of its own, in turns, and prints crops per second,
the share of a step that waits for data, and the memory of each. The plain way is one `.npy` file
per record, a `Dataset` that loads, crops, normalises and augments one record at a time in NumPy, a
`DataLoader` with workers, AdamW and clipped gradients. Ours is the loop of the pipeline, with its
running average of weights; beside it, the same steps on data that are already there and unchanged,
and on a GPU bfloat16. Speeds depend on the machine and what else it does; ratios much less.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from pedecg.core import params
from pedecg.core.records import LEADS
from pedecg.learning.batches import Normalisation, random_starts
from pedecg.learning.device import choose, reproducible
from pedecg.learning.fit import ClassifierTraining, CropBatch
from pedecg.learning.train_settings import TrainSettings
from pedecg.learning.training_task import Task
from pedecg.models import model_settings, registry
from pedecg.models.contract import Rows
from pedecg.models.network_base import Batch
from pedecg.signals.signal_store import open_store, write_store

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ("a", "b", "c", "d", "e")
Step = Callable[[], None]
OURS, PLAIN, RESIDENT = "ours", "plain DataLoader loop", "data there, unchanged"
BFLOAT16 = "ours, bfloat16"
_SPAWN = get_context("spawn")


def write_records(folder: Path, n_records: int, seconds: float, fs_hz: float) -> None:
    """Write the same records as a signal store and as one file each."""
    rng = np.random.default_rng(0)
    n_samples = round(seconds * fs_hz)
    (folder / "files").mkdir()

    def records() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        for i in range(n_records):
            counts = rng.normal(0, 200, (len(LEADS), n_samples)).astype(np.int16)
            np.save(folder / "files" / f"{i:05d}.npy", counts.astype(np.float32) / 1000)
            yield f"{i:05d}", counts, np.ones(len(LEADS), bool)

    write_store(folder / "store", fs_hz, LEADS, records())


def task(folder: Path, asked: argparse.Namespace, **changes: Any) -> Task:
    """Return what our loop is asked to do, with the settings of params.yaml."""
    store = open_store(folder / "store")
    n, rng = len(store), np.random.default_rng(1)
    data = Rows(
        signals=store,
        record_ids=store.record_ids,
        positions=np.arange(n),
        age_days=rng.uniform(0, 5000, n).astype(np.float32),
        sex=rng.integers(0, 2, n),
        targets=TARGETS,
        labels=rng.integers(0, 2, (n, len(TARGETS))).astype(np.float32),
        features=pd.DataFrame(index=range(n)),
    )
    settings = params.load("train", TrainSettings, ROOT / "params.yaml").model_copy(
        update={"threads": asked.threads, "batch_size": asked.batch_size} | changes
    )
    model = model_settings.read(asked.model, ROOT / "params.yaml") | asked.settings
    statistics_mv = (0.0,) * len(LEADS), (0.2,) * len(LEADS)
    return Task(asked.model, model, data, np.arange(n), np.arange(n),
                Normalisation(LEADS, *statistics_mv), settings, 0, folder)  # fmt: skip


@contextmanager
def timed(clock: list[float], device: torch.device) -> Iterator[None]:
    """Add the seconds of the block to a clock; the device has finished then."""
    start = time.perf_counter()
    yield
    if device.type == "cuda":
        torch.cuda.synchronize()
    clock.append(time.perf_counter() - start)


def our_step(task: Task, clock: list[float]) -> tuple[Step, ClassifierTraining]:
    """Return a step of our loop; `clock` takes the seconds in which data are cut."""
    training = ClassifierTraining(task, None)
    rng = np.random.default_rng(2)
    training.generator.manual_seed(3)
    training.loop.network.train()
    cut = training.signals.crop

    def watched(*arguments: Any) -> Any:
        with timed(clock, training.device):
            return cut(*arguments)

    training.signals.crop = watched  # type: ignore[method-assign]

    def step() -> None:
        rows = rng.choice(task.training, task.settings.batch_size)
        starts = random_starts(task.data.store.n_samples[rows], training.crop, rng)
        training.loop.step([CropBatch(rows, starts)])

    return step, training


class OneByOne(TorchDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Load, crop, normalise and augment one record at a time."""

    def __init__(self, folder: Path, crop: int, fs_hz: float, labels: np.ndarray) -> None:
        self.files = sorted((folder / "files").glob("*.npy"))
        self.crop, self.fs_hz, self.labels = crop, fs_hz, labels
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, rng = np.load(self.files[index]), self.rng
        start = rng.integers(0, x.shape[1] - self.crop + 1)
        x = x[:, start : start + self.crop]
        x = (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, keepdims=True) + 1e-8)
        if rng.random() < 0.5:
            x = x * rng.uniform(0.8, 1.2)
        if rng.random() < 0.5:
            x = x + rng.normal(0, 0.05, x.shape)
        if rng.random() < 0.5:
            time_s = np.arange(self.crop) / self.fs_hz
            x = x + 0.2 * np.sin(2 * np.pi * 0.5 * time_s + rng.uniform(0, 2 * np.pi))
        if rng.random() < 0.5:
            x = x.copy()
            x[rng.choice(len(x), 2, replace=False)] = 0
        return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(self.labels[index])


def plain_step(task: Task, folder: Path, workers: int, device: torch.device) -> Step:
    """Return a step of the plain loop."""
    store, settings = task.data.store, task.settings
    crop = round(settings.crop_seconds * store.fs_hz)
    network = registry.build(
        task.name, task.model_settings, n_leads=len(LEADS), n_samples=crop, fs_hz=store.fs_hz,
        n_targets=len(TARGETS),
    ).to(device).train()  # fmt: skip
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05)
    criterion = nn.BCEWithLogitsLoss()
    loader = DataLoader(
        OneByOne(folder, crop, store.fs_hz, task.data.labels), batch_size=settings.batch_size,
        shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )  # fmt: skip

    def endless() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            yield from loader

    batches = endless()

    def step() -> None:
        x, y = (tensor.to(device, non_blocking=True) for tensor in next(batches))
        batch = as_batch(x, device)
        optimizer.zero_grad()
        criterion(network(batch), y).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    return step


def as_batch(x: torch.Tensor, device: torch.device) -> Batch:
    n = len(x)
    return Batch(
        signal=x,
        lead_mask=torch.ones(n, x.shape[1], device=device),
        length=torch.full((n,), x.shape[-1], device=device),
        age_days=torch.full((n,), 1000.0, device=device),
        sex=torch.zeros(n, dtype=torch.long, device=device),
        features=torch.empty(n, 0, device=device),
    )


def resident_step(task: Task) -> Step:
    """Return a step of our loop on one batch that is already on the device, unchanged."""
    step, training = our_step(task, [])
    rows = np.resize(task.training, task.settings.batch_size)
    ready = training.batches.batch(
        rows, np.zeros_like(rows), training.crop, torch.Generator(training.device)
    )
    training.batches.batch = lambda *_: ready  # type: ignore[method-assign]
    return step


@dataclass(frozen=True)
class Round:
    """What a way says after some steps, of which it has taken `steps`.

    Attributes
    ----------
    step_s, cutting_s : seconds per step, and those in which data were cut.
    memory_mib, gpu_mib : resident memory with the workers, and peak memory on the GPU, MiB.
    """

    step_s: float
    cutting_s: float
    memory_mib: float
    gpu_mib: float


class Way:
    """One way to train, in a process of its own: what it sets there helps no other."""

    def __init__(self, name: str, asked: argparse.Namespace, folder: Path) -> None:
        self.name, (self.pipe, theirs) = name, _SPAWN.Pipe()
        # A daemon may not have workers, as the DataLoader's.
        self.process = _SPAWN.Process(target=serve, args=(theirs, name, asked, folder))
        self.process.start()
        theirs.close()
        self.about = self.pipe.recv()

    def round(self, steps: int) -> Round:
        """Take steps; return what they took."""
        self.pipe.send(steps)
        answer: Round = self.pipe.recv()
        return answer

    def end(self) -> None:
        self.pipe.send(0)
        self.process.join()


def serve(pipe: Connection, name: str, asked: argparse.Namespace, folder: Path) -> None:
    """Take as many steps as the pipe asks for, again and again, until it asks for none."""
    changes = {"precision": "bfloat16"} if name == BFLOAT16 else {}
    cutting: list[float] = []
    with reproducible(0, asked.threads) if name != PLAIN else nullcontext():
        torch.set_num_threads(asked.threads)
        work = task(folder, asked, **changes)
        device = choose(work.settings.accelerator)
        if name == PLAIN:
            step = plain_step(work, folder, asked.workers, device)
        elif name == RESIDENT:
            step = resident_step(work)
        else:
            step = our_step(work, cutting)[0]
        pipe.send(device.type)
        while steps := pipe.recv():
            cutting.clear()
            clock: list[float] = []
            with timed(clock, device):
                for _ in range(steps):
                    step()
            process = psutil.Process()
            family = [process, *process.children(recursive=True)]
            pipe.send(
                Round(
                    clock[0] / steps,
                    sum(cutting) / steps,
                    sum(one.memory_info().rss for one in family) / 2**20,
                    torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else 0.0,
                )
            )


def in_turns(ways: Sequence[Way], rounds: int, steps: int) -> dict[str, list[Round]]:
    """Return the rounds of each way, in turns, after one to warm up."""
    said: dict[str, list[Round]] = {way.name: [] for way in ways}
    for turn in range(rounds + 1):
        for way in ways if turn % 2 else reversed(ways):
            answer = way.round(steps)
            if turn > 0:
                said[way.name].append(answer)
    return said


def report(said: Mapping[str, list[Round]], batch_size: int, against: str) -> None:
    """Print speed, memory, and the ratio of each way to another, round by round."""
    print(f"{'':24}{'crops/s':>9}{'ms/step':>9}{'MiB':>7}   against {against} (median; all rounds)")
    for name, rounds in said.items():
        own, other = ([each.step_s for each in rows] for rows in (rounds, said[against]))
        ratios = [b / a for a, b in zip(own, other, strict=True)]
        middle, memory = statistics.median(own), max(each.memory_mib for each in rounds)
        print(
            f"{name:24}{batch_size / middle:9.0f}{1000 * middle:9.1f}{memory:7.0f}   "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=10, help="length of a record")
    parser.add_argument("--fs-hz", type=float, default=250)
    parser.add_argument("--model", default="resnet1d", help="a key of models in params.yaml")
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON; changes of its keys")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=24, help="per round and way")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--workers", type=int, default=2, help="of the DataLoader")
    return parser.parse_args()


def main() -> None:
    asked = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_records(folder, asked.records, asked.seconds, asked.fs_hz)
        print(
            f"{asked.model}; {asked.records} records of {asked.seconds:g} s at {asked.fs_hz:g} Hz; "
            f"{asked.threads} threads, {asked.workers} workers"
        )
        for names, against in (((OURS, PLAIN), PLAIN), ((OURS, RESIDENT, BFLOAT16), RESIDENT)):
            ways = [Way(name, asked, folder) for name in names]
            on_gpu = ways[0].about == "cuda"
            shown = [way for way in ways if on_gpu or way.name != BFLOAT16]
            said = in_turns(shown, asked.rounds, asked.steps)
            for way in ways:
                way.end()
            print(f"\n{ways[0].about}")
            report(said, asked.batch_size, against)
            if on_gpu:
                peaks = {name: max(each.gpu_mib for each in rows) for name, rows in said.items()}
                print("peak GPU memory, MiB:", ", ".join(f"{n} {v:.0f}" for n, v in peaks.items()))
            waited = sum(each.cutting_s for each in said[OURS])
            share = waited / sum(each.step_s for each in said[OURS])
            print(f"ours waits for data in {share:.1%} of its time")


if __name__ == "__main__":
    main()
