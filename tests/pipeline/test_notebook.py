"""The notebook opens the tables and pictures of a run, from its first cell to its last."""

import json
from collections.abc import Callable

import pytest
from scratch import PAEDIATRIC, ROOT, Project

NOTEBOOK = ROOT / "notebooks" / "exploration.ipynb"


def test_the_notebook_is_short_and_holds_no_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert len(cells) == 10
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.slow
def test_the_notebook_runs(smoke: Callable[[str], Project]) -> None:
    nbformat = pytest.importorskip("nbformat", reason="notebooks: pip install -e .[dev]")
    nbclient = pytest.importorskip("nbclient", reason="notebooks: pip install -e .[dev]")
    pytest.importorskip("ipykernel", reason="notebooks: pip install -e .[dev]")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(smoke(PAEDIATRIC).folder)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=where).execute()
    shown = {
        kind
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert {"image/png", "text/html"} <= shown
