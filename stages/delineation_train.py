"""Train the delineator on the training records of all sources together."""

from pathlib import Path

import pandas as pd

from pedecg import errors, params, tables
from pedecg.waves import fit, learned, library

FOLDER = Path("models/delineator")


def main() -> None:
    settings = params.load("train", fit.Settings)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)
    records = library.read_split(Path("data/interim/library"), splits, ["train"])

    curve: list[tuple[int, float]] = []
    network = fit.fit(records, settings, lambda step, loss, _: curve.append((step, loss)))

    learned.save(network, settings.network, FOLDER)
    smooth = pd.DataFrame(curve, columns=["step", "loss"]).rolling(50).mean()[49::50]
    tables.write_csv(smooth, FOLDER / "curve.csv")


if __name__ == "__main__":
    errors.one_line(main)
