"""A map of the cohort as the network sees it, coloured by label, age and mistake."""

from pathlib import Path

from pedecg.core import errors, params, tables
from pedecg.evaluation import calibration, evaluate
from pedecg.explain import atlas, explain_tables
from pedecg.explain.explain_settings import AtlasSettings
from pedecg.learning import batches, device, trained_network
from pedecg.models import features
from pedecg.plots import atlas_map
from pedecg.signals import signal_store


def main() -> None:
    settings = params.load("atlas", AtlasSettings)
    cohort = params.read_section("cohort.name")
    seed = evaluate.trained_seeds()[0]
    source = f"predictions/{settings.model}.parquet"
    predictions = tables.read(source, tables.PREDICTIONS)
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    signals = signal_store.open_store("data/processed/signals")

    trained = trained_network.load(
        Path("models") / settings.model / f"seed{seed}", accelerator="cpu"
    )
    mapped = atlas.choose(splits, settings)
    about = records.set_index("record_id").loc[mapped["record_id"]]
    age_days, sex = batches.ages_and_sexes(about)
    rules = tables.read("data/features/rules.parquet", tables.RULES)
    numbers = features.of_rules(rules, mapped["record_id"])
    positions = signals.positions(mapped["record_id"])
    with device.reproducible(settings.seed, threads=1):
        values = atlas.embeddings(trained, signals, positions, age_days, sex, numbers)
    fitted = calibration.load(f"calibration/{settings.model}.json")
    thresholds = dict(zip(fitted.targets, fitted.thresholds().tolist(), strict=True))
    places = atlas.place(values, settings)
    placed = atlas.table(mapped, age_days, places, labels, predictions, fitted)

    tables.write(placed, "data/atlas/atlas.parquet", explain_tables.ATLAS)
    tables.write_metrics(atlas.as_metrics(placed, settings, list(thresholds)), "metrics/atlas.json")
    title = atlas.sentence(placed, settings.model, list(thresholds))
    atlas_map.draw(placed, thresholds, "plots/atlas/atlas.png", title, cohort)


if __name__ == "__main__":
    errors.one_line(main)
