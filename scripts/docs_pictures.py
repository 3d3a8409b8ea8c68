"""Draw the pictures of README.md and docs/: ``python scripts/docs_pictures.py``.

The results of the last run of the root pipeline, and simulated ECGs.
"""

import json
from pathlib import Path

import docs_tables
import numpy as np
import pandas as pd

from pedecg.core import figures, params, tables
from pedecg.core.records import LEADS, NINE_LEADS
from pedecg.plots import ecg_paper, forest_plot
from pedecg.simulation import artefacts, children, traits, zzu_cohort, zzu_layout
from pedecg.simulation.hospital_settings import SimulationSettings

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
PICTURES = {
    # file: title, age in days, conditions, leads, seed
    "ecg_newborn.png": (
        "Simulated: healthy girl of 5 days, nine leads; the right ventricle dominates",
        5, {}, NINE_LEADS, 19,
    ),
    "ecg_tetralogy.png": (
        "Simulated: girl of 5 months with tetralogy of Fallot: right axis, tall R and upright T "
        "in V1", 150, {"tetralogy": 0.8}, LEADS, 34,
    ),
    "ecg_school.png": (
        "Simulated: healthy girl of 8 years, sinus arrhythmia", 2920, {"sinus_arrhythmia": 0.5},
        LEADS, 11,
    ),
}  # fmt: skip


def draw_results() -> None:
    """Draw macro AUROC of every model with its interval, and write the table behind it."""
    metrics = docs_tables.metrics_on_test()
    baselines = json.loads(docs_tables.of_working_tree("metrics/compare.json"))["baselines"]
    first = next(iter(metrics.values()))
    rows = [
        {"model": model, "target": "macro", "metric": "auroc", "n": np.nan, "positives": np.nan,
         **{key: test["macro"]["auroc"][key] for key in ("value", "low", "high")}}
        for model, test in metrics.items()
    ]  # fmt: skip
    best = max(rows, key=lambda row: row["value"])
    forest_plot.auroc(
        pd.DataFrame(rows),
        f"Simulated children: {best['model']} has the highest AUROC, {best['value']:.3f}",
        f"{first['records']} ECGs, mean of {len(first['macro']['targets'])} targets",
        IMAGES / "auroc.png",
        "simulated",
        baselines,
    )
    tables.write_text(docs_tables.picture_table(), docs_tables.ROOT / docs_tables.PICTURE_TABLE)


def main() -> None:
    draw_results()
    hospital = params.load("simulate", SimulationSettings, docs_tables.ROOT / "params.yaml")
    for name, (title, age_days, severities, leads, seed) in PICTURES.items():
        rng = np.random.default_rng(seed)
        place = traits.personal(rng)
        visit = children.Visit(
            ecg_id="P00000_E01", patient_id="P00000", age_days=age_days, sex="female",
            acquired_at="", severities=severities, severity={}, true={}, coded={}, icd10=[],
            nine_leads=leads == NINE_LEADS, n_samples=12 * zzu_layout.FS_HZ,
        )  # fmt: skip
        clean, measured, own, _ = zzu_cohort.examine(visit, place, seed, rng)
        flaws = artefacts.Artefacts(0.03, 0.004, 0.001, pops=False, saturated=False, lead_off=False)
        signal = artefacts.recorded(
            clean.leads_mv, zzu_layout.FS_HZ, flaws, hospital.recorder, own["breathing"], rng
        )
        rows = [LEADS.index(lead) for lead in leads]
        note = ", ".join(
            (
                f"rate {measured['heart_rate_bpm']:.0f}/min",
                f"PR {measured['pr_ms']:.0f} ms",
                f"QRS {measured['qrs_ms']:.0f} ms",
                f"QTc {measured['qtc_bazett_ms']:.0f} ms",
                f"axis {measured['qrs_axis_deg']:.0f}°",
            )
        )
        figure = ecg_paper.draw(
            signal[rows], zzu_layout.FS_HZ, leads, title, start_s=1.0, note=note
        )
        figures.save(figure, IMAGES / name, "simulated", dpi=100)


if __name__ == "__main__":
    main()
