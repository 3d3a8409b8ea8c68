"""`pedecg run --jobs`: stages side by side end as a serial `dvc repro` does."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from dvc.repo import Repo

from pedecg.core.errors import PedecgError
from pedecg.runs import lock_order, parallel_run

PARAMS = "letters: [a, b]\nlines: 3\n"
STAGES = """\
stages:
  base:
    cmd: echo base > base.txt
    outs: [base.txt]
  still:
    cmd: cat base.txt > still.txt
    deps: [base.txt]
    outs: [still.txt]
  letter:
    matrix:
      letter: ${letters}
      n: [1, 2]
    cmd: mkdir -p letters/${item.letter} && cat base.txt > letters/${item.letter}/${item.n}
    deps: [base.txt]
    params: [letters]
    outs: ["letters/${item.letter}/${item.n}"]
  count:
    cmd: find letters -type f | wc -l > count.json; cat still.txt
    deps: [letters, still.txt]
    outs: [count.json: {cache: false}]
  last:
    cmd: tail -n ${lines} count.json > last.txt
    deps: [count.json]
    params: [lines]
    outs: [last.txt]
"""
# Each waits for the other: done only by two at a time. Both write their parts of the cores.
PAIR = """\
stages:
  first:
    cmd: echo $PEDECG_JOBS $OMP_NUM_THREADS > cores.txt
    outs: [cores.txt]
  left:
    cmd: touch left.seen; for i in $(seq 200); do [ -e right.seen ] && break || sleep 0.1; done;
      [ -e right.seen ] && echo $PEDECG_JOBS > left.txt
    deps: [cores.txt]
    outs: [left.txt]
  right:
    cmd: touch right.seen; for i in $(seq 200); do [ -e left.seen ] && break || sleep 0.1; done;
      [ -e left.seen ] && echo $PEDECG_JOBS > right.txt
    deps: [cores.txt]
    outs: [right.txt]
"""
FAILING = """\
stages:
  wrong:
    cmd: echo on purpose; [ -e mended ] && touch wrong.txt
    outs: [wrong.txt]
  gone:
    cmd: if [ -e mended ]; then touch gone.txt; else sleep 0.5; kill -9 $PPID; fi
    outs: [gone.txt]
  after:
    cmd: cp wrong.txt after.txt
    deps: [wrong.txt]
    outs: [after.txt]
  long:
    cmd: sleep 0.2; touch long.txt
    outs: [long.txt]
  beside:
    cmd: cp long.txt beside.txt
    deps: [long.txt]
    outs: [beside.txt]
"""
OTHER = f"""\
stages:
  many:
    matrix:
      n: {list(range(60))}
    cmd: touch many${{item.n}}
    outs: ["many${{item.n}}"]
"""
SLOW = STAGES.replace("cat base.txt > letters", "sleep 1; cat base.txt > letters")


def project(folder: Path, stages: str) -> Path:
    folder.mkdir()
    Repo.init(str(folder), no_scm=True).close()
    (folder / "params.yaml").write_text(PARAMS)
    (folder / "dvc.yaml").write_text(stages)
    return folder


def serial(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`dvc repro`; the stages that it ran."""
    monkeypatch.chdir(folder)
    with Repo() as repository:
        return [stage.addressing for stage in repository.reproduce()]


def side_by_side(folder: Path, monkeypatch: pytest.MonkeyPatch, jobs: int = 3) -> list[str]:
    monkeypatch.chdir(folder)
    return parallel_run.run([], jobs, print)


def left_by(folder: Path) -> dict[str, bytes]:
    """All that a run leaves: dvc.lock, outputs, cache and run cache; by path."""
    kept = [file for file in folder.rglob("*") if file.is_file() and ".dvc/tmp" not in str(file)]
    return {str(file.relative_to(folder)): file.read_bytes() for file in kept}


def test_it_leaves_what_a_serial_run_leaves(tmp_path, monkeypatch):
    one, many = project(tmp_path / "one", STAGES), project(tmp_path / "many", STAGES)
    assert set(side_by_side(many, monkeypatch)) == set(serial(one, monkeypatch))
    assert left_by(many) == left_by(one)
    for folder in (one, many):  # a new parameter, a new stage before others, and a frozen one
        (folder / "params.yaml").write_text(PARAMS.replace("b]", "c]").replace("3", "1"))
        more = "  new:\n    cmd: cp base.txt new.txt\n    deps: [base.txt]\n    outs: [new.txt]\n"
        text = STAGES.replace("  letter:\n", more + "  letter:\n")
        text = text.replace("still:\n", "still:\n    frozen: true\n").replace("> base", ">> base")
        (folder / "dvc.yaml").write_text(text.replace("echo base", "echo Base"))
    changed = serial(one, monkeypatch)
    assert "still" not in changed
    assert set(side_by_side(many, monkeypatch)) == set(changed)
    assert left_by(many) == left_by(one)
    assert serial(many, monkeypatch) == side_by_side(many, monkeypatch) == []


def test_items_of_a_matrix_run_in_the_order_of_their_list(tmp_path, monkeypatch):
    letters = list("hgfedcba")
    folder = project(tmp_path / "many", STAGES)
    (folder / "params.yaml").write_text(PARAMS.replace("[a, b]", f"[{', '.join(letters)}]"))
    (folder / "other").mkdir()  # DVC's own order is another where the repository has more pipelines
    (folder / "other/dvc.yaml").write_text(OTHER)
    side_by_side(folder, monkeypatch, jobs=1)
    made = sorted((folder / "letters").rglob("*"), key=lambda file: file.stat().st_mtime_ns)
    expected = [f"{letter}/{n}" for letter in letters for n in (1, 2)]
    assert [str(f.relative_to(folder / "letters")) for f in made if f.is_file()] == expected


def test_stages_run_at_the_same_time_and_share_the_cores(tmp_path, monkeypatch):
    monkeypatch.setenv("PEDECG_JOBS", "8")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    folder = project(tmp_path / "pair", PAIR)
    assert sorted(side_by_side(folder, monkeypatch, jobs=2)) == ["first", "left", "right"]
    assert (folder / "cores.txt").read_text() == "8 8\n"  # alone
    assert (folder / "left.txt").read_text() == (folder / "right.txt").read_text() == "4\n"


def test_a_failure_stops_what_needs_it_and_nothing_else(tmp_path, monkeypatch):
    one, many = project(tmp_path / "one", FAILING), project(tmp_path / "many", FAILING)
    with pytest.raises(PedecgError) as fault:
        side_by_side(many, monkeypatch, jobs=2)
    assert re.search(r"^failed: wrong: .*exited with 1; .*not run.*: after$", str(fault.value))
    assert "gone: its process was killed" in str(fault.value)
    assert (many / "beside.txt").exists()
    assert not (many / "after.txt").exists()
    for folder in (one, many):
        (folder / "mended").touch()
    serial(one, monkeypatch)
    assert sorted(side_by_side(many, monkeypatch)) == ["after", "gone", "wrong"]
    assert left_by(many) == left_by(one)  # also the order in dvc.lock


def test_stages_that_were_there_keep_their_place():
    assert lock_order.serial(["new", "z", "b", "a"], ["z", "a"], ["a", "b", "new", "z"]) == [
        "z", "a", "b", "new",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_continues(tmp_path, monkeypatch, number):
    one, many = project(tmp_path / "one", SLOW), project(tmp_path / "many", SLOW)
    subprocess.run(["git", "init", "-q"], cwd=many, check=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.Popen(
        ["pedecg", "run", "--jobs", "2"], cwd=many, env={**os.environ, "PATH": path},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    lock = many / "dvc.lock"
    until = time.monotonic() + 60
    while not (lock.exists() and "letter@" in lock.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    started = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == (130 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        assert errors.splitlines()[-1].startswith("error: interrupted; run it again")
    assert not psutil.wait_procs(started, timeout=20)[1]
    before = lock.read_text().count("letter@")
    assert 1 <= before < 4
    again = side_by_side(many, monkeypatch, jobs=2)
    assert len([name for name in again if name.startswith("letter@")]) == 4 - before
    serial(one, monkeypatch)
    shutil.rmtree(many / ".git")
    assert left_by(many) == left_by(one)
    assert serial(many, monkeypatch) == []
