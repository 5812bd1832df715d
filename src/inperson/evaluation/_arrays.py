"""Scores and labels, checked once at the door of every metric."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inperson.errors import InputError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def finite(values: ArrayLike, name: str) -> Floats:
    """`values` as a (n,) array of finite numbers; n may be 0.

    Raises
    ------
    InputError
        Another shape, not numbers, or one of them is NaN or infinite.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"expected {name} as numbers, found {type(values).__name__} with something else") from None
    if array.ndim != 1:
        raise InputError(f"expected {name} in one dimension, found shape {array.shape}")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise InputError(f"expected finite {name}, found {bad} of {len(array)} that are not; leave abstentions out")
    return array


def scored(scores: ArrayLike, labels: ArrayLike, name: str = "scores") -> tuple[Floats, Flags]:
    """(n,) finite scores and (n,) flags, True where the signal is present.

    Raises
    ------
    InputError
        Lengths differ, a score is not finite, or a label is neither 0 nor 1.
    """
    x, y = finite(scores, name), finite(labels, "labels")
    if x.shape != y.shape:
        raise InputError(f"expected as many labels as {name}, found {len(y)} and {len(x)}")
    spoof = y == 1
    if not (spoof | (y == 0)).all():
        raise InputError(f"expected labels of 0 (bona fide) and 1 (signal present), found {y[~spoof & (y != 0)][0]:g}")
    return x, spoof


def probability(value: float, name: str) -> float:
    """`value` if it is a probability above 0 and below 1.

    Raises
    ------
    InputError
        It is not.
    """
    if not 0 < value < 1:
        raise InputError(f"expected the {name} above 0 and below 1, found {value}")
    return float(value)
