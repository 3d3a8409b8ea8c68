"""Count the truly wrong labels among the first candidates, where a simulation knows them."""

from pathlib import Path

import pandas as pd

from pedecg.core import errors, tables
from pedecg.review import simulated_label_errors


def main() -> None:
    ranked = tables.read("data/review/candidates.parquet", tables.CANDIDATES)
    known = pd.read_parquet(Path("data/truth/simulated/records.parquet"))

    tables.write_metrics(simulated_label_errors.score(ranked, known), "metrics/noise_truth.json")


if __name__ == "__main__":
    errors.one_line(main)
