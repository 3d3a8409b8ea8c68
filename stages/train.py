"""Train one model, of whatever family, with one seed.

``python stages/train.py --model NAME --seed N``
"""

from pathlib import Path

from pedecg.core import errors, stage_item, tables
from pedecg.learning import pipeline_inputs, training_notes
from pedecg.models import model_inputs, registry


def main() -> None:
    item = stage_item.read("model", "seed")
    inputs = pipeline_inputs.read(model_inputs.read(item.model), item.seed)

    fitted = registry.fit(*inputs.learnt_from, inputs.training)
    if fitted is None:
        return  # another process of this training writes the model
    probabilities = fitted.predict(inputs.rows, inputs.split == "validation")

    folder = Path("models") / item.model / f"seed{item.seed}"
    fitted.model.save(folder)
    if fitted.key:  # a hybrid that has this network does not train it again
        training_notes.write(folder, fitted.key)
    predictions = inputs.predictions(probabilities)
    tables.write(predictions, folder / "predictions.parquet", tables.PREDICTIONS)


if __name__ == "__main__":
    errors.one_line(main)
