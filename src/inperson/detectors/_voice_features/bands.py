"""Range, flatness and roughness of each band (``band``), and how its level is modulated (``mod``)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_features.frames import BANDS, EPS, RATE, STEP, Array, band_levels, bins, hann, rfft

MODULATION_EDGES = (1.0, 3.0, 6.0, 10.0, 16.0, 25.0, 50.0)
"""Hz."""


def bands(power: Array, active: NDArray[np.bool_]) -> dict[str, float]:
    """Of `power` (frames, bins), over the frames that are `active` (frames,)."""
    out: dict[str, float] = {}
    logs = np.log(power)
    total = np.log(power.sum(axis=1))[active]
    levels = band_levels(power)
    flats = (np.stack([logs[:, bins(band)].mean(axis=1) for band in BANDS]) - levels)[:, active]
    both = active[1:] & active[:-1]
    jerks = np.abs(np.diff(levels, axis=1)[:, both]).mean(axis=1) if both.any() else None
    fifths = np.percentile(levels[:, active], [5, 25, 50, 75, 95], axis=1).T
    for i, band in enumerate(BANDS):
        log, flat = logs[:, bins(band)], flats[i]
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


def _correlation(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a @ b) / (np.sqrt((a @ a) * (b @ b)) + EPS))


def modulation(power: Array) -> dict[str, float]:
    """Of `power` (frames, bins): natural logarithms of the shares between `MODULATION_EDGES` in each band."""
    out: dict[str, float] = {}
    size = 256
    levels = band_levels(power)
    series = levels - levels.mean(axis=1, keepdims=True)
    length = min(size, series.shape[1])
    pieces = np.lib.stride_tricks.sliding_window_view(series, length, axis=1)[:, :: max(length // 2, 1)]
    spectra = (np.abs(rfft(pieces * hann(length), size)) ** 2).mean(axis=1)
    f = np.fft.rfftfreq(size, STEP / RATE)
    parts = np.stack([spectra[:, (f >= a) & (f < b)].sum(axis=1) for a, b in pairwise(MODULATION_EDGES)], axis=1) + EPS
    shares = np.log(parts / parts.sum(axis=1, keepdims=True))
    for band, row in zip(BANDS, shares, strict=True):
        for low, share in zip(MODULATION_EDGES, row, strict=False):
            out[f"mod.{band[0]}.{low:g}"] = share
    return out
