"""Fit the weights of `pedecg.signals.electrode_placement`, and measure how well they do.

    python scripts/fit_electrode_placement.py PTBXL LUDB [--write]

Weights are fitted to half of the patients of PTB-XL and to simulated children; the limits by age,
from which a placement is suspect, come from other simulated children and from LUDB. The other half
of PTB-XL and children of a third seed are only measured: a table in Markdown. Misplaced electrodes
are made by permuting leads, dextrocardia by mirroring the dipole behind the leads.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from pedecg.cohorts.formats import wfdb_files
from pedecg.core import params
from pedecg.core.records import LEADS
from pedecg.signals import electrode_placement as placement
from pedecg.simulation import artefacts, children, hospital_settings, torso, traits, zzu_cohort

ROOT = Path(__file__).resolve().parents[1]
SEED_FIT, SEED_LIMITS, SEED_TEST = 11, 13, 12
CHILDREN_FIT, CHILDREN_LIMITS, CHILDREN_TEST = 240, 1000, 600
SPECIFICITY = 0.9975  # of each of five placements, so that 99% of records have no suspicion
LEAST_ODDS = 0.5  # log odds: fewer are no suspicion
AGE_EDGES = (1, 28, 180, 365, 1826, 3652, 5475)  # days
ADULTS = AGE_EDGES[-1]
FURTHER_AGES = (1096, 2922, 4383)  # so that older children are as many per year
RIDGE_PREDICT, RIDGE_LIMB, RIDGE_CHEST = 0.01, 0.0003, 0.001

Beat = dict[str, np.ndarray]
Labelled = tuple[int, Beat]  # with the lower end of the age group, days


def limb(beat: Beat, one: np.ndarray, two: np.ndarray) -> Beat:
    return beat | {"I": one, "II": two}


def mirrored(beat: Beat) -> Beat:
    """Turn left and right of the dipole that explains the leads best."""
    field = torso.LEAD_FIELD[[torso.ROW[lead] for lead in beat]]
    turn = field @ np.diag([-1.0, 1.0, 1.0]) @ np.linalg.pinv(field)
    leads = np.stack(list(beat.values()))
    return dict(zip(beat, np.einsum("ij,jsp->isp", turn, leads), strict=True))


MISPLACED: dict[str, Callable[[Beat], Beat]] = {
    "normal": lambda beat: beat,
    "arms": lambda beat: limb(beat, -beat["I"], beat["II"] - beat["I"]),
    "right_arm_leg": lambda beat: limb(beat, beat["I"] - beat["II"], -beat["II"]),
    "inverted": lambda beat: {lead: -wave for lead, wave in beat.items()},
    "dextrocardia": mirrored,
}


def swapped_chest(beat: Beat) -> Beat:
    return beat | {"V1": beat["V3"], "V3": beat["V1"]}


def simulated(seed: int, count: int) -> Iterator[Labelled]:
    """Yield healthy and ill children of all ages with their age group, 12 leads each."""
    file = ROOT / "params.yaml"
    settings = params.load("simulate", hospital_settings.SimulationSettings, file)
    settings = settings.model_copy(
        update={"patients": count, "seed": seed, "repeat_fraction": 0.0, "nine_lead_odds": 0.0,
                "mode_length_fraction": 0.0}
    )  # fmt: skip
    ages = np.random.default_rng(seed)
    edges = sorted({*AGE_EDGES, *FURTHER_AGES})
    for number, child in enumerate(children.plan(settings)):
        group = number % (len(edges) - 1)
        age = int(ages.integers(edges[group], edges[group + 1]))
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, number)))
        sex = children.draw_sex(rng)
        child = children.Child(number + 1, min(age, 5474), child.disease)
        place, heart = traits.personal(rng), int(rng.integers(2**32))
        visit = children.visits(child, sex, settings, rng)[0]
        clean, _, own, _ = zzu_cohort.examine(visit, place, heart, rng)
        flaws = artefacts.draw(settings, rng)
        signal = artefacts.recorded(
            clean.leads_mv, 500, flaws, settings.recorder, own["breathing"], rng
        )
        beat = beat_of(np.nan_to_num(signal), 500, LEADS)
        if beat is not None:
            yield AGE_EDGES[np.searchsorted(AGE_EDGES, visit.age_days, side="right") - 1], beat


def beat_of(signal: np.ndarray, fs_hz: float, leads: tuple[str, ...]) -> Beat | None:
    wanted = (*placement.LIMB, *placement.CHESTS[0])
    beat = placement.median_beat(signal[[leads.index(lead) for lead in wanted]], fs_hz)
    return None if beat is None else dict(zip(wanted, beat, strict=True))


def real(folder: Path, names: list[str]) -> Iterator[Labelled]:
    for name in names:
        path = folder / name
        record = wfdb_files.read_channels(path.parent, path.name).record
        beat = beat_of(record.signal.astype(np.float64), record.fs_hz, record.leads)
        if beat is not None:
            yield ADULTS, beat


def predictor(beats: list[Beat], chest: tuple[str, ...]) -> np.ndarray:
    """Fit I and II from the chest leads, for P, QRS and T, shape (3, n_chest, 2)."""
    found = []
    for segment in range(3):
        rows, wanted = [], []
        for beat in beats:
            waves = np.stack([beat[lead][segment] for lead in chest])
            size = np.sqrt(np.square(waves).mean()) + 1e-3
            rows.append(waves.T / size)
            wanted.append(np.stack([beat[lead][segment] for lead in placement.LIMB]).T / size)
        x, y = np.concatenate(rows), np.concatenate(wanted)
        found.append(
            np.linalg.solve(x.T @ x + RIDGE_PREDICT * len(x) * np.eye(len(chest)), x.T @ y)
        )
    return np.array(found)


def softmax(x: np.ndarray, label: np.ndarray, n_classes: int, ridge: float) -> np.ndarray:
    """Fit a multinomial logistic model, shape (n_features + 1, n_classes)."""
    x = np.hstack([x, np.ones((len(x), 1))])
    target = np.eye(n_classes)[label]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(x.shape[1], n_classes)
        z = x @ weights
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        value = -np.log((p * target).sum(axis=1) + 1e-12).mean() + ridge * np.square(flat).sum() / 2
        return float(value), (x.T @ (p - target) / len(x) + ridge * weights).ravel()

    start = np.zeros(x.shape[1] * n_classes)
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return np.asarray(fitted.x.reshape(x.shape[1], n_classes))


def fit(beats: list[Beat], adults: list[Beat], chest: tuple[str, ...]) -> dict[str, object]:
    predict = np.round(predictor(adults, chest), 4)
    limb_x = [
        placement.limb_features(change(beat), chest, predict)
        for change in MISPLACED.values() for beat in beats
    ]  # fmt: skip
    label = np.repeat(np.arange(len(MISPLACED)), len(beats))
    weights = softmax(np.array(limb_x), label, len(MISPLACED), RIDGE_LIMB)
    chest_x = [placement.chest_features(beat, chest) for beat in beats]
    chest_x += [placement.chest_features(swapped_chest(beat), chest) for beat in beats]
    pair = softmax(np.array(chest_x), np.repeat([0, 1], len(beats)), 2, RIDGE_CHEST)
    rounded = {name: np.round(weights[:, i], 4).tolist() for i, name in enumerate(MISPLACED)}
    return {
        "predict": predict.tolist(),
        "limb": rounded,
        "v1_v3": np.round(pair[:, 1] - pair[:, 0], 4).tolist(),
    }


def limits(beats: list[Labelled], chest: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return for each age the log odds that `SPECIFICITY` of the records stay below."""
    rows = []
    for start in sorted({group for group, _ in beats}):
        odds = [placement.judged(beat, chest) for group, beat in beats if group == start]
        names = placement.IN_WORDS
        highest = {
            name: float(np.quantile([each[name] for each in odds], SPECIFICITY)) for name in names
        }
        rows.append({
            "from_days": 0 if start == AGE_EDGES[0] else start,
            "odds": {name: round(max(odd, LEAST_ODDS), 2) for name, odd in highest.items()},
        })  # fmt: skip
    return rows


def suspected(beat: Beat, chest: tuple[str, ...], age_days: float) -> str:
    found = placement.suspected(placement.judged(beat, chest), age_days)
    return found[0].name if found else "normal"


def report(beats: list[Labelled], chest: tuple[str, ...]) -> None:
    changes = MISPLACED | {"v1_v3": swapped_chest}
    print(f"\n{len(chest)} chest leads\n")
    print("| age, days | n | specificity | " + " | ".join(list(changes)[1:]) + " |")
    print("|---" * (len(changes) + 2) + "|")
    for start in sorted({group for group, _ in beats}):
        mine = [beat for group, beat in beats if group == start]
        cells = []
        for name, change in changes.items():
            called = [suspected(change(beat), chest, start) for beat in mine]
            cells.append(f"{np.mean([each == name for each in called]):.3f}")
        who = "adults (PTB-XL)" if start == ADULTS else f"from {start}"
        print(f"| {who} | {len(mine)} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ptbxl", type=Path)
    parser.add_argument("ludb", type=Path)
    parser.add_argument("--write", action="store_true", help="write the fitted weights")
    given = parser.parse_args()
    table = pd.read_csv(given.ptbxl / "ptbxl_database.csv")
    order = {patient: i for i, patient in enumerate(sorted(set(table["patient_id"])))}
    fitted = table["patient_id"].map(order) % 2 == 0
    adults, others = (
        list(real(given.ptbxl, table.loc[rows, "filename_lr"].tolist()))
        for rows in (fitted, ~fitted)
    )
    if given.write:
        own = [beat for _, beat in adults]
        beats = own + [beat for _, beat in simulated(SEED_FIT, CHILDREN_FIT)]
        found: dict[str, object] = {
            str(len(chest)): fit(beats, own, chest) for chest in placement.CHESTS
        }
        write(found | {"limits": []})
        names = sorted(
            str(path.relative_to(given.ludb).with_suffix("")) for path in given.ludb.rglob("*.hea")
        )
        apart = [*simulated(SEED_LIMITS, CHILDREN_LIMITS), *real(given.ludb, names)]
        by_set = [limits(apart, chest) for chest in placement.CHESTS]
        write(found | {"limits": [strictest(rows) for rows in zip(*by_set, strict=True)]})
    tested = [*others, *simulated(SEED_TEST, CHILDREN_TEST)]
    for chest in placement.CHESTS:
        report(tested, chest)


def strictest(rows: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Return one row of limits that holds for every set of chest leads."""
    odds = {name: max(row["odds"][name] for row in rows) for name in placement.IN_WORDS}
    return rows[0] | {"odds": odds}


def write(weights: dict[str, object]) -> None:
    placement.WEIGHTS.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
    placement._weights.cache_clear()


if __name__ == "__main__":
    main()
