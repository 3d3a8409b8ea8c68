"""Filters that keep amplitude and time: zero-phase band-pass, polyphase resampling, bridged gaps.

All functions work on the last axis and never change what one sample means: sample ``i`` lies at
``i / fs_hz`` seconds before and after.
"""

import cmath
import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal as dsp

Signal = NDArray[np.floating]

# A Butterworth corner closer to the Nyquist frequency than this is no longer the stated filter:
# the bilinear transform squeezes its slope.
USABLE_SHARE_OF_RATE = 0.45


def carries(fs_hz: float, high_hz: float) -> bool:
    """Return whether a record of this sampling rate needs a low-pass at `high_hz`."""
    return high_hz <= USABLE_SHARE_OF_RATE * fs_hz


def band_pass(
    signal: Signal, fs_hz: float, low_hz: float, high_hz: float, order: int
) -> NDArray[np.float64]:
    """Keep what lies between two frequencies, without moving anything in time.

    Parameters
    ----------
    signal : shape (..., n_samples), finite; mV.
    low_hz, high_hz : where the amplitude is one half (-6 dB: Butterworth, forward and backward).
        Where the rate does not carry `high_hz`, its recorder has cut the band already and only
        the high-pass is applied.
    order : of the Butterworth filter in one direction.

    Notes
    -----
    Both ends are mirrored for ``1 / low_hz`` seconds. On 6 s cut out of real 20 s records the first
    half second then differs by 0.02 mV RMS from the filtered whole (95th percentile of the largest
    difference 0.14 mV); point mirroring, SciPy's default, by 0.10 mV (1.6 mV), since it turns
    about one sample, which may be an R peak. The same as `scipy.signal.sosfiltfilt` with
    ``padtype="even"``, which works out the filter's state anew at every call.
    """
    edge = min(signal.shape[-1] - 1, round(fs_hz / low_hz))
    high = high_hz if carries(fs_hz, high_hz) else None
    sections, state = _sections(fs_hz, low_hz, high, order)
    mirrored = [(0, 0)] * (signal.ndim - 1) + [(edge, edge)]
    extended = np.pad(np.asarray(signal, np.float64), mirrored, mode="reflect")
    return _both_ways(sections, state, extended)[..., edge : edge + signal.shape[-1]]


def zero_phase(
    sections: NDArray[np.float64], signal: Signal, edge: int | None = None
) -> NDArray[np.float64]:
    """Filter forward and backward with any second-order sections; odd extension at the ends.

    Parameters
    ----------
    sections : shape (n_sections, 6), as SciPy designs them.
    signal : shape (..., n_samples), finite.
    edge : samples by which both ends are extended, at most n_samples - 1; None: SciPy's choice.

    Notes
    -----
    The same as `scipy.signal.sosfiltfilt`, which solves for the filter's state with LAPACK: its
    last bits depend on the processor, and those of all samples after it.
    """
    if edge is None:
        at_zero = min((sections[:, 2] == 0).sum(), (sections[:, 5] == 0).sum())
        edge = 3 * (2 * len(sections) + 1 - int(at_zero))
    edge = min(edge, signal.shape[-1] - 1)
    before = 2 * signal[..., :1] - signal[..., edge:0:-1]
    after = 2 * signal[..., -1:] - signal[..., -2 : -edge - 2 : -1]
    extended = np.concatenate([before, signal, after], axis=-1)
    filtered = _both_ways(sections, steady_state(sections), extended)
    return filtered[..., edge : edge + signal.shape[-1]]


@lru_cache(maxsize=64)
def butterworth(
    order: int, corner_hz: float | tuple[float, float], kind: str, fs_hz: float
) -> NDArray[np.float64]:
    """Design a Butterworth filter as second-order sections, shape (n_sections, 6).

    The filter of `scipy.signal.butter`, which multiplies complex arrays: NumPy rounds these
    otherwise on a processor without AVX2. Python's complex numbers are the same everywhere.

    Parameters
    ----------
    corner_hz : where the amplitude is 1 / sqrt(2); two of them for a band-pass.
    kind : lowpass, highpass or bandpass.

    Notes
    -----
    Designed in s = (z - 1) / (z + 1), the bilinear transform without its factor, by quadratics.
    """
    corners = [corner_hz] if isinstance(corner_hz, float | int) else list(corner_hz)
    if not 0 < min(corners) <= max(corners) < fs_hz / 2:
        raise ValueError(f"corners of {corner_hz} Hz do not lie between 0 and half of {fs_hz} Hz")
    edges = [math.tan(math.pi * corner / fs_hz) for corner in corners]
    width, square = edges[-1] - edges[0], edges[0] * edges[-1]
    top = {  # s**2, s, 1 of a section's numerator
        "lowpass": (0.0, 0.0, square), "highpass": (1.0, 0.0, 0.0), "bandpass": (0.0, width, 0.0)
    }[kind]  # fmt: skip
    sections = []
    for k in range(order // 2):
        angle = math.pi * (2 * k + 1) / (2 * order)
        pole = complex(-math.sin(angle), math.cos(angle))
        if kind == "bandpass":
            middle = pole * width / 2
            root = cmath.sqrt(middle * middle - square)
            poles = [middle + root, middle - root]
        else:
            poles = [pole * edges[0]]
        sections += [_section(top, (1.0, -2 * p.real, p.real**2 + p.imag**2)) for p in poles]
    if order % 2 and kind == "bandpass":
        sections.append(_section(top, (1.0, width, square)))
    elif order % 2:
        n1, n0, d0 = (0.0, edges[0], edges[0]) if kind == "lowpass" else (1.0, 0.0, edges[0])
        b, a = (n1 + n0, n0 - n1, 0.0), (1 + d0, d0 - 1, 0.0)
        sections.append([each / a[0] for each in (*b, *a)])
    return np.array(sections)


def _section(top: tuple[float, ...], bottom: tuple[float, ...]) -> list[float]:
    """Return b and a in z of a quotient of quadratics in s = (z - 1) / (z + 1)."""
    b, a = ([p + q + r, 2 * (r - p), p - q + r] for p, q, r in (top, bottom))
    return [each / a[0] for each in (*b, *a)]


def steady_state(sections: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the state of second-order sections on a constant signal of 1, shape (n_sections, 2).

    `scipy.signal.sosfilt_zi` in closed form.
    """
    states, level = [], 1.0
    for section in sections:
        b, a = section[:3], section[3:]
        states.append(level * steady_state_of(b, a))
        level *= b.sum() / a.sum()
    return np.stack(states)


def steady_state_of(b: NDArray[np.float64], a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the state of one recursive filter on a constant signal of 1, shape (order,).

    `scipy.signal.lfilter_zi` in closed form: in the steady state the output is the gain at 0 Hz,
    and each register is the next one plus the difference of its two inputs.

    Parameters
    ----------
    b, a : shape (order + 1,), numerator and denominator, a[0] = 1.
    """
    differences = b[1:] - a[1:] * (b.sum() / a.sum())
    return np.asarray(np.cumsum(differences[::-1])[::-1])


def resample(signal: Signal, fs_from: float, fs_to: float) -> NDArray[np.float64]:
    """Change the sampling rate by an exact ratio; nothing is stretched.

    Parameters
    ----------
    signal : shape (..., n_samples), finite.
    fs_from, fs_to : Hz; a rate counts as the nearest fraction with a denominator up to 1,000.

    Returns
    -------
    shape (..., ceil(n_samples * fs_to / fs_from)); sample ``i`` lies at ``i / fs_to`` seconds.
    """
    ratio = _fraction(fs_to) / _fraction(fs_from)
    if ratio == 1:
        return np.asarray(signal, np.float64)
    up, down = ratio.numerator, ratio.denominator
    # Beyond its ends the signal goes on along the line from the first to the last sample: read as
    # zeros there, it would get a false slope at each end.
    resampled: NDArray[np.float64] = dsp.resample_poly(
        np.asarray(signal, np.float64),
        up, down, axis=-1, window=_anti_alias(up, down), padtype="line",
    )  # fmt: skip
    return resampled


def bridge(signal: Signal, gaps: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Draw a straight line over the marked samples; a gap at an end stays level.

    Parameters
    ----------
    signal, gaps : shape (n_samples,) or (n_leads, n_samples); every lead has an unmarked sample.
    """
    bridged = np.array(signal, np.float64)
    at = np.arange(bridged.shape[-1])
    for lead, gap in zip(np.atleast_2d(bridged), np.atleast_2d(gaps), strict=True):
        if gap.any():
            lead[gap] = np.interp(at[gap], at[~gap], lead[~gap])
    return bridged


def no_signal(signal: Signal, fs_hz: float, spike_mv: float, margin_s: float) -> NDArray[np.bool_]:
    """Mark the samples without ECG: without a value, or saturated.

    A spike of 26 mV and 4 ms is no ECG, but a band-pass would spread it as a dip of 0.2 mV over
    half a second; bridged, it costs its own samples only.

    Parameters
    ----------
    signal : shape (n_samples,) or (n_leads, n_samples), mV; NaN or infinite without a value.
    spike_mv : deviation from the lead's median above any QRS.
    margin_s : marked on either side of a spike too, for its flanks.
    """
    leads = np.atleast_2d(np.where(np.isfinite(signal), signal, np.nan))
    marked = np.isnan(leads)
    reach = round(margin_s * fs_hz)
    # Only a lead that spreads so far can hold a sample so far from its median: few do.
    spread = np.fmax.reduce(leads, axis=1) - np.fmin.reduce(leads, axis=1)
    for row in np.flatnonzero(spread > spike_mv):
        far = np.abs(leads[row] - np.nanmedian(leads[row])) > spike_mv
        marked[row] |= np.convolve(far, np.ones(2 * reach + 1))[reach : reach + len(far)] > 0
    shaped: NDArray[np.bool_] = marked.reshape(signal.shape)
    return shaped


@lru_cache(maxsize=16)
def _sections(
    fs_hz: float, low_hz: float, high_hz: float | None, order: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return second-order sections and their state (n_sections, 2) on a constant signal of 1."""
    sections = butterworth(order, low_hz, "highpass", fs_hz)
    if high_hz is not None:
        low_pass = butterworth(order, high_hz, "lowpass", fs_hz)
        if order % 2:  # one section for the last two, each of the first order
            b, a = (
                _multiplied(sections[-1, part], low_pass[-1, part])
                for part in (slice(0, 2), slice(3, 5))
            )
            sections, low_pass = np.vstack([sections[:-1], [*b, *a]]), low_pass[:-1]
        sections = np.vstack([sections, low_pass])
    return sections, steady_state(sections)


def _multiplied(first: NDArray[np.float64], second: NDArray[np.float64]) -> list[float]:
    """Return the product of two polynomials of the first degree."""
    (p, q), (r, s) = first.tolist(), second.tolist()
    return [p * r, p * s + q * r, q * s]


def _both_ways(
    sections: NDArray[np.float64], state: NDArray[np.float64], filtered: Signal
) -> NDArray[np.float64]:
    """Filter over the last axis, each time from the state of a constant signal of its first value.

    Parameters
    ----------
    state : shape (n_sections, 2).
    """
    state = state.reshape(len(state), *[1] * (filtered.ndim - 1), 2)
    for _ in ("forward", "backward"):
        filtered, _ = dsp.sosfilt(sections, filtered, zi=state * filtered[..., :1])
        filtered = filtered[..., ::-1]
    return np.asarray(filtered, np.float64)


def _fraction(fs_hz: float) -> Fraction:
    return Fraction(fs_hz).limit_denominator(1000)


@lru_cache(maxsize=16)
def _anti_alias(up: int, down: int) -> NDArray[np.float64]:
    """Return the low-pass of `scipy.signal.resample_poly`, which designs it anew at every call."""
    widest = max(up, down)
    taps: NDArray[np.float64] = dsp.firwin(20 * widest + 1, 1 / widest, window=("kaiser", 5.0))
    return taps
