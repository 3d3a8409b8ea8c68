"""What a lock file says of the inputs of a stage."""

import pytest

from pedecg.runs import lock_file


@pytest.mark.parametrize(
    ("dependency", "output", "reads"),
    [
        ("data/a/b.csv", "data/a/b.csv", True),
        ("data/a", "data/a/b.csv", True),  # a file in a folder that is read
        ("data/a/b.csv", "data/a", True),  # a folder of which a file is read
        ("data/a", "data/ab.csv", False),  # begins alike
        ("data/a/b.csv", "data/a/c.csv", False),
        ("../data/a", "data/a", False),
    ],
)
def test_a_stage_reads_an_output_that_its_dependency_is_holds_or_lies_in(dependency, output, reads):
    stage = {"deps": [{"path": "src/x.py"}, {"path": dependency}]}
    assert (output in lock_file.ReadPaths(stage)) is reads


def test_a_stage_without_dependencies_reads_nothing():
    assert "data/a" not in lock_file.ReadPaths({})
