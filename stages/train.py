"""Train one model, of whatever family, with one seed: ``python stages/train.py <model> <seed>``."""

import sys
from pathlib import Path

from pedecg.core import errors, tables
from pedecg.learning import pipeline_inputs
from pedecg.models import model_inputs, registry


def main() -> None:
    model, seed = sys.argv[1], int(sys.argv[2])
    inputs = pipeline_inputs.read(model_inputs.read(model), seed)

    fitted = registry.fit(*inputs.learnt_from, inputs.training)
    if fitted is None:
        return  # another process of this training writes the model
    probabilities = fitted.predict(inputs.rows, inputs.split == "validation")

    folder = Path("models") / model / f"seed{seed}"
    fitted.model.save(folder)
    predictions = inputs.predictions(probabilities)
    tables.write(predictions, folder / "predictions.parquet", tables.PREDICTIONS)


if __name__ == "__main__":
    errors.one_line(main)
