"""A picture of simulated children says so; the others do not."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from pedecg.core import figures


@pytest.mark.parametrize(("cohort", "stated"), [("simulated", ["simulated children"]), ("zzu", [])])
def test_simulated_is_called_so(tmp_path: Path, cohort: str, stated: list[str]) -> None:
    figure = Figure()
    figures.save(figure, tmp_path / "p.png", cohort)
    assert [text.get_text() for text in figure.texts] == stated
