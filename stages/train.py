"""Train one model with one seed: ``python stages/train.py <model> <seed>``."""

import sys
from pathlib import Path

import pandas as pd

from pedecg.core import errors, params, tables
from pedecg.learning import batches, device, pipeline_inputs
from pedecg.learning.fit import fit
from pedecg.learning.train_settings import TrainSettings
from pedecg.models import model_inputs
from pedecg.models.model_inputs import ModelInputs
from pedecg.tabular import age_sex, rules, rules_boosted, rules_linear, rules_trees
from pedecg.tabular.shared import logistic


def main() -> None:
    inputs, seed = model_inputs.read(sys.argv[1]), int(sys.argv[2])
    settings = params.load("train", TrainSettings)
    folder = Path(f"models/{inputs.name}/seed{seed}")
    if "signals" in inputs.reads:
        train_network(inputs, settings, seed, folder)
    else:
        train_tabular(inputs, settings, seed, folder)


def train_network(inputs: ModelInputs, settings: TrainSettings, seed: int, folder: Path) -> None:
    if device.relaunched(settings.processes):
        return
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    task = pipeline_inputs.read(inputs, settings, seed)
    data = task.data

    fitted = fit(
        task.name, task.model_settings, data, task.training, task.validation, task.normalisation,
        settings, seed, pretrained=task.pretrained,
    )  # fmt: skip
    if not fitted.writes:
        return
    probabilities = fitted.trained.predict(
        data.store, data.positions, data.age_days, data.sex, data.features
    )

    fitted.trained.save(folder)
    split = splits.set_index("record_id").loc[list(data.record_ids), "split"].to_numpy(str)
    predictions = batches.predictions(data, split, seed, probabilities)
    tables.write(predictions, folder / "predictions.parquet", tables.PREDICTIONS)
    tables.write_csv(pd.DataFrame(fitted.curves), folder / "curves.csv")


def train_tabular(inputs: ModelInputs, settings: TrainSettings, seed: int, folder: Path) -> None:
    model, values, table = inputs.name, inputs.settings, inputs.rules
    records = tables.read("data/interim/records.parquet", tables.RECORDS)
    labels = tables.read("data/interim/training_labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    where = (f"models.{model}", "params.yaml")

    def parsed(schema):
        return params.parse(values, where[0], schema, where[1])

    if model == "age_sex":
        linear, predictions = logistic.train(
            model, logistic.age_and_sex(records), records["record_id"], labels, splits, seed,
            parsed(age_sex.Settings),
        )  # fmt: skip
        linear.save(folder / "model.json")
    elif model == "rules_linear":
        linear, predictions = logistic.train(
            model, logistic.rule_features(table), table["record_id"], labels, splits, seed,
            parsed(rules_linear.Settings),
        )  # fmt: skip
        linear.save(folder / "model.json")
    elif model == "rules":
        about, predictions = rules.train(table, labels, splits, seed, parsed(rules.Settings))
        tables.write_metrics({**about, "name": model}, folder / "model.json")
    else:
        module = {"rules_trees": rules_trees, "rules_boosted": rules_boosted}[model]
        more = {"exclusive": settings.task == "multiclass"} if model == "rules_boosted" else {}
        grown, predictions = rules_trees.grow(
            lambda *given: module.train(*given, **more),
            rules_trees.features(table, records), table["record_id"], labels, splits, seed,
            parsed(module.Settings),
        )  # fmt: skip
        grown.save(folder)
    tables.write(predictions, folder / "predictions.parquet", tables.PREDICTIONS)


if __name__ == "__main__":
    errors.one_line(main)
