"""A training depends on its own folder: its settings in full, and exactly what its model reads."""

from pathlib import Path
from typing import Any

import pytest

from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.models import model_inputs, run_check

PARAMS = Path(__file__).parents[2] / "params.yaml"
NAMES = ["resnet1d", "hybrid", "rules_trees", "foundation"]


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A pipeline that has measured rule features and pre-trained weights; its parameters."""
    monkeypatch.chdir(tmp_path)
    for file in (model_inputs.RULES, model_inputs.PRETRAINED / "weights.safetensors"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("first")
    return params.read_file(PARAMS)


def written(names: list[str], values: dict[str, Any], to: str = "inputs") -> dict[str, bytes]:
    folder = Path(to)
    model_inputs.write(names, values, folder)
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_each_folder_holds_what_its_model_reads_and_nothing_else(values: dict[str, Any]) -> None:
    assert set(written(NAMES, values)) == {
        "resnet1d/inputs.json",
        "hybrid/inputs.json",
        "hybrid/rules.parquet",
        "rules_trees/inputs.json",
        "rules_trees/rules.parquet",
        "foundation/inputs.json",
        "foundation/pretrained/weights.safetensors",
    }


def test_a_model_more_changes_no_other_folder(values: dict[str, Any]) -> None:
    before = written(NAMES, values)
    after = written([*NAMES, "cnn1d"], values, "more")
    assert {name: after[name] for name in before} == before


def changes(values: dict[str, Any], section: str, **changed: Any) -> set[str]:
    """Return the models whose folder changes with some parameters."""
    before = written(NAMES, values, "before")
    place: Any = values
    for key in section.split("."):
        place = place[key]
    place |= changed
    after = written(NAMES, values, "after")
    return {name.split("/")[0] for name in before if after[name] != before[name]}


def test_a_default_of_the_trunk_changes_all_that_have_a_trunk(values: dict[str, Any]) -> None:
    assert changes(values, "trunk", drop_path=0.1) == {"resnet1d", "hybrid", "foundation"}


def test_a_models_own_parameter_changes_it_alone(values: dict[str, Any]) -> None:
    assert changes(values, "models.hybrid", shrinkage=5.0) == {"hybrid"}


def test_a_sides_parameter_changes_what_is_made_of_it(values: dict[str, Any]) -> None:
    values["models"]["hybrid"]["rules"] = ["rules_trees"]
    assert changes(values, "models.rules_trees", trees=30) == {"hybrid", "rules_trees"}


def test_a_pretrained_side_brings_its_weights(values: dict[str, Any]) -> None:
    values["models"]["hybrid"]["network"] = "foundation"
    assert set(written(["hybrid"], values)) == {
        "hybrid/inputs.json", "hybrid/rules.parquet", "hybrid/pretrained/weights.safetensors",
    }  # fmt: skip


def test_rule_features_change_no_model_that_reads_none(values: dict[str, Any]) -> None:
    before = written(NAMES, values, "before")
    model_inputs.RULES.write_text("second")
    after = written(NAMES, values, "after")
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"hybrid/rules.parquet", "rules_trees/rules.parquet"}


def test_a_training_finds_its_settings_and_weights(values: dict[str, Any]) -> None:
    written(NAMES, values)
    inputs = model_inputs.read("foundation", Path("inputs"))
    assert inputs.settings["masked_autoencoder"]["stem_hz"] == values["trunk"]["stem_hz"]
    assert (inputs.pretrained / "weights.safetensors").read_text() == "first"
    assert inputs.rules is None
    with pytest.raises(PedecgError, match="stage model_inputs prepares"):
        model_inputs.read("cnn1d", Path("inputs"))


def test_the_network_of_the_label_review_is_prepared_too(values: dict[str, Any]) -> None:
    values["experiment"]["models"] = ["resnet1d"]
    run = run_check.check(values, "params.yaml", rules=True, pretraining=True)
    assert run_check.prepared(run, values) == ["resnet1d", values["noise_review"]["model"]]
