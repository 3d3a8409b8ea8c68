"""A file of an earlier schema version is refused in one line that names the command to rerun."""

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as parquet
import pytest

from pedecg.commands import headline
from pedecg.core import schema_versions, tables
from pedecg.core.errors import PedecgError
from pedecg.report import cohort_sections
from pedecg.report.run_files import RunFiles

RAW = pd.DataFrame(
    {
        "record_id": ["R1"], "lead": ["II"], "usable": [True], "flaw": ["partly-saturated"],
        "peak_mv": [13.0], "saturated_fraction": [0.001], "flat_fraction": [0.0],
        "nonfinite_fraction": [0.0], "psqi": [0.5], "bassqi": [0.9], "source_psqi": [None],
        "source_bassqi": [None], "source_bsqi": [None],
    }
)  # fmt: skip


def test_a_table_states_its_version_and_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "quality.parquet"
    tables.write(RAW, file, tables.QUALITY)
    assert parquet.read_schema(file).metadata[b"schema_version"] == b"2"
    assert tables.read(file, tables.QUALITY)["flaw"].tolist() == ["partly-saturated"]


def test_a_table_of_version_1_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "quality.parquet"
    RAW.rename(columns={"saturated_fraction": "rail_fraction"}).to_parquet(file)
    with pytest.raises(
        PedecgError, match=r"quality\.parquet: schema_version is 1.*reads 2"
    ) as seen:
        tables.read(file, tables.QUALITY)
    assert "rewrite it with: dvc repro ingest" in str(seen.value)
    assert "\n" not in str(seen.value)


def test_a_table_whose_columns_never_changed_states_no_version(tmp_path: Path) -> None:
    file = tmp_path / "quarantine.parquet"
    row = pd.DataFrame({"record_id": ["R1"], "reason": ["corrupt-signal"], "detail": ["R1.dat"]})
    tables.write(row, file, tables.QUARANTINE)
    assert parquet.read_schema(file).metadata is None
    assert len(tables.read(file, tables.QUARANTINE)) == 1


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("external_summary", "dvc repro external_table"),
        ("ingest", "dvc repro ingest"),
        ("ingest_external", "dvc repro ingest_external"),
        ("audit", "dvc repro audit"),
        ("compare", "dvc repro compare"),
    ],
)
def test_a_metrics_file_of_version_1_is_refused(tmp_path: Path, name: str, command: str) -> None:
    file = tmp_path / "metrics" / f"{name}.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"auroc": {"home": 0.8, "abroad": 0.7}}), encoding="utf-8")
    with pytest.raises(
        PedecgError, match=rf"metrics/{name}\.json: schema_version is 1.*{command}$"
    ):
        RunFiles(tmp_path).metrics(name)
    tables.write_metrics({"auroc": {"internal": 0.8, "external": 0.7}}, file, name)
    assert RunFiles(tmp_path).metrics(name)["auroc"]["external"] == 0.7


def test_a_file_of_a_later_version_is_refused() -> None:
    with pytest.raises(PedecgError, match=r"summary\.json: schema_version is 2.*update pedecg"):
        schema_versions.check("summary", 2, "metrics/summary.json")


def test_the_main_figures_of_version_1_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "compare.json"
    file.write_text(json.dumps({"cohort": "x", "figures": {}, "baselines": []}), encoding="utf-8")
    with pytest.raises(PedecgError, match=r"compare\.json: schema_version is 1.*dvc repro compare"):
        headline.table(file)


def test_an_audit_table_without_a_column_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data/audit"
    folder.mkdir(parents=True)
    (folder / "quality_by_lead.csv").write_text("lead,usable_share,railed_share\nI,1,0\n")
    with pytest.raises(PedecgError, match=r"column saturated_share not found.*dvc repro audit"):
        cohort_sections._audited(RunFiles(tmp_path), "quality_by_lead", ("saturated_share",))


def test_an_interval_is_one_line_of_a_metrics_file(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    figures = {
        "auroc": {"value": 0.81, "low": 0.7, "high": float("nan")},
        "models": ["rules", "hybrid"],
        "none": {},
        "nested": [{"a": 1}, {"a": [2, 3]}],
    }
    tables.write_metrics(figures, file)
    text = file.read_text(encoding="utf-8")
    assert '  "auroc": {"value": 0.81, "low": 0.7, "high": null},\n' in text
    assert json.loads(text) == figures | {"auroc": {"value": 0.81, "low": 0.7, "high": None}}
