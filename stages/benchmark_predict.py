"""Cross-validate one model: ``… ptbxl PRESET --model NAME``."""

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pedecg.benchmarks import benchmark_settings, out_of_fold, prepared_cohort
from pedecg.core import errors, params, stage_item, tables

CROSS_VALIDATION: dict[str, tuple[Callable[..., pd.DataFrame], type[params.Section]]] = {
    "ptbxl": (out_of_fold.ptbxl, benchmark_settings.PtbxlFolds),
    "cinc2017": (out_of_fold.cinc2017, benchmark_settings.Cinc2017Folds),
}


def main() -> None:
    cohort, preset = sys.argv[1:3]
    model = stage_item.read("model").model
    folder = Path("data") / cohort
    predict, schema = CROSS_VALIDATION[cohort]
    keys = {name: params.read_section(f"{cohort}.{name}") for name in schema.model_fields}
    folds = params.parse(keys, cohort, schema, str(params.PARAMS_FILE))

    if prepared_cohort.reason_not_measured(folder):
        predictions = out_of_fold.no_predictions()
    else:
        values = prepared_cohort.parameters(Path(preset).resolve())
        predictions = predict(model, prepared_cohort.load(folder), values, folds)

    tables.write(predictions, f"predictions/{cohort}/{model}.parquet", tables.PREDICTIONS)


if __name__ == "__main__":
    errors.one_line(main)
