"""Do the maps point to where the simulated finding is? Only a simulation can tell."""

from pathlib import Path

import pandas as pd

from pedecg.core import errors, params, tables
from pedecg.explain import explain_tables, simulated_truth


def main() -> None:
    resamples, seed = (params.read_section(f"explain.{key}") for key in ("bootstrap", "seed"))
    shares = tables.read("data/explain/shares.parquet", explain_tables.SHARES)
    restored = tables.read("data/explain/restored.parquet", explain_tables.RESTORED)
    known = pd.read_parquet(Path("data/truth/simulated/records.parquet"))

    found = simulated_truth.score(shares, restored, known, resamples, seed)

    tables.write_metrics(found, "metrics/explain_truth.json", "explain_truth")


if __name__ == "__main__":
    errors.one_line(main)
