"""Numbers that describe how an utterance's sound is built, for `synthetic_voice` and for its training alike.

One function, `measure`, takes 1 to 6 s of 16 kHz speech and returns a named vector. Every number is the same whatever
the gain. Statistics are taken over active frames: those within 40 dB of the loud ones (95th percentile).

Groups (the part of a name before the first dot)
------------------------------------------------
``lfcc``, ``mfcc``
    Cepstra of linear (200 to 3500 Hz) and mel (100 to 7600 Hz) filter banks: their deviation, and that of their first
    and second differences. Means are left out: they tell the microphone and the speaker. After Sahidullah, Kinnunen &
    Hanilci, "A comparison of features for synthetic speech detection", Interspeech 2015.
``band``
    Per linear band: dynamic range, flatness, and how rough the log spectrum is in time and in frequency.
``mgd``
    Modified group delay cepstra. Murthy & Gadde, ICASSP 2003; alpha 0.4 and gamma 0.9 as there.
``phase``
    Phases of the harmonics against the fundamental's: how settled over the utterance, how steady from frame to frame
    (relative phase shift: Saratxaga et al., "Simple representation of signal phase for harmonic speech models",
    Electronics Letters 45, 2009).
``lpc``
    Residual of a linear prediction of order 16: its peakedness, asymmetry, and the prediction gain.
``pitch``
    F0 from the autocorrelation of 40 ms: spread, step-to-step change, voicing; periodicity per frequency band.
``mod``
    Modulation spectrum of the band envelopes, 1 to 50 Hz.
``line``
    Narrow lines in the long-term spectrum (they stand still in time: hum, or a generator's up-sampling).
"""

from __future__ import annotations

import functools
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inperson.types import Floats

Array = NDArray[np.floating[Any]]
Complex = NDArray[np.complexfloating[Any, Any]]

RATE = 16000
WINDOW, STEP, FFT = 400, 160, 512
"""25 ms Hann window every 10 ms: the common choice for speech."""
ACTIVE_DB = 40.0
BANDS = ((100, 500), (500, 1000), (1000, 2000), (2000, 3400), (3400, 5000), (5000, 6500), (6500, 7800))
"""Hz. The first four lie within telephone bandwidth."""
SPEECH_LEVEL = -21.0
"""dB below full scale, RMS of an utterance: about the level of clean training speech (its active level is -20)."""
PITCH_RANGE = (60.0, 400.0)
"""Hz; speech of adults, children and most intonation."""
EPS = 1e-10


def measure(audio: Floats) -> dict[str, float]:
    """Measure one utterance.

    Parameters
    ----------
    audio : (n,) float32
        16 kHz mono, starting and ending in speech; n at least 0.5 s.

    Returns
    -------
    dict of str to float
        Always the same names in the same order; every value finite.

    Raises
    ------
    ValueError
        Shorter than 0.5 s, or silent.
    """
    x = np.asarray(audio, np.float32)
    if x.ndim != 1 or len(x) < RATE // 2:
        raise ValueError(f"expected at least {RATE // 2} samples of mono sound, found shape {x.shape}")
    x = x - x.mean(dtype=np.float64).astype(np.float32)
    level = float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))
    if level <= 1e-9:
        raise ValueError("expected speech, found silence")
    x = (x / level).astype(np.float32)
    spectrum, delayed, active = _stft(x)
    power = np.abs(spectrum) ** 2
    # A floor 70 dB below the mean keeps inaudible residues (dither, resampler) from being measured.
    power = power + 1e-7 * power[active].mean()
    out: dict[str, float] = {}
    out.update(_cepstra(power, active))
    out.update(_bands(power, active))
    out.update(_group_delay(spectrum[::2], delayed, active[::2]))
    out.update(_pitch_and_phase(x))
    out.update(_residual(x))
    out.update(_modulation(power))
    out.update(_lines(x))
    return {name: float(value) if np.isfinite(value) else 0.0 for name, value in out.items()}


def rounded(audio: Floats) -> Floats:
    """The sound at `SPEECH_LEVEL`, rounded to 16 bits as all training sound was.

    Gates leave pauses that decoders fill with residues far below a 16-bit step; unrounded, the logarithms of those
    residues move genuine speech behind a headset by two units of the score. Silence stays as it is.
    """
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if len(audio) else 0.0
    if rms == 0:
        return audio
    return (np.round(audio * (10 ** (SPEECH_LEVEL / 20) / rms * 32768)) / 32768).astype(np.float32)


def _rfft(x: Array, size: int | None = None, axis: int = -1) -> Complex:
    """In single precision where the input is (numpy before 2.0 would double it)."""
    from scipy import fft

    made: Complex = fft.rfft(x, size, axis=axis)
    return made


def _irfft(x: Array | Complex, axis: int = -1) -> Array:
    from scipy import fft

    made: Array = fft.irfft(x, axis=axis)
    return made


@functools.lru_cache(maxsize=8)
def _hann(length: int) -> Array:
    """Periodic Hann window."""
    return np.hanning(length + 1)[:-1].astype(np.float32)


def _frames(x: Array, length: int, step: int) -> Array:
    return np.lib.stride_tricks.sliding_window_view(x, length)[::step]


def _stft(x: Array) -> tuple[Complex, Complex, NDArray[np.bool_]]:
    """Spectra, those of n * x[n] of every second frame (for the group delay), and which frames are active."""
    framed = _frames(x, WINDOW, STEP) * _hann(WINDOW)
    energy = np.einsum("ij,ij->i", framed, framed)
    active = energy > np.percentile(energy, 95) * 10 ** (-ACTIVE_DB / 10)
    ramp = (np.arange(WINDOW) - (WINDOW - 1) / 2).astype(np.float32)
    return _rfft(framed, FFT), _rfft(framed[::2] * ramp, FFT), active


@functools.lru_cache(maxsize=8)
def _filters(kind: str, count: int, low: float, high: float) -> Array:
    """(count, bins) triangular filters, linear or mel spaced (mel after O'Shaughnessy: 2595 log10(1 + f / 700))."""
    if kind == "mel":
        edges = np.linspace(2595 * np.log10(1 + low / 700), 2595 * np.log10(1 + high / 700), count + 2)
        edges = 700 * (10 ** (edges / 2595) - 1)
    else:
        edges = np.linspace(low, high, count + 2)
    f = np.fft.rfftfreq(FFT, 1 / RATE)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    shape = np.clip(np.minimum((f - left) / (centre - left), (right - f) / (right - centre)), 0, None)
    made: Array = (shape / np.maximum(shape.sum(axis=1, keepdims=True), EPS)).astype(np.float32)
    return made


@functools.lru_cache(maxsize=8)
def _dct(size: int) -> Array:
    """Orthonormal DCT-II, (size, size)."""
    n = np.arange(size)
    basis = np.cos(np.pi * (n[None, :] + 0.5) * n[:, None] / size) * np.sqrt(2 / size)
    basis[0] /= np.sqrt(2)
    made: Array = basis.astype(np.float32)
    return made


def _delta(series: Array) -> Array:
    """Slope over five frames (regression formula of the HTK book), along the first axis."""
    padded = np.pad(series, ((2, 2), (0, 0)), mode="edge")
    size = len(series)
    return (padded[3 : size + 3] - padded[1 : size + 1] + 2 * (padded[4 : size + 4] - padded[:size])) / 10


def _cepstra(power: Array, active: NDArray[np.bool_]) -> dict[str, float]:
    banks = {
        "lfcc": (_filters("linear", 24, 200, 3500), 16),
        "mfcc": (_filters("mel", 30, 100, 7600), 16),
    }
    out: dict[str, float] = {}
    for name, (bank, keep) in banks.items():
        logs = np.log(power @ bank.T + EPS)
        cepstra = (logs @ _dct(len(bank)).T)[:, 1:keep]
        first = _delta(cepstra)
        second = _delta(first)
        deviation = cepstra[active].std(axis=0) + 1e-6
        speed = np.log(first[active].std(axis=0) / deviation + 1e-6)
        change = np.log(second[active].std(axis=0) / deviation + 1e-6)
        for i in range(keep - 1):
            out[f"{name}.std{i + 1}"] = np.log(deviation[i])
            out[f"{name}.delta{i + 1}"] = speed[i]
            out[f"{name}.accel{i + 1}"] = change[i]
    return out


def _bins(band: tuple[int, int]) -> slice:
    return slice(round(band[0] * FFT / RATE), round(band[1] * FFT / RATE))


def _bands(power: Array, active: NDArray[np.bool_]) -> dict[str, float]:
    out: dict[str, float] = {}
    logs = np.log(power)
    total = np.log(power.sum(axis=1))[active]
    levels = _levels(power)
    flats = (np.stack([logs[:, _bins(band)].mean(axis=1) for band in BANDS]) - levels)[:, active]
    both = active[1:] & active[:-1]
    jerks = np.abs(np.diff(levels, axis=1)[:, both]).mean(axis=1) if both.any() else None
    fifths = np.percentile(levels[:, active], [5, 25, 50, 75, 95], axis=1).T
    for i, band in enumerate(BANDS):
        log, flat = logs[:, _bins(band)], flats[i]
        name = f"band.{band[0]}"
        p5, p25, p50, p75, p95 = fifths[i]
        out[f"{name}.range"] = p95 - p5
        out[f"{name}.upper"] = (p95 - p50) / (p95 - p5 + 0.1)
        out[f"{name}.quartiles"] = (p75 - p25) / (p95 - p5 + 0.1)
        out[f"{name}.flat"] = flat.mean()
        out[f"{name}.flat_std"] = flat.std()
        step = np.diff(log, axis=0)[both] if both.any() else np.zeros((1, log.shape[1]))
        out[f"{name}.rough_time"] = np.log(step.std() + 1e-6)
        out[f"{name}.jerk_time"] = 0.0 if jerks is None else np.log(jerks[i] + 1e-6)
        square = step * step
        out[f"{name}.kurt_time"] = np.log(np.mean(square * square) / (square.mean() ** 2 + EPS) + 1e-6)
        fine = np.diff(log[active], n=2, axis=1)
        deviation = fine.std()
        out[f"{name}.rough_freq"] = np.log(deviation + 1e-6)
        out[f"{name}.skew_freq"] = np.mean(fine * fine * fine) / (deviation**3 + EPS)
        out[f"{name}.follow"] = _correlation(levels[i, active], total)
    return out


def _levels(power: Array) -> Array:
    """(frames, bins) -> (bands, frames): logarithm of each band's mean power."""
    made: Array = np.log(np.stack([power[:, _bins(band)].mean(axis=1) for band in BANDS]))
    return made


def _correlation(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a @ b) / (np.sqrt((a @ a) * (b @ b)) + EPS))


def _group_delay(spectrum: Complex, ramp: Complex, active: NDArray[np.bool_]) -> dict[str, float]:
    s, y = spectrum[active], ramp[active]
    power = s.real * s.real + s.imag * s.imag
    envelope = _liftered(np.log(np.sqrt(power) + EPS))
    product = s.real * y.real + s.imag * y.imag
    delay = product[:, 4:244] / (np.exp(2 * 0.9 * envelope[:, 4:244]) + EPS)  # 125 to 7600 Hz
    # A power by exponential and logarithm, in half the time.
    delay = np.copysign(np.exp(0.4 * np.log(np.abs(delay) + EPS)), delay)
    coefficients = (delay @ _dct(delay.shape[1]).T)[:, :16]
    scale = coefficients.std(axis=0) + 1e-6
    out: dict[str, float] = {}
    for i in range(16):
        out[f"mgd.mean{i}"] = coefficients[:, i].mean() / scale.mean()
        out[f"mgd.std{i}"] = np.log(scale[i] / scale.mean())
    # Plain group delay in samples, against the envelope's power: how early or late a band's energy lies in its frame.
    plain = np.clip(product / (power + 1e-3 * np.exp(2 * envelope) + EPS), -200, 200)
    for band in BANDS:
        part = plain[:, _bins(band)]
        out[f"mgd.{band[0]}.mad"] = np.log(_median(np.abs(part - _row_medians(part)[:, None])) + 1e-3)
        out[f"mgd.{band[0]}.median"] = _median(part)
        out[f"mgd.{band[0]}.rough"] = np.log(_median(np.abs(np.diff(part, axis=1))) + 1e-3)
    return out


def _liftered(logs: Array) -> Array:
    """Log spectra (frames, bins) without what is finer than 30 cepstral coefficients: without the harmonics."""
    first, second = _lifter()
    made: Array = (logs @ first) @ second
    return made


@functools.lru_cache(maxsize=1)
def _lifter() -> tuple[Array, Array]:
    """(bins, 30) to cepstra and (30, bins) back, of even spectra."""
    wave = np.cos(2 * np.pi / FFT * np.outer(np.arange(FFT // 2 + 1), np.arange(30)))
    twice = np.full(FFT // 2 + 1, 2.0)  # every bin but the first and the last stands for two
    twice[[0, -1]] = 1.0
    count = np.where(np.arange(30) == 0, 1.0, 2.0)
    return (wave * twice[:, None] / FFT).astype(np.float32), (wave * count).T.astype(np.float32)


def _median(x: Array) -> float:
    """Of all numbers; numpy's own spends most of its time on looking for NaN."""
    middle = x.size // 2
    parted = np.partition(x, middle, axis=None)
    upper = float(parted[middle])
    return upper if x.size % 2 else 0.5 * (upper + float(parted[:middle].max()))


def _row_medians(x: Array) -> Array:
    """(n, m) -> (n,). Sorting short rows is several times faster than numpy's median of them."""
    ordered, middle = np.sort(x, axis=1), x.shape[1] // 2
    made: Array = 0.5 * (ordered[:, middle] + ordered[:, (x.shape[1] - 1) // 2])
    return made


LONG, LONG_FFT = 640, 1024
"""40 ms: two periods of the lowest pitch."""


def _pitch_and_phase(x: Array) -> dict[str, float]:
    framed = _frames(x, LONG, STEP)
    window = _hann(LONG)
    windowed = framed * window
    power = np.abs(_rfft(windowed, LONG_FFT)) ** 2
    own = _irfft(np.abs(_rfft(window, LONG_FFT)) ** 2)
    energy = power.sum(axis=1)
    loud = energy > np.percentile(energy, 95) * 1e-3
    lags = np.arange(int(RATE / PITCH_RANGE[1]), int(RATE / PITCH_RANGE[0]) + 1)
    # The pitch is sought below 2 kHz, where voices are periodic; the best lag is refined by a parabola.
    low = power[:, :128]
    correlation = (2 * low) @ _cosines()[: lags[-1] + 2, :128].T - low[:, :1]  # the constant has no second half
    correlation = correlation / (correlation[:, :1] + LONG_FFT * EPS) / (own[: lags[-1] + 2] / own[0])
    sought = correlation[:, lags] - 0.0002 * lags  # prefer the shorter of equal lags
    best = lags[np.argmax(sought, axis=1)]
    rows = np.arange(len(best))
    before, here, after = correlation[rows, best - 1], correlation[rows, best], correlation[rows, best + 1]
    bend = before - 2 * here + after
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (before - after) / np.where(np.abs(bend) > 1e-9, bend, 1), 0.0)
    f0 = RATE / (best + np.clip(shift, -0.5, 0.5))
    voiced = loud & (here > 0.6)
    out = _pitch(f0, here, voiced, loud)
    out.update(_periodicity(power, best, voiced, own))
    out.update(_harmonic_phase(windowed, f0, voiced))
    return out


def _pitch(f0: Array, strength: Array, voiced: NDArray[np.bool_], loud: NDArray[np.bool_]) -> dict[str, float]:
    names = ("spread", "range", "step", "step_p90", "accel", "share", "flips", "strength", "strength_std", "weak")
    if voiced.sum() < 10:
        return {f"pitch.{name}": 0.0 for name in names}
    semitones = 12 * np.log2(f0)
    p10, p90 = np.percentile(semitones[voiced], [10, 90])
    pair = voiced[1:] & voiced[:-1]
    step = np.abs(np.diff(semitones))[pair]
    step = step[step < 3] if (step < 3).any() else np.ones(1)  # octave errors are not intonation
    triple = voiced[2:] & voiced[1:-1] & voiced[:-2]
    accel = np.abs(np.diff(semitones, n=2))[triple]
    accel = accel[accel < 3] if (accel < 3).any() else np.ones(1)
    return {
        "pitch.spread": np.log(semitones[voiced].std() + 0.05),
        "pitch.range": np.log(p90 - p10 + 0.1),
        "pitch.step": np.log(np.median(step) + 1e-3),
        "pitch.step_p90": np.log(np.percentile(step, 90) + 1e-3),
        "pitch.accel": np.log(np.median(accel) + 1e-3),
        "pitch.share": float(voiced.sum() / max(loud.sum(), 1)),
        "pitch.flips": float(np.count_nonzero(np.diff(voiced.astype(int))) / len(voiced)),
        "pitch.strength": strength[voiced].mean(),
        "pitch.strength_std": strength[voiced].std(),
        "pitch.weak": np.percentile(strength[loud], 20),
    }


def _periodicity(power: Array, best: NDArray[np.int_], voiced: NDArray[np.bool_], own: Array) -> dict[str, float]:
    """Autocorrelation at the pitch period, one frequency band at a time: how much is voice, how much breath."""
    out: dict[str, float] = {}
    rows = np.flatnonzero(voiced)
    lag = best[rows]
    # Above 1 kHz the band's own ripple hides the exact lag: take the best of seven around it.
    turns = _cosines()[lag[:, None] + np.arange(-3, 4)]
    for band in BANDS:
        name = f"pitch.{band[0]}"
        if len(rows) < 10:
            out[f"{name}.mean"] = out[f"{name}.std"] = out[f"{name}.p90"] = 0.0
            continue
        part = slice(round(band[0] * LONG_FFT / RATE), round(band[1] * LONG_FFT / RATE))
        own_power = power[rows, part]
        around = np.matmul(turns[:, :, part], own_power[:, :, None])[:, :, 0] / (LONG_FFT / 2)
        total = own_power.sum(axis=1) / (LONG_FFT / 2)
        ratio = around.max(axis=1) / (total + EPS) / (own[lag] / own[0])
        out[f"{name}.mean"] = ratio.mean()
        out[f"{name}.std"] = ratio.std()
        out[f"{name}.p90"] = np.percentile(ratio, 90)
    return out


@functools.lru_cache(maxsize=1)
def _cosines() -> Array:
    """(lags, bins): what each bin's power adds to the autocorrelation, but for a factor."""
    lags, bins = np.arange(int(RATE / PITCH_RANGE[0]) + 4)[:, None], np.arange(LONG_FFT // 2 + 1)
    made: Array = np.cos(2 * np.pi / LONG_FFT * (lags * bins % LONG_FFT)).astype(np.float32)
    return made


HARMONICS = 8


def _harmonic_phase(framed: Array, f0: Array, voiced: NDArray[np.bool_]) -> dict[str, float]:
    """Relative phase shift of harmonics 2 to 8: how settled it is over the utterance and from frame to frame."""
    names = [f"phase.{kind}{k}" for k in range(2, HARMONICS + 1) for kind in ("settled", "steady")]
    rows = np.flatnonzero(voiced)
    if len(rows) < 10:
        return dict.fromkeys(names, 0.0)
    harmonics = _at(framed[rows], 2 * np.pi / RATE * f0[rows])
    unit = harmonics / (np.abs(harmonics) + EPS)
    follows = np.flatnonzero(np.diff(rows) == 1)
    out: dict[str, float] = {}
    for k in range(2, HARMONICS + 1):
        relative = unit[:, k - 1] * np.conj(unit[:, 0]) ** k
        out[f"phase.settled{k}"] = float(np.abs(relative.mean()))
        turned = relative[follows + 1] * np.conj(relative[follows])
        out[f"phase.steady{k}"] = float(np.abs(turned.mean())) if len(turned) else 0.0
    return out


PIECE = 32
"""Samples; a divisor of `LONG`."""


def _at(framed: Array, turn: Array) -> Complex:
    """Fourier sums about the middle of frames (n, m) at `HARMONICS` multiples of `turn` (n,) radians a sample.

    Within pieces first and then over them, so that few sines are needed.
    """
    rows, size = framed.shape
    within = _turns(turn, np.arange(float(PIECE)))
    before = _turns(turn, np.arange(0.0, size, PIECE) - size / 2)
    pieces = np.matmul(framed.reshape(rows, size // PIECE, PIECE), within.view(np.float32))
    made: Complex = np.conj((pieces.view(np.complex64) * before).sum(axis=1))
    return made


def _turns(turn: Array, at: Array) -> Complex:
    """(n, times, harmonics): where each harmonic of `turn` (n,) stands `at` these samples (times,)."""
    angle = turn.astype(np.float32)[:, None] * at.astype(np.float32)
    made = np.empty((*angle.shape, HARMONICS), np.complex64)
    made.real[..., 0], made.imag[..., 0] = np.cos(angle), np.sin(angle)
    for k in range(1, HARMONICS):
        np.multiply(made[..., k - 1], made[..., 0], out=made[..., k])
    return made


ORDER = 16


def _residual(x: Array) -> dict[str, float]:
    pre = np.append(x[0], x[1:] - 0.97 * x[:-1])
    framed = _frames(pre, WINDOW, 2 * STEP)
    windowed = framed * _hann(WINDOW)
    energy = np.einsum("ij,ij->i", windowed, windowed)
    keep = energy > np.percentile(energy, 95) * 1e-3
    framed, windowed = framed[keep], windowed[keep]
    products = [np.einsum("ij,ij->i", windowed[:, k:], windowed[:, : WINDOW - k]) for k in range(ORDER + 1)]
    correlation = np.stack(products, axis=1)
    correlation[:, 0] *= 1 + 1e-4  # 40 dB of white noise: keeps a band-limited frame from a singular fit
    coefficients, error = _levinson(correlation)
    gain = np.log(correlation[:, 0] / (error + EPS))
    residual, weights = framed[:, ORDER:].copy(), coefficients.astype(np.float32)
    for k in range(1, ORDER + 1):
        residual += weights[:, k : k + 1] * framed[:, ORDER - k : framed.shape[1] - k]
    residual /= residual.std(axis=1, keepdims=True) + EPS
    residual -= residual.mean(axis=1, keepdims=True)
    square = residual * residual
    kurtosis, skew = np.mean(square * square, axis=1), np.mean(square * residual, axis=1)
    peak = np.abs(residual).max(axis=1)
    return {
        "lpc.gain": gain.mean(),
        "lpc.gain_std": gain.std(),
        "lpc.gain_p10": np.percentile(gain, 10),
        "lpc.gain_p90": np.percentile(gain, 90),
        "lpc.kurt": np.log(kurtosis + 1e-6).mean(),
        "lpc.kurt_std": np.log(kurtosis + 1e-6).std(),
        "lpc.kurt_p90": np.log(np.percentile(kurtosis, 90) + 1e-6),
        "lpc.skew_abs": np.abs(skew).mean(),
        "lpc.skew_bias": np.abs(skew.mean()),
        "lpc.peak": peak.mean(),
        "lpc.peak_std": peak.std(),
    }


def _levinson(correlation: Array) -> tuple[Array, Array]:
    """Levinson-Durbin on every row; returns prediction-error filters (rows, order + 1) and their error powers."""
    rows, order = correlation.shape[0], correlation.shape[1] - 1
    a = np.zeros((rows, order + 1))
    a[:, 0] = 1
    error = correlation[:, 0] + EPS
    for i in range(1, order + 1):
        reflection = -np.einsum("ij,ij->i", a[:, :i], correlation[:, i:0:-1]) / error
        a[:, 1 : i + 1] += reflection[:, None] * a[:, i - 1 :: -1][:, :i] if i > 1 else reflection[:, None] * a[:, :1]
        error = error * np.maximum(1 - reflection**2, 1e-6)
    return a, error


MODULATION_EDGES = (1.0, 3.0, 6.0, 10.0, 16.0, 25.0, 50.0)


def _modulation(power: Array) -> dict[str, float]:
    out: dict[str, float] = {}
    size = 256
    levels = _levels(power)
    series = levels - levels.mean(axis=1, keepdims=True)
    length = min(size, series.shape[1])
    pieces = np.lib.stride_tricks.sliding_window_view(series, length, axis=1)[:, :: max(length // 2, 1)]
    spectra = (np.abs(_rfft(pieces * _hann(length), size)) ** 2).mean(axis=1)
    f = np.fft.rfftfreq(size, STEP / RATE)
    parts = np.stack([spectra[:, (f >= a) & (f < b)].sum(axis=1) for a, b in pairwise(MODULATION_EDGES)], axis=1) + EPS
    shares = np.log(parts / parts.sum(axis=1, keepdims=True))
    for band, row in zip(BANDS, shares, strict=True):
        for low, share in zip(MODULATION_EDGES, row, strict=False):
            out[f"mod.{band[0]}.{low:g}"] = share
    return out


def _lines(x: Array) -> dict[str, float]:
    framed = _frames(x, 2048, 1024) * _hann(2048)
    mean = np.log(_row_medians(np.ascontiguousarray((np.abs(_rfft(framed)) ** 2).T)) + 1e-9)
    smooth = np.convolve(np.pad(mean, 15, mode="edge"), np.ones(31) / 31, mode="valid")
    rest = mean - smooth
    out: dict[str, float] = {}
    for low, high in ((1000, 3400), (3400, 5500), (5500, 7600)):
        part = rest[low * 2048 // RATE : high * 2048 // RATE]
        out[f"line.{low}.std"] = np.log(part.std() + 1e-3)
        out[f"line.{low}.peak"] = np.log(np.percentile(part, 99) - np.median(part) + 1e-3)
        out[f"line.{low}.skew"] = np.mean((part - part.mean()) ** 3) / (part.std() ** 3 + EPS)
    return out


@functools.lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Names of the numbers that `measure` returns, in its order."""
    probe: Any = np.random.default_rng(0).standard_normal(RATE)
    return tuple(measure(probe.astype(np.float32)))
