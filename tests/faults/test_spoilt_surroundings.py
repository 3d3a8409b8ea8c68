"""A full disk, a missing or cut input and an unwritable place are one line each."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import stage_process

pytestmark = pytest.mark.slow

SMALL_DISK = "256k"  # the signals of the cohort need some MB


def _spoil_text(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _to_folder(file: Path) -> None:
    file.unlink()
    (file / "inside").mkdir(parents=True)


# What is done to which file before which stage, and what its line must say.
SPOILT = {
    "cut table": ("split", "data/interim/records.parquet", _spoil_text, "records.parquet"),
    "no table": ("split", "data/interim/labels.parquet", Path.unlink, "labels.parquet: not found"),
    "cut samples": ("lead_statistics", "data/processed/signals/samples.i16", _spoil_text, "bytes"),
    "no store": ("lead_statistics", "data/processed/signals/store.json", Path.unlink, "not found"),
    "cut store": ("lead_statistics", "data/processed/signals/store.json", _spoil_text, "signal st"),
    "cut index": ("lead_statistics", "data/processed/signals/index.parquet", _spoil_text, "index"),
    "folder in the way": ("split", "data/interim/splits.parquet", _to_folder, "irectory"),
    "parameters not UTF-8": (
        "split", "params.yaml", lambda file: file.write_bytes(b"split: \xff"), "not UTF-8"
    ),
    "parameters as a bomb": (
        "split", "params.yaml",
        lambda file: file.write_text(
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{n}: &{n} [{','.join([f'*{b}'] * 10)}]\n"
                      for b, n in zip("abcdefgh", "bcdefghi", strict=True))
        ),
        "aliases",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("stage", "file", "spoil", "told"), SPOILT.values(), ids=SPOILT)
def test_a_spoilt_input(cohort, tmp_path, stage, file, spoil, told, counts):
    run = cohort.copy(tmp_path / "run")
    spoil(run.folder / file)
    done = run.run(stage)
    assert done.returncode == 1, done.stderr
    assert told in stage_process.one_line(done.stderr)
    assert not run.left_behind()
    counts["one line"] += 1


@pytest.fixture
def small_disk(tmp_path):
    """A disk of `SMALL_DISK`, or a skip where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid() or shutil.which("mount") is None:
        pytest.skip("a small disk can be mounted by root on Linux alone")
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize(("stage", "output"), [("preprocess", "processed"), ("split", "interim")])
def test_a_full_disk(cohort, tmp_path, small_disk, stage, output, counts):
    run = cohort.copy(tmp_path / "run")
    folder = run.folder / "data" / output
    if stage == "split":
        (small_disk / "filler").write_bytes(b"x" * 200_000)
        shutil.copy(folder / "records.parquet", small_disk)
        shutil.copy(folder / "labels.parquet", small_disk)
        fill = small_disk / "more"
        with fill.open("wb") as stream:
            try:
                while True:
                    stream.write(b"x" * 512)
                    stream.flush()
            except OSError:
                stream.raw.close()
    shutil.rmtree(folder)
    folder.symlink_to(small_disk)
    done = run.run(stage)
    assert done.returncode == 1, done.stderr
    assert "No space left on device" in stage_process.one_line(done.stderr)
    assert not list(small_disk.rglob("*.partial*"))
    counts["one line, nothing half written"] += 1
