"""A map of the cohort as the network sees it, coloured by label, age and error."""

from pedecg.core import errors, experiment, params, tables
from pedecg.evaluation import select_models
from pedecg.explain import atlas, explain_tables
from pedecg.explain.explain_settings import AtlasSettings
from pedecg.learning import batches, device, trained_network
from pedecg.models import features
from pedecg.plots import atlas_map
from pedecg.signals import signal_store


def main() -> None:
    settings = params.load("atlas", AtlasSettings)
    cohort = params.read_section("cohort.name")
    first_seed = experiment.seeds()[:1]
    model = select_models.read_one("explain")
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    signals = signal_store.open_store("data/processed/signals")

    trained = trained_network.load(model.trainings(first_seed)[0], accelerator="cpu")
    mapped = atlas.choose(splits, settings)
    about = records.set_index("record_id").loc[mapped["record_id"]]
    age_days, sex = batches.ages_and_sexes(about)
    rules = tables.read("data/features/rules.parquet", tables.RULES)
    numbers = features.of_rules(rules, list(mapped["record_id"]))
    positions = signals.positions(mapped["record_id"])
    with device.reproducible(settings.seed, threads=1):
        values = atlas.embeddings(trained, signals, positions, age_days, sex, numbers)
    fitted = model.calibration()
    thresholds = dict(zip(fitted.targets, fitted.thresholds().tolist(), strict=True))
    places = atlas.place(values, settings)
    placed = atlas.table(mapped, age_days, places, labels, model.predictions(), fitted)

    tables.write(placed, "data/atlas/atlas.parquet", explain_tables.ATLAS)
    tables.write_metrics(
        atlas.as_metrics(placed, model.name, list(thresholds)), "metrics/atlas.json"
    )
    title = atlas.sentence(placed, model.name, list(thresholds))
    atlas_map.draw(placed, thresholds, "plots/atlas/atlas.png", title, cohort)


if __name__ == "__main__":
    errors.one_line(main)
