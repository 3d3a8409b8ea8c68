"""Models on PTB-XL in cross-validation over its official folds, macro AUROC with interval.

    python scripts/exp_run.py presets/ptbxl.yaml -S cohort.root=/data/ptb-xl \\
        statistics rule_features
    python benchmarks/ptbxl_cv.py rules_trees rules_boosted resnet1d [--shares 0.25 0.5 1]
        [--repeats 2] [--set train.epochs=40 ...] [--out table.npz]

Folds 1 and 2 are predicted by models that learn from 3 to 10, and so on; shares of these show how
much more records would help. Several models are also joined, by the mean of their probabilities.
The interval is that of resampled patients (percentiles of 1000).
"""

import json

import numpy as np
import out_of_fold
import pandas as pd

from pedecg.core import errors
from pedecg.evaluation import bootstrap, metrics

AT_ONCE = 2  # of the ten folds


def main() -> None:
    parser = out_of_fold.arguments(__doc__.splitlines()[0])
    parser.add_argument("--shares", type=float, nargs="+", default=[1.0], help="of the records")
    asked = parser.parse_args()
    given = out_of_fold.prepared(asked.set)
    about = given.records.set_index("record_id").loc[list(given.ids)]
    if about["fold"].isna().any():
        parser.error("records.parquet: records without a fold; expected PTB-XL's ten")
    fold = (about["fold"].to_numpy(int) - 1) // AT_ONCE
    patients = pd.factorize(about["patient_id"])[0]
    kept: dict[str, np.ndarray] = {}
    for share in asked.shares:
        at_share = {}
        for model in asked.models:
            at_share[model] = np.array(
                [
                    out_of_fold.probabilities(model, given, fold, repeat, share)
                    for repeat in range(asked.repeats)
                ]
            )
            kept[f"{model} {share:g}"] = at_share[model]
            print(_row(model, share, given, patients, at_share[model]), flush=True)
        if len(at_share) > 1:
            together = np.mean(list(at_share.values()), axis=0)
            print(_row("all together", share, given, patients, together), flush=True)
    if asked.out:
        np.savez(asked.out, labels=given.truth, **kept)


def _row(
    model: str, share: float, given: out_of_fold.Prepared, patients: np.ndarray, p: np.ndarray
) -> str:
    def auroc(said: np.ndarray, weights: np.ndarray) -> np.ndarray:
        none = np.full((said.shape[1], len(metrics.POINTS)), np.nan)
        scores = metrics.scores(given.truth, said, weights, none)
        found: np.ndarray = scores[:, :, metrics.METRICS.index("auroc")]
        return found

    once = np.ones((len(patients), 1), np.uint16)
    each = auroc(p.mean(0), once)[0]
    drawn = auroc(p.mean(0), bootstrap.counts(patients, 1000, 0)).mean(axis=1)
    low, high = bootstrap.interval(drawn)
    single = [auroc(one, once)[0].mean() for one in p]
    return json.dumps(
        {
            "model": model,
            "share": share,
            "macro": round(float(each.mean()), 3),
            "low": round(low, 3),
            "high": round(high, 3),
            "mean": round(float(np.mean(single)), 3),
            "sd": round(float(np.std(single)), 3),
            **{name: round(float(v), 3) for name, v in zip(given.targets, each, strict=True)},
        }
    )


if __name__ == "__main__":
    errors.one_line(main)
