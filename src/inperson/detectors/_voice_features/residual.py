"""What a linear prediction leaves (``lpc``)."""

from __future__ import annotations

import numpy as np

from inperson.detectors._voice_features.frames import EPS, STEP, WINDOW, Array, frames, hann

ORDER = 16
"""About two poles for each of the 8 kHz: the usual rule for voices at 16 kHz."""


def residual(x: Array) -> dict[str, float]:
    """Of the utterance `x` (samples,), pre-emphasised, over its loud frames."""
    pre = np.append(x[0], x[1:] - 0.97 * x[:-1])
    framed = frames(pre, WINDOW, 2 * STEP)
    windowed = framed * hann(WINDOW)
    energy = np.einsum("ij,ij->i", windowed, windowed)
    keep = energy > np.percentile(energy, 95) * 1e-3
    framed, windowed = framed[keep], windowed[keep]
    products = [np.einsum("ij,ij->i", windowed[:, k:], windowed[:, : WINDOW - k]) for k in range(ORDER + 1)]
    correlation = np.stack(products, axis=1)
    correlation[:, 0] *= 1 + 1e-4  # 40 dB of white noise: keeps a band-limited frame from a singular fit
    coefficients, error = _levinson(correlation)
    gain = np.log(correlation[:, 0] / (error + EPS))
    rest, weights = framed[:, ORDER:].copy(), coefficients.astype(np.float32)
    for k in range(1, ORDER + 1):
        rest += weights[:, k : k + 1] * framed[:, ORDER - k : framed.shape[1] - k]
    rest /= rest.std(axis=1, keepdims=True) + EPS
    rest -= rest.mean(axis=1, keepdims=True)
    square = rest * rest
    kurtosis, skew = np.mean(square * square, axis=1), np.mean(square * rest, axis=1)
    peak = np.abs(rest).max(axis=1)
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
