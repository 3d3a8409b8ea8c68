"""One result whatever the number of threads and jobs, the BLAS kernel and the vector instructions.

What the variables name (OPENBLAS_CORETYPE, NPY_DISABLE_CPU_FEATURES, and DNNL_MAX_CPU_ISA and
ATEN_CPU_CAPABILITY for torch) is what another processor would choose by itself.
"""

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from small_run import ROOT, STAGES

DRIVER = Path(__file__).with_name("small_run.py")
PATIENTS = 6
TORCH_WITHOUT = {
    "AVX-512": {"DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "AVX2": {"DNNL_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"},
}
# Two fits of the same logistic model by L-BFGS, which adds through BLAS: see `naive`.
LINEAR_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Machine:
    """What one processor, or its user, would choose.

    Attributes
    ----------
    kernel : of OpenBLAS; None: as it finds.
    without : vector instructions that NumPy and torch do without: "", "AVX-512" or "AVX2".
    """

    threads: int
    jobs: int
    kernel: str | None
    without: str

    def environment(self) -> dict[str, str]:
        """Return the variables that make this machine act so."""
        chosen = {
            "OMP_NUM_THREADS": str(self.threads),
            "OPENBLAS_NUM_THREADS": str(self.threads),
            "PEDECG_JOBS": str(self.jobs),
            "PYTHONPATH": str(ROOT / "src"),
            "PYTHONHASHSEED": "0",
        }
        if self.kernel:
            chosen["OPENBLAS_CORETYPE"] = self.kernel
        if self.without:
            chosen["NPY_DISABLE_CPU_FEATURES"] = " ".join(_dispatched(self.without))
            chosen |= TORCH_WITHOUT[self.without]
        dropped = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "MKL_NUM_THREADS",
                   "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")  # fmt: skip
        return {k: v for k, v in os.environ.items() if k not in dropped} | chosen


# The first four have every value of every column; the others, in the nightly run, further pairs.
MACHINES = (
    Machine(1, 1, None, ""),
    Machine(2, 1, "Haswell", "AVX-512"),
    Machine(2, 2, "SkylakeX", ""),
    Machine(1, 2, "Sandybridge", "AVX2"),
    Machine(2, 1, None, "AVX2"),
    Machine(2, 1, "Sandybridge", ""),
)
x86_only = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="names kernels of x86-64"
)


@cache
def _dispatched(without: str) -> tuple[str, ...]:
    """Return what this NumPy calls the vector instructions; their names change between versions.

    A name that is not a target of its own is ignored by NumPy with a warning that Python hides.
    """
    from numpy._core import _multiarray_umath as built

    wide = [name for name in built.__cpu_dispatch__ if "AVX512" in name or name == "X86_V4"]
    narrow = [name for name in built.__cpu_dispatch__ if name in ("X86_V3", "AVX2", "FMA3")]
    here = built.__cpu_features__
    chosen = [name for name in wide + (narrow if without == "AVX2" else []) if here[name]]
    if not chosen:
        pytest.skip(f"this processor or NumPy has no {without} to do without")
    return tuple(chosen)


def ran(machine: Machine, folder: Path, *wanted: str) -> dict[str, Any]:
    """Run stages, or ``tabular``, as if on this machine; return what they print."""
    folder.mkdir()
    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["simulate"]["patients"] = PATIENTS
    with (folder / "params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
    (folder / "src").symlink_to(ROOT / "src")
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(folder), *wanted],
        env=machine.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def differing(found: list[dict[str, Any]]) -> dict[str, list[Machine]]:
    """Return, for each name whose value is not everywhere the first one's, where it differs."""
    first = found[0]
    odd = {
        name: [m for m, one in zip(MACHINES, found, strict=False) if one[name] != first[name]]
        for name in first
    }
    return {name: machines for name, machines in odd.items() if machines}


TASKS = ("multilabel", "multiclass")


@x86_only
def test_the_simulated_cohort_is_the_same_on_two_machines(tmp_path: Path) -> None:
    found = [ran(m, tmp_path / str(k), "simulate") for k, m in enumerate(MACHINES[:2])]
    assert not differing(found)


FEW_OR_ALL = pytest.mark.parametrize(
    "machines",
    [pytest.param(MACHINES[:4], marks=pytest.mark.slow, id="four"),
     pytest.param(MACHINES, marks=pytest.mark.nightly, id="all")],
)  # fmt: skip


@x86_only
@FEW_OR_ALL
def test_every_stage_up_to_rule_features_is_the_same_everywhere(
    machines: tuple[Machine, ...], tmp_path: Path
) -> None:
    found = [ran(m, tmp_path / str(k), *STAGES) for k, m in enumerate(machines)]
    assert not differing(found)


@x86_only
@FEW_OR_ALL
def test_every_tabular_model_is_the_same_everywhere(
    machines: tuple[Machine, ...], tmp_path: Path
) -> None:
    found = [ran(m, tmp_path / str(k), "tabular") for k, m in enumerate(machines)]
    logistic = [f"{name} {task}" for name in ("age_sex", "rules_linear") for task in TASKS]
    for name in logistic:
        reported = np.array([one.pop(name) for one in found])
        assert np.ptp(reported, axis=0).max() < LINEAR_TOLERANCE
    assert not differing(found)
