"""A wrong `params.yaml` is refused before anything runs, also where one section names another."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pedecg.commands import parameter_sections
from pedecg.core import params
from pedecg.core.errors import PedecgError
from pedecg.models import model_settings, run_check

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The project's own parameters, with the limits that they name."""
    for name in ("limits", "thresholds"):
        data = Path("src/pedecg/rules") / f"{name}.csv"
        (tmp_path / data.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / data, tmp_path / data)
    return Path(shutil.copy2(ROOT / "params.yaml", tmp_path))


def fault(file: Path) -> str:
    with pytest.raises(PedecgError) as raised:
        parameter_sections.check(file)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_projects_own_parameters_are_right(file: Path) -> None:
    parameter_sections.check(file)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\nsplit:", "\nsplt:", "unknown section splt; did you mean split?"),
        ("\ntrain:", "\nzzz: {}\ntrain:", "unknown section zzz; known are cohort, exp"),
        (
            "\n  learning_rate: 3",
            "\n  lerning_rate: 3",
            "unknown key train.lerning_rate; did you mean",
        ),
        ("learning_rate: 3.0e-3", "learning_rate: banana", "train.learning_rate must be number"),
        ("limits: src/pedecg/rules/limits.csv", "limits: ours.csv", "ours.csv: not found"),
        (
            "thresholds: src/pedecg/rules/thresholds.csv",
            "thresholds: ours.csv",
            "ours.csv: not found",
        ),
        ("    shrinkage: 20", "    shrinkag: 20", "shrinkag"),
    ],
)
def test_a_fault_is_reported_in_one_line(file: Path, old: str, new: str, message: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    assert message in fault(file)


TWICE = ["resnet1d", "resnet1d"]
CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"experiment.models": []}, "experiment.models must be list of text length ≥ 1 (found [])"),
    ({"experiment.models": TWICE}, "experiment.models must name every model once"),
    ({"experiment.models": ["resnet2d"]}, "names 'resnet2d'; did you mean resnet1d?"),
    ({"experiment.models": ["ensemble"]}, "experiment.models must be letters, digits"),
    ({"experiment.models": ["a; rm -rf x"]}, "experiment.models must be letters, digits"),
    ({"experiment.seeds": []}, "experiment.seeds must be list of integer length ≥ 1"),
    ({"experiment.seeds": [0, -1]}, "experiment.seeds must be whole numbers from 0, each once"),
    ({"experiment.seeds": [1, 1]}, "experiment.seeds must be whole numbers from 0, each once"),
    ({"experiment.seeds": ["0; ls"]}, "experiment.seeds"),
    ({"experiment.seeds": [0.5]}, "experiment.seeds"),
    ({"experiment.models": ["rules_trees"]}, "names no model that explain can use: a network"),
    (
        {"experiment.models": ["hybrid", "rules"]},
        "names no model that explain can use: a network",
    ),
    (
        {"experiment.continued_models": ["resnet1d_medium"]},
        "it belongs to experiment.models, since models.resnet1d_medium.cnn_from is None",
    ),
    ({"ensemble.members": []}, "ensemble.members must be null or name at least one (found [])"),
    ({"ensemble.members": TWICE}, "ensemble.members must name every model once"),
    (
        {"ensemble.members": ["rules_linea"]},
        "ensemble.members names 'rules_linea', which is not in the run; did you mean rules_linear?",
    ),
    (
        {"ensemble.members": ["resnet1d_medium"]},
        "ensemble.members names 'resnet1d_medium', which is not in the run",
    ),
    (
        {"explain.model": "rules_trees"},
        "explain.model names 'rules_trees'; it must be a network",
    ),
    (
        {"explain.model": "resnet1d_medium"},
        "explain.model names 'resnet1d_medium'; it must be a network",
    ),
    ({"explain.map": "attention"}, "explain.map is attention: explain.model must name"),
    (
        {"external_validation.model": "resnet1d_medium"},
        "external_validation.model names 'resnet1d_medium'; it must be a model that reads",
    ),
    (
        {"external_validation.mapping.second_hospital": "other"},
        "external_validation.mapping.second_hospital names 'other'",
    ),
    ({"external_validation.mapping": {}}, "external_validation.mapping.second_hospital: missing"),
    (
        {"external_validation.mapping": {"second_hospital": "same", "third": "same"}},
        "external_validation.mapping.third: no such external cohort",
    ),
    ({"external_cohorts": {}}, "section external_cohorts must hold cohorts by name"),
    ({"subgroups.models": ["net"]}, "subgroups.models names 'net', which is not in the run"),
    ({"noise_review.model": "x"}, "noise_review.model names 'x'; known are "),
    (
        {"noise_review.model": "foundation"},
        "noise_review.model names 'foundation'; it must",
    ),
    ({"models.resnet1d.width": 3}, "models.resnet1d.width must be integer ≥ 4, ≤ 256 (found 3)"),
    ({"trunk.stem": "none"}, "trunk.stem must be single or deep"),
    ({"models.resnet1d.family": "resnet9d"}, "no model 'resnet9d'"),
    ({"models.hybrid.network": "resnet1d_ag"}, "models.resnet1d_ag is missing; did you mean"),
    (
        {"models.hybrid.network": "rules_trees"},
        "models.hybrid has the side 'rules_trees', a tabular model; expected a network model",
    ),
    (
        {"models.hybrid.rules": ["rules_trees", "resnet1d"]},
        "models.hybrid has the side 'resnet1d', a network model; expected a tabular model",
    ),
    ({"models.hybrid.rules": []}, "models.hybrid.rules must be"),
    (
        {"models.hybrid.sides": {"rules_tree": {"trees": 3}}},
        "models.hybrid.sides names 'rules_tree', no side of it",
    ),
    (
        {"models.hybrid.sides": {"resnet1d_age": {"width": 3}}},
        "models.resnet1d_age.width must be integer",
    ),
]


def changed(file: Path, changes: dict[str, Any]) -> None:
    yaml = YAML()
    values = yaml.load(file.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *above, last = key.split(".")
        section = values
        for part in above:
            section = section[part]
        section[last] = value
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)


@pytest.mark.parametrize(("changes", "message"), CONTRADICTIONS, ids=lambda each: str(each)[:60])
def test_contradictions_between_sections_are_refused(
    file: Path, changes: dict[str, Any], message: str
) -> None:
    changed(file, changes)
    assert message in fault(file)


def test_a_model_without_its_inputs_is_refused(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    values = YAML(typ="safe", pure=True).load(text)
    values["experiment"]["models"] = ["foundation", "rules_trees", "resnet1d"]
    for missing, message in (("rules", "reads rule features"), ("pretraining", "pre-trained")):
        there = {"rules": True, "pretraining": True} | {missing: False}
        with pytest.raises(PedecgError, match=message):
            run_check.check(values, "params.yaml", **there)
    run = run_check.check(values, "params.yaml", rules=True, pretraining=True)
    assert run.names == ["foundation", "rules_trees", "resnet1d", "ensemble"]


def test_a_model_takes_what_it_leaves_out_from_the_trunk_and_its_family(file: Path) -> None:
    changed(file, {"trunk.dropout": 0.4, "models.resnet1d.stem_s": 0.2})
    assert model_settings.read("resnet1d_age", file)["dropout"] == 0.4
    assert model_settings.read("resnet1d_age", file)["stem_s"] == 0.1
    medium = model_settings.read("resnet1d_medium", file)
    assert (medium["dropout"], medium["stem_s"], medium["family"]) == (0.3, 0.2, "resnet1d")
    assert model_settings.read("foundation", file)["masked_autoencoder"]["dropout"] == 0.4


@pytest.mark.parametrize(
    "folder", [ROOT, *sorted(file.parent for file in ROOT.glob("pipelines/*/dvc.yaml"))], ids=str
)
def test_every_parameter_that_a_stage_names_is_there(folder: Path) -> None:
    stages = YAML(typ="safe").load((folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    named = [key for stage in stages.values() for key in stage.get("params", [])]
    plain = [key for key in named if isinstance(key, str) and "${" not in key]
    assert plain
    for key in plain:
        params.read_section(key, folder / "params.yaml")
