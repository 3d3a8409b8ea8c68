"""Average the ensemble's calibrated members: ``… --seed N``."""

from pathlib import Path

from pedecg.core import errors, run_models, stage_item, tables
from pedecg.evaluation import ensemble


def main() -> None:
    seed = stage_item.read("seed").seed
    models, source = run_models.read().members, Path("data/ensemble")
    parts = [tables.read(source / f"{m}.parquet", tables.PREDICTIONS) for m in models]
    members = [member for m in models for member in ensemble.load(source / f"{m}.json")]

    predictions = ensemble.mean(parts, seed)

    folder = Path("models") / ensemble.NAME / f"seed{seed}"
    of_seed = [member for member in members if member.seed == seed]
    ensemble.write(folder, seed, sorted(set(predictions["label"])), of_seed)
    tables.write(predictions, folder / "predictions.parquet", tables.PREDICTIONS)


if __name__ == "__main__":
    errors.one_line(main)
