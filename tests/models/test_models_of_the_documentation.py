"""The models that docs/how-to/model.md shows keep the contract as they stand there."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import example_models
import numpy as np
import pytest

from pedecg.models import registry

ROOT = Path(__file__).resolve().parents[2]
# File of each -> its dotted name, the model whose rows it is given, and its settings.
SHOWN = {
    "mynetwork.py": ("pedecg.models.networks.mynetwork", "resnet1d", {"width": 8}),
    "mytable.py": ("pedecg.tabular.mytable", "rules_linear", {"prior_records": 5.0}),
}


def code(file: str) -> str:
    """Return the block of code whose title is the path of a file of this name."""
    text = (ROOT / "docs/how-to/model.md").read_text(encoding="utf-8")
    found = re.search(rf'```python title="[^"]*/{file}"\n(.*?)```', text, re.DOTALL)
    assert found, file
    return found[1]


@pytest.mark.parametrize("file", SHOWN)
def test_a_model_as_shown_learns_and_is_loaded_again(file, monkeypatch, tmp_path):
    dotted, like, values = SHOWN[file]
    name = file.removesuffix(".py")
    module = ModuleType(dotted)
    monkeypatch.setitem(sys.modules, dotted, module)
    exec(compile(code(file), file, "exec"), module.__dict__)
    source = ROOT / "src" / Path(*dotted.split(".")).with_suffix(".py")
    files = registry._files() | {name: source}
    monkeypatch.setattr(registry, "_files", lambda: files)

    example_models.prepare(tmp_path / "cohort")
    inputs = example_models.inputs(tmp_path / "cohort", like)
    training = replace(inputs.training, name=name, values=values, state=None)  # there is no file
    fitted = registry.fit(*inputs.learnt_from, training)
    fitted.model.save(tmp_path / "model")
    loaded = registry.load(tmp_path / "model", inputs.rows.targets)
    p, y = loaded.predict(inputs.rows), inputs.rows.labels
    np.testing.assert_array_equal(p, fitted.model.predict(inputs.rows))
    if name == "mytable":
        assert p[y[:, 0] == 1, 0].mean() > p[y[:, 0] == 0, 0].mean() + 0.2
