"""Simulated gaze: people who read lines of text, and people who look about for every other reason.

All in degrees across (to the right) and down, `RATE` times a second. Fixations of 180 to 320 ms and saccades of about 2
degrees are Rayner's (Psychological Bulletin 124 (1998) 372-422: 200 to 250 ms, 7 to 9 letters, 10 to 15 % regressions,
return sweeps that often fall short). Everything else is an own choice, drawn widely: nothing is known of how often
candidates look aside. Nystagmus drifts and jumps back as reading does, two to five times a second; it belongs to the
side that does not read.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from inperson.detectors._gaze_grid import RATE

Rng = np.random.Generator
FINE = 4
"""Moments a frame's exposure is averaged over."""


def held(times: list[float], where: list[tuple[float, float]], n: int) -> np.ndarray:
    """(n, 2): fixations that begin at `times` (s), as frames see them."""
    moments = np.arange(n * FINE) / (RATE * FINE)
    which = np.clip(np.searchsorted(times, moments, "right") - 1, 0, len(times) - 1)
    return np.asarray(np.array(where, float)[which].reshape(n, FINE, 2).mean(1))


def spread(rng: Rng, low: float, high: float) -> float:
    """Uniform in the logarithm."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def drift(n: int, deviation: float, seconds: float, rng: Rng) -> np.ndarray:
    """A wandering value with that deviation, forgotten after `seconds`."""
    keep = math.exp(-1 / (RATE * seconds))
    noise = rng.normal(0, deviation * math.sqrt(1 - keep * keep), n + 200)
    return np.asarray(lfilter([1.0], [1.0, -keep], noise)[200:])


def reader(n: int, rng: Rng, width: float | None = None) -> np.ndarray:
    """Lines `width` degrees wide (3.5 to 20), of a text or an overlay, with glances up, re-reading and undershoots."""
    width = spread(rng, 3.5, 20.0) if width is None else width
    times: list[float] = []
    where: list[tuple[float, float]] = []
    time, line = -float(rng.uniform(0, 3)), 0
    lines, step = int(rng.integers(2, 12)), float(rng.uniform(0.3, 1.2)) * (rng.random() < 0.8)
    hop = float(rng.uniform(1.2, 3.4)) * min(1.0, width / 6 + 0.3)
    fixation, uneven = float(rng.uniform(0.18, 0.32)), float(rng.uniform(0.03, 0.1))
    glances, back = float(rng.choice([0, 0.08, 0.25])), float(rng.uniform(0.02, 0.15))
    x, y = rng.normal(0, 3, 2)

    def fixate(across: float, down: float, seconds: float) -> None:
        nonlocal time
        times.append(time)
        where.append((across, down))
        time += seconds

    while time < n / RATE:
        at = abs(rng.normal(0, 0.04 * width))
        end = width * (rng.uniform(0.8, 1.0) if rng.random() < 0.85 else rng.uniform(0.2, 0.6))
        while at < end:
            fixate(x - width / 2 + at, y + line * step, max(0.08, rng.normal(fixation, uneven)))
            at += -rng.uniform(0.5, 2.5) if rng.random() < back else max(0.4, rng.normal(hop, 0.3 * hop))
        if rng.random() < 0.3:
            fixate(x - width / 2 + width * rng.uniform(0.1, 0.4), y + (line + 1) * step, rng.uniform(0.08, 0.18))
        line = (line + 1) % lines
        if rng.random() < glances:
            fixate(*rng.normal(0, 1.5, 2), rng.uniform(0.3, 2))
    return held(times, where, n)


def looker(n: int, rng: Rng) -> np.ndarray:
    """Conversation: the screen, now and then aside, up or down, in one step or several."""
    dwell, reach, flat = spread(rng, 0.5, 3), rng.uniform(0.5, 3.5), rng.uniform(0.2, 1)
    away, far, favourite = rng.uniform(0, 0.35), rng.uniform(3, 20), rng.uniform(0, 2 * math.pi)
    times, where, time = [], [], 0.0
    while time < n / RATE:
        spot, stay = rng.normal(0, reach, 2) * (1, flat), max(0.15, rng.exponential(dwell))
        if rng.random() < away:
            turn = favourite if rng.random() < 0.6 else rng.uniform(0, 2 * math.pi)
            spot, stay = far * rng.uniform(0.5, 1.2) * np.array([math.cos(turn), math.sin(turn)]), rng.uniform(0.3, 3.5)
            if rng.random() < 0.3:
                times.append(time)
                where.append(tuple(spot * rng.uniform(0.3, 0.8)))
                time += rng.uniform(0.15, 0.4)
        times.append(time)
        where.append(tuple(spot))
        time += stay
    return held(times, where, n)


def scanner(n: int, rng: Rng) -> np.ndarray:
    """Looking over a picture, a desktop, code: as many fixations as in reading, in no order."""
    fixation, uneven, hop, flat = rng.uniform(0.2, 0.4), rng.uniform(0.05, 0.15), rng.uniform(1, 5), rng.uniform(0.2, 1)
    times, where, time, spot = [], [], 0.0, np.zeros(2)
    while time < n / RATE:
        spot = spot * rng.uniform(0.5, 0.95) + hop * rng.normal(size=2) * (1, flat)
        times.append(time)
        where.append(tuple(spot))
        time += max(0.1, rng.normal(fixation, uneven)) + (rng.exponential(1.0) if rng.random() < 0.1 else 0.0)
    return held(times, where, n)


def switcher(n: int, rng: Rng) -> np.ndarray:
    """Between two or three places: camera and picture, two monitors, notes on the desk."""
    places = rng.normal(0, 1, (int(rng.integers(2, 4)), 2)) * rng.uniform(2, 14)
    dwell = spread(rng, 0.4, 5)
    times, where, time = [], [], 0.0
    while time < n / RATE:
        times.append(time)
        where.append(tuple(places[rng.integers(len(places))] + rng.normal(0, 0.5, 2)))
        time += 0.2 + rng.exponential(dwell)
    return held(times, where, n)


def nystagmus(n: int, rng: Rng) -> np.ndarray:
    """Slow drift and quick return, 2 to 5 times a second, on top of conversation."""
    phase = np.cumsum(rng.uniform(2, 5) / RATE * np.exp(rng.normal(0, 0.05, n)))
    beat = rng.uniform(0.7, 4) * (phase % 1 - 0.5)
    return looker(n, rng) * 0.5 + np.stack([rng.choice([-1, 1]) * beat, 0.2 * beat], 1)


def still(n: int, rng: Rng) -> np.ndarray:
    """Hardly moving at all."""
    return np.stack([drift(n, rng.uniform(0.05, 0.6), 1.0, rng) for _ in "xy"], 1)


OTHERS: tuple[tuple[Callable[[int, Rng], np.ndarray], float], ...] = (
    (looker, 0.4),
    (scanner, 0.28),
    (switcher, 0.15),
    (nystagmus, 0.07),
    (still, 0.1),
)


def other(n: int, rng: Rng) -> np.ndarray:
    """Anything but reading."""
    which = int(rng.choice(len(OTHERS), p=[share for _, share in OTHERS]))
    return OTHERS[which][0](n, rng)


def head(n: int, rng: Rng) -> np.ndarray:
    """(n, 2) what of the head's own movement the eyes do not make up for: sways, turns, nods in time with the speech.

    Smooth, unlike that of the eyes: low-passed noise, 0.1 to 3 changes a second.
    """
    out = np.zeros((n, 2))
    for _ in range(int(rng.integers(1, 4))):
        keep = math.exp(-2 * math.pi * spread(rng, 0.1, 3.0) / RATE)
        smooth = lfilter([1.0], [1.0, -2 * keep, keep * keep], rng.normal(size=(n + 300, 2)), axis=0)[300:]
        smooth /= np.maximum(np.std(smooth, axis=0), 1e-9)
        out += smooth * spread(rng, 0.1, 3.5) * rng.uniform(0.2, 1, 2)
    return out


def measured(gaze: np.ndarray, rng: Rng, noise: np.ndarray | None) -> np.ndarray:
    """(n, 2) as a webcam gives it: understated, smeared, with the head's own movement, noise and blinks.

    `noise` (n, 2) is a genuine track's; without one it is made up.
    """
    n = len(gaze)
    if noise is None:
        fine, slow, seconds = rng.uniform(0.2, 1.2), rng.uniform(0.2, 2), spread(rng, 0.4, 4.5)
        noise = np.stack([rng.normal(0, fine, n) + drift(n, slow, seconds, rng) for _ in "xy"], 1)
    if rng.random() < 0.7:
        noise = noise + head(n, rng)
    middle = rng.uniform(0.3, 1)
    kernel = np.array([(1 - middle) / 2, middle, (1 - middle) / 2])
    seen = np.stack([np.convolve(np.pad(column, 1, "edge"), kernel, "valid") for column in gaze.T], 1)
    out = seen * rng.uniform(0.6, 1.1) + noise
    for _ in range(int(rng.integers(1, 6)) if rng.random() < 0.5 else 0):
        start = int(rng.integers(1, n - 12))
        end = start + int(rng.integers(3, 10))
        out[start:end] = np.linspace(out[start - 1], out[end], end - start)
    return np.asarray(out)
