"""SIGKILL in the middle of a write leaves the older file or the newer one, whole."""

import subprocess
import sys

import killed_writer
import pytest

KILLS = 8


@pytest.mark.parametrize("kind", killed_writer.WRITERS)
def test_a_writer_killed_in_the_middle_leaves_a_whole_file(tmp_path, kind):
    command = [sys.executable, killed_writer.__file__, kind, tmp_path, str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    unfinished, older, newer, other = map(int, done.stdout.split())
    assert unfinished > 0, "no kill came in the middle of a write"
    assert other == 0, "a half-written file"
    assert older + newer == KILLS
