"""The most confident mistakes on test patients: a table, and pages for a reader."""

from functools import partial
from pathlib import Path

from pedecg.core import errors, experiment, parallel, params, tables
from pedecg.evaluation import select_models
from pedecg.explain import explained_records, explanation_pages, mistakes, record_maps
from pedecg.explain.beat_regions import GLOBAL
from pedecg.explain.explain_settings import ErrorReviewSettings, map_settings
from pedecg.signals import signal_store

SIGNALS = Path("data/processed/signals")
NORMAL_BEATS = Path("data/features/normal_beats.parquet")
PICTURES = Path("plots/errors")


def main() -> None:
    settings = params.load("error_review", ErrorReviewSettings)
    how = map_settings()
    cohort = params.read_section("cohort.name")
    model = select_models.read_one("explain")
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    findings = tables.read("data/interim/findings.parquet", tables.FINDINGS)
    known = explained_records.Known(
        records=tables.read("data/interim/records.parquet", tables.RECORDS),
        quality=tables.read("data/interim/quality.parquet", tables.QUALITY),
        waves=tables.read("data/features/waves.parquet", tables.WAVES, {"lead": [GLOBAL]}),
        rules=tables.read("data/features/rules.parquet", tables.RULES),
    )

    of_test = explained_records.of_test(
        model.predictions(), labels, splits, model.calibration(), model.source
    )
    found = mistakes.most_confident(of_test, settings.listed)
    everyone = sorted({mistake.subject.record_id for mistake in found})
    contexts = explained_records.contexts(everyone, signal_store.open_store(SIGNALS), known)
    drawing = [
        explanation_pages.Page(
            mistake.subject,
            contexts[mistake.subject.record_id],
            PICTURES / mistake.picture,
            mistakes.KINDS[mistake.kind],
        )
        for mistake in found
        if mistake.rank <= settings.drawn
    ]
    networks = record_maps.Networks(model.trainings(experiment.seeds()), SIGNALS, NORMAL_BEATS)
    draw = partial(explanation_pages.draw, networks=networks, settings=how, cohort=cohort)
    PICTURES.mkdir(parents=True, exist_ok=True)
    list(parallel.records(draw, drawing, "pictures"))

    listed = mistakes.table(found, contexts, findings, settings.drawn)
    tables.write_csv(listed, "data/errors/mistakes.csv")


if __name__ == "__main__":
    errors.one_line(main)
