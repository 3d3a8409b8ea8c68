"""`pedecg runs` finds, sorts and compares experiments from what DVC wrote into git."""

import csv
import io
import json
import subprocess
import sys

import pytest
from small_runs import SmallProject
from typer.testing import CliRunner

from pedecg import cli
from pedecg.core.errors import PedecgError
from pedecg.runs import experiment_history, git_files, run_rows


def table(result) -> list[dict[str, str]]:
    assert result.exception is None, result.exception
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_every_experiment_and_the_baseline_have_a_row_per_model(small, pedecg_runs):
    found = table(pedecg_runs("--csv"))
    names = ["main", "slow-cat", "calm-dog", "fast-dog", "wide-owl"]
    assert {(row["experiment"], row["model"]) for row in found} == {
        (name, model) for name in names for model in ("cnn", "gru")
    }
    assert list(found[0]) == [
        "experiment", "model", "experiment.seeds", "train.learning_rate", "models.cnn.width",
        "auroc",
    ]  # fmt: skip


def test_the_workspace_is_a_row_once_it_differs(small, pedecg_runs):
    small.write({"train.learning_rate": 5e-4}, {"cnn": 0.9})
    found = table(pedecg_runs("workspace", "--csv", "--columns", "learning_rate,auroc"))
    assert found[0]["learning_rate"] == "0.0005"
    assert found[0]["auroc"] == "0.9"


def test_conditions_choose_and_sort_orders(small, pedecg_runs):
    asked = ["-w", "learning_rate between 1e-5 and 1e-3", "-w", "model = cnn", "--csv"]
    found = table(pedecg_runs(*asked, "--sort", "auroc"))
    assert [row["experiment"] for row in found] == ["wide-owl", "calm-dog", "slow-cat"]
    lowest = table(pedecg_runs(*asked, "--sort", "brier", "--ascending", "--top", "1"))
    assert [row["experiment"] for row in lowest] == ["wide-owl"]


def test_the_last_part_of_a_name_will_do_and_the_rows_own_model_is_meant(small, pedecg_runs):
    found = table(pedecg_runs("wide", "--csv", "-c", "width,layers,chd.auroc,auroc.low"))
    assert [(row["width"], row["layers"]) for row in found] == [("48", ""), ("64", "2")]
    assert float(found[0]["auroc.low"]) == pytest.approx(0.73)
    assert found[0]["chd.auroc"] == "0.83"


def test_a_name_that_stands_for_several_is_refused_and_they_are_listed(small, pedecg_runs):
    small.write({"cohort": {"limit": 1}, "pretrain": {"limit": 2}}, {})
    fault = pedecg_runs("workspace", "-c", "limit").exception
    assert str(fault) == "limit: stands for 2 columns: cohort.limit, pretrain.limit"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["-w", "aurok > 0.5"], "aurok: no parameter or metric of these runs; did you mean auroc?"),
        (["--sort", "zzz"], "zzz: no parameter or metric of these runs; pedecg runs --names"),
        (["-c", "zzz"], "zzz: no parameter or metric"),
        (["cool-dog"], "cool-dog: no such experiment; did you mean calm-dog?"),
        (["-w", "auroc > 2"], "no run meets the conditions"),
        (["calm-dog", "-w", "model = cnn", "--compare"], "--compare: 1 row; choose two"),
        (["main", "--over", "seeds"], "--over: no experiment among the rows"),
    ],
)
def test_a_wrong_question_is_one_line(small, pedecg_runs, arguments, line):
    fault = str(pedecg_runs(*arguments).exception)
    assert fault.startswith(line)
    assert "\n" not in fault


def test_side_by_side_shows_only_what_differs(small, pedecg_runs):
    found = table(pedecg_runs("calm-dog", "wide-owl", "-w", "model = cnn", "--compare", "--csv"))
    differs = {row[""]: (row["calm-dog"], row["wide-owl"]) for row in found}
    assert differs.pop("created")
    assert differs == {
        "experiment.seeds": ("[0,1]", "[3]"),
        "models.cnn.width": ("32", "48"),
        "auroc": ("0.81", "0.83"),
    }


def test_models_of_one_experiment_stand_side_by_side(small, pedecg_runs):
    found = table(pedecg_runs("calm-dog", "--compare", "--csv"))
    assert {row[""]: (row["cnn"], row["gru"]) for row in found if row[""] != "created"} == {
        "width": ("32", "64"),
        "layers": ("", "2"),
        "auroc": ("0.81", "0.65"),
    }


def test_folds_are_summed_up_with_mean_and_sd(small, pedecg_runs):
    for fold, auroc in enumerate([0.7, 0.8, 0.9]):
        small.experiment(
            f"fold-{fold}", {"split.folds": 3, "split.fold": fold}, {"cnn": auroc, "gru": 0.5}
        )
    found = table(pedecg_runs("-w", "folds = 3", "--over", "split.fold", "--csv"))
    assert [(row["model"], row["split.fold"], row["n"]) for row in found] == [
        ("cnn", "0 1 2", "3"), ("gru", "0 1 2", "3"),
    ]  # fmt: skip
    assert float(found[0]["auroc"]) == pytest.approx(0.8)
    assert float(found[0]["auroc sd"]) == pytest.approx(0.1)


def test_experiments_that_differ_in_more_are_not_averaged(small, pedecg_runs):
    found = table(pedecg_runs("-w", "model = cnn", "--over", "learning_rate", "--csv"))
    assert sorted(row["n"] for row in found) == ["1", "3"]


def test_experiments_of_other_commits_are_counted_and_shown_when_asked(small, pedecg_runs):
    small.commit("code changed")
    result = pedecg_runs()
    assert "4 experiments of other commits; --all shows them" in result.stderr
    assert "calm-dog" not in result.stdout
    shown = pedecg_runs("--all").stdout
    assert "calm-dog" in shown
    assert small.base[:7] in shown
    assert "calm-dog" in pedecg_runs("calm").stdout


def test_experiments_of_another_pipeline_are_left_out(small, pedecg_runs, monkeypatch):
    sibling = SmallProject(small.root, "pipelines/rhythm")
    sibling.experiment("soft-bee", {"train.learning_rate": 1e-5}, {"cnn": 0.4, "gru": 0.4})
    assert "soft-bee" not in pedecg_runs("--all").stdout
    monkeypatch.chdir(sibling.folder)
    result = pedecg_runs("-w", "model = cnn", "--csv")
    assert [row["experiment"] for row in table(result)] == ["main", "soft-bee"]
    assert "calm-dog" not in pedecg_runs("--all").stdout


def test_figures_of_another_run_are_blank_and_the_reason_is_reported(small, pedecg_runs):
    small.partial_experiment("half-hen", {"split.fold": 1})
    asked = pedecg_runs("half-hen", "--csv", "-c", "split.fold,auroc")
    assert [(row["split.fold"], row["auroc"]) for row in table(asked)] == [("1", "")] * 2
    assert asked.stderr == (
        "half-hen: figures of 3 files of metrics/ are left out: "
        "data/splits.parquet has changed since stage evaluate ran\n"
    )


def test_figures_after_parameters_that_no_stage_ran_with_are_blank(small, pedecg_runs):
    small.partial_experiment("calm-hen", {"train.learning_rate": 0.5})
    asked = pedecg_runs("calm-hen", "--csv", "-c", "learning_rate,auroc")
    assert {row["auroc"] for row in table(asked)} == {""}
    assert "stage evaluate last ran with another train" in asked.stderr


def test_a_figure_that_was_changed_by_hand_is_blank(small, pedecg_runs):
    file = small.folder / "metrics/evaluate/cnn.json"
    file.write_text(file.read_text().replace("0.7", "0.99"))
    asked = pedecg_runs("workspace", "--csv", "-c", "auroc")
    assert [(row["model"], row["auroc"]) for row in table(asked)] == [("cnn", ""), ("gru", "0.6")]
    assert "metrics/evaluate/cnn.json are left out: not what stage evaluate@cnn" in asked.stderr


def test_a_model_that_is_not_evaluated_any_more_has_no_row(small):
    small.write({"experiment.models": ["gru"]}, {"gru": 0.6})
    here = next(run for run in experiment_history.read().runs if run.name == "workspace")
    assert [row.model for row in run_rows.of([here])] == ["gru"]


def test_a_folder_that_is_no_pipeline_is_reported(tmp_path, monkeypatch, pedecg_runs):
    monkeypatch.chdir(tmp_path)
    assert "call pedecg runs in a pipeline's folder" in str(pedecg_runs().exception)


@pytest.mark.parametrize("command", ["runs", "verify"])
def test_an_archive_without_git_history_says_what_to_do(tmp_path, monkeypatch, command):
    (tmp_path / "params.yaml").write_text("split: {seed: 7}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    fault = CliRunner().invoke(cli.app, [command]).exception
    assert isinstance(fault, PedecgError)
    assert str(fault) == f"{tmp_path}: {git_files.NO_REPOSITORY}"


def test_figures_with_intervals_are_called_as_the_figure_is():
    values = {"a": {"auroc": {"value": 1, "low": 0}}, "value": 3, "b": {"value": {"deep": 2}}}
    assert dict(experiment_history.flat(json.loads(json.dumps(values)))) == {
        "a.auroc": 1, "a.auroc.low": 0, "value": 3, "b.deep": 2,
    }  # fmt: skip


def test_a_list_needs_no_torch_no_pandas_and_no_dvc(small):
    code = (
        "import sys; from pedecg.cli import app; app(['runs'], standalone_mode=False);"
        "print({'torch', 'pandas', 'dvc', 'matplotlib'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip().endswith("set()")


def test_hidden_columns_are_counted_and_wide_shows_them(small, pedecg_runs):
    """Parameters of a whole section differ where a run is of another cohort."""
    many = {f"p{k}": k for k in range(10)}
    small.write({"cohort": {"name": "own", **many}}, {"cnn": 0.8, "gru": 0.8})
    asked = ["workspace", "main"]
    cut, wide = pedecg_runs(*asked), pedecg_runs(*asked, "--wide")
    assert "3 more parameters that differ are hidden; --wide shows all" in cut.stderr
    assert len(cut.stdout.splitlines()[0].split()) == 2 + 8 + 1
    assert len(wide.stdout.splitlines()[0].split()) == 2 + 11 + 1
    assert "hidden" not in wide.stderr
    assert "hidden" not in pedecg_runs(*asked, "-c", "auroc").stderr


def test_hidden_columns_of_groups_are_counted_too(small, pedecg_runs):
    shown = pedecg_runs("-w", "model = cnn", "--over", "seeds")
    assert "hidden" not in shown.stderr
