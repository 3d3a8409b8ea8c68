"""All metrics of 1,000 resamples of 14,000 records x 7 targets, against scikit-learn in a loop.

    OMP_NUM_THREADS=1 python benchmarks/evaluation.py [--records 14000] [--targets 7]
        [--resamples 1000] [--loop 5]

One core. scikit-learn is timed on `--loop` resamples with three metrics alone (AUROC, AUPRC, Brier)
and multiplied up to all of them; pedecg computes every metric of its registry, the macro and the
micro average too. Both must give the same figures on the resamples that both have seen.
"""

import argparse
import time

import numpy as np
from scipy import special
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from pedecg.evaluation import bootstrap, metrics

PREVALENCE = (0.79, 0.2, 0.1, 0.05, 0.03, 0.015, 0.01)
COMPARED = ("auroc", "auprc", "brier")


def made(records: int, targets: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    drawn = np.sort(rng.integers(0, int(records / 1.2), records))
    patients = np.unique(drawn, return_inverse=True)[1].astype(np.int64)
    prevalence = np.resize(PREVALENCE, targets)
    y = (rng.random((records, targets)) < prevalence).astype(np.float64)
    noise = rng.normal(size=(records, targets))
    return patients, y, special.expit(special.logit(prevalence) + noise + 1.5 * (y - 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=14_000)
    parser.add_argument("--targets", type=int, default=7)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--loop", type=int, default=5)
    arguments = parser.parse_args()
    patients, y, p = made(arguments.records, arguments.targets)
    cuts = np.repeat(np.quantile(p, 0.9, axis=0)[:, None], len(metrics.POINTS), axis=1)

    clock, cpu = time.perf_counter(), time.process_time()
    weights = bootstrap.counts(patients, arguments.resamples, 0)
    counted = np.ones(arguments.targets, bool)
    ours = metrics.with_averages(y, p, weights, cuts, counted)
    ours_s = time.perf_counter() - clock, time.process_time() - cpu

    clock, cpu = time.perf_counter(), time.process_time()
    for resample in range(arguments.loop):
        index = np.repeat(np.arange(arguments.records), weights[:, resample])
        for k in range(arguments.targets):
            truth, said = y[index, k], p[index, k]
            theirs = (
                roc_auc_score(truth, said),
                average_precision_score(truth, said),
                brier_score_loss(truth, said),
            )
            for name, value in zip(COMPARED, theirs, strict=True):
                found = ours[resample, k, metrics.METRICS.index(name)]
                assert abs(found - value) < 1e-9, (name, found, value)
    times = arguments.resamples / arguments.loop
    loop_s = (time.perf_counter() - clock) * times, (time.process_time() - cpu) * times

    size = f"{arguments.resamples:,} x {arguments.records:,} x {arguments.targets}"
    print(f"| {size} | metrics | seconds | CPU s |")
    print("|---|---|---|---|")
    print(f"| pedecg | {len(metrics.METRICS)} | {ours_s[0]:.1f} | {ours_s[1]:.1f} |")
    print(f"| scikit-learn in a loop | {len(COMPARED)} | {loop_s[0]:.0f} | {loop_s[1]:.0f} |")
    print(f"equal to 1e-9; {loop_s[1] / ours_s[1]:.0f} times less CPU time")


if __name__ == "__main__":
    main()
