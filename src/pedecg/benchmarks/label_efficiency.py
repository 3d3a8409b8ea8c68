"""Figures of models that learn from a part of the labelled patients.

A share of the training patients and the same share of the validation patients are taken: labels of
validation records are labels too. Shares are nested (the patients of 3% are among those of 10%) and
each is like the whole in targets, age, leads and sex. A seed draws the patients and trains the
model; all models get the same patients. Test records are those of the pipeline at every share, and
neither choose a patient nor train anything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pedecg.cohorts import splits
from pedecg.core.errors import PedecgError
from pedecg.evaluation import bootstrap, metrics, multiclass
from pedecg.learning.pipeline_inputs import Inputs
from pedecg.models import registry

Floats = NDArray[np.float64]

MACRO = "macro"  # the mean over targets
SHOWN = ("auroc", "auprc")
MOST_CROPS = 1000  # of a record in one epoch, as train.crops_per_record
_BY_CLASS = ("auroc", "auprc", "f1")  # of train.monitor: figures that need both classes


@dataclass(frozen=True)
class Design:
    """How label efficiency is measured.

    Attributes
    ----------
    shares : of the patients, above 0 and up to 1.
    seeds : each draws patients of its own and trains with them.
    min_positives : a target with fewer positives, or fewer negatives, among the chosen training
        records or the test records has no figure.
    same_steps : a network sees as many crops in an epoch as with all records.
    resamples : of test patients, for the 95% intervals.
    """

    shares: tuple[float, ...]
    seeds: tuple[int, ...]
    min_positives: int
    same_steps: bool
    resamples: int

    def __post_init__(self) -> None:
        if not self.shares or not all(0 < share <= 1 for share in self.shares):
            raise PedecgError(f"shares must be above 0 and up to 1 (found {self.shares})")
        if not self.seeds or self.min_positives < 1 or self.resamples < 2:
            raise PedecgError("a seed, a positive record and 2 resamples are the least")


@dataclass(frozen=True)
class Chosen:
    """The labelled records of one share and seed.

    Attributes
    ----------
    chosen : shape (n,), of the rows of the cohort; none of them is a test record.
    enough : shape (n_targets,), whether a target has `Design.min_positives` of both classes among
        the training records.
    """

    share: float
    seed: int
    chosen: NDArray[np.bool_]
    enough: NDArray[np.bool_]
    patients: int
    records: int
    positives: dict[str, int]


def choose(
    inputs: Inputs,
    records: pd.DataFrame,
    labels: pd.DataFrame,
    design: Design,
    age_edges_days: Sequence[int],
) -> list[Chosen]:
    """Choose the patients of every share and seed.

    Parameters
    ----------
    inputs : of any model; only its rows' labels and their splits are read.
    records, labels : the tables RECORDS and LABELS; rows of test patients are not read.
    age_edges_days : lower bounds of the age groups, days.
    """
    rows, found = inputs.rows, []
    ids = np.array(rows.record_ids, dtype=object)
    for seed in design.seeds:
        left = {name: ids[inputs.split == name] for name in ("train", "validation")}
        n_patients = {name: _patients(records, own) for name, own in left.items()}
        for share in sorted(design.shares, reverse=True):
            for name, own in left.items():
                wanted = share * n_patients[name] / max(_patients(records, own), 1)
                left[name] = _part(records, labels, own, wanted, seed, age_edges_days)
            training = np.isin(ids, left["train"])
            y = rows.labels[training]
            positives, negatives = (y == 1).sum(axis=0), (y == 0).sum(axis=0)
            found.append(
                Chosen(
                    share, seed,
                    training | np.isin(ids, left["validation"]),
                    np.minimum(positives, negatives) >= design.min_positives,
                    sum(_patients(records, own) for own in left.values()),
                    sum(map(len, left.values())),
                    dict(zip(rows.targets, positives.tolist(), strict=True)),
                )
            )  # fmt: skip
    return found


def predict(inputs: Inputs, chosen: Chosen, design: Design) -> Floats | str:
    """Train a model on chosen records.

    Parameters
    ----------
    inputs : of the model.

    Returns
    -------
    Probabilities of the test records, shape (n_test, n_targets), or why there are none.
    """
    if not chosen.enough.any():
        return f"fewer than {design.min_positives} positives of every target"
    rows, validation = inputs.rows.take(chosen.chosen), inputs.split[chosen.chosen] == "validation"
    train = dict(inputs.training.train)
    known = rows.labels[validation]
    if train.get("monitor") in _BY_CLASS and not ((known == 1).any(0) & (known == 0).any(0)).any():
        train["monitor"] = "last"  # no target has both classes to choose an epoch by
    if design.same_steps and "crops_per_record" in train:
        times = (inputs.split == "train").sum() / max((~validation).sum(), 1)
        train["crops_per_record"] = min(MOST_CROPS, round(train["crops_per_record"] * times))
    training = replace(inputs.training, seed=chosen.seed, train=train, state=None)
    try:
        fitted = registry.fit(rows, validation, training)
        if fitted is None:
            raise PedecgError("trained in one process only (train.processes)")
        return fitted.model.predict(inputs.rows.take(inputs.split == "test"))
    except PedecgError as fault:
        return str(fault)


def held_out(inputs: Inputs) -> tuple[Floats, NDArray[np.int64]]:
    """Return labels of the test records, shape (n_test, n_targets), and their patients' codes."""
    rows = inputs.rows.take(inputs.split == "test")
    names = rows.record_ids if rows.patients is None else rows.patients
    return rows.labels.astype(np.float64), np.asarray(pd.factorize(np.array(names))[0], np.int64)


def score(
    targets: Sequence[str],
    truth: Floats,
    patients: NDArray[np.int64],
    answers: Iterable[tuple[str, Chosen, Floats | str]],
    design: Design,
) -> pd.DataFrame:
    """Return AUROC and AUPRC of every model and share, over targets and their mean.

    The figure of a share is the mean over its seeds; its interval is of resampled test patients,
    its SD of the seeds.

    Parameters
    ----------
    truth : labels of the test records, shape (n_test, n_targets).
    patients : shape (n_test,), codes.
    answers : model, what it learnt from, and what `predict` returned.

    Returns
    -------
    A row per model, share, target and metric: columns ``model``, ``share``, ``patients`` (mean over
    seeds, training and validation together), ``target``, ``metric``, ``value``, ``low``, ``high``,
    ``sd``, ``seeds`` and ``reason`` (why there is no value).
    """
    grouped: dict[tuple[str, float], list[tuple[Chosen, Floats | str]]] = {}
    for model, chosen, found in answers:
        grouped.setdefault((model, chosen.share), []).append((chosen, found))
    weights = np.column_stack(
        [np.ones(len(truth), np.uint16), bootstrap.counts(patients, design.resamples, 0)]
    )
    tested = np.minimum((truth == 1).sum(0), (truth == 0).sum(0)) >= design.min_positives
    possible = tested & np.any([c.enough for each in grouped.values() for c, _ in each], axis=0)
    rows = []
    for (model, share), each in grouped.items():
        about = {"model": model, "share": share, "patients": np.mean([c.patients for c, _ in each])}
        enough = np.all([chosen.enough for chosen, _ in each], axis=0)
        reason = next((found for _, found in each if isinstance(found, str)), None)
        draws = None if reason else _draws(truth, [np.asarray(p) for _, p in each], weights)
        faults = _faults(enough, tested, design.min_positives)
        for metric in SHOWN:
            for target, drawn, fault in _of_targets(targets, draws, metric, faults, possible):
                why = fault or reason
                figures: dict[str, Any] = dict.fromkeys(("value", "low", "high", "sd"), np.nan)
                if drawn is not None and not why:
                    mean = drawn.mean(axis=0)
                    figures = bootstrap.estimate(float(mean[0]), mean[1:])
                    figures["sd"] = multiclass.spread(drawn[:, 0])
                rows.append(
                    about | {"target": target, "metric": metric} | figures
                    | {"seeds": len(each), "reason": why or ""}
                )  # fmt: skip
    return pd.DataFrame(rows)


def as_metrics(
    table: pd.DataFrame, chosen: Sequence[Chosen], design: Design, test: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the table of `score` as a metrics file writes it.

    Parameters
    ----------
    test : how many records, patients and positives the figures rest on.
    """
    shares = {}
    for share in sorted(design.shares):
        own = [one for one in chosen if one.share == share]
        shares[percent(share)] = {
            "patients": _mean(one.patients for one in own),
            "records": _mean(one.records for one in own),
            "training_positives": {
                target: _mean(one.positives[target] for one in own) for target in own[0].positives
            },
        }
    models: dict[str, Any] = {}
    for row in table.to_dict("records"):
        of_share = models.setdefault(row["model"], {}).setdefault(percent(row["share"]), {})
        figures = {name: row[name] for name in ("value", "low", "high", "sd", "seeds")}
        of_share[f"{row['metric']}_{row['target']}"] = (
            {"not_computed": row["reason"]} if row["reason"] else figures
        )
    return {"design": asdict(design), "test": dict(test), "shares": shares, "models": models}


def percent(share: float) -> str:
    """Return a share as text: 0.03 is 3%."""
    return f"{100 * share:g}%"


def _draws(truth: Floats, probabilities: Sequence[Floats], weights: NDArray[np.uint16]) -> Floats:
    """Return figures of shape (n_seeds, 1 + resamples, n_targets, n_metrics)."""
    no_thresholds = np.full((truth.shape[1], len(metrics.POINTS)), np.nan)
    return np.stack([metrics.scores(truth, p, weights, no_thresholds) for p in probabilities])


def _faults(enough: NDArray[np.bool_], tested: NDArray[np.bool_], least: int) -> list[str]:
    """Return why each target has no figure, or an empty text."""
    lack = f"fewer than {least} positives or negatives among"
    return [
        "" if learnt and judged else f"{lack} {'training' if judged else 'test'} records"
        for learnt, judged in zip(enough, tested, strict=True)
    ]


def _of_targets(
    targets: Sequence[str],
    draws: Floats | None,
    metric: str,
    faults: Sequence[str],
    possible: NDArray[np.bool_],
) -> Iterator[tuple[str, Floats | None, str]]:
    """Yield each target and the mean of all, its draws (n_seeds, 1 + resamples), or a fault.

    The mean is over the targets that have a figure at some share, so that it is of the same targets
    at every share.
    """
    column = metrics.METRICS.index(metric)
    for k, target in enumerate(targets):
        yield target, None if draws is None else draws[:, :, k, column], faults[k]
    each = zip(targets, possible, faults, strict=True)
    lacking = [target for target, counted, fault in each if counted and fault]
    fault = f"no figure of {', '.join(lacking)}" if lacking else ""
    if not possible.any():
        fault = "no target has a figure"
    yield MACRO, None if draws is None else draws[:, :, possible, column].mean(axis=2), fault


def _patients(records: pd.DataFrame, ids: NDArray[np.object_]) -> int:
    return int(records.loc[records["record_id"].isin(ids), "patient_id"].nunique())


def _part(
    records: pd.DataFrame,
    labels: pd.DataFrame,
    ids: NDArray[np.object_],
    share: float,
    seed: int,
    age_edges_days: Sequence[int],
) -> NDArray[np.object_]:
    """Return the records of a share of the patients of some records."""
    own = records[records["record_id"].isin(ids)]
    if share >= 1 or len(own) == 0:
        return ids
    of_own = labels[labels["record_id"].isin(ids)]
    taken = splits.share(own, of_own, share, seed, age_edges_days)
    return own["record_id"].to_numpy(object)[taken]


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
