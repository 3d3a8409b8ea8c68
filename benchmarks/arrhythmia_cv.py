"""Challenge score of models of the arrhythmia pipeline in repeated cross-validation.

    cd pipelines/arrhythmia; dvc repro statistics rule_features
    python ../../benchmarks/arrhythmia_cv.py cnn_only hybrid rules_boosted [--folds 5] [--repeats 1]
        [--set train.crop_seconds=30 models.gru.hidden=64 ...] [--out table.csv]

Every recording is predicted by models that never saw it; networks are trained without early
stopping. Several models are also joined, by the mean of their probabilities as in `ensemble`. The
interval is that of resampled recordings (percentiles of 1000), of the probability averaged over
repeats; `sd` is the spread of single repeats.
"""

import json

import numpy as np
import out_of_fold

from pedecg.cohorts import splits
from pedecg.core import errors
from pedecg.evaluation import multiclass

CHALLENGE = ("normal", "af", "other")


def main() -> None:
    parser = out_of_fold.arguments(__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=5)
    asked = parser.parse_args()
    given = out_of_fold.prepared(asked.set)
    kept: dict[str, np.ndarray] = {}
    for model in asked.models:
        repeats = []
        for repeat in range(asked.repeats):
            fold = splits.folds(given.records, given.labels, asked.folds, repeat, [])
            part = fold.loc[list(given.ids)].to_numpy()
            repeats.append(out_of_fold.probabilities(model, given, part, repeat))
        kept[model] = np.array(repeats)
        print(_row(model, given.truth, given.targets, kept[model]), flush=True)
    if asked.out:
        np.savez(asked.out, labels=given.truth, **kept)
    if len(kept) > 1:
        together = np.mean(list(kept.values()), axis=0)
        print(_row("all together", given.truth, given.targets, together), flush=True)


def _row(model: str, labels: np.ndarray, classes: tuple[str, ...], p: np.ndarray) -> str:
    true = labels.argmax(1)
    n = len(true)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(n, np.full(n, 1 / n), 1000).T.astype(float)

    def scores(said: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
        matrices = multiclass.tables(true, said.argmax(1), len(classes), weights)
        return multiclass.scores(matrices, classes, CHALLENGE)

    whole = scores(p.mean(0), np.ones((n, 1)))
    low, high = np.quantile(scores(p.mean(0), draws)["f1_challenge"], [0.025, 0.975])
    single = [scores(one, np.ones((n, 1)))["f1_challenge"][0] for one in p]
    figures = {name: round(float(whole[f"f1 {name}"][0]), 3) for name in classes}
    return json.dumps(
        {
            "model": model,
            "challenge": round(float(whole["f1_challenge"][0]), 3),
            "low": round(float(low), 3),
            "high": round(float(high), 3),
            "mean": round(float(np.mean(single)), 3),
            "sd": round(float(np.std(single)), 3),
            **figures,
            "accuracy": round(float(whole["accuracy"][0]), 3),
        }
    )


if __name__ == "__main__":
    errors.one_line(main)
