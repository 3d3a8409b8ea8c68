"""Check what must hold before one network is trained: ``python stages/check.py <model>``."""

import sys

from pedecg.core import errors, params, tables
from pedecg.learning import pipeline_inputs, setup_checks
from pedecg.learning.train_settings import TrainSettings


def main() -> None:
    model = sys.argv[1]
    settings = params.load("train", TrainSettings)
    leads = params.read_section("preprocess.leads")
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)

    items = list(setup_checks.run(pipeline_inputs.read(model).task(settings), splits, leads))
    faults = [item for item in items if item.fault]
    if faults:
        raise errors.PedecgError(f"check {model}: {'; '.join(map(str, faults))}")

    tables.write_metrics({item.promise: True for item in items}, f"metrics/check/{model}.json")


if __name__ == "__main__":
    errors.one_line(main)
