"""What the networks saw in the signal, drawn over the ECG, and whether such maps can be trusted."""

from functools import partial
from pathlib import Path

from pedecg.core import errors, experiment, parallel, params, tables
from pedecg.evaluation import select_models
from pedecg.explain import (
    explain_metrics,
    explain_tables,
    explained_records,
    explanation_pages,
    record_maps,
)
from pedecg.explain.beat_regions import GLOBAL
from pedecg.explain.explain_settings import ExplainSettings
from pedecg.signals import signal_store

SIGNALS = Path("data/processed/signals")
NORMAL_BEATS = Path("data/features/normal_beats.parquet")


def main() -> None:
    settings = params.load("explain", ExplainSettings)
    cohort = params.read_section("cohort.name")
    model = select_models.read_one("explain")
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    known = explained_records.Known(
        records=tables.read("data/interim/records.parquet", tables.RECORDS),
        quality=tables.read("data/interim/quality.parquet", tables.QUALITY),
        waves=tables.read("data/features/waves.parquet", tables.WAVES, {"lead": [GLOBAL]}),
        rules=tables.read("data/features/rules.parquet", tables.RULES),
    )

    of_test = explained_records.of_test(
        model.predictions(), labels, splits, model.calibration(), model.source
    )
    chosen = explained_records.present_or_positive(of_test, settings.records)
    everyone = sorted({s.record_id for listed in chosen.values() for s in listed})
    contexts = explained_records.contexts(everyone, signal_store.open_store(SIGNALS), known)
    networks = record_maps.Networks(model.trainings(experiment.seeds()), SIGNALS, NORMAL_BEATS)
    todo = record_maps.tasks(chosen, contexts, settings.checked)
    one = partial(record_maps.examine, networks=networks, settings=settings)
    found = record_maps.together(list(parallel.records(one, todo, "explain")))
    drawing = [
        explanation_pages.Page(subject, contexts[subject.record_id], Path("plots/explain") / name)
        for name, subject in explanation_pages.first(chosen, settings.pictures)
    ]
    draw = partial(explanation_pages.draw, networks=networks, settings=settings, cohort=cohort)
    list(parallel.records(draw, drawing, "pictures"))

    tables.write(found["shares"], "data/explain/shares.parquet", explain_tables.SHARES)
    tables.write(found["restored"], "data/explain/restored.parquet", explain_tables.RESTORED)
    curves = explain_metrics.deletion_curves(found["deleted"], settings.fractions)
    tables.write_csv(curves, "plots/explain/deletion.csv")
    figures = explain_metrics.as_metrics(found, settings, model.name)
    tables.write_metrics(figures, "metrics/explain.json", "explain")


if __name__ == "__main__":
    errors.one_line(main)
