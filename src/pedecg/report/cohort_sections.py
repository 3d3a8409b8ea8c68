"""Report sections on data: flow, cohort, splits, measurements."""

from typing import Any

import pandas as pd

from pedecg.core import age_text
from pedecg.core.errors import PedecgError
from pedecg.core.tables import SPLITS_IN_ORDER
from pedecg.report import data_flow
from pedecg.report.content_blocks import (
    Block,
    Bullets,
    Diagram,
    Fold,
    Gallery,
    Table,
    Text,
    figure,
    number,
    percent,
    table,
)
from pedecg.report.run_files import RunFiles
from pedecg.rules.measurement_error import ALL, FEWEST

_MOST_REASONS = 2  # next to a box; the table below has all


def flow_of_records(run: RunFiles) -> list[Block]:
    """Show the flow from the rows of the source to the test patients, with all exclusions."""
    ingest, split = run.metrics("ingest"), run.metrics("split")
    refused, excluded = ingest["quarantined_by_reason"], ingest["excluded"]
    steps = [
        data_flow.Step("Rows of the source", [f"{ingest['rows']:,} records"]),
        data_flow.Step(
            "Records that can be used",
            [f"{ingest['records']:,} records", f"{ingest['patients']:,} patients"],
            [
                f"{number(ingest['quarantined'])} quarantined",
                *_commonest(refused),
                f"{number(sum(excluded.values()))} excluded",
                *_commonest(excluded),
            ],
        ),
    ]
    if run.has("metrics/preprocess.json"):
        signals = run.metrics("preprocess")
        steps.append(
            data_flow.Step(
                "Signals in the store",
                [f"{signals['records']:,} records", f"{signals['hours']:.1f} hours"],
                [f"{number(signals['leads_refused'])} leads masked"],
            )
        )
    ends = [
        data_flow.Step(
            name.capitalize(),
            [f"{split[name]['records']:,} records", f"{split[name]['patients']:,} patients"],
        )
        for name in SPLITS_IN_ORDER
    ]
    drawn = data_flow.draw(steps, ends, "From raw records to test patients")
    reasons = [
        [kind, reason, number(count)]
        for kind, counted in (("quarantined", refused), ("excluded", excluded))
        for reason, count in counted.items()
    ]
    blocks: list[Block] = [
        Diagram(drawn, "Every record of the source is counted here; no patient is in two splits.")
    ]
    if reasons:
        blocks.append(Table("Why records were left out", ["", "reason", "records"], reasons))
    return blocks


def _commonest(counts: dict[str, int]) -> list[str]:
    return [f"– {reason}: {count:,}" for reason, count in list(counts.items())[:_MOST_REASONS]]


AUDIT_TABLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("ages_and_leads", "Ages and recorded leads", ()),
    ("labels_per_record", "How many targets a record has", ()),
    ("co_occurrence", "Records with two targets", ()),
    ("disagreement", "Patients with contradictory records, by target", ("share",)),
    ("quality_by_lead", "Signal quality by lead", ("usable_share", "saturated_share")),
    ("quality_agreement", "Signal quality compared with that stated by the source", ()),
    ("findings", "Findings as the source codes them", ("share",)),
    ("lengths", "Lengths and sampling rates", ()),
    ("unlisted_diagnoses", "Diagnoses of a target's chapter that are none of its keys", ()),
    ("same_patient", "Patients that may be one: kept on one side of a split", ()),
)
AUDIT_PICTURES = {
    "classes": "Bars: how many records have, lack or leave open each target.",
    "ages": "Histogram: ages of the patients.",
    "lengths": "Histogram: lengths of the records.",
    "co_occurrence": "Matrix: number of records with both of two targets.",
    "quality_by_lead": "Bars by lead: share that is usable, saturated or refused.",
}


def audit(run: RunFiles) -> list[Block]:
    """Who is in the cohort."""
    found = run.metrics("audit")
    blocks: list[Block] = [
        Text(
            f"{number(found['records'])} records of {number(found['patients'])} patients; "
            f"{number(found['patients_with_several_records'])} patients have several. "
            f"Median age {_years(found['median_age_days'])}, "
            f"female {percent(found['female_share'])}, "
            f"all twelve leads {percent(found['all_twelve_leads_share'])}, "
            f"median length {number(found['median_seconds'], 1)} s. "
            f"Leads that cannot be used: {percent(found['unusable_leads_share'])}."
        )
    ]
    classes = {
        "target": "target", "positive": "present", "negative": "absent", "unknown": "unknown",
        "share": "present, share", "patients": "patients with it", "with_another": "with another",
    }  # fmt: skip
    if run.has("data/audit/classes.csv"):
        labels = run.table("data/audit/classes.csv")
        blocks.append(table("Targets in the cohort, by record", labels, classes, ["share"]))
    drawn = [
        picture
        for name, alt in AUDIT_PICTURES.items()
        for picture in run.picture(
            f"plots/audit/{name}.png", f"{alt} The tables below contain the numbers."
        )
    ]
    more = [
        table(caption, frame, shares=shares, rows=15)
        for name, caption, shares in AUDIT_TABLES
        if run.has(f"data/audit/{name}.csv") and not (frame := _audited(run, name, shares)).empty
    ]
    return [*blocks, Gallery(drawn), Fold("All tables of the audit", more)]


def _audited(run: RunFiles, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return a table of the audit; one of an earlier version lacks a column and is refused."""
    frame = run.table(f"data/audit/{name}.csv")
    for column in columns:
        if column not in frame:
            raise PedecgError(
                f"data/audit/{name}.csv: column {column} not found; rewrite it with: "
                "dvc repro audit"
            )
    return frame


def _years(days: Any) -> str:
    return number(None) if days is None else age_text.mean_in_words(days)


def splits(run: RunFiles) -> list[Block]:
    """Training, validation and test."""
    found = run.metrics("split")
    targets = list(found["test"]["positives"])
    rows = [
        [
            name,
            number(found[name]["patients"]),
            number(found[name]["records"]),
            *(number(found[name]["positives"][target]) for target in targets),
        ]
        for name in SPLITS_IN_ORDER
    ]
    return [
        Text(
            "A patient is in one split. Everything that is fitted - weights, statistics, "
            "calibration, thresholds, the choice of a model - uses the training and validation "
            "sets only; the test set is used once."
        ),
        Table(
            "Splits, with the number of records in which each target is present",
            ["split", "patients", "records", *targets],
            rows,
            f"The share of an attribute differs from that in all records by at most "
            f"{percent(found['largest_deviation'])} ({found['largest_deviation_at']}).",
        ),
    ]


MEASURE_PICTURES = {
    "heart_rate": "heart rate", "pr": "PR interval", "qrs": "QRS duration",
    "qtc_bazett": "QTc (Bazett)", "qrs_axis": "QRS axis",
}  # fmt: skip


def measures(run: RunFiles) -> list[Block]:
    """Compare rate, intervals and axis with the limits for age."""
    found = run.metrics("audit_measures")
    rows = [
        [
            MEASURE_PICTURES.get(name, name),
            number(one["records"]),
            number(one["median"], 1),
            percent(one["below_share"]),
            percent(one["above_share"]),
        ]
        for name, one in found.items()
    ]
    blocks: list[Block] = [
        Table(
            "Measurements compared with the 2nd and 98th percentile for age and sex",
            ["measure", "records", "median", "below the limit", "above the limit"],
            rows,
        )
    ]
    drawn = [
        picture
        for name, what in MEASURE_PICTURES.items()
        for picture in run.picture(
            f"plots/audit_measures/{name}.png",
            f"Scatter: {what} of every record over age, with the limits by age.",
        )
    ]
    return [*blocks, Gallery(drawn)]


def criteria_against_readers(run: RunFiles) -> list[Block]:
    """Sensitivity and specificity of the criteria against the findings that readers coded."""
    found = run.metrics("reader_agreement")
    if not found:
        return []
    rows = [
        [
            name.replace("_", " "),
            ", ".join(one["codes"]),
            f"{number(one['positives'])} of {number(one['records'])}",
            figure(one["sensitivity"]),
            figure(one["specificity"]),
            number(one["unknown"]),
            one["score"] or "no measure ranks it",
            figure(one["auroc"]),
        ]
        for name, one in found.items()
    ]
    return [
        Text(
            "All records of all splits whose ECG was coded by a reader. A criterion that cannot be "
            "determined counts as not met. Readers and criteria may mean different things by one "
            "name: the codes are no truth. In brackets: 95% interval (rates: Wilson; AUROC: "
            "DeLong, by patient). –: too few."
        ),
        Table(
            "Criteria against the readers' codes",
            ["finding", "codes", "coded", "sensitivity", "specificity", "not determined",
             "measure", "AUROC of the measure"],
            rows,
        ),
    ]  # fmt: skip


def measure_truth(run: RunFiles) -> list[Block]:
    """Measurement accuracy: measured minus true values, of simulated records."""
    found = run.metrics("measure_truth")
    if not found["records"]:
        return []
    # Of a run before figures by age were counted.
    over_all = {ALL: {"judged": found["measures"], "within": found["within"]}}
    by_age = "; ".join(
        f"{age} {number(one['within'])} of {number(one['judged'])}"
        for age, one in found.get("by_age", over_all).items()
    )
    rows = [
        [
            name,
            number(one["valid"]),
            number(one["invented"]),
            number(one["bias"]),
            number(one["sd"]),
            number(one["within"]),
        ]
        for name, one in found["by_measure"].items()
    ]
    return [
        Text(
            "Measures whose bias and SD lie within their stated tolerance, of those with at least "
            f"{FEWEST} valid records: {by_age}."
        ),
        Fold(
            "Bias and SD of every measure",
            [
                Bullets(found["age_groups_outside"], "Outside the tolerance"),
                Table(
                    "Measured minus true, in the measure's own unit",
                    ["measure", "valid", "invented", "bias", "SD", "within tolerance"],
                    rows,
                ),
            ],
        ),
    ]


def pretraining(run: RunFiles) -> list[Block]:
    """Show what the network that learnt without labels does on held-out records."""
    trained = "Trained on the training signals only, without labels."
    return [
        *run.picture(
            "plots/pretrain/filled_in.png",
            "ECG leads with masked patches, and their reconstruction by the autoencoder.",
            trained,
            wide=True,
        ),
        *run.picture(
            "plots/pretrain/identified.png",
            "Share of predictions that identify the window which follows, by steps ahead.",
            trained,
        ),
    ]
