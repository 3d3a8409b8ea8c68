"""The beats of one record: their waves in rows, which of them are alike, and their median."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import resample_poly

from pedecg.core import elementary

Values = NDArray[np.float64]

GLOBAL = "global"
ANY_LEAD = "any_lead"  # the same waves, from the earliest onset to the latest offset in any lead
FEWEST_BEATS = 3  # a median of fewer is any one of them
FEWEST_SHARE = 0.3  # of the beats: a wave found more rarely is not measured
ALIKE = 0.7  # correlation with the median QRS from which a beat is one of the usual kind
SAME_P_S = 0.06  # between the onsets of a P wave in all leads together and in any lead
REST_S = 0.024  # before QRS, the PR segment: its level is zero
FINE_HZ = 500.0  # beats aligned to 4 ms lose 5% of a newborn's narrow R, to 2 ms 1%
TO_SD = 1.4826  # times the median absolute deviation: the SD, without regard to outliers


def beat_table(waves: pd.DataFrame, lead: str = GLOBAL) -> pd.DataFrame:
    """Put the waves of each beat into one row; NaN where a wave was not found.

    Parameters
    ----------
    lead : `GLOBAL`, the consensus of all leads, or `ANY_LEAD`, which is `GLOBAL` again where the
        delineator gives no such rows.

    Returns
    -------
    One row per QRS in order of time, seconds: r_s, qrs_on_s, qrs_off_s, p_on_s, p_off_s, t_on_s,
    t_off_s. A P wave belongs to the next QRS, a T wave to the one before.
    """
    of_lead = waves["lead"].to_numpy() == lead
    if not of_lead.any():
        of_lead = waves["lead"].to_numpy() == GLOBAL
    kind = waves["wave"].to_numpy()[of_lead]
    times = waves[["onset_s", "peak_s", "offset_s"]].to_numpy(np.float64)[of_lead]
    by_wave = {name: _in_order(times[kind == name]) for name in ("P", "QRS", "T")}
    r = by_wave["QRS"][:, 1]
    columns = {"r_s": r, "qrs_on_s": by_wave["QRS"][:, 0], "qrs_off_s": by_wave["QRS"][:, 2]}
    for wave, beat_of in (
        ("P", np.searchsorted(r, by_wave["P"][:, 1])),
        ("T", np.searchsorted(r, by_wave["T"][:, 1]) - 1),
    ):
        inside = (beat_of >= 0) & (beat_of < len(r))
        ends = np.full((len(r), 2), np.nan)
        ends[beat_of[inside]] = by_wave[wave][inside][:, [0, 2]]
        columns |= {f"{wave.lower()}_on_s": ends[:, 0], f"{wave.lower()}_off_s": ends[:, 1]}
    return pd.DataFrame(columns)


def widest_of(beats: pd.DataFrame, widest: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `ANY_LEAD` for chosen beats of `GLOBAL`.

    A P wave that was dropped there is dropped; one that was found only there, in averaged beats,
    keeps its ends.

    Parameters
    ----------
    beats : chosen rows of `beat_table` of `GLOBAL`, whose P waves may have been changed.
    widest : `beat_table` of `ANY_LEAD`.
    """
    r_s, wanted = (one["r_s"].to_numpy(np.float64) for one in (widest, beats))
    at = np.searchsorted(r_s, wanted)
    at[np.append(r_s, np.nan)[at] != wanted] = len(r_s)  # not there: NaN
    values = {name: np.append(widest[name].to_numpy(np.float64), np.nan)[at] for name in widest}
    rows = pd.DataFrame(values, index=beats.index).assign(r_s=wanted)
    trusted = beats["p_on_s"].to_numpy(np.float64)
    same = np.abs(rows["p_on_s"].to_numpy(np.float64) - trusted) < SAME_P_S
    for end in ("p_on_s", "p_off_s"):
        rows[end] = np.where(same, rows[end], beats[end])
    return rows


def _in_order(times_s: Values) -> Values:
    return np.asarray(times_s[np.argsort(times_s[:, 1], kind="stable")])


def middle(values: Values, fewest_share: float = FEWEST_SHARE, fewest: int = FEWEST_BEATS) -> float:
    """Return the median of the beats that have a value, NaN if these are too few.

    Parameters
    ----------
    values : shape (n_beats,); NaN where a beat has none.
    """
    known = values[np.isfinite(values)]
    enough = max(fewest, fewest_share * len(values))
    return _median(known) if len(known) >= enough else np.nan


def spread(values: Values) -> float:
    """Return the robust SD of the beats that have a value: 1.4826 x median absolute deviation.

    NaN if they are fewer than three.

    Parameters
    ----------
    values : shape (n_beats,); NaN where a beat has none.
    """
    known = values[np.isfinite(values)]
    if len(known) < FEWEST_BEATS:
        return np.nan
    return TO_SD * _median(np.abs(known - _median(known)))


def _median(values: Values) -> float:
    """Return the median of a few values: np.median takes ten times as long for them."""
    ordered = np.sort(values)
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


class MedianBeat:
    """The usual beats of one record, aligned at the R peak of all leads together.

    Zero is each beat's own level just before its QRS, the PR segment, so that neither wander nor
    one bad beat moves a measure.

    Attributes
    ----------
    has_qrs : False where too few beats have QRS boundaries: then there is nothing to measure.
    usual : shape (n_beats,), True for the rows of the beat table whose QRS looks like most.
    fs_hz : samples per second of the beats: at least `FINE_HZ`.
    each : lead -> shape (n_usual, n_times), mV.
    median : lead -> shape (n_times,), mV.
    p, qrs, t : slices of `median`; `p` and `t` are None where found in too few beats.
    p_alone : True where P begins after the T wave before it has ended; in fast hearts it does not.
    """

    def __init__(
        self,
        beats: pd.DataFrame,
        leads: dict[str, NDArray[np.floating[Any]]],
        fs_hz: float,
        fewest: int = FEWEST_BEATS,
    ) -> None:
        """Cut the beats out of the usable leads, each of shape (n_samples,), mV."""
        finer = max(1, -int(-FINE_HZ // fs_hz))
        fs_hz *= finer
        self.fs_hz = fs_hz
        self.usual = np.ones(len(beats), bool)
        self.each: dict[str, Values] = {}
        self.median: dict[str, Values] = {}
        r_s = beats["r_s"].to_numpy()
        edges = {
            name: middle((beats[f"{name}_s"].to_numpy() - r_s) * fs_hz, fewest=fewest)
            for name in ("p_on", "p_off", "qrs_on", "qrs_off", "t_on", "t_off")
        }
        self.has_qrs = bool(leads) and bool(np.isfinite([edges["qrs_on"], edges["qrs_off"]]).all())
        if not self.has_qrs:
            return
        rest = round(REST_S * fs_hz)
        first = np.fmin(edges["p_on"], edges["qrs_on"] - rest)
        self._before = round(-first) + 2
        after = round(np.fmax(edges["t_off"], edges["qrs_off"] + 0.1 * fs_hz)) + 2
        self.qrs = self._slice(edges["qrs_on"], edges["qrs_off"])
        self.p = self._found(edges, "p")
        self.t = self._found(edges, "t")
        t_before = np.append(np.nan, beats["t_off_s"].to_numpy()[:-1])
        self.p_alone = not middle(beats["p_on_s"].to_numpy() - t_before, fewest=fewest) < 0
        r = np.rint(r_s * fs_hz).astype(int)
        signal = np.stack(list(leads.values())).astype(np.float32)
        if finer > 1:
            signal = resample_poly(signal, finer, 1, axis=1, padtype="line")
        n_samples = signal.shape[1]
        whole = (r >= self._before) & (r + after < n_samples)
        if whole.sum() < fewest:
            self.has_qrs = False
            return
        samples = r[whole, None] + np.arange(-self._before, after + 1)
        cut = signal[:, samples].astype(np.float64)
        before_qrs = slice(max(self.qrs.start - rest, 0), self.qrs.start)
        cut -= np.median(cut[:, :, before_qrs], axis=2, keepdims=True)
        alike = _alike(cut[:, :, self.qrs])
        self.usual = whole.copy()
        self.usual[whole] = alike
        self.each = dict(zip(leads, cut[:, alike], strict=True))
        self.median = dict(zip(leads, elementary.median(cut[:, alike], axis=1), strict=True))

    def _found(self, edges: dict[str, float], wave: str) -> slice | None:
        first, last = edges[f"{wave}_on"], edges[f"{wave}_off"]
        return self._slice(first, last) if np.isfinite([first, last]).all() else None

    def _slice(self, first: float, last: float) -> slice:
        return slice(round(first) + self._before, round(last) + self._before + 1)

    def after_qrs(self, first_s: float, last_s: float) -> slice:
        """Return the slice from one time after the end of QRS (J) to another, seconds."""
        j = self.qrs.stop - 1
        return slice(j + round(first_s * self.fs_hz), j + round(last_s * self.fs_hz) + 1)


def _alike(qrs: Values) -> NDArray[np.bool_]:
    """Return which beats look like the median one, shape (n_beats,), from (n_leads, n_beats, n).

    The median over the leads of the correlation decides, so that a bad lead has no influence; where
    few beats are alike (each noisy, or two kinds by turns), all are kept.
    """
    shape = qrs - qrs.mean(axis=2, keepdims=True)
    usual = elementary.median(shape, axis=1)[:, None]
    norm = elementary.norm(shape, axis=2) * elementary.norm(usual, axis=2)
    likeness = np.median((shape * usual).sum(axis=2) / np.maximum(norm, 1e-9), axis=0)
    alike = np.asarray(likeness > ALIKE)
    enough = alike.sum() >= max(FEWEST_BEATS, FEWEST_SHARE * alike.size)
    return alike if enough else np.ones_like(alike)
