"""Accent conversion: the same words with other timing, melody and vowels, through a narrow bottleneck and a vocoder.

Sanas' patent (US 11948550) describes speech to a linguistic representation to synthesis; published systems (L2-ARCTIC
demos) do likewise. Here: mel bands through a few principal components of other speakers' speech, frames drawn toward
those speakers' nearest ones (k nearest neighbours, as kNN-VC, Baas et al. 2023), segments stretched, the melody
flattened or made anew.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sinusoidal import Style
from spectrum import Sound, chosen, from_mel, resampled, smooth, to_mel
from vocoders import draw, render
from world import Frames, analyse, modelled_aperiodicity, smoothed_pitch

Table = NDArray[np.float64]


def bottleneck(log_mel: Table, others: Table, rank: int) -> Table:
    """`log_mel` (frames, bands) as its projection on the first `rank` components of `others`."""
    mean = others.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((others - mean).T))
    basis = vectors[:, -rank:]
    return mean + (log_mel - mean) @ basis @ basis.T


def toward(log_mel: Table, others: Table, amount: Table, nearest: int) -> Table:
    """Each frame `amount` (frames,) of the way to the mean of its `nearest` frames in `others`.

    Both are compared after taking off their means, so that speakers and microphones do not decide.
    """
    own = log_mel - log_mel.mean(axis=0)
    theirs = others - others.mean(axis=0)
    distance = (theirs**2).sum(axis=1) - 2 * own @ theirs.T
    index = np.argpartition(distance, nearest, axis=1)[:, :nearest]
    return own + amount[:, None] * (theirs[index].mean(axis=1) - own) + log_mel.mean(axis=0)


def retimed(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Fractional frame numbers at which to read `count` frames: segments of 0.08 to 0.4 s, each slower or faster."""
    strength = rng.uniform(0.05, 0.35)
    rates = np.concatenate(
        [np.full(int(rng.integers(16, 80)), np.exp(strength * rng.uniform(-1, 1))) for _ in range(count // 16 + 1)]
    )
    rates = smooth(rates, 4.0) * rng.uniform(0.9, 1.12)
    times = np.cumsum(rates)
    return times[times < count - 1]


def melody(f0: NDArray[np.float64], period: float, how: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Another pitch contour with the same voicing: flattened, exaggerated, or made anew of declination and accents."""
    voiced = f0 > 0
    if not voiced.any():
        return f0
    log = np.log(np.maximum(f0, 1))
    mean, spread = log[voiced].mean(), log[voiced].std()
    if how == "scaled":
        smoothed = np.log(np.maximum(smoothed_pitch(f0, rng.uniform(1, 6)), 1))
        new = mean + rng.choice([rng.uniform(0.3, 0.8), rng.uniform(1.2, 1.6)]) * (smoothed - mean)
    else:
        t = np.arange(len(f0)) * period
        new = mean + 0.1 - 0.2 * t / t[-1] + smooth(rng.normal(0, 1, len(t)), 30.0) * max(spread, 0.06) * 5
        for at in rng.uniform(0, t[-1], max(1, int(t[-1] * 1.5))):
            new += rng.normal(0.12, 0.08) * np.exp(-0.5 * ((t - at) / rng.uniform(0.05, 0.15)) ** 2)
    return np.where(voiced, np.exp(np.clip(new + rng.normal(0, 0.06), np.log(60), np.log(500))), 0.0)


def _read(frames: Frames, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """The pitch at fractional frame numbers, 0 where the nearest frame is unvoiced."""
    if not frames.voiced.any():
        return np.zeros(len(times))
    track = np.interp(times, np.flatnonzero(frames.voiced), frames.f0[frames.voiced])
    return np.where(frames.voiced[np.round(times).astype(int)], track, 0.0)


def copy(x: Sound, partners: list[Sound], rng: np.random.Generator) -> tuple[Sound, str]:
    """`x` with an accent drawn toward that of `partners`, and the system's name."""
    period = 0.005
    bands = int(rng.integers(60, 81))
    frames = analyse(x, period, aperiodicity=False)
    others = np.vstack([to_mel(analyse(one, 0.01, aperiodicity=False).envelope, bands) for one in partners])
    loud = others.mean(axis=1)
    others = others[loud > np.percentile(loud, 30)]
    log_mel = bottleneck(to_mel(frames.envelope, bands), others, int(rng.integers(16, 33)))
    mean = log_mel.mean(axis=1)
    # vowels move, consonants and pauses hardly
    amount = rng.uniform(0.25, 0.75) * smooth((frames.voiced & (mean > np.median(mean))).astype(float), 3.0)
    log_mel = smooth(toward(log_mel, others, amount, int(rng.integers(2, 9))), rng.uniform(0.5, 3.0))
    times = retimed(len(log_mel), rng)
    f0 = melody(_read(frames, times), period, chosen(rng, scaled=0.6, anew=0.4), rng)
    envelope = from_mel(resampled(log_mel, times), frames.envelope.shape[1])
    new = modelled_aperiodicity(Frames(f0, envelope, np.empty_like(envelope), period), rng)
    if rng.random() < 0.5:
        new = replace(new, f0=f0 * rng.uniform(0.92, 1.08))
    how = draw(rng)
    style = Style(chosen(rng, zero=0.2, random=0.3, minimum=0.5), bool(rng.random() < 0.4))
    length = int(len(times) * period * 16000)
    return render(new, length, how, style, rng), f"accent {how}"
