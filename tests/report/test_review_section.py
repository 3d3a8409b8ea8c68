"""The review of labels in the report: two simulated readers, their findings and their effect."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_report import words

from pedecg.core import tables
from pedecg.report import html_page
from pedecg.report.report_settings import ReportSettings
from pedecg.report.run_files import RunFiles
from pedecg.review_app import retraining_effect, review_report, review_summary
from pedecg.review_app.answers import Answers
from pedecg.review_app.journal import Entry
from pedecg.review_app.worklist import Item, Worklist

N = 300
READERS = {"Anna": (0.9, 0.95), "Ben": (0.8, 0.9)}  # sensitivity, specificity


@pytest.fixture(scope="module")
def figures() -> tuple[dict[str, Any], dict[str, Any]]:
    """Summary of a review of two readers with known error rates, and its effect on a model."""
    rng = np.random.default_rng(8)
    truth = rng.random(2 * N) < 0.4
    given = np.where(rng.random(2 * N) < 0.3, ~truth, truth).astype(int)
    names = [f"r{k}" for k in range(2 * N)]
    labels = pd.DataFrame({"record_id": names, "chd": given})
    labels.loc[N:, "chd"] = truth[N:].astype(int)
    items = [Item(k + 1, names[k], "chd", f"p{k}", int(given[k])) for k in range(N)]
    entries = []
    for reader, (sensitivity, specificity) in READERS.items():
        for k in range(N):
            present = rng.random() < (sensitivity if truth[k] else 1 - specificity)
            entries.append(
                Entry(
                    len(entries) + 1, "t", "answer", reader, names[k], "chd", blinded=True,
                    answers={"chd": "present" if present else "absent"}, given={"chd": given[k]},
                )
            )  # fmt: skip
    worklist = Worklist(items, labels)
    summary = review_summary.summary(worklist, Answers(entries))
    splits = pd.DataFrame(
        {"record_id": names, "patient_id": names, "split": ["train"] * N + ["test"] * N}
    )

    def predictions(noise: float) -> pd.DataFrame:
        p = 1 / (1 + np.exp(-(2 * truth - 1 + noise * rng.normal(size=2 * N))))
        return pd.DataFrame(
            {"record_id": names, "split": splits["split"], "seed": 0, "label": "chd",
             "probability": p}
        )  # fmt: skip

    changed = retraining_effect.effect(
        predictions(3.0), predictions(1.0), tables.check(labels, tables.LABELS, "labels"), splits,
        set(names[:N]),
    )  # fmt: skip
    return json.loads(json.dumps(summary)), changed


def expected_kappa(prevalence: float) -> float:
    """Cohen's kappa of two readers who err independently."""
    (a1, b1), (a2, b2) = READERS.values()
    p, q = prevalence, 1 - prevalence
    observed = p * (a1 * a2 + (1 - a1) * (1 - a2)) + q * (b1 * b2 + (1 - b1) * (1 - b2))
    first, second = p * a1 + q * (1 - b1), p * a2 + q * (1 - b2)
    chance = first * second + (1 - first) * (1 - second)
    return (observed - chance) / (1 - chance)


def page(run: RunFiles, settings: ReportSettings) -> str:
    return words(html_page.write(RunFiles(run.root), settings))


def test_the_report_states_errors_kappa_and_effect(
    run: RunFiles, settings: ReportSettings, figures: Any
) -> None:
    summary, changed = figures
    kappa = summary["agreement"]["pairs"][0]
    assert kappa["low"] < expected_kappa(0.4) < kappa["high"]
    assert changed["targets"]["chd"]["low"] > 0
    review_report.write(summary, changed, 2 * N, run.root / "labels" / "review_report.json")
    text = page(run, settings)
    assert "Reviewed labels" in text
    assert f"300 of 300 cases were reviewed: {summary['decisions']['flip']} labels" in text
    assert f"{kappa['kappa']:.2f}" in text
    assert f"{kappa['low']:.2f} to {kappa['high']:.2f}" in text
    one = changed["targets"]["chd"]
    assert f"{one['difference']:.3f}" in text
    assert f"{one['low']:.3f} to {one['high']:.3f}" in text
    assert "300 test ECGs of 300 patients of whom no ECG was reviewed" in text


def test_without_decisions_there_is_no_section(
    run: RunFiles, settings: ReportSettings, figures: Any
) -> None:
    assert "Reviewed labels" not in page(run, settings)
    nobody = {**figures[0], "reviewed": 0}
    review_report.write(nobody, None, 0, run.root / "labels" / "review_report.json")
    assert "Reviewed labels" not in page(run, settings)


def test_figures_behind_the_journal_are_named(
    run: RunFiles, settings: ReportSettings, figures: Any
) -> None:
    review_report.write(figures[0], None, 2 * N, run.root / "labels" / "review_report.json")
    (run.root / "labels" / "review.jsonl").write_text("{}\n" * (2 * N))
    assert "run pedecg review report --save again" not in page(run, settings)
    (run.root / "labels" / "review.jsonl").write_text("{}\n" * (2 * N + 1))
    assert "601 entries, these figures are of 600" in page(run, settings)
