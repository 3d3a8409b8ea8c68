"""From a record as it was recorded to its leads in the signal store."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from pedecg.core.params import Section
from pedecg.core.records import ALL_LEADS, EcgRecord, in_order
from pedecg.signals import signal_store

if TYPE_CHECKING:  # the processes that prepare records start without it
    import pandas as pd


class PreprocessSettings(Section):
    """How signals are filtered before anything looks at them."""

    fs_hz: float = Field(ge=100, le=1000, description="rate of the signal store, Hz")
    low_hz: float = Field(
        ge=0.05,
        le=2,
        description=(
            "high-pass, amplitude one half there, Hz; 0.5 with order 3: -3 dB at 0.58 Hz, "
            "below the 0.67 Hz that AHA 2007 allows a zero-phase filter"
        ),
    )
    high_hz: float = Field(
        ge=15,
        le=400,
        description=(
            "low-pass, amplitude one half there, Hz, below half of fs_hz; a child's QRS "
            "has power up to 100 Hz and more (AHA 2007: 150 to 250 Hz on paper)"
        ),
    )
    order: int = Field(
        ge=1,
        le=8,
        description=(
            "Butterworth order, run forward and backward; 2 lowers ST in a slow rhythm by "
            "0.01 mV, higher orders ring longer at the ends"
        ),
    )
    spike_mv: float = Field(
        ge=5,
        le=1000,
        description=(
            "deviation from the lead's median beyond which samples are interpolated and "
            "counted, mV, as ingest.saturation_mv"
        ),
    )
    spike_margin_s: float = Field(
        ge=0,
        le=0.1,
        description="margin on either side of a spike that is also interpolated, for its flanks, s",
    )
    leads: list[str] = Field(
        min_length=1,
        description=(
            "leads of the store, which are the inputs of the networks, in canonical order; "
            "after the twelve V3R, V4R, V7, … may stand; others are left out; a record without "
            "one of them has zeros there and a mask"
        ),
    )
    length_s: float | None = Field(
        gt=0,
        le=600,
        description=(
            "longer records are cropped to their middle, shorter ones zero-padded on both "
            "sides, s; null: every record keeps its own length"
        ),
    )

    @field_validator("leads")
    @classmethod
    def _canonical(cls, leads: list[str]) -> list[str]:
        if leads != in_order(leads):
            raise ValueError(
                f"must be some of {' '.join(ALL_LEADS)}, in this order (found {leads})"
            )
        return leads

    @model_validator(mode="after")
    def _the_store_carries_the_band(self) -> "PreprocessSettings":
        if self.high_hz >= self.fs_hz / 2:
            raise ValueError(
                f"high_hz must lie below half of fs_hz (found {self.high_hz:g} at {self.fs_hz:g})"
            )
        return self


@dataclass(frozen=True)
class Job:
    """One record to do: its name, where it lies, and the leads that quality has refused."""

    record_id: str
    path: str
    refused: frozenset[str]


@dataclass(frozen=True)
class Tally:
    """What was done to one record, or to many together."""

    leads_absent: int = 0
    leads_refused: int = 0
    samples_missing: int = 0  # without a value, bridged; at the record's own rate
    saturated_samples: int = 0  # spikes and their flanks, bridged
    records_bridged: int = 0
    records_resampled: int = 0
    records_narrower_band: int = 0  # own rate does not carry high_hz: no low-pass
    records_cut: int = 0  # to length_s
    records_padded: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        names = [field.name for field in fields(self)]
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True)
class Prepared:
    """What the store takes: counts (n_leads, n_samples), mask (n_leads,), and what was done."""

    record_id: str
    counts: NDArray[np.int16]
    mask: NDArray[np.bool_]
    tally: Tally


def jobs(records: "pd.DataFrame", quality: "pd.DataFrame") -> list[Job]:
    """Pair every record with the leads that its quality refuses, in the order of the records."""
    bad = quality[~quality["usable"]].groupby("record_id")["lead"].agg(frozenset).to_dict()
    nothing: frozenset[str] = frozenset()
    return [
        Job(record_id, path, bad.get(record_id, nothing))
        for record_id, path in zip(records["record_id"], records["path"], strict=True)
    ]


def read_and_prepare(
    job: Job, read: Callable[[str], EcgRecord], settings: PreprocessSettings
) -> Prepared:
    """Read one record by its path and prepare it."""
    counts, mask, tally = prepare(read(job.path), job.refused, settings)
    return Prepared(job.record_id, counts, mask, tally)


def prepare(
    recording: EcgRecord, refused: frozenset[str], settings: PreprocessSettings
) -> tuple[NDArray[np.int16], NDArray[np.bool_], Tally]:
    """Bridge, filter and resample one record into the leads of the store.

    Parameters
    ----------
    recording : signal of shape (n_leads, n_samples), mV, at its own rate.
    refused : leads that are not used.

    Returns
    -------
    Counts of shape (n_leads, n_samples at ``settings.fs_hz``) in the order of ``settings.leads``,
    zeros where a lead is absent, refused or without any value; the mask of shape (n_leads,), False
    there; the tally.
    """
    from pedecg.signals import filters  # here: SciPy takes 0.7 s, only where records are prepared

    used = [lead for lead in settings.leads if lead in recording.leads and lead not in refused]
    raw = recording.signal[[recording.leads.index(lead) for lead in used]]
    gaps = filters.no_signal(raw, recording.fs_hz, settings.spike_mv, settings.spike_margin_s)
    has_signal = ~gaps.all(axis=1)
    mask = np.isin(settings.leads, np.array(used, str)[has_signal])
    raw, gaps = raw[has_signal], gaps[has_signal]

    band = filters.band_pass(
        filters.bridge(raw, gaps),
        recording.fs_hz, settings.low_hz, settings.high_hz, settings.order,
    )  # fmt: skip
    resampled = filters.resample(band, recording.fs_hz, settings.fs_hz)
    whole = resampled.shape[1]
    wanted = whole if settings.length_s is None else round(settings.length_s * settings.fs_hz)
    kept = signal_store.to_counts(middle(resampled, wanted))
    counts = np.zeros((len(settings.leads), wanted), np.int16)
    counts[mask] = kept

    absent = sum(lead not in recording.leads for lead in settings.leads)
    bridged = int(np.count_nonzero(gaps))
    missing = raw.size - int(np.count_nonzero(np.isfinite(raw)))
    tally = Tally(
        leads_absent=absent,
        leads_refused=len(settings.leads) - int(mask.sum()) - absent,
        samples_missing=missing,
        saturated_samples=bridged - missing,
        records_bridged=int(bridged > 0),
        records_resampled=int(recording.fs_hz != settings.fs_hz),
        records_narrower_band=int(not filters.carries(recording.fs_hz, settings.high_hz)),
        records_cut=int(wanted < whole),
        records_padded=int(wanted > whole),
    )
    return counts, mask, tally


def middle(signal: NDArray[np.floating[Any]], n_samples: int) -> NDArray[np.floating[Any]]:
    """Return the middle of (n_leads, any length), shape (n_leads, n_samples).

    A shorter signal stands in the middle of zeros, which is its baseline after the high-pass.
    """
    extra = signal.shape[1] - n_samples
    if extra >= 0:
        return signal[:, extra // 2 : extra // 2 + n_samples]
    before = -extra // 2
    return np.pad(signal, ((0, 0), (before, -extra - before)))


def write(
    prepared: Iterable[Prepared], folder: str, settings: PreprocessSettings
) -> dict[str, Any]:
    """Write records into a signal store as they come; return what was done, for the metrics."""
    total = Tally()
    records = samples = 0

    def stream() -> Iterator[tuple[str, NDArray[np.int16], NDArray[np.bool_]]]:
        nonlocal total, records, samples
        for record in prepared:
            total += record.tally
            records += 1
            samples += record.counts.shape[1]
            yield record.record_id, record.counts, record.mask

    signal_store.write_store(folder, settings.fs_hz, tuple(settings.leads), stream())
    return {"records": records, "hours": samples / settings.fs_hz / 3600, **asdict(total)}
