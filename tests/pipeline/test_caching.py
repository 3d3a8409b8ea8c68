"""This changed, so exactly these stages run: no more, no less."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest
from scratch import PAEDIATRIC, Project, pipelines

ENSEMBLE = ["ensemble@*", "evaluate@ensemble"]
HYBRID = ["train_fused@hybrid-*", "calibrate_member@hybrid", "evaluate@hybrid"]
NETWORKS = ["train@*", "calibrate_member@resnet1d*", "evaluate@resnet1d*", *HYBRID, *ENSEMBLE,
            "compare", "subgroups", "external_validation"]  # fmt: skip
MEASURES = ["rule_features", "audit_measures", "measure_truth"]
REVIEW = ["noise_review", "noise_truth"]
RULES = ["train_rules@*", "calibrate_member@rules*", "evaluate@rules*", *ENSEMBLE]
NAIVE = [*RULES, "evaluate@age_sex"]
EXPLAIN = ["explain", "explain_truth", "error_review", "atlas"]


@dataclass(frozen=True)
class Row:
    """A change and the stages (patterns) that may run because of it."""

    name: str
    change: Callable[[Project], None]
    runs: list[str]


def edit_a_limit(project: Project) -> None:
    """Call a girl's heart fast from a lower rate on, at an age that the smoke preset has."""
    file = project.root / "src/pedecg/rules/limits.csv"
    limit = "heart_rate,female,2922,4383,58,80,110,"
    text = file.read_text(encoding="utf-8")
    assert limit in text
    file.write_text(text.replace(limit, limit.replace(",110,", ",95,")), encoding="utf-8")


def edit_a_comment(project: Project) -> None:
    project.append(f"{project.pipeline}/params.yaml", "# a thought\n")


REPORT = "report"  # it speaks of all other stages, so it runs after any of them
EVERYWHERE = [Row("nothing", lambda p: None, []), Row("a comment", edit_a_comment, [])]

ROOT_TABLE = [
    Row(
        "split seed",
        lambda p: p.set("split.seed", 8),
        ["split", "statistics", "pretrain", *NETWORKS, *NAIVE, *REVIEW, "normal_beats", *EXPLAIN],
    ),
    Row(
        "filter cut-off",
        lambda p: p.set("preprocess.high_hz", 90),
        [
            "preprocess",
            "preprocess_external",
            "statistics",
            "delineate",
            "pretrain",
            *MEASURES,
            *NETWORKS,
            *RULES,
            *REVIEW,
            "normal_beats",
            *EXPLAIN,
        ],
    ),
    Row(
        "one norm limit",
        edit_a_limit,
        [*MEASURES, *RULES, *HYBRID, "compare", "subgroups", "explain", "error_review", "atlas"],
    ),
    Row(
        "one model's width",
        lambda p: p.set("models.resnet1d.width", 24),
        [
            "train@resnet1d-*",
            "calibrate_member@resnet1d",
            "evaluate@resnet1d",
            *ENSEMBLE,
            "compare",
            "subgroups",
        ],
    ),
    Row(
        "learning rate",
        lambda p: p.set("train.learning_rate", 2e-3),
        [*NETWORKS, *REVIEW, *EXPLAIN],
    ),
    Row(
        "number of bootstrap resamples",
        lambda p: p.set("evaluate.bootstrap", 50),
        ["evaluate@*", "compare", "subgroups"],
    ),
    Row(
        "one module in models/",
        lambda p: p.append("src/pedecg/models/networks/resnet1d.py", "# a thought\n"),
        ["train@resnet1d-*"],
    ),
    Row(
        "one module in simulation/",
        lambda p: p.append("src/pedecg/simulation/gaussian_waves.py", "# a thought\n"),
        ["simulate", "simulate_external"],
    ),
]


DELINEATION_TABLE = [
    Row(
        "one simulated child more",
        lambda p: p.set("simulate.records", 25),
        ["simulate", "ingest", "split", "train", "evaluate"],
    ),
    Row("split seed", lambda p: p.set("split.seed", 8), ["split", "train", "evaluate"]),
    Row("loss", lambda p: p.set("train.loss", "focal"), ["train", "evaluate"]),
    Row(
        "groups of heart rates",
        lambda p: p.set("evaluate.rate_edges_bpm", [0, 100, 320]),
        ["evaluate"],
    ),
    Row(
        "augmentation",
        lambda p: p.append("src/pedecg/delineator/window_augmentation.py", "# a thought\n"),
        ["train"],
    ),
    Row(
        "shipped weights",
        lambda p: p.append("src/pedecg/weights/delineator/network.json", " "),
        [],
    ),
    Row(
        "a network of the root pipeline",
        lambda p: p.append("src/pedecg/models/networks/resnet1d.py", "# a thought\n"),
        [],
    ),
]

SCORES = ["evaluate@*", "compare", "segments@*", "calibrate_member@*", "ensemble@*"]
SEEN = ["normal_beats", "explain", "error_review"]
ARRHYTHMIA_TABLE = [
    Row(
        "split seed",
        lambda p: p.set("split.seed", 8),
        ["split", "statistics", "train@*", "train_*@*", *SCORES, *SEEN],
    ),
    Row(
        "one variant's hidden states",
        lambda p: p.set("models.attention.hidden", 16),
        [
            "train@attention-*",
            "evaluate@attention",
            "segments@attention",
            "compare",
            "explain",
            "error_review",
        ],
    ),
    Row(
        "the family's module",
        lambda p: p.append("src/pedecg/models/networks/cnn_rnn.py", "# a thought\n"),
        ["train@*", "train_pretrained@*", "segments@*", "explain", "error_review"],
    ),
    Row(
        "the convolutions' own dropout",
        lambda p: p.set("models.cnn_only.dropout", 0.2),
        [
            "train@cnn_only-*",
            "train_pretrained@*",
            "evaluate@cnn_only",
            "evaluate@frozen_lstm",
            "segments@cnn_only",
            "compare",
        ],
    ),
    Row(
        "boosted trees",
        lambda p: p.set("models.rules_boosted.depth", 2),
        [
            "train_rules@rules_boosted-*",
            "calibrate_member@rules_boosted",
            "ensemble@*",
            "evaluate@rules_boosted",
            "evaluate@ensemble",
            "compare",
        ],
    ),
    Row(
        "classes of the challenge score",
        lambda p: p.set("evaluate.challenge_classes", []),
        ["evaluate@*", "compare", "segments@*"],
    ),
    Row(
        "a reader of vendors' files",
        lambda p: p.append("src/pedecg/cohorts/muse.py", "# a thought\n"),
        ["ingest", "preprocess"],
    ),
]

TRAINED = ["train@*", "evaluate@*", "compare"]
CARDIOTOXICITY_TABLE = [
    Row(
        "split seed",
        lambda p: p.set("split.seed", 8),
        ["split", "statistics", "check@*", *TRAINED],
    ),
    Row(
        "length of a record",
        lambda p: p.set("preprocess.length_s", 9),
        ["preprocess", "statistics", "check@*", *TRAINED],
    ),
    Row("learning rate", lambda p: p.set("train.learning_rate", 2e-3), ["check@*", *TRAINED]),
    Row(
        "rule of the threshold",
        lambda p: p.set("evaluate.calibration.rule", "youden"),
        ["evaluate@*", "compare"],
    ),
    Row(
        "the checklist",
        lambda p: p.append("src/pedecg/learning/setup_checks.py", "# a thought\n"),
        ["check@*"],
    ),
    Row(
        "the simulator of another pipeline",
        lambda p: p.append("src/pedecg/delineator/simulated_records.py", "# a thought\n"),
        [],
    ),
]

BENCHMARKS_TABLE = [
    Row("resamples", lambda p: p.set("resampling.resamples", 30), ["delineation@*", "score_*"]),
    Row(
        "folds of one cohort",
        lambda p: p.set("cinc2017.folds", 4),
        ["predict_cinc2017@*", "score_cinc2017"],
    ),
    Row("methods compared", lambda p: p.set("delineation.neurokit2_methods", []),
        ["heart_rates", "delineation@*"]),
    Row("shipped weights", lambda p: p.append("src/pedecg/weights/delineator/held_out.json", " "),
        ["heart_rates", "delineation@*", "prepare_*", "vendor_agreement"]),
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
    ("pipeline", "row"), ROWS, ids=[f"{pipeline}: {row.name}" for pipeline, row in ROWS]
)
def test_exactly_these_stages_run(
    smoke: Callable[[str], Project], forked_stages: Path, pipeline: str, row: Row, tmp_path: Path
) -> None:
    project = smoke(pipeline).copy(tmp_path / "project", commands=forked_stages)
    stages = project.lock().keys()
    expected = {name for name in stages if any(fnmatch(name, pattern) for pattern in row.runs)}
    if expected and REPORT in stages:
        expected.add(REPORT)
    row.change(project)
    assert project.repro() == expected
