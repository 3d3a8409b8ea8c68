"""A stage that is killed leaves no process and no half file, and the next run ends as any other."""

import signal
import sys
import time

import pytest
import stage_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
ENDS_WITHIN_S = 20.0  # workers look for their parent every second; the machine may be busy


@pytest.mark.parametrize("stage", ["ingest", "preprocess"])
@pytest.mark.repeats(2, 15)
def test_a_killed_stage(cohort, tmp_path, stage, counts, draw, repeats):
    expected = cohort.outputs(stage)
    run = cohort.copy(tmp_path / "run")
    run.remove_outputs(stage)
    began = time.monotonic()
    assert run.run(stage).returncode == 0
    lasts_s = time.monotonic() - began
    assert run.outputs(stage) == expected
    for number in range(repeats):
        kill = (signal.SIGKILL, signal.SIGTERM)[number % 2]
        run.remove_outputs(stage)
        process = run.start(stage)
        time.sleep(draw.uniform(0.2, 0.8) * lasts_s)
        process.send_signal(kill)
        process.communicate(timeout=stage_process.LONGEST_S)
        assert not stage_process.wait_for_the_end(process.pid, ENDS_WITHIN_S), "workers are left"
        for name, digest in run.outputs(stage).items():
            assert digest == expected[name], f"{name} is half written"
        if process.returncode == 128 + signal.SIGTERM:
            assert not run.left_behind()
        done = run.run(stage)
        assert done.returncode == 0, done.stderr
        assert run.outputs(stage) == expected
        assert not run.left_behind(), "a later run removes what a killed one left"
        counts["too late" if process.returncode == 0 else f"{kill.name}, then the same bytes"] += 1


@pytest.mark.repeats(1, 5)
def test_two_runs_of_one_stage_at_once(cohort, tmp_path, counts, repeats):
    expected = cohort.outputs("ingest")
    run = cohort.copy(tmp_path / "run")
    for _ in range(repeats):
        run.remove_outputs("ingest")
        both = [run.start("ingest") for _ in range(2)]
        for process in both:
            _, err = process.communicate(timeout=stage_process.LONGEST_S)
            assert process.returncode == 0, err
        assert run.outputs("ingest") == expected
        assert not run.left_behind()
        counts["both ended with the same bytes"] += 1
