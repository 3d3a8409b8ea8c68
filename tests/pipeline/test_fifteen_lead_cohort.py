"""Children's ECGs of 15 leads run from ingest to the report, and through a trained model."""

import json

import pytest
from scratch import fresh_project

from pedecg.core import tables
from pedecg.core.records import LEADS
from pedecg.signals.signal_store import open_store

pytestmark = pytest.mark.slow

FIFTEEN = [*LEADS, "V3R", "V4R", "V7"]


def test_a_cohort_of_fifteen_leads_runs_from_ingest_to_the_report(forked_stages, tmp_path):
    project = fresh_project(tmp_path / "project", commands=forked_stages)
    further = FIFTEEN[12:]
    project.edit_params(
        {
            "simulate.further_leads": further,
            "simulate_external.further_leads": further,
            # Small children have 9 leads, which the store masks; none must be left at this size.
            "simulate.nine_lead_odds": 0.5,
            "preprocess.leads": FIFTEEN,
            "delineate.leads": ["I", "II", "V1", "V5", "V4R"],
            "experiment.models": ["age_sex", "rules_linear", "resnet1d"],
        }
    )
    ran = project.repro("report")
    assert {"ingest", "preprocess", "delineate", "rule_features", "train@resnet1d-0"} <= ran
    folder = project.folder

    counted = json.loads((folder / "metrics/ingest.json").read_text())["records_by_lead_count"]
    assert set(counted) == {"09", "15"}
    store = open_store(folder / "data/processed/signals")
    assert list(store.leads) == FIFTEEN
    assert store.lead_mask[:, 12:].any()
    card = json.loads((folder / "models/resnet1d/seed0/model.json").read_text())
    assert card["leads"] == FIFTEEN
    rules = tables.read(folder / "data/features/rules.parquet", tables.RULES)
    assert rules["r_v4r_mv"].notna().any()
    fitted = json.loads((folder / "models/rules_linear/seed0/model.json").read_text())
    assert "v4r" not in json.dumps(fitted), "no rule feature without a limit"
    assert (folder / "report/report.html").stat().st_size > 50_000

    record = next(path for path in sorted((folder / "data/raw").rglob("*.hea"))
                  if " 15 500 " in path.read_text())  # fmt: skip
    answer = project.run(
        "pedecg", "predict", "--model", "models/resnet1d", str(record), "--json",
        "--plot", str(tmp_path / "page.png"),
    )  # fmt: skip
    found = json.loads(answer)
    assert found["leads"] == FIFTEEN
    assert not [flag for flag in found["flags"] if "V4R" in flag]
    assert (tmp_path / "page.png").stat().st_size > 50_000
