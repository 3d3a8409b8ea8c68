"""The sections of a report in order, with the files that each one needs."""

from collections.abc import Callable
from dataclasses import dataclass

from pedecg.report import (
    cohort_sections,
    error_analysis_sections,
    external_sections,
    goal_sections,
    reproducibility_sections,
    result_sections,
    review_sections,
    uncertainty_sections,
)
from pedecg.report.content_blocks import Block
from pedecg.report.run_files import RunFiles


@dataclass(frozen=True)
class Section:
    """One heading: what it asks of a run, and what it makes of it.

    Attributes
    ----------
    needs : files or patterns; without one of them the section is left out.
    """

    id: str
    heading: str
    build: Callable[[RunFiles], list[Block]]
    needs: tuple[str, ...] = ()
    result: bool = False  # of a model: says at its top when the patients are simulated


@dataclass(frozen=True)
class Written:
    """A section with its blocks."""

    section: Section
    blocks: list[Block]


_EVALUATED = ("metrics/compare.json", "metrics/summary.json", "metrics/evaluate/*.json")

SECTIONS = (
    Section(
        "flow",
        "From raw records to test patients",
        cohort_sections.flow_of_records,
        ("metrics/ingest.json", "metrics/split.json"),
    ),
    Section("cohort", "Who is in the cohort", cohort_sections.audit, ("metrics/audit.json",)),
    Section("splits", "Splits", cohort_sections.splits, ("metrics/split.json",)),
    Section("results", "Results", result_sections.results, _EVALUATED, result=True),
    Section("goals", "Goals", goal_sections.goals, _EVALUATED, result=True),
    Section("calibration", "Calibration", result_sections.calibration, _EVALUATED, result=True),
    Section(
        "thresholds",
        "Thresholds",
        result_sections.thresholds,
        (*_EVALUATED, "calibration/*.json"),
        result=True,
    ),
    Section(
        "prediction-sets",
        "Prediction sets",
        uncertainty_sections.prediction_sets,
        (*_EVALUATED, "metrics/prediction_sets.json", "plots/prediction_sets/coverage.csv"),
        result=True,
    ),
    Section(
        "training-distance",
        "Distance from the training records",
        uncertainty_sections.training_distance,
        ("metrics/training_distance.json",),
    ),
    Section(
        "comparison",
        "Comparison of the models",
        result_sections.comparison,
        (*_EVALUATED, "plots/compare/differences.csv"),
        result=True,
    ),
    Section(
        "subgroups",
        "Subgroups",
        result_sections.subgroups,
        (*_EVALUATED, "metrics/subgroups.json"),
        result=True,
    ),
    Section(
        "external",
        "External validation",
        external_sections.external,
        ("metrics/external/*.json",),
        result=True,
    ),
    Section(
        "errors",
        "Most confident errors",
        error_analysis_sections.errors,
        ("data/errors/mistakes.csv",),
        result=True,
    ),
    Section(
        "explanations",
        "Explanations",
        error_analysis_sections.explanations,
        ("metrics/explain.json",),
        result=True,
    ),
    Section(
        "findings",
        "Findings that move the probability",
        error_analysis_sections.findings,
        ("metrics/explain_findings.json",),
        result=True,
    ),
    Section(
        "atlas",
        "Map of the cohort",
        error_analysis_sections.atlas,
        ("metrics/atlas.json",),
        result=True,
    ),
    Section(
        "label-noise",
        "Labels to review",
        error_analysis_sections.noise_review,
        ("metrics/noise_review.json",),
        result=True,
    ),
    Section(
        "label-review",
        "Reviewed labels",
        review_sections.review,
        (review_sections.FIGURES,),
        result=True,
    ),
    Section(
        "measures",
        "Measurements compared with reference limits",
        cohort_sections.measures,
        ("metrics/audit_measures.json",),
    ),
    Section(
        "criteria-readers",
        "Criteria against the readers' codes",
        cohort_sections.criteria_against_readers,
        ("metrics/reader_agreement.json",),
    ),
    Section(
        "measure-truth",
        "Measurement accuracy",
        cohort_sections.measure_truth,
        ("metrics/measure_truth.json",),
    ),
    Section(
        "pretraining",
        "Pre-training without labels",
        cohort_sections.pretraining,
        ("plots/pretrain/*.png",),
    ),
    Section(
        "checks",
        "Checks before training",
        error_analysis_sections.checklist,
        ("metrics/check/*.json",),
    ),
    Section("parameters", "Parameters", reproducibility_sections.parameters),
    Section("hashes", "Data, weights and code", reproducibility_sections.hashes),
    Section("reproduce", "Reproduce this run", reproducibility_sections.reproduce),
)


def build(run: RunFiles) -> list[Written]:
    """Return the sections for which the run has what they need and which have something to say."""
    made = (Written(s, s.build(run)) for s in SECTIONS if run.has(*s.needs))
    return [one for one in made if one.blocks]
