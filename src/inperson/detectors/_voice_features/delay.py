"""Modified group delay (``mgd``)."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_features.cepstra import dct
from inperson.detectors._voice_features.frames import BANDS, EPS, FFT, Array, Complex, bins, median, row_medians


def group_delay(spectrum: Complex, ramp: Complex, active: NDArray[np.bool_]) -> dict[str, float]:
    """Of `spectrum` (frames, bins) and of the spectrum of n * x[n], `ramp`, over the frames that are `active`."""
    s, y = spectrum[active], ramp[active]
    power = s.real * s.real + s.imag * s.imag
    envelope = _liftered(np.log(np.sqrt(power) + EPS))
    product = s.real * y.real + s.imag * y.imag
    delay = product[:, 4:244] / (np.exp(2 * 0.9 * envelope[:, 4:244]) + EPS)  # 125 to 7600 Hz
    # A power by exponential and logarithm, in half the time.
    delay = np.copysign(np.exp(0.4 * np.log(np.abs(delay) + EPS)), delay)
    coefficients = (delay @ dct(delay.shape[1]).T)[:, :16]
    scale = coefficients.std(axis=0) + 1e-6
    out: dict[str, float] = {}
    for i in range(16):
        out[f"mgd.mean{i}"] = coefficients[:, i].mean() / scale.mean()
        out[f"mgd.std{i}"] = np.log(scale[i] / scale.mean())
    # Plain group delay in samples, against the envelope's power: how early or late a band's energy lies in its frame.
    plain = np.clip(product / (power + 1e-3 * np.exp(2 * envelope) + EPS), -200, 200)
    for band in BANDS:
        part = plain[:, bins(band)]
        out[f"mgd.{band[0]}.mad"] = np.log(median(np.abs(part - row_medians(part)[:, None])) + 1e-3)
        out[f"mgd.{band[0]}.median"] = median(part)
        out[f"mgd.{band[0]}.rough"] = np.log(median(np.abs(np.diff(part, axis=1))) + 1e-3)
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
