"""One person's mouth and voice, compared at every lag: what all readings of `lip_sync` start from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inperson import models
from inperson.lips import lag
from inperson.lips.mouth import RATE, Array, Lips, Mask
from inperson.lips.sound import levelled
from inperson.types import Floats, Span, merged

MODEL = "lip_sync-0.2.0"
"""The card that holds the networks, [match] and the calibration."""
PAD = 0.5
"""Seconds around the candidate's turns that are used too: a mouth that opens with the voice is evidence of its own."""
PAUSE = 5.0
"""Seconds without the candidate's voice that end a stretch."""
SLICE, MARGIN = 4096, 64
"""Grid points embedded at once, and how many on either side are embedded with them: more than the networks see."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A voice on the grid.

    Attributes
    ----------
    mel : (n, BANDS) float32
    used, spoken : (n,) bool
        Where the voice is alone, with and without the padding around its turns.
    snr : float
        dB.
    """

    mel: Floats
    used: Mask
    spoken: Mask
    snr: float


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Likeness of one mouth and one voice.

    Attributes
    ----------
    spans : tuple of Span
        b blocks of about a second of the voice.
    sums : (b, lags, 2)
        See `inperson.lips.lag.block_sums`.
    chance : (b, k, 2)
        See `inperson.lips.lag.chance_sums`.
    seconds : float
        Of speech in which the mouth was measured.
    """

    spans: tuple[Span, ...]
    sums: Array
    chance: Array
    seconds: float


def hear(mel: Floats, spans: Sequence[Span], others: Sequence[Span], gaps: Sequence[Span], origin: float) -> Heard:
    """Where on the grid this voice is heard: `spans` are its turns, `others` everybody else's, `gaps` hold no sound."""
    n = len(mel)
    silent = mask(gaps, n, origin)
    spoken = mask(spans, n, origin) & ~silent
    padded = [Span(max(0.0, s.start - PAD), s.end + PAD) for s in spans]
    used = mask(padded, n, origin) & ~silent & ~mask(others, n, origin)
    used |= spoken
    power = np.log(np.exp(mel).sum(axis=1)) * (10 / math.log(10))
    sounding = power[~silent]
    snr = float(np.percentile(power[spoken], 75) - np.percentile(sounding, 5)) if spoken.any() else 0.0
    return Heard(mel, used, spoken, snr)


def mask(spans: Sequence[Span], n: int, origin: float) -> Mask:
    """(n,) bool: which grid points lie in `spans`."""
    out = np.zeros(n, bool)
    for span in merged(spans):
        first, last = ((time - origin) * RATE for time in (span.start, span.end))
        out[max(0, math.ceil(first)) : max(0, math.ceil(last))] = True
    return out


def spoken_with_mouth(heard: Heard, seen: Lips) -> float:
    """Seconds of the voice in which the mouth was measured."""
    return float((heard.spoken & seen.measured).sum()) / RATE


def compare(heard: Heard, seen: Lips, origin: float) -> Pair:
    """Embed mouth and voice, fit the voice to this mouth, and compare them at every lag.

    Parameters
    ----------
    heard, seen : Heard, Lips
        On one grid (n,). At least one point of the voice must lie within the reach of a measured mouth.
    origin : float
        Seconds; time of the grid's first point.
    """
    needed = heard.used & _near(seen.measured)
    where = np.flatnonzero(needed)
    starts, folds = _blocks(where)
    voice, mouth = embedded(levelled(heard.mel, heard.used), seen.shape, _near(needed))
    measured = seen.measured
    own = voice[where]
    first = lag.block_sums(own, where, starts, mouth, measured)
    local = lag.local_lags(first, lag.peak(lag.likeness(first.sum(0))).index)
    sizes = np.diff(np.append(starts, len(where)))
    there, valid = lag.lips_at(where, np.repeat(local, sizes), mouth, measured)
    own = lag.own_fit(own, there, valid, folds)
    sums = lag.block_sums(own, where, starts, mouth, measured)
    found = lag.peak(lag.likeness(sums.sum(0)))
    chance = lag.chance_sums(own, where, starts, mouth, measured, int(lag.LAGS[found.index]))
    times = origin + where / RATE
    ends = np.append(starts[1:], len(where)) - 1
    spans = tuple(Span(float(times[a]), float(times[b]) + 1.0 / RATE) for a, b in zip(starts, ends, strict=True))
    return Pair(spans, sums, chance, spoken_with_mouth(heard, seen))


def embedded(mel: Floats, shape: NDArray[np.float16], needed: Mask) -> tuple[lag.Embedding, lag.Embedding]:
    """Embeddings of the voice and of the mouth.

    Parameters
    ----------
    mel, shape : (n, BANDS) and (n, SHAPE)
        Levelled spectra, and the mouth.
    needed : (n,) bool
        Slices of the grid without any such point are left at 0: a face seen for a minute costs no hour.

    Returns
    -------
    (n, d) float16, twice
    """
    session = models.session(MODEL)
    voice, mouth = (np.zeros((len(mel), one.shape[-1]), np.float16) for one in session.get_outputs())
    for start in range(0, len(mel), SLICE):
        rows = slice(start, min(start + SLICE, len(mel)))
        if not needed[rows].any():
            continue
        first, last = max(0, start - MARGIN), min(len(mel), start + SLICE + MARGIN)
        pair = session.run(
            ["voice", "lips"], {"spectra": mel[None, first:last], "mouth": shape[None, first:last].astype(np.float32)}
        )
        for out, part in zip((voice, mouth), pair, strict=True):
            out[rows] = part[0, start - first : start - first + SLICE]
    return voice, mouth


def _near(measured: Mask) -> Mask:
    """Grid points from which a measured one can be reached by some lag."""
    reach = np.convolve(measured, np.ones(2 * lag.MAX_LAG + 1))
    return np.asarray(reach[lag.MAX_LAG : lag.MAX_LAG + len(measured)] > 0.5)


def _blocks(where: lag.Index) -> tuple[lag.Index, lag.Index]:
    """First point of each block of a second or more, none across a pause; and the fold of each point."""
    size = max(RATE, len(where) // 3600)
    begins = np.concatenate([[0], np.flatnonzero(np.diff(where) > PAUSE * RATE) + 1])
    ends = np.append(begins[1:], len(where))
    starts = [np.arange(a, max(a + 1, b - size // 2), size) for a, b in zip(begins, ends, strict=True)]
    folds = np.arange(len(where)) * lag.FOLDS // max(len(where), 1)
    return np.concatenate(starts).astype(np.intp), folds.astype(np.intp)
