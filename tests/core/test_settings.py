"""A wrong `params.yaml` is told before anything runs, also where one section names another."""

import shutil
from pathlib import Path

import pytest

from pedecg.commands import parameter_sections
from pedecg.core.errors import PedecgError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The project's own parameters, with the limits that they name."""
    for name in ("limits", "thresholds"):
        data = Path("src/pedecg/rules") / f"{name}.csv"
        (tmp_path / data.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / data, tmp_path / data)
    return Path(shutil.copy2(ROOT / "params.yaml", tmp_path))


def test_the_projects_own_parameters_are_right(file: Path) -> None:
    parameter_sections.check(file)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("\nsplit:", "\nsplt:", "unknown section splt; did you mean split?"),
        ("\ntrain:", "\nzzz: {}\ntrain:", "unknown section zzz; known are simulate, sim"),
        (
            "\n  learning_rate: 3",
            "\n  lerning_rate: 3",
            "unknown key train.lerning_rate; did you mean",
        ),
        ("learning_rate: 3.0e-3", "learning_rate: banana", "train.learning_rate must be number"),
        ("seeds: [0, 1]", "seeds: []", "train.seeds must name at least one (found [])"),
        ("seeds: [0, 1]", "seeds: [0, -1]", "train.seeds must be whole numbers from 0, each once"),
        ("seeds: [0, 1]", "seeds: [1, 1]", "train.seeds must be whole numbers from 0, each once"),
        (
            "members: [rules_linear,",
            "members: [rules_linea,",
            "ensemble.members names 'rules_linea'; did you mean rules_linear?",
        ),
        (
            "models: [resnet1d, resnet1d_age]",
            "models: [resnet1d, resnet2d]",
            "train.models names 'resnet2d'; did you mean resnet1d?",
        ),
        (
            "resnet1d_age, hybrid, ensemble]",
            "hybrid, ensemble]",
            "train.models (all are evaluated) names 'resnet1d_age'",
        ),
        (
            "external_validation:\n  model: resnet1d_age",
            "external_validation:\n  model: resnet",
            "external_validation.model names 'resnet'; did you mean resnet1d?",
        ),
        (
            "model: resnet1d_age     # a key of models",
            "model: x",
            "noise_review.model names 'x'; known are ",
        ),
        ("mapping: same ", "mapping: other ", "external_validation.mapping names 'other'"),
        ("limits: src/pedecg/rules/limits.csv", "limits: ours.csv", "ours.csv: not found"),
        (
            "thresholds: src/pedecg/rules/thresholds.csv",
            "thresholds: ours.csv",
            "ours.csv: not found",
        ),
    ],
)
def test_a_fault_is_told_in_one_line(file: Path, old: str, new: str, told: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(PedecgError) as fault:
        parameter_sections.check(file)
    assert told in str(fault.value)
    assert "\n" not in str(fault.value)
