"""One recording, processed as by the stages ingest, preprocess, delineate, rule_features.

The functions of those stages, with the values that the model's own pipeline ran with: what a
network, or a model of rules, is asked about here is what it would have been asked about there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from pedecg.bundle import inference_steps, input_checks
from pedecg.cohorts.record_faults import RecordFault
from pedecg.cohorts.recordings import Recording
from pedecg.core.records import ALL_LEADS, FURTHER_LEADS, LEADS, EcgRecord
from pedecg.learning import batches
from pedecg.models import features
from pedecg.models.contract import Rows
from pedecg.rules import norms, rule_features
from pedecg.signals import filters, padding, preprocess, quality, signal_notes, signal_store
from pedecg.waves import delineate

HAND_HELD = ("I",)  # what a pipeline of one lead calls the channel between the two hands


@dataclass(frozen=True)
class Recipe:
    """How a model's pipeline prepares a recording.

    Attributes
    ----------
    about : in plain values, see `bundle.provenance.Origin.about`, with the model's `leads`.
    numbers : of the patient that the model reads besides age and sex, by name.
    """

    about: Mapping[str, Any]
    lead_limits: quality.LeadLimits
    preprocess: preprocess.PreprocessSettings
    delineate: delineate.DelineateSettings
    limits: norms.Limits
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exam:
    """One recording, prepared.

    Attributes
    ----------
    signals : a signal store of this one record.
    record : its row as in `tables.RECORDS`: record_id, age_days, sex and ``x_`` numbers.
    waves : `tables.WAVES`.
    unusable : leads that were recorded and could not be used, with their flaw.
    flags : what the model was not made for, in words.
    notes : what a reader must know besides that, see `signal_notes`; also among the flags.
    quality : median over the leads in use of each measure of `input_checks.NOISE`; NaN: unknown.
    """

    recording: Recording
    recipe: Recipe
    signals: signal_store.SignalStore
    record: pd.DataFrame
    waves: pd.DataFrame
    unusable: Mapping[str, str]
    flags: tuple[str, ...]
    notes: tuple[signal_notes.Note, ...] = ()
    quality: Mapping[str, float] = field(default_factory=dict)
    _rows: dict[tuple[frozenset[str], tuple[str, ...]], Rows] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def rules(self) -> pd.DataFrame:
        """Its row of `tables.RULES`."""
        return rule_features.table([self.measured])

    @cached_property
    def measured(self) -> dict[str, Any]:
        """The values of its row of `tables.RULES`."""
        noted = pd.DataFrame(
            [
                (
                    self.recording.record_id,
                    note.kind,
                    " ".join(note.leads),
                    signal_notes.times_text(note),
                )
                for note in self.notes
            ],
            columns=["record_id", "kind", "leads", "from_middle_s"],
        )
        (one,) = rule_features.delineated_records(self.signals, [self.waves], self.record, noted)
        return rule_features.of_signals(one, self.signals, self.recipe.limits)

    def rows(self, reads: frozenset[str], names: tuple[str, ...]) -> Rows:
        """Return what a model reads of it, one row, as the stage train makes it.

        The same for all trainings of a model: it is made once.

        Parameters
        ----------
        reads : see `models.registry.reads`; names : of the features; a number that is not known
            of this recording is NaN.
        """
        if (reads, names) not in self._rows:
            self._rows[reads, names] = self._made(reads, names)
        return self._rows[reads, names]

    def _made(self, reads: frozenset[str], names: tuple[str, ...]) -> Rows:
        table = self.rules if "rules" in reads else None
        if "numbers" in reads:
            unknown = [n for n in names if n.startswith("x_") and n not in self.record]
            known = self.record.assign(**dict.fromkeys(unknown, np.nan))
            table = features.with_numbers(known, table)
        return batches.dataset(self.signals, self.record, self.record[["record_id"]], table)


def prepare(recording: Recording, recipe: Recipe) -> Exam:
    """Prepare a recording, with a warning for each input outside the validated range.

    Raises
    ------
    RecordFault
        The record is outside the validated range: too short, sampling rate too low, or too few
        usable leads.
    """
    about, own = recipe.about, _named(recording, tuple(recipe.preprocess.leads))
    kept = padding.recorded(own.signal_mv, own.fs_hz)
    own = replace(own, signal_mv=np.ascontiguousarray(own.signal_mv[:, kept]))
    if not own.calibrated:
        raise RecordFault("zero-gain", "no gain: how high its waves are is not known")
    record = EcgRecord(own.signal_mv, own.fs_hz, own.leads)
    carries = filters.carries(own.fs_hz, recipe.preprocess.high_hz)
    refusal, flags = input_checks.judge(
        about, own.fs_hz, own.signal_mv.shape[1], own.leads, own.age_days, own.sex, carries
    )
    if refusal:
        raise RecordFault("outside-validated-range", refusal)
    found = quality.lead_quality(own.signal_mv, own.fs_hz, recipe.lead_limits)
    unusable = {
        lead: str(flaw)
        for lead, flaw, good in zip(own.leads, found.flaw, found.usable, strict=True)
        if not good
    }
    notes = signal_notes.examine(record, found.usable).with_placement(own.age_days)
    counts, mask, _ = preprocess.prepare(record, frozenset(unusable), recipe.preprocess)
    used = np.array(recipe.preprocess.leads)[mask].tolist()
    if not used:
        lost = ", ".join(f"{lead} {flaw}" for lead, flaw in unusable.items())
        raise RecordFault("no-usable-lead", lost or f"it has {', '.join(own.leads) or 'none'}")
    refusal = input_checks.too_few(about, used)
    if refusal:
        raise RecordFault("outside-validated-range", refusal)
    flags += input_checks.amplitude(about, inference_steps.swing_mv(counts, mask))
    measured = {
        lead: {"psqi": float(found.psqi[row]), "bassqi": float(found.bassqi[row])}
        for row, lead in enumerate(own.leads)
        if lead in used
    }
    saturated = [
        lead for lead, flaw in zip(own.leads, found.flaw, strict=True) if flaw and lead in used
    ]
    if saturated:
        flags.append(f"interpolated where the recorder was saturated: {', '.join(saturated)}")
    flags += _lost(own, recording, unusable, about["leads"]) + input_checks.noisy(about, measured)
    flags += [f"{name} unknown" for name in recipe.numbers if name not in own.numbers]
    flags += [*recording.conflicts, *(note.detail for note in notes)]
    signals = signal_store.SignalStore(
        recipe.preprocess.fs_hz, tuple(recipe.preprocess.leads), (own.record_id,),
        np.zeros(1, np.int64), np.array([counts.shape[1]]), mask[None], counts.ravel(),
    )  # fmt: skip
    waves = delineate.delineate(
        signals.millivolts(0), signals.fs_hz, signals.leads, recipe.delineate, mask
    )
    waves.insert(0, "record_id", own.record_id)
    if waves.empty:
        flags.append("no heartbeat found")
    medians = {
        measure: float(np.median([lead[measure] for lead in measured.values()]))
        for measure in input_checks.NOISE
    }
    return Exam(own, recipe, signals, _row(own), waves, unusable, tuple(flags), notes, medians)


def _named(recording: Recording, leads: tuple[str, ...]) -> Recording:
    """Take the one channel of a recorder of one lead for that lead, as the cohort's reader does."""
    if leads == HAND_HELD and len(recording.leads) == 1 and recording.leads[0] not in LEADS:
        return replace(recording, leads=HAND_HELD)
    return recording


def _lost(
    own: Recording, given: Recording, unusable: Mapping[str, str], wanted: list[str]
) -> list[str]:
    flags = []
    lost = [f"{lead} {flaw}" for lead, flaw in unusable.items() if lead in wanted]
    if lost:
        flags.append(f"leads not usable: {', '.join(lost)}")
    if own.leads != given.leads and not given.hand_held:
        flags.append("the one channel has no standard name: taken for lead I")
    beside = [lead for lead in own.leads if lead in FURTHER_LEADS and lead not in wanted]
    if beside:
        flags.append(f"not read by this model: {', '.join(beside)}")
    unknown = [lead for lead in own.leads if lead not in ALL_LEADS] + list(own.other_channels)
    if unknown:
        flags.append(f"not read, no known lead: {', '.join(unknown)}")
    return flags


def _row(own: Recording) -> pd.DataFrame:
    numbers = {f"x_{name}": [float(value)] for name, value in own.numbers.items()}
    return pd.DataFrame(
        {
            "record_id": pd.array([own.record_id], "string"),
            "fs_hz": [own.fs_hz],
            "age_days": pd.array([own.age_days], "Float64"),
            "sex": pd.array([own.sex], "string"),
            **numbers,
        }
    )
