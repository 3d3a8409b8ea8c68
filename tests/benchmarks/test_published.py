"""Published figures: what is copied from a run, and the tables that are made from it."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import benchmark_tables
import publish_benchmarks

ROOT = Path(__file__).resolve().parents[2]
MEASURED = {"date": "2026-01-02", "commit": "abcdef1234"}


@pytest.fixture
def run(tmp_path):
    """The files of a run that measured PTB-XL and nothing else."""
    (tmp_path / "metrics").mkdir()
    (tmp_path / "params.yaml").write_text("data: {ptbxl: /data/ptb-xl, cinc2017: absent}\n")
    (tmp_path / "dvc.lock").write_text(
        "stages:\n  prepare_ptbxl:\n    deps:\n"
        "    - {path: /data/ptb-xl, md5: 1234.dir, nfiles: 700, size: 1}\n"
    )
    figure = {"value": 0.9, "low": 0.85, "high": 0.95, "mean": 0.89, "sd": None}
    targets = ("macro", "norm", "mi", "sttc", "cd", "hyp")
    model = {"repeats": 1} | {f"auroc_{name}": figure for name in targets}
    metrics = {"records": 342, "models": {"rules_trees": model}}
    (tmp_path / "metrics/ptbxl.json").write_text(json.dumps(metrics))
    absent = {"records": 0, "not_measured": "not measured: no data, data.cinc2017 is absent"}
    (tmp_path / "metrics/cinc2017.json").write_text(json.dumps(absent))
    return tmp_path


def test_what_was_measured_is_published_with_date_commit_and_data(run):
    assert publish_benchmarks.publish(run, "abcdef1234", "2026-01-02") == ["ptbxl"]
    assert [file.name for file in (run / "published").iterdir()] == ["ptbxl.json"]
    published = json.loads((run / "published/ptbxl.json").read_text())
    assert published["measured"] == MEASURED | {"data": {"md5": "1234.dir", "nfiles": 700}}
    assert published["records"] == 342


def test_the_same_run_is_published_as_the_same_bytes(run):
    publish_benchmarks.publish(run, "abcdef1234", "2026-01-02")
    first = (run / "published/ptbxl.json").read_bytes()
    publish_benchmarks.publish(run, "abcdef1234", "2026-01-02")
    assert (run / "published/ptbxl.json").read_bytes() == first


def test_a_table_says_which_rows_were_measured_earlier_by_script(run):
    publish_benchmarks.publish(run, "abcdef1234", "2026-01-02")
    earlier = (ROOT / "pipelines/benchmarks/published/earlier.json").read_text("utf-8")
    (run / "published/earlier.json").write_text(earlier)
    page = "<!-- benchmark ptbxl: begin -->\nold\n<!-- benchmark ptbxl: end -->\n"
    lines = benchmark_tables.renewed(page, run / "published").splitlines()
    (trees,) = [line for line in lines if line.startswith("| `rules_trees`")]
    assert trees.startswith("| `rules_trees` | .900 (.850-.950) | .900 |")
    assert trees.endswith("| 1 | 342 | 2026-01-02, `abcdef1234` |")
    (network,) = [line for line in lines if line.startswith("| `resnet1d`")]
    assert network.endswith("| earlier, by script: 2026-11-21, `46f5413` |")
    assert "old" not in lines


def test_a_row_measured_again_replaces_the_earlier_one(run):
    metrics = json.loads((run / "metrics/ptbxl.json").read_text())
    metrics["models"]["resnet1d"] = metrics["models"]["rules_trees"]
    (run / "metrics/ptbxl.json").write_text(json.dumps(metrics))
    publish_benchmarks.publish(run, "abcdef1234", "2026-01-02")
    earlier = (ROOT / "pipelines/benchmarks/published/earlier.json").read_text("utf-8")
    (run / "published/earlier.json").write_text(earlier)
    table = benchmark_tables.ptbxl(run / "published")
    assert table.count("`resnet1d`") == 1
    assert "`resnet1d` | .900" in table
