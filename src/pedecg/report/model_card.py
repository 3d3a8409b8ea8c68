"""Model card: intended use, data and performance, as Markdown and JSON."""

from pathlib import Path
from typing import Any

import jinja2

from pedecg.core.tables import SPLITS_IN_ORDER
from pedecg.report import file_digests, reproducibility_sections
from pedecg.report.content_blocks import figure, number, percent
from pedecg.report.report_settings import ReportSettings
from pedecg.report.run_files import RunFiles

TEMPLATES = Path(__file__).with_suffix("")
FORMAT = 1  # of model_card.json; grows when a key changes its meaning
METRICS = (
    "auroc", "auprc", "sens_at_spec95", "spec_at_sens95", "sensitivity", "specificity", "ppv",
    "npv", "f1", "brier", "calibration_slope", "calibration_intercept", "ece",
)  # fmt: skip
# Keys of the card that are whole metrics files, where the run has them.
WHOLE = {
    "subgroups": "subgroups",
    "explanations": "explain",
    "label_noise": "noise_review",
    "external_validation": "external_summary",
}


def describe(run: RunFiles, settings: ReportSettings) -> dict[str, Any]:
    """Return the card of a run, made of its files."""
    ingest, split = run.metrics("ingest"), run.metrics("split")
    left = ("rows", "quarantined", "quarantined_by_reason", "excluded", "records", "patients")
    return {
        "format": FORMAT,
        "title": settings.title,
        "cohort": run.cohort,
        "simulated": run.simulated,
        "simulated_advantage": run.simulated_advantage,
        "intended_use": settings.intended_use,
        "not_for": settings.not_for,
        "data": {
            **{key: ingest[key] for key in left},
            "splits": {name: split[name] for name in SPLITS_IN_ORDER},
        },
        "targets": run.targets,
        "chosen": run.best,
        "baselines": run.baselines,
        "models": {model: _model(run, model) for model in run.models},
        **{
            key: run.metrics(name) for key, name in WHOLE.items() if run.has(f"metrics/{name}.json")
        },
        "sha256": file_digests.all_of(run.root, run.models),
        "parameters": run.parameters,
        "reproduce": reproducibility_sections.commands(run),
    }


def _model(run: RunFiles, model: str) -> dict[str, Any]:
    evaluated = run.evaluated[model]
    test = evaluated["test"]
    card = {
        "seeds": evaluated["seeds"],
        "test": {
            "records": test["records"],
            "patients": test["patients"],
            "macro": _figures(test["macro"]),
            "targets": {
                name: {key: one[key] for key in ("n", "positives", "threshold", "too_few")
                       if key in one} | _figures(one)
                for name, one in test["targets"].items()
            },
        },
    }  # fmt: skip
    if run.has(f"calibration/{model}.json"):
        curves = run.json(f"calibration/{model}.json")["curves"]["mean"]
        card["calibration"] = {
            name: {key: curve[key] for key in ("method", "parameters", "threshold")}
            for name, curve in curves.items()
        }
    return card


def _figures(scored: dict[str, Any]) -> dict[str, Any]:
    """Return value and interval of the metrics of one target or average."""
    return {
        metric: {key: scored[metric][key] for key in ("value", "low", "high")}
        for metric in METRICS
        if metric in scored
    }


def markdown(card: dict[str, Any]) -> str:
    """Return the card for reading."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=False,  # Markdown, not HTML
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"figure": figure, "number": number, "percent": percent}
    return environment.get_template("model_card.md.jinja").render(card)
