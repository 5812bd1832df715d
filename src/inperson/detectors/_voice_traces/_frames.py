"""What is kept of the sound every 8 ms: level, level of the breath band, pitch, and every 4 ms how abruptly it changes.

About 1.5 kB a second. The sound itself is forgotten block by block.
"""

from __future__ import annotations

import functools

import numpy as np

from inperson.detectors._voice_traces._blocks import HOP, MARGIN, RATE, Array, Block
from inperson.detectors._voice_traces._fft import irfft, rfft
from inperson.types import Floats

STEP = 128
"""8 ms, a quarter of the hop of the speech probability."""
STEP_SECONDS = STEP / RATE
PER_HOP = HOP // STEP
WINDOW = 512
"""32 ms Hann for level and spectrum."""
BREATH_BAND = (1000, 6000)
"""Hz: breath noise lies there, room rumble and most of the voiced sounds' energy below."""
PITCH_WINDOW, PITCH_FFT = 640, 1024
"""40 ms: two periods of the lowest pitch."""
PITCH_BINS = 2000 * PITCH_FFT // RATE
"""Below 2 kHz."""
LOWEST, HIGHEST = 60.0, 400.0
"""Hz; speech of adults, children and most intonation."""
FINE = 64
"""4 ms: the grid of the discontinuities."""
FINE_WINDOW = 128
ORDER = 12
"""Linear prediction at 16 kHz: four to five resonances and a tilt."""
SCALE = 64
"""Steps per neper in which the discontinuity is kept (one byte: at most 4 nepers)."""
CONTRAST = 15
"""Bins on either side (60 ms) whose mean a discontinuity is measured against: a seam is short, an onset is not."""


def levels(block: Block) -> tuple[Floats, Floats]:
    """Level in dB below full scale (mean square 1 = 0 dB) every 8 ms: whole band, and breath band; floor -120."""
    count = len(block.speech) * PER_HOP
    first = MARGIN + STEP // 2 - WINDOW // 2
    frames = np.lib.stride_tricks.sliding_window_view(block.sound[first:], WINDOW)[::STEP][:count]
    window = _hann(WINDOW)
    power = np.square(np.abs(rfft(frames * window))) * (2.0 / (WINDOW * float(np.sum(window**2))))
    low, high = (round(f * WINDOW / RATE) for f in BREATH_BAND)
    whole = power[:, 2:].sum(axis=1)
    return _db(whole), _db(power[:, low:high].sum(axis=1))


def pitch(block: Block, wanted: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[Floats, Floats]:
    """Log of F0 in Hz, and periodicity in [0, 1], every 8 ms; NaN and 0 where not `wanted`.

    Normalised autocorrelation of 40 ms below 2 kHz, refined by a parabola; the window's own autocorrelation is divided
    out (Boersma, "Accurate short-term analysis of the fundamental frequency", IFA Proceedings 17, 1993).
    """
    count = len(block.speech) * PER_HOP
    logs, periodic = np.full(count, np.nan, np.float32), np.zeros(count, np.float32)
    rows = np.flatnonzero(wanted[:count])
    if not len(rows):
        return logs, periodic
    first = MARGIN + STEP // 2 - PITCH_WINDOW // 2
    frames = np.lib.stride_tricks.sliding_window_view(block.sound[first:], PITCH_WINDOW)[::STEP][rows]
    spectra = rfft((frames - frames.mean(axis=1, keepdims=True)) * _hann(PITCH_WINDOW), PITCH_FFT)[:, :PITCH_BINS]
    lags = np.arange(int(RATE / HIGHEST) - 1, int(RATE / LOWEST) + 2)
    found = np.square(np.abs(spectra)) @ _correlating()
    correlation = found[:, lags] / (found[:, :1] + 1e-20) / _own_correlation()[lags]
    best = 1 + np.argmax(correlation[:, 1:-1] - 0.0002 * lags[1:-1], axis=1)
    index = np.arange(len(rows))
    before, here, after = (correlation[index, best + i] for i in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = np.where(bend < -1e-9, 0.5 * (before - after) / np.where(bend < -1e-9, bend, 1.0), 0.0)
    logs[rows] = np.log(RATE / (lags[best] + np.clip(shift, -0.5, 0.5)))
    periodic[rows] = np.clip(here, 0.0, 1.0)
    return logs, periodic


def discontinuity(block: Block) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """How abruptly the sound changes every 4 ms, in steps of 1 / `SCALE` neper above its surroundings.

    The mean of two contrasts: of the spectra of the 8 ms before and after (level steps are part of it), and of the
    largest residual of a linear prediction that knows the 32 ms around.
    """
    count = len(block.speech) * (HOP // FINE)
    reach = CONTRAST + 1
    first = MARGIN - reach * FINE  # the first of the bins that are needed
    flux = _flux(block.sound, first, count + 2 * reach)
    spike = _residual_peak(block.sound, first, count + 2 * reach)
    total = 0.5 * (_contrast(flux) + _contrast(spike))
    return np.clip(np.round(total[reach : reach + count] * SCALE), 0, 255).astype(np.uint8)


def _flux(sound: Floats, first: int, count: int) -> Array:
    start = first + FINE // 2 - FINE_WINDOW
    frames = np.lib.stride_tricks.sliding_window_view(sound[start:], FINE_WINDOW)[::FINE][: count + 2]
    power = np.square(np.abs(rfft(frames * _hann(FINE_WINDOW))))
    log = np.log(power[:, 1:-1] + 1e-4 * power.mean() + 1e-12)
    made: Array = np.abs(log[2:] - log[:-2]).mean(axis=1)
    return made


def _residual_peak(sound: Floats, first: int, count: int) -> Array:
    """Largest absolute residual of each bin over the residual's mean."""
    start = first // WINDOW * WINDOW
    tiles = -(-(first + count * FINE - start) // WINDOW)
    need = start + tiles * WINDOW
    held = np.pad(sound, (0, max(need - len(sound), 0)))
    tiled = held[start:need].reshape(tiles, WINDOW)
    weights = predictors(tiled * _hann(WINDOW))
    past = np.pad(held[:need], (ORDER, 0))
    residual = tiled.copy()
    for k in range(ORDER):
        before = past[ORDER + start - 1 - k : ORDER + need - 1 - k].reshape(tiles, WINDOW)
        residual -= weights[:, k : k + 1] * before
    scale = np.abs(residual).mean(axis=1, keepdims=True) + 1e-9
    flat = np.abs(residual / scale).reshape(-1)[first - start :][: count * FINE]
    made: Array = flat.reshape(count, FINE).max(axis=1)
    return made


def predictors(frames: Array) -> Array:
    """Linear prediction (autocorrelation method) of windowed frames (n, m): weights (n, ORDER) of the past samples.

    Levinson-Durbin for all frames at once; 40 dB of white noise is added so that silence and tones stay stable.
    """
    size = frames.shape[1]
    products = [np.einsum("ij,ij->i", frames[:, k:], frames[:, : size - k]) for k in range(ORDER + 1)]
    r = np.stack(products, axis=1).astype(np.float64)
    r[:, 0] = r[:, 0] * (1 + 1e-4) + 1e-12
    weights = np.zeros((len(frames), ORDER))
    error = r[:, 0].copy()
    for i in range(ORDER):
        reflection = (r[:, i + 1] - np.einsum("ij,ij->i", weights[:, :i], r[:, i:0:-1])) / error
        weights[:, :i] -= reflection[:, None] * weights[:, :i][:, ::-1]
        weights[:, i] = reflection
        error *= 1 - reflection**2
    return weights.astype(np.float32)


def _contrast(values: Array) -> Array:
    """Log of each value over the mean log of its neighbours within `CONTRAST` bins; 0 where it is lower."""
    log = np.log(values + 1e-6)
    padded = np.pad(log, CONTRAST, mode="edge")
    sums = np.cumsum(np.concatenate([[0.0], padded]))
    mean = (sums[2 * CONTRAST + 1 :] - sums[: -2 * CONTRAST - 1]) / (2 * CONTRAST + 1)
    made: Array = np.maximum(log - mean, 0.0)
    return made


def _db(power: Array) -> Floats:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)), np.float32)


@functools.lru_cache(maxsize=8)
def _hann(length: int) -> Floats:
    """Periodic Hann window."""
    return np.hanning(length + 1)[:-1].astype(np.float32)


@functools.lru_cache(maxsize=1)
def _correlating() -> Floats:
    """(PITCH_BINS, lags): powers to the autocorrelation from lag 0 on."""
    bins, lags = np.arange(PITCH_BINS)[:, None], np.arange(int(RATE / LOWEST) + 2)
    twice = np.where(bins == 0, 1.0, 2.0)  # every bin but the first stands for two
    return np.asarray(twice * np.cos(2 * np.pi / PITCH_FFT * (bins * lags % PITCH_FFT)) / PITCH_FFT, np.float32)


@functools.lru_cache(maxsize=1)
def _own_correlation() -> Floats:
    own = irfft(np.square(np.abs(rfft(_hann(PITCH_WINDOW).astype(np.float64), PITCH_FFT))))
    return np.asarray(own / own[0], np.float32)
