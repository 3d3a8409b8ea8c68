"""Later stages take the best model on validation records that can serve them, or the named one."""

import json
from pathlib import Path

import pytest

from pedecg.core import run_models
from pedecg.core.errors import PedecgError
from pedecg.core.run_models import RunModel, RunModels
from pedecg.evaluation import select_models

RUN = RunModels(
    (
        RunModel("age_sex", ("demographics",), True, False),
        RunModel("rules_trees", ("demographics", "rules"), False, False),
        RunModel("resnet1d", ("signals",), False, True),
        RunModel("hybrid", ("demographics", "rules", "signals"), False, False),
        RunModel("resnet1d_age", ("demographics", "signals"), False, True),
        RunModel("cnn1d", ("numbers", "signals"), False, True),
    ),
    members=("rules_trees", "resnet1d", "hybrid"),
)
AUROCS = {
    "age_sex": 0.6, "rules_trees": 0.8, "resnet1d": 0.7, "hybrid": 0.78, "resnet1d_age": 0.72,
    "cnn1d": 0.99, "ensemble": 0.82,
}  # fmt: skip
VALUES = {
    "explain": {"model": None},
    "external_validation": {"model": None},
    "subgroups": {"models": None},
}


def models(values: dict, aurocs: dict | None = None) -> dict[str, list[str]]:
    selected = select_models.select(RUN, values, aurocs or AUROCS)
    return {stage: selection.models for stage, selection in selected.items()}


def test_each_stage_takes_the_best_model_that_can_serve_it() -> None:
    assert models(VALUES) == {
        "explain": ["resnet1d_age"],  # hybrid is no network; cnn1d reads numbers, unknown there
        "external_validation": ["ensemble"],  # none of its members reads numbers, as cnn1d does
        "subgroups": ["rules_trees", "cnn1d", "ensemble"],
    }


def test_a_reference_model_is_taken_where_nothing_else_can_serve_or_a_parameter_names_it() -> None:
    better = AUROCS | {"age_sex": 0.95}
    external = {"external_validation": {"model": None}}
    assert models(external, better) == {"external_validation": ["ensemble"]}
    alone = RunModels((RUN.models[0], RUN.models[-1]))
    assert select_models.select(alone, external, better)["external_validation"].models == [
        "age_sex"
    ]
    named = {"external_validation": {"model": "age_sex"}}
    assert models(named, better) == {"external_validation": ["age_sex"]}


def test_a_parameter_names_another_one() -> None:
    named = {
        "explain": {"model": "resnet1d"},
        "external_validation": {"model": "resnet1d"},
        "subgroups": {"models": ["age_sex"]},
    }
    assert models(named) == {
        "explain": ["resnet1d"],
        "external_validation": ["resnet1d"],
        "subgroups": ["age_sex"],
    }
    selection = select_models.select(RUN, named, AUROCS)["explain"]
    assert (selection.by, selection.validation_auroc) == (
        "parameter explain.model",
        {"resnet1d": 0.7},
    )


def test_a_stage_that_is_no_part_of_the_pipeline_takes_nothing() -> None:
    assert models({"cohort": {}}) == {}


def test_without_figures_the_first_model_is_taken() -> None:
    assert models(VALUES, dict.fromkeys(AUROCS))["explain"] == ["resnet1d"]
    some = dict.fromkeys(AUROCS) | {"resnet1d_age": 0.4}
    assert models(VALUES, some)["explain"] == ["resnet1d_age"]


def test_only_validation_figures_choose(tmp_path: Path) -> None:
    figures = {"validation": {"macro": {"auroc": {"value": 0.7}}},
               "test": {"macro": {"auroc": {"value": 0.9}}}}  # fmt: skip
    (tmp_path / "resnet1d.json").write_text(json.dumps(figures))
    assert select_models.validation_aurocs(["resnet1d"], tmp_path) == {"resnet1d": 0.7}


def write_models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the files of every model into a folder, and work there."""
    monkeypatch.chdir(folder)
    for model in AUROCS:
        for file in (f"predictions/{model}.parquet", f"calibration/{model}.json",
                     f"models/{model}/seed0/model.json"):  # fmt: skip
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(f"{model} {file}")


def test_what_is_copied_is_what_a_stage_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_models(tmp_path, monkeypatch)
    select_models.copy(select_models.select(RUN, VALUES, AUROCS), [0])
    taken = select_models.read_one("explain")
    assert taken.name == "resnet1d_age"
    assert (taken.trainings([0])[0] / "model.json").read_text().startswith("resnet1d_age models")
    assert [each.name for each in select_models.read("subgroups")] == models(VALUES)["subgroups"]
    assert not list(Path("data/selected/subgroups").rglob("seed0"))
    with pytest.raises(PedecgError, match="stage select_models writes it"):
        select_models.read("atlas")


def test_the_ensemble_lies_alongside_the_trainings_that_it_is_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does below ``models``, where it opens its members."""
    write_models(tmp_path, monkeypatch)
    selected = select_models.select(RUN, VALUES, AUROCS)
    select_models.copy(selected, [0], RUN.members)
    taken = select_models.read_one("external_validation")
    assert taken.name == "ensemble"
    beside = {file.relative_to(taken.folder.parent) for file in taken.folder.parent.rglob("seed0")}
    assert beside == {Path(name, "seed0") for name in ("ensemble", *RUN.members)}
    assert len(list(Path("data/selected/explain").rglob("seed0"))) == 1


def test_an_ensemble_with_a_member_that_reads_numbers_is_not_validated_externally() -> None:
    run = RunModels(RUN.models, (*RUN.members, "cnn1d"))
    assert "ensemble" not in run.candidates("external_validation")
    assert "ensemble" not in RunModels(RUN.models).candidates("external_validation")


def test_the_models_of_a_run_round_trip(tmp_path: Path) -> None:
    RUN.write(tmp_path / "run_models.json")
    assert run_models.read(tmp_path / "run_models.json") == RUN
    assert RUN.names[-1] == "ensemble"
    assert RUN.baselines == ["age_sex", "rules_trees"]
    with pytest.raises(PedecgError, match="stage model_inputs writes it"):
        run_models.read(tmp_path / "none.json")
