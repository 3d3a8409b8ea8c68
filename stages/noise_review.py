"""Rank the training and validation labels that disagree most with out-of-fold predictions."""

from pedecg.cohorts import splits
from pedecg.core import errors, params, tables
from pedecg.learning import batches
from pedecg.models import model_inputs
from pedecg.plots import label_candidates
from pedecg.review import label_noise, out_of_fold_models
from pedecg.signals import signal_store

SIGNALS = "data/processed/signals"


def main() -> None:
    settings = params.load("noise_review", label_noise.NoiseReviewSettings)
    not_from_ecg = params.read_section("labels.not_from_ecg")
    cohort = params.read_section("cohort.name")
    train = params.read_section("train")
    inputs = model_inputs.read(settings.model)
    age_edges_days = params.read_section("split.age_edges_days")
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    findings = tables.read("data/interim/findings.parquet", tables.FINDINGS)
    assignment = tables.read("data/interim/splits.parquet", tables.SPLITS)

    searched = assignment.loc[assignment["split"] != "test", "record_id"]
    records = records[records["record_id"].isin(searched)].reset_index(drop=True)
    labels = labels[labels["record_id"].isin(searched)].reset_index(drop=True)
    store = signal_store.open_store(SIGNALS) if "signals" in inputs.reads else None
    data = batches.dataset(store, records, labels, inputs.features(records))
    folds = splits.folds(records, labels, settings.folds, settings.seed, age_edges_days)
    predictor = out_of_fold_models.predictor(data, inputs, train, settings)
    probabilities = label_noise.out_of_fold(folds, list(data.targets), predictor)
    targets = label_noise.searched(data.targets, settings, not_from_ecg)
    ranked = label_noise.candidates(probabilities[targets], labels, records, settings.min_positives)

    tables.write(ranked, "data/review/candidates.parquet", tables.CANDIDATES)
    for_reviewer = label_noise.for_reviewer(ranked, records, findings, not_from_ecg=not_from_ecg)
    tables.write_csv(for_reviewer, "data/review/candidates.csv")
    tables.write_metrics(label_noise.as_metrics(ranked), "metrics/noise_review.json")
    label_candidates.draw(ranked, "plots/noise_review/candidates.png", cohort)


if __name__ == "__main__":
    errors.one_line(main)
