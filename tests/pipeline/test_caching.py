"""This changed, so exactly these stages run: no more, no less."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest
from scratch import PAEDIATRIC, Project, pipelines

ENSEMBLE = ["ensemble@*", "evaluate_ensemble"]
# What follows from a training of any model, besides its own evaluation.
TOGETHER = [*ENSEMBLE, "compare", "select_models", "prediction_sets"]
MEASURES = [
    "rule_features", "audit_measures", "measure_truth", "norms", "model_inputs",
    "training_distance",
]  # fmt: skip
REVIEW = ["noise_review", "noise_truth"]
EXTERNAL = ["external_validation@*", "external_table"]
# Stages that take a selected model run where the files of that model have changed.
TAKE = {
    "explain": ["explain", "explain_truth", "error_review", "atlas"],
    "explain_findings": ["explain_findings"],
    "external_validation": EXTERNAL,
    "subgroups": ["subgroups"],
}


def scored(*models: str) -> list[str]:
    """Return the stages that read the trainings of these models."""
    return [f"{stage}@{model}" for model in models for stage in ("calibrate_member", "evaluate")]


def trained(*models: str) -> list[str]:
    """Return the stages of these models: their trainings, and what reads them."""
    return [*(f"train@{model}-*" for model in models), *scored(*models)]


READ_RULES = ["rules", "rules_linear", "rules_trees", "rules_boosted", "hybrid"]
NETWORKS = ["resnet1d", "resnet1d_age", "foundation", "hybrid"]


@dataclass(frozen=True)
class Row:
    """A change and the stages (patterns) that may run because of it."""

    name: str
    change: Callable[[Project], None]
    runs: list[str]
    may: tuple[str, ...] = ()  # run only where a file that they read has changed, which is not said
    nightly: bool = False  # reruns most of a long DAG: minutes


def edit_a_limit(project: Project) -> None:
    """Call a girl's heart fast from a lower rate on, at an age that the smoke preset has."""
    file = project.root / "src/pedecg/rules/limits.csv"
    limit = "heart_rate,female,2922,4383,58,80,110,"
    text = file.read_text(encoding="utf-8")
    assert limit in text
    file.write_text(text.replace(limit, limit.replace(",110,", ",95,")), encoding="utf-8")


def edit_a_comment(project: Project) -> None:
    project.append(f"{project.pipeline}/params.yaml", "# a thought\n")


def add_a_model(project: Project) -> None:
    models = project.parameters()["experiment"]["models"]
    project.set("experiment.models", [*models, "cnn1d"])


def add_a_comment(file: str) -> Callable[[Project], None]:
    return lambda project: project.append(f"src/pedecg/{file}", "# a thought\n")


REPORT = "report"  # it speaks of all other stages, so it runs after any of them
EVERYWHERE = [Row("a comment", edit_a_comment, [])]

ROOT_TABLE = [
    Row(
        "split seed",
        lambda p: p.set("split.seed", 8),
        [
            "split", "statistics", "pretrain", "label_decisions", "model_inputs", "train@*",
            "training_distance", "explain_findings",
            *scored("*"), *TOGETHER, "subgroups", *EXTERNAL, *REVIEW, "normal_beats",
            *TAKE["explain"],
        ],
        nightly=True,
    ),
    Row(
        "filter cut-off",
        lambda p: p.set("preprocess.high_hz", 90),
        [
            "preprocess", "preprocess_external@*", "delineate_external@*",
            "rule_features_external@*", "statistics", "delineate", "pretrain", *MEASURES, "train@*",
            *scored("rules*", *NETWORKS), *TOGETHER, *EXTERNAL,
            *REVIEW, "normal_beats", *TAKE["explain"],
        ],
        nightly=True,
    ),
    Row(
        "one norm limit",
        edit_a_limit,
        [
            *MEASURES, "rule_features_external@*", *trained(*READ_RULES), *TOGETHER, *REVIEW,
            "explain", "explain_findings", "error_review", "atlas", *EXTERNAL,
        ],
        # Trees that split on none of the changed values are the same file as before.
        may=("noise_truth", *scored("rules_trees", "rules_boosted")),
    ),
    Row(
        "one model's width",
        lambda p: p.set("models.resnet1d.width", 24),
        ["model_inputs", *trained("resnet1d"), *TOGETHER],
    ),
    Row(
        "a default of all residual networks",
        lambda p: p.set("trunk.block_dropout", 0.1),
        ["pretrain", "model_inputs", *trained(*NETWORKS), *TOGETHER, *REVIEW],
        nightly=True,
    ),
    Row(
        "one model more",
        add_a_model,
        ["model_inputs", *trained("cnn1d"), *TOGETHER],
        nightly=True,
    ),
    Row(
        "learning rate",
        lambda p: p.set("train.learning_rate", 2e-3),
        ["train@*", *scored(*NETWORKS), *TOGETHER, *REVIEW],
        nightly=True,
    ),
    Row(
        "number of bootstrap resamples",
        lambda p: p.set("evaluate.bootstrap", 50),
        [
            "evaluate@*", "evaluate_ensemble", "compare", "select_models", "subgroups",
        ],
    ),
    Row(
        "decisions on labels, of which there are none",
        lambda p: p.set("labels.use_decisions", True),
        ["label_decisions"],
    ),
    Row(
        "one module in models/",
        add_a_comment("models/networks/resnet1d.py"),
        [
            "pretrain", "model_inputs", "train@*", "explain",
            "error_review", "atlas", "noise_review", *EXTERNAL, "training_distance",
            "explain_findings",
        ],
        nightly=True,
    ),
    Row(
        "one module in simulation/",
        add_a_comment("simulation/gaussian_waves.py"),
        ["simulate", "simulate_external", "explain_truth"],
    ),
]  # fmt: skip


DELINEATION_TABLE = [
    Row(
        "one simulated child more",
        lambda p: p.set("simulate.records", 25),
        ["simulate", "ingest", "split", "train", "evaluate"],
    ),
    Row(
        "split seed",
        lambda p: p.set("split.seed", 8),
        ["split", "train", "evaluate"],
        nightly=True,
    ),
    Row("loss", lambda p: p.set("train.loss", "focal"), ["train", "evaluate"]),
    Row(
        "groups of heart rates",
        lambda p: p.set("evaluate.rate_edges_bpm", [0, 100, 320]),
        ["evaluate"],
    ),
    Row(
        "one module in delineator/",
        add_a_comment("delineator/window_augmentation.py"),
        ["simulate", "ingest", "split", "train", "evaluate"],
    ),
    Row(
        "shipped weights",
        lambda p: p.append("src/pedecg/weights/delineator/network.json", " "),
        [],
    ),
]

ARRHYTHMIA_TABLE = [
    Row(
        "split seed",
        lambda p: p.set("split.seed", 8),
        [
            "split", "statistics", "label_decisions", "train@*", "train_continued@*", *scored("*"),
            "evaluate_continued@*", *TOGETHER, "segments", "normal_beats", "explain",
            "error_review",
        ],
        nightly=True,
    ),
    Row(
        "one variant's hidden states",
        lambda p: p.set("models.attention.hidden", 16),
        [
            "model_inputs", *trained("attention", "hybrid"), *TOGETHER, "segments",
        ],
    ),
    Row(
        "the dropout of the family, and of what continues one of its trainings",
        lambda p: p.set("models.cnn_rnn.dropout", 0.2),
        [
            "model_inputs", *trained("cnn_only", "attention", "hybrid"), "train_continued@*",
            "evaluate_continued@*", *TOGETHER, "segments",
        ],
        nightly=True,
    ),
    Row(
        "the family's module",
        add_a_comment("models/networks/cnn_rnn.py"),
        [
            "model_inputs", "train@*", "train_continued@*", "segments", "explain",
            "error_review",
        ],
        nightly=True,
    ),
    Row(
        "boosted trees",
        lambda p: p.set("models.rules_boosted.depth", 2),
        # `segments` reads the folder of all trained models, whichever of them it scores.
        ["model_inputs", *trained("rules_boosted", "hybrid"), *TOGETHER, "segments"],
        nightly=True,
    ),
    Row(
        "classes of the challenge score",
        lambda p: p.set("evaluate.challenge_classes", []),
        [
            "evaluate@*", "evaluate_continued@*", "evaluate_ensemble", "segments", "compare",
            "select_models",
        ],
    ),
    Row(
        "a reader of vendors' files",
        add_a_comment("cohorts/formats/muse.py"),
        ["ingest", "audit", "split", "preprocess", "label_decisions", "normal_beats"],
    ),
]  # fmt: skip

SCORED = ["train@*", "evaluate@*", "compare"]
CARDIOTOXICITY_TABLE = [
    Row(
        "split seed",
        lambda p: p.set("split.seed", 8),
        ["split", "statistics", "label_decisions", "check@*", *SCORED],
    ),
    Row(
        "length of a record",
        lambda p: p.set("preprocess.length_s", 9),
        ["preprocess", "statistics", "check@*", *SCORED],
        nightly=True,
    ),
    Row("learning rate", lambda p: p.set("train.learning_rate", 2e-3), ["check@*", *SCORED]),
    Row(
        "rule of the threshold",
        lambda p: p.set("evaluate.calibration.rule", "youden"),
        ["evaluate@*", "compare"],
    ),
    Row(
        "one module in learning/",
        add_a_comment("learning/setup_checks.py"),
        ["model_inputs", "check@*", "train@*"],
    ),
    Row(
        "the simulator of another pipeline",
        add_a_comment("delineator/simulated_records.py"),
        [REPORT],
    ),
]

BENCHMARKS_TABLE = [
    Row("resamples", lambda p: p.set("resampling.resamples", 30), ["delineation@*", "score_*"]),
    Row(
        "folds of one cohort",
        lambda p: p.set("cinc2017.folds", 4),
        ["predict_cinc2017@*", "score_cinc2017"],
    ),
    Row(
        "methods compared",
        lambda p: p.set("delineation.neurokit2_methods", []),
        ["heart_rates", "delineation@*"],
        nightly=True,
    ),
    Row(
        "shipped weights",
        lambda p: p.append("src/pedecg/weights/delineator/held_out.json", " "),
        ["heart_rates", "delineation@*", "prepare_*", "vendor_agreement", "criterion_agreement"],
        nightly=True,
    ),
]  # fmt: skip

# A pipeline joins by its row here.
TABLES = {
    PAEDIATRIC: ROOT_TABLE,
    "pipelines/arrhythmia": ARRHYTHMIA_TABLE,
    "pipelines/benchmarks": BENCHMARKS_TABLE,
    "pipelines/cardiotoxicity": CARDIOTOXICITY_TABLE,
    "pipelines/delineation": DELINEATION_TABLE,
}
ROWS = [(pipeline, row) for pipeline, table in TABLES.items() for row in EVERYWHERE + table]


def test_every_pipeline_has_a_table() -> None:
    assert list(TABLES) == pipelines()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipeline", "row"),
    [
        pytest.param(
            pipeline,
            row,
            id=f"{pipeline}: {row.name}",
            marks=[pytest.mark.nightly] if row.nightly else [],
        )
        for pipeline, row in ROWS
    ],
)
def test_exactly_these_stages_run(
    smoke: Callable[[str], Project], forked_stages: Path, pipeline: str, row: Row, tmp_path: Path
) -> None:
    project = smoke(pipeline).copy(tmp_path / "project", commands=forked_stages)
    before = {name: selected(project, name) for name in TAKE}
    row.change(project)
    ran = project.repro()
    taken = [stage for name in TAKE if selected(project, name) != before[name]
             for stage in TAKE[name]]  # fmt: skip
    stages = project.lock().keys()
    patterns = [*row.runs, *taken]
    expected = {name for name in stages if any(fnmatch(name, pattern) for pattern in patterns)}
    if expected and REPORT in stages:
        expected.add(REPORT)
    free = {name for name in stages if any(fnmatch(name, pattern) for pattern in row.may)}
    assert ran - free == expected - free


def selected(project: Project, name: str) -> dict[str, str]:
    """Return the hashes of what a stage reads of its selected models."""
    folder = project.folder / "data/selected" / name
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
