"""What a face does besides speaking: sway, nods, blinks, glances. Seeded, sampled at frame times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Samples = NDArray[np.float64]
RATE = 100  # values a second, as articulation


@dataclass(frozen=True, slots=True)
class Behaviour:
    """100 values a second. Translation in face widths, angles in degrees, gaze in iris radii, lid 0 to 1."""

    shift: Samples  # (n, 2)
    roll: Samples
    yaw: Samples
    pitch: Samples
    zoom: Samples
    lid: Samples
    gaze: Samples  # (n, 2)


def behave(count: int, seed: int, stress: Samples, nods: list[float], away: list[tuple[float, float]]) -> Behaviour:
    """Head and eyes for `count` steps.

    stress: slow loudness of the own voice, moves the head along; nods: times (s) of listening nods;
    away: (start, end) in which the eyes leave the screen, as people do before a longer answer.
    """
    generator = np.random.default_rng(seed)
    own = stress[:count] - gaussian_filter1d(stress[:count], 60)
    beat = gaussian_filter1d(own, 6)

    def slow(cutoff: float, amount: float) -> Samples:
        track = gaussian_filter1d(generator.standard_normal(count + 800), RATE / (2 * np.pi * cutoff))[400:-400]
        scaled: Samples = track / track.std() * amount
        return scaled

    pitch = slow(0.12, 0.9) + slow(0.5, 0.35) - 3.2 * beat
    for time in nods:
        pitch += _nod(count, time, generator.uniform(2.2, 3.5), generator.uniform(1.6, 2.2))
    gaze, glance_yaw, glance_pitch = _gaze(count, generator, away)
    return Behaviour(
        shift=np.stack([slow(0.08, 0.016) + slow(0.4, 0.003), slow(0.08, 0.010) - 0.010 * beat], axis=1),
        roll=slow(0.10, 0.9) + slow(0.45, 0.25) + 1.0 * slow(0.8, 0.5) * np.abs(beat),
        yaw=slow(0.10, 1.6) + slow(0.5, 0.4) + glance_yaw,
        pitch=pitch + glance_pitch,
        zoom=1.0 + slow(0.06, 0.008),
        lid=_blinks(count, generator, gaze),
        gaze=gaze,
    )


def _nod(count: int, start: float, depth: float, frequency: float) -> Samples:
    time = np.arange(count) / RATE - start
    swing = np.sin(2 * np.pi * frequency * time) * np.exp(-time * 1.6) * np.clip(time / 0.15, 0, 1)
    nod: Samples = np.where((time > 0) & (time < 2.0), depth * swing * np.clip((2.0 - time) / 0.4, 0, 1), 0.0)
    return nod


def _gaze(count: int, generator: np.random.Generator,
          away: list[tuple[float, float]]) -> tuple[Samples, Samples, Samples]:
    target = np.zeros((count, 2))
    at = 0.0
    while at < count / RATE:  # on screen: small fixations around the other tile
        stay = float(generator.gamma(2.5, 0.55))
        spot = generator.normal([0.0, 0.10], [0.16, 0.08])
        target[int(at * RATE) : int((at + stay) * RATE)] = spot
        at += stay
    for start, end in away:
        spot = np.array([generator.choice([-1.0, 1.0]) * generator.uniform(0.5, 0.85), generator.uniform(-0.35, 0.3)])
        target[int(start * RATE) : int(end * RATE)] = spot
    gaze = gaussian_filter1d(target, 1.6, axis=0)  # a saccade takes 30 to 60 ms
    gaze += gaussian_filter1d(generator.standard_normal((count, 2)), 4, axis=0) * 0.02
    follow = gaussian_filter1d(target, 22, axis=0)  # the head follows late and only in part
    return gaze, follow[:, 0] * 3.0, follow[:, 1] * 2.0


def _blinks(count: int, generator: np.random.Generator, gaze: Samples) -> Samples:
    lid = np.zeros(count)
    shape = np.concatenate([np.sin(np.linspace(0, np.pi / 2, 8)), np.ones(3), np.cos(np.linspace(0, np.pi / 2, 17))])
    at = float(generator.uniform(0.8, 2.5))
    while at < count / RATE - 0.4:
        start = int(at * RATE)
        lid[start : start + len(shape)] = np.maximum(lid[start : start + len(shape)], shape[: count - start])
        double = generator.uniform() < 0.12
        at += 0.45 if double else 1.2 + float(generator.gamma(2.2, 1.35))
    lid += np.clip(gaze[:, 1], 0, 1) * 0.18  # lids follow the eyes down
    return np.clip(lid, 0, 1)
