"""Phases of the harmonics against the fundamental's (``phase``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_features.frames import EPS, RATE, Array, Complex

HARMONICS = 8
"""Up to 3.2 kHz at the highest pitch: within a telephone's band."""
PIECE = 32
"""Samples; a divisor of a frame of the pitch."""


def harmonic_phase(framed: Array, f0: Array, voiced: NDArray[np.bool_]) -> dict[str, float]:
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
