"""What every file gives: waveforms, rate, channels, age and sex, and nothing else of a person.

Names, identifiers, dates and free text stay in the file: a `FileEcg` has no place for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts import ages
from pedecg.cohorts.formats import lead_names
from pedecg.cohorts.formats.numbers import number
from pedecg.cohorts.record_faults import RecordFault
from pedecg.core.records import ALL_LEADS, FURTHER_LEADS, LEADS, EcgRecord, Sex, in_order

MV_PER_UNIT = {
    "v": 1e3, "volt": 1e3, "volts": 1e3, "mv": 1.0, "millivolt": 1.0, "millivolts": 1.0,
    "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "microv": 1e-3, "microvolt": 1e-3, "microvolts": 1e-3,
    "nv": 1e-6, "nanovolt": 1e-6, "nanovolts": 1e-6,
}  # fmt: skip
MOST_VALUES = 30_000_000  # samples of all channels together: reading them takes under 1 GB
MOST_MV = 1e5  # electrodes have offsets of up to 300 mV; beyond 100 V a number is damaged
LONGEST = 10_000_000  # samples of one channel
MOST_CHANNELS = 512  # a damaged header must not claim memory; body surface maps have some 250
DERIVED = ("III", "aVR", "aVL", "aVF")  # from I and II: a pulse in all electrodes may cancel
PULSE_MV = 1.0  # of the calibration pulse
_TAIL_S = 0.6  # within which it lies
SAME_MV = 0.003  # less than one step of a recorder
FEW_CHEST_LEADS = 3  # a Holter's two channels called V5 and V2 are bipolar, at places of its own
_SEXES: dict[str, Sex] = {
    **dict.fromkeys(("f", "female", "w", "weiblich", "woman", "girl"), "female"),
    **dict.fromkeys(("m", "male", "männlich", "maennlich", "man", "boy"), "male"),
}  # fmt: skip


@dataclass(frozen=True)
class FileEcg:
    """One file, read.

    Attributes
    ----------
    names : of the channels: leads by their canonical names, others as the file calls them.
    signal : shape (n_channels, n_samples), millivolts, float32; NaN where the file has no value.
    vendor : the format in words, as ``GE MUSE``.
    age_days : days; None where the file does not say it.
    age_below_days, age_note : of a stated age that is not in days, see `ages.Age`.
    left_out : channels that are not ECG, by name and unit, as ``ABP (mmHg)``; not in `signal`.
    measurements : what the vendor's own program measured, by our names of columns
        (``heart_rate_bpm``, ``qrs_ms``, ``qrs_axis_deg``, …); only what stands in the file.
    verified : every channel had a checksum in the file, and it agreed.
    calibrated : False where the file gives no gain: times are right, amplitudes mean nothing.
    hand_held : of one channel between the two hands, as in PhysioNet/CinC 2017.
    """

    names: tuple[str, ...]
    signal: NDArray[np.float32]
    fs_hz: float
    vendor: str
    age_days: int | None = None
    sex: Sex | None = None
    left_out: tuple[str, ...] = ()
    measurements: dict[str, float] = field(default_factory=dict)
    verified: bool = False
    calibrated: bool = True
    hand_held: bool = False
    age_below_days: int | None = None
    age_note: str = ""

    @property
    def record(self) -> EcgRecord:
        """The leads among the channels; a channel of another name is an `other_channels`."""
        names = ("I",) if self.hand_held else self.names
        rows = [names.index(lead) for lead in in_order(names)]
        return EcgRecord(
            signal=self.signal[rows],
            fs_hz=self.fs_hz,
            leads=tuple(names[row] for row in rows),
            other_channels=tuple(name for name in names if name not in ALL_LEADS),
            verified=self.verified,
        )

    def placed(self) -> tuple[tuple[str, ...], list[int]]:
        """Return the leads to measure and the channel of each.

        Leads go by name where they are most of the channels and lead I or II, or three chest
        leads, are among them; further electrodes (V3R, V4R, V7) come after the twelve. Otherwise
        every channel is kept, as ``ch1``, ``ch2``, …: with MLII and V5, or V5 and V2, of a Holter
        recorder nobody knows where the electrodes were.
        """
        leads = [lead for lead in LEADS if lead in self.names]
        roles = [lead_names.role(name) for name in self.names]
        others = [row for row, role in enumerate(roles) if role == "other"]
        if any(lead_names.is_called_ecg(self.names[row]) for row in others):
            others = [row for row in others if lead_names.is_called_ecg(self.names[row])]
        chest = sum(lead.startswith("V") for lead in leads)
        modified = sum(role == "unplaced" for role in roles) - self._further() - self._monitor()
        sure = {"I", "II"} & set(leads) or chest >= FEW_CHEST_LEADS or len(self.names) == 1
        if len(leads) > len(others) + modified and sure:
            leads = in_order(self.names)
            return tuple(leads), [self.names.index(lead) for lead in leads]
        kept = [row for row, role in enumerate(roles) if role != "other" or row in others]
        return tuple(f"ch{row + 1}" for row in kept), kept

    def _further(self) -> int:
        return sum(name in FURTHER_LEADS for name in self.names)

    def _monitor(self) -> int:
        """Count channels called V: a monitor's single precordial lead, besides named limb leads."""
        return sum(name.strip().lower() in ("v", "c") for name in self.names)


@dataclass(frozen=True)
class Trace:
    """One segment of one channel: `mv` of shape (n,), its first sample at `start`."""

    name: str
    start: int
    mv: NDArray[np.floating]


def assemble(
    traces: Sequence[Trace],
    place: str,
    derive: bool = True,
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Put segments in their channels and places, as (names, signal); NaN where there is no value.

    Leads come first, in the order of `ALL_LEADS`, then other channels in the file's order. With
    `derive`, III, aVR, aVL and aVF follow from I and II wherever the file leaves them out.

    Returns
    -------
    Names of the channels; signal of shape (n_channels, n_samples), mV, or the own unit of a channel
    that is no lead.

    Raises
    ------
    RecordFault
        empty-signal; oversized-file beyond `MOST_VALUES`, before any memory is taken;
        duplicate-lead where two segments of a channel overlap.
    """
    n_samples = max((trace.start + len(trace.mv) for trace in traces), default=0)
    if not any(len(trace.mv) for trace in traces):
        raise RecordFault("empty-signal", f"{place}: no sample in any lead")
    names = dict.fromkeys(lead_names.display(trace.name) for trace in traces)
    require_size(len(names), n_samples, place)
    stored = sum(len(trace.mv) for trace in traces)
    if n_samples * len(names) > 100 * stored + 1_000_000:
        raise RecordFault("bad-field", f"{place}: its leads lie too far apart in time")
    rows = {name: np.full(n_samples, np.nan, np.float32) for name in names}
    ends: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
    for trace in traces:
        name = lead_names.display(trace.name)
        if np.any(np.abs(trace.mv) > MOST_MV):
            raise RecordFault(
                "corrupt-signal", f"{place}: {lead_names.labelled(name)}: over {MOST_MV:g} mV"
            )
        first, last = trace.start, trace.start + len(trace.mv)
        if any(first < end and start < last for start, end in ends[name]):
            raise RecordFault(
                "duplicate-lead", f"{place}: {lead_names.labelled(name)} is stored twice"
            )
        ends[name].append((first, last))
        rows[name][first:last] = trace.mv
    if derive:
        rows = limb_leads(traces, rows, n_samples) | rows
    order = in_order(rows) + [name for name in rows if name not in ALL_LEADS]
    return tuple(order), np.array([rows[name] for name in order], np.float32)


def without_pulse(found: FileEcg) -> FileEcg:
    """Remove the calibration pulse that Philips recorders append to the ECG.

    Converters to HL7 aECG, WFDB and CSV keep it. It is the same in every stored lead, which no
    heart is: 0, then 1 mV, then 0, in the last 0.6 s. Left in, it is a QRS.
    """
    rows = [row for row, name in enumerate(found.names) if name not in DERIVED]
    end = end_of_ecg(found.signal[rows], found.fs_hz)
    if end == found.signal.shape[1]:
        return found
    return replace(found, signal=np.ascontiguousarray(found.signal[:, :end]))


def end_of_ecg(signal: NDArray[np.float32], fs_hz: float) -> int:
    """Return the sample at which the ECG ends and a calibration pulse begins, else the length.

    Parameters
    ----------
    signal : shape (n_leads, n_samples), millivolts.
    """
    n = int(signal.shape[1])
    first_of_tail = max(n - round(_TAIL_S * fs_hz), 0)
    tail = signal[:, first_of_tail:]
    high = np.all(np.abs(tail - PULSE_MV) < SAME_MV, axis=0).tolist()
    zero = np.all(np.abs(tail) < SAME_MV, axis=0).tolist()
    if len(signal) < 2 or sum(high) < 0.1 * fs_hz or not zero[-1]:
        return n
    first = high.index(True)
    whole = all(up or down for up, down in zip(high[first:], zero[first:], strict=True))
    if not whole or not any(zero[:first]):
        return n
    before = signal[:, : first_of_tail + first]
    ecg = np.flatnonzero(np.any(np.abs(before) >= SAME_MV, axis=0))
    return int(ecg[-1]) + 1 if ecg.size else n


def require_size(n_channels: int, n_samples: int, place: str) -> None:
    """Refuse a signal that would take too much memory, before it is taken."""
    if n_channels > MOST_CHANNELS or n_samples > LONGEST or n_channels * n_samples > MOST_VALUES:
        raise RecordFault(
            "oversized-file",
            f"{place}: {n_channels} channels of {n_samples} samples; expected at most "
            f"{MOST_VALUES} values",
        )


def limb_leads(
    traces: Sequence[Trace], rows: dict[str, NDArray[np.float32]], n_samples: int
) -> dict[str, NDArray[np.float32]]:
    """Return III, aVR, aVL and aVF where I and II are there, by Einthoven and Goldberger.

    From the file's own values in double precision, so that nothing is rounded twice.

    Parameters
    ----------
    rows : lead -> signal, shape (n_samples,), mV.

    Returns
    -------
    Lead -> signal, shape (n_samples,), mV; empty where I or II is missing.
    """
    if not {"I", "II"} <= rows.keys():
        return {}
    one, two = np.full(n_samples, np.nan), np.full(n_samples, np.nan)
    for trace in traces:
        row = {"I": one, "II": two}.get(lead_names.display(trace.name))
        if row is not None:
            row[trace.start : trace.start + len(trace.mv)] = trace.mv
    return {name: row.astype(np.float32) for name, row in einthoven(one, two).items()}


def einthoven(one: NDArray[np.float64], two: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return III, aVR, aVL and aVF of leads I and II, each of shape (n,), in the same unit."""
    return {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}


def sex(word: str) -> Sex | None:
    """Read ``FEMALE``, ``Male`` or ``F``; anything else is not known."""
    return _SEXES.get(word.strip().lower())


def age_days(stated: str, unit: str, birth: date | None, acquired: date | None) -> int | None:
    """Return the age in days: as stated, or from the dates, which go no further than here.

    A number without a unit says nothing about a child, and 0 years or months are any age below
    one: then the dates decide, and without them the age is not known.

    Raises
    ------
    RecordFault
        invalid-age: negative or implausibly large. The cell is not quoted.
    """
    value = number(stated)
    if value is None and stated.strip()[:1].isdigit() and ages.is_unit(unit):
        raise RecordFault("invalid-age", "the stated age is implausible")
    if value is not None and ages.is_unit(unit) and (value != 0 or ages.days_per(unit) <= 1):
        try:
            days = ages.in_days(f"{value:.6f}", unit.strip().lower())
        except RecordFault:
            raise RecordFault("invalid-age", "the stated age is implausible") from None
        return days
    if birth is None or acquired is None:
        return None
    days = (acquired - birth).days
    if not 0 <= days <= ages.OLDEST_DAYS:
        raise RecordFault("invalid-age", "the dates of birth and examination give no age")
    return days


def measured(found: dict[str, float | None]) -> dict[str, float]:
    """Keep what was measured: rates and intervals above 0, axes as -180 to 180 degrees."""
    kept = {}
    for name, value in found.items():
        if value is None:
            continue
        if name.endswith("_deg"):
            if abs(value) <= 360:
                kept[name] = -((180 - value) % 360 - 180)
        elif value > 0:
            kept[name] = value
    return kept
