"""Ingest and preprocess against the obvious script, side by side in one run.

`python benchmarks/preprocess.py [--records 1000]` writes that many records of 12 leads x 5,000
samples in WFDB format into a temporary folder, lets the two stages and then the obvious script
(wfdb.rdrecord in a loop, SciPy per record, one file per record) read them, and prints seconds and
peak memory of each. The stages also verify every checksum, measure the quality of every lead and
parse the table; the obvious script does none of it. `PEDECG_JOBS` sets the number of processes.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import psutil
import wfdb
from ruamel.yaml import YAML

from pedecg.records import LEADS

ROOT = Path(__file__).resolve().parents[1]
FS_HZ, SAMPLES, DISTINCT = 500, 5000, 50

OBVIOUS = """
import sys
from pathlib import Path
import numpy as np, wfdb
from scipy import signal

for header in sorted(Path("cohort").glob("*/*.hea")):
    record = wfdb.rdrecord(str(header.with_suffix("")))
    sos = signal.butter(3, [0.5, 100], "bandpass", fs=record.fs, output="sos")
    filtered = signal.sosfiltfilt(sos, record.p_signal, axis=0)
    resampled = signal.resample_poly(filtered, 250, record.fs, axis=0)
    Path("obvious").mkdir(exist_ok=True)
    np.save(f"obvious/{header.stem}.npy", resampled.astype(np.float32))
"""


def write_cohort(folder: Path, n_records: int) -> None:
    """Write records and their manifest; after the first ones, copies under other names."""
    rng = np.random.default_rng(0)
    t = np.arange(SAMPLES) / FS_HZ
    names = [f"B{i:05d}" for i in range(n_records)]
    for i, name in enumerate(names):
        place = folder / name[:3]
        place.mkdir(parents=True, exist_ok=True)
        if i < DISTINCT:
            beats = np.exp(-0.5 * (((t % rng.uniform(0.35, 1)) - 0.2) / 0.012) ** 2)
            signal = np.outer(beats, rng.uniform(-1, 2, 12)) + rng.normal(0, 0.02, (SAMPLES, 12))
            wfdb.wrsamp(
                name, FS_HZ, ["mV"] * 12, list(LEADS), signal, fmt=["16"] * 12, write_dir=str(place)
            )
            continue
        source = names[i % DISTINCT]
        header = (folder / source[:3] / f"{source}.hea").read_text()
        (place / f"{name}.hea").write_text(header.replace(source, name))
        shutil.copyfile(folder / source[:3] / f"{source}.dat", place / f"{name}.dat")
    manifest = pd.DataFrame({"record_id": names, "patient_id": names})
    manifest["path"] = [f"{name[:3]}/{name}" for name in names]
    manifest["age"], manifest["sex"], manifest["abnormal"] = 3000, "female", 1
    manifest.to_csv(folder / "manifest.csv", index=False)


def write_params(folder: Path) -> None:
    """Write the project's parameters with the benchmark's cohort in place of its own."""
    yaml = YAML()
    values = yaml.load(ROOT / "params.yaml")
    values["cohort"] |= {"name": "manifest", "root": "cohort"}
    values["cohort"]["manifest"]["labels"] = ["abnormal"]
    yaml.dump(values, folder / "params.yaml")


def measure(command: list[str], folder: Path) -> tuple[float, float]:
    """Run a command; return seconds and peak memory in MiB of it and its children.

    Memory is the proportional set size: pages that processes share count once.
    """
    start, peak = time.perf_counter(), 0
    with subprocess.Popen(command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}) as run:
        process = psutil.Process(run.pid)
        while run.poll() is None:
            peak = max(peak, _memory(process))
            time.sleep(0.1)
    if run.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, peak / 2**20


def _memory(process: psutil.Process) -> int:
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_full_info().pss
    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
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
        (folder / "obvious.py").write_text(OBVIOUS)
        rows = {
            "pedecg: ingest": measure([sys.executable, str(ROOT / "stages/ingest.py")], folder),
            "pedecg: preprocess": measure(
                [sys.executable, str(ROOT / "stages/preprocess.py")], folder
            ),
            "obvious script": measure([sys.executable, "obvious.py"], folder),
        }
    ours, obvious = list(rows.values())[:2], rows["obvious script"]
    seconds = sum(s for s, _ in ours)
    rows["pedecg: together"] = (seconds, max(m for _, m in ours))
    cores = os.environ.get("PEDECG_JOBS") or joblib.cpu_count()
    print(f"\n{asked.records:,} records of 12 x {SAMPLES:,} at {FS_HZ} Hz, {cores} processes")
    print(f"{'':20}{'seconds':>10}{'ms/record':>12}{'peak MiB':>10}{'x obvious':>11}")
    for what, (s, m) in rows.items():
        per_record, ratio = 1000 * s / asked.records, obvious[0] / s
        print(f"{what:20}{s:10.1f}{per_record:12.2f}{m:10.0f}{ratio:11.2f}")


if __name__ == "__main__":
    main()
