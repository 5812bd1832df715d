"""Short segments of talking clips for training, worsened the way calls worsen them.

Picture: frame rates from 9 to 30, lost frames, jitter and drift of landmarks, size and proportions of the face, mirror.
Sound: voices shifted along the mel scale, noise, other voices, colour of the microphone, narrow band. Both: speed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from data import Clip

from inperson.lips.mouth import POINTS, RATE
from inperson.lips.sound import BANDS, levelled

REACH = 40
"""Grid points (0.8 s) of sound before and after the mouth."""
RIGHT = (61, 78, 37, 84, 82, 87, 40, 91, 80, 88, 148, 172, 136, 205, 57)
LEFT = (291, 308, 267, 314, 312, 317, 270, 321, 310, 318, 377, 397, 365, 425, 287)
SIDES = dict(zip(RIGHT + LEFT, LEFT + RIGHT, strict=True))
MIRROR = [POINTS.index(SIDES.get(p, p)) for p in POINTS]
"""Position in `POINTS` of each point's counterpart on the other side of the face."""


def mirrored(shapes: np.ndarray) -> np.ndarray:
    """Shapes (n, SHAPE) of the face in a mirror."""
    points = shapes.reshape(len(shapes), -1, 3)[:, MIRROR] * np.array([-1, 1, 1])
    return points.reshape(len(shapes), -1)


def filmed(clip: Clip, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The mouth (t, SHAPE) at the times `at`, worsened."""
    kept = np.ones(len(clip.times), bool)
    if rng.random() < 0.5:
        kept = _slower(clip.times, rng.uniform(9, 30))
    if rng.random() < 0.3:
        kept &= rng.random(len(kept)) > 0.15
    kept[[0, -1]] = True
    times, shapes = clip.times[kept], clip.shapes[kept]
    after = np.clip(np.searchsorted(times, at), 1, len(times) - 1)
    part = np.clip((at - times[after - 1]) / (times[after] - times[after - 1]), 0, 1)[:, None]
    points = (shapes[after - 1] * (1 - part) + shapes[after] * part).reshape(len(at), -1, 3)
    points = points - points.mean(axis=0)
    if rng.random() < 0.5:
        points = points[:, MIRROR] * np.array([-1, 1, 1])
    points = points * np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.08, 3))
    if rng.random() < 0.6:
        points = points + _jitter(points.shape, at[-1] - at[0], rng)
    if rng.random() < 0.15:
        points = points + rng.normal(0, 0.02, (1, *points.shape[1:])) * np.linspace(-1, 1, len(at))[:, None, None]
    return (points - points.mean(axis=0)).reshape(len(at), -1).astype(np.float32)


def heard(mel: np.ndarray, others: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Spectra (t, BANDS) worsened and levelled."""
    if rng.random() < 0.5:
        mel = _shifted(mel, np.exp(rng.normal(0, 0.05)), rng.normal(0, 1.0))
    if rng.random() < 0.6:
        below = rng.uniform(0, 30) * np.log(10) / 10
        mel = np.logaddexp(mel, _noise(mel.shape, others, rng) + np.percentile(mel.max(axis=1), 95) - below)
    mel = mel + np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 6), rng.normal(0, 1.5, 6))
    if rng.random() < 0.25:
        mel[:, rng.integers(24, BANDS) :] = mel.min()
    return levelled(mel.astype(np.float32), np.ones(len(mel), bool))


def at_times(mel: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Spectra at fractional grid points; silence beyond either end."""
    inside = np.clip(points, 0, len(mel) - 1.001)
    first = np.floor(inside).astype(int)
    part = (inside - first)[:, None].astype(np.float32)
    out = mel[first] * (1 - part) + mel[np.minimum(first + 1, len(mel) - 1)] * part
    out[(points < 0) | (points > len(mel) - 1)] = np.log(1e-10)
    return out


def segment(
    clip: Clip, own: float, length: int, others: Sequence[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mouth (length, SHAPE) and spectra (length + 2 * REACH, BANDS), the sound taken `own` seconds later."""
    speed = np.exp(rng.normal(0, 0.08))
    start = rng.uniform(clip.times[0], max(clip.times[0] + 1e-3, clip.times[-1] - length * speed / RATE))
    mouth = filmed(clip, start + np.arange(length) * speed / RATE, rng)
    at = start + np.arange(-REACH, length + REACH) * speed / RATE + own
    return mouth, heard(at_times(clip.mel, at * RATE), others, rng)


def voice(mel: np.ndarray, length: int, others: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Spectra (length + 2 * REACH, BANDS) from anywhere in a voice without a picture."""
    points = rng.uniform(0, len(mel)) + np.arange(length + 2 * REACH) * np.exp(rng.normal(0, 0.08))
    return heard(at_times(mel, points % (len(mel) - 1.01)), others, rng)


def _slower(times: np.ndarray, rate: float) -> np.ndarray:
    kept, due = np.zeros(len(times), bool), -1.0
    for i, time in enumerate(times):
        if time >= due:
            kept[i], due = True, max(due, time - 1 / rate) + 1 / rate
    return kept


def _jitter(shape: tuple[int, ...], seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of landmarks, frame by frame at 25 a second, partly the same for all of them."""
    size = np.exp(rng.uniform(np.log(0.001), np.log(0.012)))
    frames = max(2, int(25 * seconds))
    noise = 0.7 * rng.normal(0, size, (frames, *shape[1:])) + 0.5 * rng.normal(0, size, (frames, 1, 3))
    at = np.linspace(0, frames - 1, shape[0])
    first = np.clip(np.floor(at).astype(int), 0, frames - 2)
    part = (at - first)[:, None, None]
    return noise[first] * (1 - part) + noise[first + 1] * part


def _shifted(mel: np.ndarray, factor: float, bands: float) -> np.ndarray:
    at = np.arange(BANDS) * factor + bands
    first = np.clip(np.floor(at).astype(int), 0, BANDS - 2)
    part = np.clip(at - first, 0, 1)
    return mel[:, first] * (1 - part) + mel[:, first + 1] * part


def _noise(shape: tuple[int, int], others: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Steady noise of some colour, or another voice; log spectra whose loudest moments lie near 0."""
    if rng.random() < 0.5 or not others:
        colour = rng.normal(0, 1) * np.linspace(1, -1, shape[1]) + rng.normal(0, 0.5, shape[1])
        return colour + rng.normal(0, 0.8, shape)
    other = others[rng.integers(len(others))]
    start = rng.integers(0, max(1, len(other) - shape[0]))
    part = other[start : start + shape[0]]
    part = np.pad(part, ((0, shape[0] - len(part)), (0, 0)), mode="wrap")
    return part - np.percentile(part.max(axis=1), 95) - rng.uniform(0, 1.5)
