"""A process that keeps its freed memory fetches no pages anew for the next array."""

import subprocess
import sys

import pytest

PAGES_TOUCHED = """
import resource, sys
import numpy as np
from pedecg.core import freed_memory

if sys.argv[1] == "keep" and not freed_memory.keep():
    sys.exit(3)
def work():
    held = [np.ones(2**17) for _ in range(20)]  # 20 MiB


for _ in range(3):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(how: str, **environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PAGES_TOUCHED, how],
        env={"PATH": "/usr/bin", "PYTHONPATH": ":".join(sys.path), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 3:
        pytest.skip("another C library than glibc")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_freed_memory_stays() -> None:
    assert pages("keep") < 0.1 * pages("as usual")


def test_what_the_environment_says_holds() -> None:
    """Here it says to hand everything back at once."""
    eager = {"MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_MMAP_THRESHOLD_": "65536"}
    assert pages("keep", **eager) > 1000
