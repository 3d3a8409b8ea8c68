"""Where each beat of a record came from: usual beats, ventricular and atrial premature beats.

A premature beat comes early for the rhythm around it. With the QRS of the usual beats it is atrial
(or junctional), with another and wider one ventricular (or, rarely, aberrantly conducted).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedecg.rules.beats import Values
from pedecg.signals import filters

Flags = NDArray[np.bool_]

REACH_S = 0.07, 0.11  # before and after R: a wide premature QRS fits in
SHIFT_S = 0.03  # R of a wide complex may be another of its peaks
BAND_HZ = 1.5, 35.0  # without baseline and mains hum, with most of QRS
MOST_COMPARED = 40  # beats among which the usual form is chosen: a long record has thousands
LIKE = 0.8  # correlation over all leads from which two QRS complexes are of one form
UNLIKE = 0.7  # under it a complex is of another form; between the two it is undetermined
NEARLY_AS_MANY = 0.6  # of two forms so nearly equally frequent the narrower one is the usual one
EARLY, BEFORE = 0.86, 0.9  # of the mean RR around, of the RR before: shorter is early
LATER = 1.08  # of the early interval: the next one is longer, or the rate has just risen
NOT_LATE = 0.97  # of the mean RR around; a wide beat after a longer interval is an escape beat
AROUND = 4  # intervals on either side of which the mean is taken
CUT = 1.6  # times the median: a pause counts as no more in that mean
WIDER_S = 0.018  # than the usual QRS: a premature beat that began in a ventricle
MUCH_WIDER = 1.3, 0.03  # times the usual QRS and s more: early and so wide, whatever its form
WIDE_S = 0.11  # or as wide as this, where the usual QRS is wide too
EMPTY = 0.25  # of it: no beat at all, unless it has the usual form
AS_TALL = 0.6  # of it: a lower early wave of another form may be noise
TALL = 0.4  # of the usual QRS over all leads: a lower deflection is not a beat
PAUSE = 1.8  # times the median RR: QT does not follow so long an interval
CYCLES = 3  # bigeminy and trigeminy repeat at least so often


@dataclass(frozen=True)
class Origins:
    """Beats by origin, each of shape (n_beats,).

    Attributes
    ----------
    usual : the QRS has the usual form.
    ventricular, atrial : premature, with another and wider QRS, and with the usual one.
    empty : there is hardly a deflection: a detector's mistake.
    """

    usual: Flags
    ventricular: Flags
    atrial: Flags
    empty: Flags

    @property
    def premature(self) -> Flags:
        """Premature beats of either origin, shape (n_beats,)."""
        return self.ventricular | self.atrial


def origins(
    r_s: Values, qrs_s: Values, leads: dict[str, NDArray[np.floating[Any]]], fs_hz: float
) -> Origins:
    """Tell usual and premature beats apart.

    Parameters
    ----------
    r_s : shape (n_beats,), R peaks, seconds, ascending.
    qrs_s : shape (n_beats,), QRS durations, seconds; NaN where unknown.
    leads : usable leads, each of shape (n_samples,), mV.
    """
    n = len(r_s)
    nothing = np.zeros(n, bool)
    early, soon = prematurity(r_s)
    if not leads or n < 3:
        return Origins(~nothing, nothing, nothing, nothing)
    complexes, height = _complexes(r_s, leads, fs_hz)
    likeness = _usual_form(complexes, qrs_s)
    known = np.isfinite(likeness)
    usual = ~known | (likeness >= LIKE)
    width = _width(qrs_s[usual & ~early])
    typical = float(np.median(height[usual & known])) if (usual & known).any() else np.nan
    wide = (qrs_s > width + WIDER_S) | ((qrs_s > WIDE_S) & (qrs_s > width))
    # Where the usual QRS is wide already (block, pacing), another form that is early is enough.
    wide |= early & (width > WIDE_S) & (height > AS_TALL * typical)
    much_wider = early & (qrs_s > MUCH_WIDER[0] * width) & (qrs_s > width + MUCH_WIDER[1])
    usual &= ~much_wider
    ventricular = soon & known & (height > TALL * typical)
    ventricular &= ((likeness < UNLIKE) & wide) | much_wider
    atrial = early & ~ventricular & known & (height > TALL * typical) & ~(likeness < UNLIKE)
    empty = (height < EMPTY * typical) & (~known | (likeness < UNLIKE))
    return Origins(usual, ventricular, atrial, empty)


def prematurity(r_s: Values) -> tuple[Flags, Flags]:
    """Return which beats are early for the rhythm, and which are not late, (n_beats,) each.

    The mean of the intervals around stands for the rhythm: in bigeminy the median is either the
    short or the long interval.
    """
    n = len(r_s)
    early, soon = np.zeros(n, bool), np.zeros(n, bool)
    if n < 4:
        return early, soon
    rr = np.diff(r_s)
    cut = np.minimum(rr, CUT * np.median(rr))
    # What comes before the first beat is not recorded; the pause after an early one is.
    soon[0] = rr[0] > LATER * cut[1 : 1 + AROUND].mean()
    for k in range(1, n):
        around = cut[max(0, k - 1 - AROUND) : k + AROUND]
        mean, here = around.mean(), rr[k - 1]
        soon[k] = here < NOT_LATE * mean
        before = rr[k - 2] if k > 1 else np.inf
        after = rr[k] if k < n - 1 else np.inf
        short_before = here < BEFORE * before or k == 1
        early[k] = here < EARLY * mean and short_before and after > LATER * here
    return early, soon


def _complexes(
    r_s: Values, leads: dict[str, NDArray[np.floating[Any]]], fs_hz: float
) -> tuple[Values, Values]:
    """Cut the QRS complexes out, shape (n_leads, n_beats, n_times + 2 shifts); NaN at edges.

    Also return the height of each beat, (n_beats,), of what lies within the record.
    """
    band = filters.butterworth(2, (BAND_HZ[0], min(BAND_HZ[1], 0.45 * fs_hz)), "bandpass", fs_hz)
    signal = filters.zero_phase(band, np.stack(list(leads.values())).astype(np.float64))
    shift = round(SHIFT_S * fs_hz)
    first, last = (round(s * fs_hz) + shift for s in REACH_S)
    samples = np.rint(r_s * fs_hz).astype(int)[:, None] + np.arange(-first, last + 1)
    outside = (samples[:, 0] < 0) | (samples[:, -1] >= signal.shape[1])
    cut = signal[:, np.clip(samples, 0, signal.shape[1] - 1)]
    height = np.ptp(cut, axis=2).mean(axis=0)
    cut[:, outside] = np.nan
    return np.asarray(cut), np.asarray(height)


def _usual_form(complexes: Values, qrs_s: Values) -> Values:
    """Return the correlation of each beat with the usual form, (n_beats,); NaN at edges.

    The usual form is that of the beat which most others resemble; where a second form is nearly as
    frequent, as in bigeminy, the narrower of the two.
    """
    whole = np.flatnonzero(np.isfinite(complexes).all(axis=(0, 2)))
    n = complexes.shape[1]
    if len(whole) < 2:
        return np.full(n, np.nan)
    step = -(-len(whole) // MOST_COMPARED)
    chosen = whole[::step]
    shifted = _Shifted(complexes[:, chosen])
    alike = np.stack([shifted.likeness(complexes[:, k]) for k in chosen]) >= LIKE
    first = int(alike.sum(axis=1).argmax())
    rest = ~alike[first]
    best = chosen[first]
    if rest.any():
        counts = (alike & rest).sum(axis=1) * rest
        second = int(counts.argmax())
        widths = [_width(qrs_s[chosen[a]]) for a in (alike[first], alike[second] & rest)]
        if counts[second] >= NEARLY_AS_MANY * alike[first].sum() and widths[1] < widths[0]:
            best = chosen[second]
    return _Shifted(complexes).likeness(complexes[:, best])


def _width(qrs_s: Values) -> float:
    known = qrs_s[np.isfinite(qrs_s)]
    return float(np.median(known)) if len(known) else np.inf


class _Shifted:
    """QRS complexes, shape (n_leads, n_beats, n_times), cut out anew at each of a few shifts."""

    def __init__(self, complexes: Values) -> None:
        n_times = complexes.shape[2]
        shift = min(n_times // 3, max(1, n_times // 8))
        self._inner = slice(shift, n_times - shift)
        self._unknown: Flags = np.logical_not(np.isfinite(complexes).all(axis=(0, 2)))
        self._parts = []
        for move in range(-shift, shift + 1, max(1, shift // 4)):
            part = complexes[:, :, shift + move : n_times - shift + move]
            part = part - part.mean(axis=2, keepdims=True)
            self._parts.append((part, np.sqrt((part**2).sum(axis=(0, 2)))))

    def likeness(self, form: Values) -> Values:
        """Return the best correlation with one form, all leads together, shape (n_beats,).

        Parameters
        ----------
        form : shape (n_leads, n_times).
        """
        inner = form[:, self._inner]
        inner = inner - inner.mean(axis=1, keepdims=True)
        size = np.sqrt((inner**2).sum())
        best = np.full(len(self._unknown), -np.inf)
        for part, norm in self._parts:
            along = (part * inner[:, None]).sum(axis=(0, 2))
            best = np.fmax(best, along / np.maximum(norm * size, 1e-9))
        best[self._unknown] = np.nan
        return best


def patterns(premature: Flags) -> dict[str, float]:
    """Return the share of beats within runs of bigeminy, and of trigeminy.

    Parameters
    ----------
    premature : shape (n_beats,).

    Returns
    -------
    bigeminy_share, trigeminy_share : every second, every third beat is premature, at least three
        times in a row.
    """
    return {
        "bigeminy_share": _repeated(premature, 2),
        "trigeminy_share": _repeated(premature, 3),
    }


def _repeated(premature: Flags, period: int) -> float:
    """Return the share of beats in runs of premature beats that are exactly `period` apart."""
    at = np.flatnonzero(premature)
    covered = np.zeros(len(premature), bool)
    steps = np.diff(at) == period
    edges = np.flatnonzero(np.diff(np.concatenate([[0], steps.astype(int), [0]])))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start + 1 >= CYCLES:
            covered[max(at[start] - period + 1, 0) : at[stop] + 1] = True
    return float(covered.mean()) if len(covered) else np.nan


def base_rhythm(r_s: Values, found: Origins) -> dict[str, float]:
    """Return the rhythm without premature beats, and the rate that QT is corrected by.

    Parameters
    ----------
    r_s : shape (n_beats,), times of the R peaks, s.

    Returns
    -------
    qtc_rate_bpm : 60 over the mean of the intervals that end with a beat of the usual form which
        is not premature, without pauses and the intervals after a premature beat. NaN where fewer
        than three remain, as in bigeminy: QT follows a change of RR only after many beats, so that
        no interval there corrects it.
    base_rr_cv : SD over mean of the intervals between two beats that are not premature; those
        after a premature beat left out. NaN for fewer than four.
    base_rr_change : median relative change from one of these to the next, if they follow each
        other. NaN for fewer than three such pairs.
    """
    rr = np.diff(r_s)
    early = found.premature
    ends_usual = found.usual[1:] & ~early[1:]
    base = ~early[1:] & ~early[:-1]
    for_qtc = ends_usual & base & (rr < PAUSE * np.median(rr))
    intervals = rr[base]
    in_a_row = base[1:] & base[:-1]
    change = np.abs(np.diff(rr))[in_a_row] / np.minimum(rr[1:], rr[:-1])[in_a_row]
    return {
        "qtc_rate_bpm": 60.0 / float(rr[for_qtc].mean()) if for_qtc.sum() > 2 else np.nan,
        "base_rr_cv": float(intervals.std() / intervals.mean()) if len(intervals) > 3 else np.nan,
        "base_rr_change": float(np.median(change)) if len(change) > 2 else np.nan,
    }


def shares(r_s: Values, found: Origins) -> dict[str, float]:
    """Return the shares of premature beats, their pattern and the rhythm without them.

    Parameters
    ----------
    r_s : shape (n_beats,), times of the R peaks, s.
    """
    if len(r_s) < 4:  # too few to tell a premature beat: two like intervals are a rate
        rr = np.diff(r_s)
        return {"qtc_rate_bpm": 60.0 / float(rr.mean())} if rr.min() > EARLY * rr.max() else {}
    return {
        "ectopic_share": float(found.premature.mean()),
        "ventricular_ectopic_share": float(found.ventricular.mean()),
        "atrial_ectopic_share": float(found.atrial.mean()),
        **patterns(found.premature),
        **base_rhythm(r_s, found),
    }
