"""Real Fourier transforms in single precision where the input is (numpy before 2.0 would double it)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inperson.detectors._voice_traces._blocks import Array


def rfft(x: Array, size: int | None = None) -> NDArray[np.complexfloating[Any, Any]]:
    """Along the last axis, zero-padded to `size`."""
    from scipy import fft

    made: NDArray[np.complexfloating[Any, Any]] = fft.rfft(x, size, axis=-1)
    return made


def irfft(x: NDArray[Any], size: int | None = None) -> Array:
    """Along the last axis."""
    from scipy import fft

    made: Array = fft.irfft(x, size, axis=-1)
    return made


def fast_length(size: int) -> int:
    """The next length that transforms quickly."""
    from scipy import fft

    return int(fft.next_fast_len(size, real=True))
