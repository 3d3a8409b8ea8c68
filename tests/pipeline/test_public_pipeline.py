"""Public data sets through the whole pipeline, as internal and as external cohorts."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scratch import FEW_MODELS, Project, fresh_project

import public_data_sets

OPEN = {"min_age_days": None, "max_age_days": None, "require_age": True, "require_sex": True}
SMALL = FEW_MODELS | {
    "external_validation.age_to_days": 40_000,
    "external_validation.min_positives": 1,
}
# internal cohort -> external cohorts, each with the mapping to the internal one
RUNS = {"code15": {"cinc2021": "superclasses", "sph": "statements"},
        "cinc2021": {"sph": "superclasses"}}  # fmt: skip


def small_project(internal: str, root: Path, commands: Path) -> Project:
    """Return a project whose cohorts are fake public data sets of 48 records."""
    project = fresh_project(root, commands=commands)
    cohorts: dict[str, dict[str, Any]] = {}
    for name in (internal, *RUNS[internal]):
        public_data_sets.WRITERS[name](root / "data/raw" / name, 48)
        cohorts[name] = {"name": name, "root": f"data/raw/{name}", **OPEN}
    mapping = {"second_hospital": "statements", **RUNS[internal]}
    externals = {name: cohorts[name] for name in RUNS[internal]}
    second = project.parameters()["external_cohorts"]
    changes = {f"cohort.{key}": value for key, value in cohorts[internal].items()}
    project.edit_params(
        {
            **SMALL,
            **changes,
            "external_cohorts": second | externals,
            "external_validation.mapping": mapping,
            "ingest.max_quarantine_fraction": 0.1,
        }
    )
    return project


@pytest.mark.parametrize(
    "internal",
    [pytest.param("code15", marks=pytest.mark.slow),
     pytest.param("cinc2021", marks=pytest.mark.nightly)],
)  # fmt: skip
def test_a_public_cohort_runs_from_its_files_to_the_report(
    internal: str, forked_stages: Path, tmp_path: Path
) -> None:
    project = small_project(internal, tmp_path / "project", forked_stages)
    project.run("pedecg", "params", "--check")
    ran = project.repro()
    externals = ["second_hospital", *RUNS[internal]]
    assert {f"external_validation@{name}" for name in externals} | {"report"} <= ran
    table = pd.read_csv(project.folder / "plots/external_table/cohorts.csv")
    assert list(dict.fromkeys(table["cohort"])) == ["internal test set", *externals]
    assert table.loc[table["target"] == "abnormal", "auroc"].notna().all()
    summary = json.loads((project.folder / "metrics/external_summary.json").read_text("utf-8"))
    assert list(summary["auroc"]) == externals
    page = next((project.folder / "report").glob("*.html")).read_text("utf-8")
    for name in RUNS[internal]:
        assert f"External cohort {name}" in page
    assert "External cohort second_hospital (simulated)" in page

    # A further external cohort scores itself and the table, and nothing of the others.
    parameters = project.parameters()
    third = {**parameters["external_cohorts"]["second_hospital"], "root": "data/raw/external"}
    project.edit_params({"external_cohorts": parameters["external_cohorts"] | {"third": third}})
    mapping = parameters["external_validation"]["mapping"] | {"third": "statements"}
    project.edit_params({"external_validation.mapping": mapping})
    again = project.repro("external_table")
    assert again == {
        "ingest_external@third", "preprocess_external@third", "delineate_external@third",
        "rule_features_external@third", "external_validation@third", "external_table",
    }  # fmt: skip
