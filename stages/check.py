"""Check what must hold before one model is trained: ``python stages/check.py --model NAME``."""

from pedecg.core import errors, params, stage_item, tables
from pedecg.learning import pipeline_inputs, setup_checks
from pedecg.learning.train_settings import TrainSettings
from pedecg.models import model_inputs


def main() -> None:
    inputs = model_inputs.read(stage_item.read("model").model)
    settings = params.load("train", TrainSettings)
    leads = params.read_section("preprocess.leads")
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)

    items = []
    if "signals" in inputs.reads:  # the checks are those of a network
        task = pipeline_inputs.read(inputs).task(settings)
        items = list(setup_checks.run(task, splits, leads))
    faults = [item for item in items if item.fault]
    if faults:
        raise errors.PedecgError(f"check {inputs.name}: {'; '.join(map(str, faults))}")

    passed = {item.promise: True for item in items}
    tables.write_metrics(passed, f"metrics/check/{inputs.name}.json")


if __name__ == "__main__":
    errors.one_line(main)
