"""Narrow lines in the long-term spectrum (``line``)."""

from __future__ import annotations

import numpy as np

from inperson.detectors._voice_features.frames import EPS, RATE, Array, frames, hann, rfft, row_medians


def lines(x: Array) -> dict[str, float]:
    """Of the utterance `x` (samples,): how far lines stand out of its median spectrum, natural logarithms."""
    framed = frames(x, 2048, 1024) * hann(2048)
    mean = np.log(row_medians(np.ascontiguousarray((np.abs(rfft(framed)) ** 2).T)) + 1e-9)
    smooth = np.convolve(np.pad(mean, 15, mode="edge"), np.ones(31) / 31, mode="valid")
    rest = mean - smooth
    out: dict[str, float] = {}
    for low, high in ((1000, 3400), (3400, 5500), (5500, 7600)):
        part = rest[low * 2048 // RATE : high * 2048 // RATE]
        out[f"line.{low}.std"] = np.log(part.std() + 1e-3)
        out[f"line.{low}.peak"] = np.log(np.percentile(part, 99) - np.median(part) + 1e-3)
        out[f"line.{low}.skew"] = np.mean((part - part.mean()) ** 3) / (part.std() ** 3 + EPS)
    return out
