"""Attribution and sanity checks of single records, and their summary over all records."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from pedecg.core import tables
from pedecg.core.errors import PedecgError
from pedecg.explain import (
    attribution,
    beat_regions,
    explain_tables,
    normal_beats,
    sanity_checks,
    signal_excerpt,
)
from pedecg.explain.explain_settings import ExplainSettings, MapSettings
from pedecg.explain.explained_records import RecordContext, RecordTarget, spread
from pedecg.learning import trained_network
from pedecg.learning.batches import SEX_CODES
from pedecg.signals import signal_store

_open_store = lru_cache(maxsize=2)(signal_store.open_store)


@dataclass(frozen=True)
class Networks:
    """The trainings of one model, opened by each process for itself.

    Attributes
    ----------
    folders : ``models/<model>/seed<k>``.
    signals : folder of the signal store.
    normal_beats : file of `explain_tables.NORMAL_BEATS`; None: maps start from zero.
    """

    folders: tuple[Path, ...]
    signals: Path
    normal_beats: Path | None = None

    def open(self) -> tuple[tuple[nn.Module, ...], trained_network.Card, signal_store.SignalStore]:
        """Return the networks, the card of the first, and the store."""
        trained = _load(self.folders)
        return tuple(t.network for t in trained), trained[0].card, _open_store(self.signals)

    def stretch(self, record: RecordContext, seconds: float | None) -> signal_excerpt.Stretch:
        """Cut the first seconds of a record as the networks are shown it."""
        _, card, signals = self.open()
        age = float("nan") if record.age_days is None else record.age_days
        sex = SEX_CODES.get(record.sex or "", -1)
        features = card.scale.apply(record.features)[0]
        known = _load_normal(self.normal_beats) if self.normal_beats else None
        normal_mv = None
        if known is not None and len(record.waves):
            normal_mv = partial(
                normal_beats.instead_of,
                fs_hz=signals.fs_hz,
                waves=record.waves,
                normal=known.at(age),
            )
        return signal_excerpt.cut(
            signals, record.position, age, sex, card, features, normal_mv, seconds
        )


@lru_cache(maxsize=2)
def _load_normal(file: Path) -> normal_beats.Normals | None:
    return normal_beats.from_table(tables.read(file, explain_tables.NORMAL_BEATS))


@lru_cache(maxsize=2)
def _load(folders: tuple[Path, ...]) -> tuple[trained_network.Trained, ...]:
    torch.set_num_threads(1)  # processes share the cores; and the order of sums is fixed
    trained = tuple(trained_network.load(folder, accelerator="cpu") for folder in folders)
    for one in trained:
        one.network.requires_grad_(False)
    return trained


@dataclass(frozen=True)
class Task:
    """One record and the targets that are explained; for those in `checked` also the checks."""

    record: RecordContext
    subjects: tuple[RecordTarget, ...]
    checked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Findings:
    """What one record showed: rows for the tables, see `examine`."""

    shares: list[dict[str, Any]] = field(default_factory=list)
    leads: list[dict[str, Any]] = field(default_factory=list)
    restored: list[dict[str, Any]] = field(default_factory=list)
    randomised: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[dict[str, Any]] = field(default_factory=list)


def tasks(
    chosen: dict[str, list[RecordTarget]], contexts: dict[str, RecordContext], checked: int
) -> list[Task]:
    """Return one task per record; of every target, `checked` are checked, evenly in its order."""
    subjects: dict[str, list[RecordTarget]] = {}
    checks: dict[str, set[str]] = {}
    for target, listed in chosen.items():
        for subject in listed:
            subjects.setdefault(subject.record_id, []).append(subject)
        for subject in spread(listed, checked):
            checks.setdefault(subject.record_id, set()).add(target)
    return [
        Task(contexts[key], tuple(subjects[key]), frozenset(checks.get(key, set())))
        for key in sorted(subjects)
    ]


def maps(
    networks: Networks, task: Task, settings: MapSettings, methods: Sequence[str]
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return the maps of each of a record's targets by method.

    Returns
    -------
    Target -> method -> shape (n_leads, n_samples).
    """
    modules, card, _ = networks.open()
    piece = networks.stretch(task.record, settings.seconds)
    return {
        subject.target: attribution.explain(
            modules, piece, card.targets.index(subject.target), settings, methods
        )
        for subject in task.subjects
    }


def examine(task: Task, networks: Networks, settings: ExplainSettings) -> Findings:
    """Explain one record and, if requested, check the explanation.

    Integrated gradients are only drawn for checked records: they cost ten times as much.

    Returns
    -------
    Rows: of shares (per target, method and region), of leads (per target and method), of regions
    replaced by the normal beat (per target and region; none without a normal heart), of randomised
    weights (per target, method and depth), of deleted cells (per target and map).
    """
    modules, card, _ = networks.open()
    piece = networks.stretch(task.record, settings.seconds)
    region = beat_regions.of_samples(task.record.waves, piece.fs_hz, piece.n_samples)
    step = max(1, round(settings.cell_s * piece.fs_hz))
    present = piece.lead_mask.numpy() > 0
    found = Findings()
    for subject in task.subjects:
        target = card.targets.index(subject.target)
        is_checked = subject.target in task.checked
        methods = attribution.METHODS if is_checked else attribution.METHODS[:1]
        single = attribution.each(modules, piece, target, settings, methods)
        drawn = {method: attribution.average(maps) for method, maps in single.items()}
        about = {
            "record_id": subject.record_id,
            "patient_id": subject.patient_id,
            "target": subject.target,
            "label": subject.label,
            "positive": subject.positive,
        }
        for method, one in drawn.items():
            row = {**about, "method": method}
            for name, (share, time) in beat_regions.shares(one, region).items():
                found.shares.append({**row, "region": name, "share": share, "time": time})
            by_lead = one.sum(axis=1)
            by_lead = by_lead / (by_lead.sum() or 1.0)
            found.leads.extend(
                {**row, "lead": lead, "share": float(by_lead[i])}
                for i, lead in enumerate(card.leads)
                if present[i]
            )
        if torch.count_nonzero(piece.reference):
            found.restored.extend(
                {**about, "region": name, "logit_decrease": decrease}
                for name, decrease in sanity_checks.restored(modules, piece, target, region).items()
            )
        if not is_checked:
            continue
        rng = np.random.default_rng([settings.seed, task.record.position, target])
        deleted = sanity_checks.deletion(
            modules, piece, target, drawn, settings.fractions, step, rng
        )
        for name, decreases in deleted.items():
            areas = {"area": sanity_checks.area(decreases, settings.fractions)}
            pairs = zip(settings.fractions, decreases, strict=True)
            by_share = {f"logit_decrease_{share:g}": value for share, value in pairs}
            found.deleted.append({**about, "map": name, **areas, **by_share})
        # One training is enough here: the question is about the method, not about the model.
        others = {
            depth: attribution.explain([changed], piece, target, settings)
            for depth, changed in sanity_checks.randomised(modules[0], piece.batch(), settings.seed)
        }
        if len(modules) > 1:
            others["another_training"] = {method: maps[1] for method, maps in single.items()}
        for depth, other in others.items():
            for method, maps in single.items():
                correlation = sanity_checks.rank_correlation(maps[0], other[method], present, step)
                found.randomised.append(
                    {**about, "method": method, "depth": depth, "correlation": correlation}
                )
    return found


def together(findings: Sequence[Findings]) -> dict[str, pd.DataFrame]:
    """Return one table of each kind over all records.

    Raises
    ------
    PedecgError
        There is nothing to explain.
    """
    if not findings:
        raise PedecgError("explain: no test record has a target or is predicted to have one")
    found = {
        name: pd.DataFrame([row for one in findings for row in getattr(one, name)])
        for name in Findings.__dataclass_fields__
    }
    if found["restored"].empty:  # no normal heart is known
        found["restored"] = pd.DataFrame(columns=list(explain_tables.RESTORED.columns))
    return found
