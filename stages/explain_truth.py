"""Do the maps point to where the simulated finding is? Only a simulation can tell."""

from pathlib import Path

import pandas as pd

from pedecg import errors, params, tables
from pedecg.explain import schemas, truth


def main() -> None:
    resamples, seed = (params.read_section(f"explain.{key}") for key in ("bootstrap", "seed"))
    shares = tables.read("data/explain/shares.parquet", schemas.SHARES)
    restored = tables.read("data/explain/restored.parquet", schemas.RESTORED)
    known = pd.read_parquet(Path("data/truth/simulated/records.parquet"))

    found = truth.score(shares, restored, known, resamples, seed)

    tables.write_metrics(found, "metrics/explain_truth.json")


if __name__ == "__main__":
    errors.one_line(main)
