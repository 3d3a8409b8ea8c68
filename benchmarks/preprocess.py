"""Ingest and preprocess against the obvious script, side by side in one run.

`python benchmarks/preprocess.py [--records 1000]` lets the simulator write that many records of
12 leads x 5,000 samples, lets the two stages and then the obvious script (`wfdb.rdrecord` in a
loop, SciPy per record, one file per record) read them, and prints for each the time, the processor
time and the peak memory of all its processes together. Both filter and resample alike. The stages
also verify every checksum, find the flaws and the quality of every lead, look for records that are
the same, bridge gaps and spikes, and check every table; the obvious script does none of it.
`PEDECG_JOBS` sets the number of processes.
"""

import argparse
import dataclasses
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from ruamel.yaml import YAML

from pedecg.core import parallel, params
from pedecg.core.records import LEADS
from pedecg.simulation import artefacts, children, traits, zzu_cohort, zzu_layout
from pedecg.simulation.hospital_settings import SimulationSettings

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = 5000
DISTINCT = 100  # children simulated; the other records are copies under other names

OBVIOUS = """
from pathlib import Path
import numpy as np, wfdb
from scipy import signal

Path("obvious").mkdir()
for header in sorted(Path("cohort").rglob("*.hea")):
    record = wfdb.rdrecord(str(header.with_suffix("")))
    sos = signal.butter(3, [0.5, 100], "bandpass", fs=record.fs, output="sos")
    filtered = signal.sosfiltfilt(sos, record.p_signal, axis=0)
    resampled = signal.resample_poly(filtered, 250, record.fs, axis=0)
    np.save(f"obvious/{header.stem}.npy", resampled.astype(np.float32))
"""


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a command took: seconds by the clock, of all processors, and memory."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def write_cohort(root: Path, n_records: int) -> None:
    """Write records and their manifest."""
    settings = params.load("simulate", SimulationSettings, ROOT / "params.yaml")
    settings = settings.model_copy(update={"patients": DISTINCT})
    names = [f"P{number:05d}_E01" for number in range(1, n_records + 1)]
    for child, name in zip(children.plan(settings), names, strict=False):
        simulate(child, name, root, settings)
    folder = root / zzu_layout.SIGNALS
    for number, name in enumerate(names[DISTINCT:]):
        source = names[number % DISTINCT]
        place, original = (folder / zzu_layout.record_path(n) for n in (name, source))
        place.parent.mkdir(parents=True)
        header = original.with_suffix(".hea").read_text(encoding="utf-8")
        place.with_suffix(".hea").write_text(header.replace(source, name), encoding="utf-8")
        shutil.copyfile(original.with_suffix(".dat"), place.with_suffix(".dat"))
    manifest = pd.DataFrame({"record_id": names, "patient_id": names})
    manifest["path"] = [f"{zzu_layout.SIGNALS}/{zzu_layout.record_path(name)}" for name in names]
    manifest["age"], manifest["sex"], manifest["abnormal"] = 3000, "female", 1
    manifest.to_csv(root / "manifest.csv", index=False)


def simulate(child: children.Child, name: str, root: Path, settings: SimulationSettings) -> None:
    """Write the twelve leads of one child, noise and all."""
    rng = np.random.default_rng(child.number)
    visit = children.visits(child, "female", settings, rng)[0]
    visit = dataclasses.replace(visit, n_samples=SAMPLES)
    clean, _, own, _ = zzu_cohort.examine(visit, traits.personal(rng), child.number, rng)
    signal = artefacts.recorded(
        clean.leads_mv, zzu_layout.FS_HZ, artefacts.draw(settings, rng), settings.recorder,
        own["breathing"], rng,
    )  # fmt: skip
    zzu_layout.write_record(root, name, signal, LEADS, ("simulated", "", ""))


def write_params(folder: Path) -> None:
    """Write the project's parameters with the benchmark's cohort in place of its own."""
    yaml = YAML()
    values = yaml.load(ROOT / "params.yaml")
    values["cohort"] |= {"name": "manifest", "root": "cohort"}
    values["cohort"]["manifest"]["labels"] = ["abnormal"]
    yaml.dump(values, folder / "params.yaml")


def measure(script: Path, folder: Path) -> Cost:
    """Run a script in a folder; memory is the sum over all its processes."""
    before, start, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, script], cwd=folder, env=environment) as run:
        process = psutil.Process(run.pid)
        while run.poll() is None:
            peak = max(peak, memory(process))
            time.sleep(0.1)
    if run.returncode:
        sys.exit(f"{script.name} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - start, cpu, peak / 2**20)


def memory(process: psutil.Process) -> int:
    """Return the resident bytes of a process and of all below it."""
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--records", type=int, default=1000, help="how many, default 1,000")
    arguments.add_argument("--folder", help="where the temporary records go")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        write_cohort(folder / "cohort", asked.records)
        write_params(folder)
        (folder / "obvious.py").write_text(OBVIOUS, encoding="utf-8")
        ingest = measure(ROOT / "stages/ingest.py", folder)
        preprocess = measure(ROOT / "stages/preprocess.py", folder)
        obvious = measure(folder / "obvious.py", folder)
    together = Cost(
        ingest.seconds + preprocess.seconds,
        ingest.cpu_seconds + preprocess.cpu_seconds,
        max(ingest.peak_mib, preprocess.peak_mib),
    )
    print(f"\n{asked.records:,} records of 12 x {SAMPLES:,}; stages in {parallel.jobs()} processes")
    print(f"{'':20}{'seconds':>10}{'CPU s':>10}{'peak MiB':>10}")
    for what, cost in (
        ("ingest", ingest),
        ("preprocess", preprocess),
        ("together", together),
        ("obvious script", obvious),
    ):
        print(f"{what:20}{cost.seconds:10.1f}{cost.cpu_seconds:10.1f}{cost.peak_mib:10.0f}")
    print(
        f"together against the obvious script: {obvious.seconds / together.seconds:.2f} times as "
        f"fast by the clock, {together.cpu_seconds / obvious.cpu_seconds:.2f} times the CPU time"
    )


if __name__ == "__main__":
    main()
