"""A picture of simulated children says so; the others do not."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from pedecg.core import figures


def test_a_picture_of_several_cohorts_is_marked_where_any_is_simulated() -> None:
    assert figures.marked_as(["ptbxl", "simulated", "zzu"]) == "simulated"
    assert figures.marked_as(["simulated_manifest", "simulated"]) == "simulated_manifest"
    assert figures.marked_as(["ptbxl", "zzu"]) == "ptbxl"


@pytest.mark.parametrize(("cohort", "stated"), [("simulated", ["simulated children"]), ("zzu", [])])
def test_simulated_is_called_so(tmp_path: Path, cohort: str, stated: list[str]) -> None:
    figure = Figure()
    figures.save(figure, tmp_path / "p.png", cohort)
    assert [text.get_text() for text in figure.texts] == stated
