"""Check the models that a run names, and put what each of them reads into a folder of its own."""

from pedecg.core import errors, params
from pedecg.models import model_inputs, run_check


def main() -> None:
    values = params.read_file()

    run = run_check.check(
        values,
        params.PARAMS_FILE.name,
        rules=model_inputs.RULES.exists(),
        pretraining=model_inputs.PRETRAINED.exists(),
    )

    run.write()
    model_inputs.write(run_check.prepared(run, values), values)


if __name__ == "__main__":
    errors.one_line(main)
