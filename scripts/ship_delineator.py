"""Make what the delineation pipeline trained last the delineator that pedecg ships.

    python scripts/ship_delineator.py

Copies ``models/delineator`` of ``pipelines/delineation`` into ``src/pedecg/weights/delineator`` and
writes there which records it did not learn from (``held_out.json``). The card beside them
(``README.md``) is written by hand.
"""

import argparse
import shutil
from pathlib import Path

from pedecg.core import params, tables
from pedecg.delineator import record_split, simulated_records
from pedecg.waves import shipped_delineator

PIPELINE = Path(__file__).resolve().parents[1] / "pipelines" / "delineation"
FILES = ("weights.safetensors", "network.json")


def ship(pipeline: Path, target: Path) -> None:
    """Copy the trained network of a pipeline's folder, and say what it did not learn from."""
    splits = tables.read(pipeline / "data/interim/splits.parquet", tables.SPLITS)
    apart = record_split.not_learnt_from(splits)
    apart.pop("simulated", None)  # given by its seed
    simulated = params.load("simulate", simulated_records.Settings, pipeline / params.PARAMS_FILE)
    for name in FILES:
        with tables.replacing(target / name) as temporary:
            shutil.copyfile(pipeline / "models/delineator" / name, temporary)
    tables.write_metrics({**apart, "simulated_seed": simulated.seed}, target / "held_out.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pipeline", type=Path, default=PIPELINE, help="folder that was run")
    parser.add_argument(
        "--target", type=Path, default=shipped_delineator.WEIGHTS, help="where to write"
    )
    arguments = parser.parse_args()
    ship(arguments.pipeline, arguments.target)
    print(f"shipped: {arguments.target}")


if __name__ == "__main__":
    main()
