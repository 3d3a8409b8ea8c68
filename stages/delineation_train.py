"""Train the delineator on the training records of all sources together."""

from pathlib import Path

import pandas as pd

from pedecg.core import errors, params, tables
from pedecg.delineator import annotated_library, train_network
from pedecg.waves import delineator_inference

FOLDER = Path("models/delineator")


def main() -> None:
    settings = params.load("train", train_network.Settings)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    records = annotated_library.read_split(Path("data/interim/library"), splits, ["train"])

    fitted = train_network.fit(records, settings)

    examples = [(one.signal_mv, one.fs_hz) for one in train_network.some_of(records)]
    delineator_inference.save(fitted.network, settings.network, examples, FOLDER)
    curves = pd.DataFrame(fitted.curves)
    steps = (curves["epoch"] * train_network.STEPS_PER_EPOCH).clip(upper=settings.steps)
    loss = pd.DataFrame({"step": steps, "loss": curves["train_loss"]})
    tables.write_csv(loss, "plots/train/loss.csv")


if __name__ == "__main__":
    errors.one_line(main)
