"""Balanced batches of sound, and the cheap passages through a channel that are drawn anew every time.

The ladder's passages (codecs, rooms, suppression, loss) are made once by `prepare.py`. Here: another microphone, band
limits at either end, noise, and a reversed polarity, on either class alike.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from corpus import COPIES, Corpus, made_here
from numpy.typing import NDArray
from scipy import fft

RATE = 16000
LENGTHS = ((1.3, 0.35), (1.7, 0.35), (2.6, 0.3))
"""Seconds of a batch's clips, and how often: what is looked for is short, and short clips show more of them an hour."""
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """`sound` (n, samples); `spoof`, `converted`, `codec` (n,), NaN where a clip says nothing of it."""

    sound: Floats
    spoof: Floats
    converted: Floats
    codec: Floats


def targets(corpus: Corpus) -> tuple[Floats, Floats, Floats]:
    """What each row teaches: a neural codec is neither class, a vocoder's copy of real speech is synthetic."""
    kind = corpus["kind"]
    spoof = np.where(kind == "codec", np.nan, corpus.spoof).astype(np.float32)
    made, changed = np.isin(kind, ("tts", "concat")), np.isin(kind, ("vc", "accent_conversion"))
    converted = np.where(changed, 1, np.where(made, 0, np.nan)).astype(np.float32)
    return spoof, converted, (kind == "codec").astype(np.float32)


def weights(corpus: Corpus, alone: float = 0.3, made: float = 1.0) -> NDArray[np.float64]:
    """How often a row is drawn.

    First a page by the root of its size, then bona fide or not with even odds, then a system by the root of its size:
    where a page has both classes (its own fakes, or copies made here of its voices), it tells nothing of the label. A
    share `alone` of either class's draws comes from pages that have that class only. What was made here counts `made`
    times as much as what was found.
    """
    spoof = corpus.spoof
    page = np.unique(corpus["page"], return_inverse=True)[1]
    both = np.array([len({*spoof[page == p]}) == 2 for p in range(page.max() + 1)])[page]
    weight = np.zeros(len(corpus))
    for label in (0, 1):
        for paired, share in ((True, 1 - alone), (False, alone)):
            rows = np.flatnonzero((spoof == label) & (both == paired))
            if not len(rows):
                continue
            if not paired:
                share = min(share, 0.03 * len(set(page[rows])))
            systems = np.char.add(np.char.add(corpus["source"][rows], "|"), corpus["system"][rows])
            _, which, size = np.unique(systems, return_inverse=True, return_counts=True)
            part = size[which] ** -0.5
            part[np.isin(corpus["kind"][rows], (COPIES, "codec"))] *= 0.6
            if paired:  # each page as heavy on either side
                total = np.bincount(page[rows], part, page.max() + 1)
                heavy = np.sqrt(np.bincount(page[both], minlength=page.max() + 1))
                part = part / total[page[rows]] * heavy[page[rows]]
            weight[rows] = share * part / part.sum()
    weight[made_here(corpus)] *= made
    for label in (0, 1):
        weight[spoof == label] /= 2 * weight[spoof == label].sum()
    return weight


def batches(corpus: Corpus, count: int, size: int, seed: int, made: float = 1.0, clean: float = 0.3) -> Iterator[Batch]:
    """`count` batches; a share `clean` of the clips is taken before the ladder."""
    rng = np.random.default_rng(seed)
    spoof, converted, codec = targets(corpus)
    for which, drawn in draws(corpus, count, size, rng, made, clean):
        n = int(LENGTHS[which][0] * RATE)
        sound = np.stack([cut(corpus.sound(i), n, rng) for i in drawn])
        yield Batch(channel(sound, rng), spoof[drawn], converted[drawn], codec[drawn])


def draws(
    corpus: Corpus, count: int, size: int, rng: np.random.Generator, made: float = 1.0, clean: float = 0.3
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """The length (of `LENGTHS`) and the rows of each batch."""
    weight = weights(corpus, made=made)
    version = np.where(corpus["version"] == "clean", clean, (1 - clean) / (len(set(corpus["version"])) - 1))
    seconds, odds = np.array(LENGTHS).T
    tables = []
    for length in seconds:
        fits = weight * version * (corpus.samples >= length * RATE)
        tables.append(np.cumsum(fits / fits.sum()))
    for _ in range(count):
        which = int(rng.choice(len(seconds), p=odds))
        yield which, np.minimum(np.searchsorted(tables[which], rng.random(size)), len(corpus) - 1)


def cut(x: NDArray[np.int16], n: int, rng: np.random.Generator) -> Floats:
    start = int(rng.integers(0, len(x) - n + 1))
    y = x[start : start + n].astype(np.float32)
    return y / (float(np.sqrt(np.mean(np.square(y)))) + 1e-3)


def channel(x: Floats, rng: np.random.Generator) -> Floats:
    """Microphone, band limits and noise on each row; (batch, n) at unit power."""
    batch, n = x.shape
    f = np.fft.rfftfreq(n, 1 / RATE).astype(np.float32)
    spectrum = fft.rfft(x)
    for i in range(batch):
        if rng.random() < 0.6:
            points = rng.uniform(-8, 8, 9) * rng.random()
            spectrum[i] *= 10 ** (np.interp(f, np.linspace(0, 8000, 9), points) / 20)
        if rng.random() < 0.35:
            edge, steep = rng.uniform(3200, 7900), rng.uniform(50, 600)
            spectrum[i] *= 1 / (1 + np.exp(np.clip((f - edge) / steep * 4, -40, 40)))
        if rng.random() < 0.5:
            ratio, order = f / rng.uniform(40, 400), rng.uniform(2, 8)
            spectrum[i] *= ratio**order / np.sqrt(1 + ratio ** (2 * order))
    out = fft.irfft(spectrum, n).astype(np.float32)
    for i in range(batch):
        if rng.random() < 0.5:
            out[i] += noise(n, rng) * float(np.sqrt(np.mean(np.square(out[i])))) * 10 ** (-rng.uniform(12, 55) / 20)
        if rng.random() < 0.5:
            out[i] = -out[i]
    return out


@functools.cache
def _noises() -> Floats:
    """(5, a minute) of noise at unit power, from white to pink."""
    n, rng = 60 * RATE, np.random.default_rng(0)
    f = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20)
    made = np.stack(
        [np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * f ** (-tilt / 2)) for tilt in np.linspace(0, 1, 5)]
    )
    return (made / np.sqrt(np.mean(np.square(made), axis=1, keepdims=True))).astype(np.float32)


def noise(n: int, rng: np.random.Generator) -> Floats:
    """(n,) of one of them."""
    held = _noises()
    start = int(rng.integers(0, held.shape[1] - n))
    return held[int(rng.integers(len(held))), start : start + n]
