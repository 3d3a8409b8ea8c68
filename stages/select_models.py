"""Select the models that the later stages take, and copy what they need of them."""

from pedecg.core import errors, experiment, params, run_models, tables
from pedecg.evaluation import select_models


def main() -> None:
    run, seeds = run_models.read(), experiment.seeds()
    aurocs = select_models.validation_aurocs(run.names)

    selected = select_models.select(run, params.read_file(), aurocs)

    select_models.copy(selected, seeds, run.members)
    tables.write_metrics(select_models.as_metrics(selected), "metrics/selected_models.json")


if __name__ == "__main__":
    errors.one_line(main)
