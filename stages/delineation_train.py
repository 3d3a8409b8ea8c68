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

    delineator_inference.save(fitted.network, settings.network, FOLDER)
    curve = pd.DataFrame({"step": range(1, settings.steps + 1), "loss": fitted.losses})
    smooth = curve.groupby((curve["step"] - 1) // 20).mean()  # 20 steps: one batch says little
    tables.write_csv(smooth, "plots/train/loss.csv")


if __name__ == "__main__":
    errors.one_line(main)
