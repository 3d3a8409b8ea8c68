"""Count the truly wrong labels among the first candidates, where a simulation knows them."""

from pathlib import Path

import pandas as pd

from pedecg import errors, tables
from pedecg.review import truth


def main() -> None:
    ranked = tables.read("data/review/candidates.parquet", tables.CANDIDATES)
    known = pd.read_parquet(Path("data/truth/simulated/records.parquet"))

    tables.write_metrics(truth.score(ranked, known), "metrics/noise_truth.json")


if __name__ == "__main__":
    errors.one_line(main)
