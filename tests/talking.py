"""A made-up talking face: syllables, a voice that is as loud, and a face mesh whose mouth opens with it."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from inperson.faces import LIPS_OUTER, FaceTracker
from inperson.lips import mouth as features
from inperson.media import Reader, frames
from inperson.types import Chunk, Face, Frame, Span

SAMPLES = Path(__file__).parents[1] / "samples"
RATE = 16_000
SECONDS = 16.0


def regular(fps: float, seconds: float = SECONDS) -> np.ndarray:
    return np.arange(0.0, seconds, 1 / fps)


def syllables(seconds: float, seed: int) -> np.ndarray:
    """Loudness of made-up speech in [0, 1], 1000 values a second: syllables of uneven length and height, and pauses."""
    rng = np.random.default_rng(seed)
    out = np.zeros(int(seconds * 1000))
    time = 0.1
    while time < seconds - 0.3:
        length = rng.uniform(0.12, 0.3)
        first, last = int(time * 1000), int((time + length) * 1000)
        out[first:last] = rng.uniform(0.3, 1.0) * np.hanning(last - first)
        time += length * rng.uniform(0.7, 1.1) + (rng.uniform(0.2, 0.5) if rng.random() < 0.12 else 0.0)
    return out


def voice(loudness: np.ndarray, delay: float, seed: int = 1) -> np.ndarray:
    """A made-up voice as loud as `loudness`, `delay` seconds later: harmonics of 120 Hz under three formants, the first
    of which rises as the mouth opens, and a little noise."""
    at = np.arange(len(loudness) * RATE // 1000) / RATE
    level = np.interp(at - delay, np.arange(len(loudness)) / 1000, loudness, left=0.0, right=0.0)
    sound = np.zeros(len(at))
    for harmonic in range(1, 33):
        hertz = 120.0 * harmonic
        weight = 0.4 * np.exp(-(((hertz - 300.0 - 450.0 * level) / 150.0) ** 2))
        weight += 0.2 * np.exp(-(((hertz - 1400.0) / 200.0) ** 2)) + 0.1 * np.exp(-(((hertz - 2600.0) / 300.0) ** 2))
        sound += weight * np.sin(2 * np.pi * hertz * at + harmonic)
    noise = np.random.default_rng(seed).standard_normal(len(at))
    return (0.2 * level * sound + 0.0005 * noise).astype(np.float32)


@functools.cache
def neutral() -> np.ndarray:
    """The landmarks of a sample's face in its first picture, in distances of the outer eye corners."""
    tracker = FaceTracker()
    found: list[np.ndarray] = []

    def see(frame: Frame) -> Frame:
        if not found:
            found.extend(f.landmarks for f in tracker.update(frame).faces if f.landmarks is not None)
        return frame

    with Reader(SAMPLES / "candidate_only.mp4", each_frame=see) as reader:
        next(iter(reader))
    points = found[0].astype(float)
    points -= points[features.NOSE[0]]
    return points / np.linalg.norm(points[263] - points[33])


LOWER = (14, 87, 317, 88, 318, 17, 84, 314, 91, 321)
"""Points of the lower lip; the chin and jaw follow it."""
JAW = (152, 148, 377, 172, 397, 136, 365, 18, 200)


def landmarks(opening: float, eyes: float, sway: float, seed: int, turn: float = 0.0) -> np.ndarray:
    """A face mesh whose mouth is open by `opening`, `eyes` pixels between the eye corners, turned by `turn` radians."""
    points = neutral().copy()
    points[list(LOWER), 1] += opening
    points[list(JAW), 1] += 0.7 * opening
    points[[61, 78], 0] += 0.1 * opening
    points[[291, 308], 0] -= 0.1 * opening
    points += 0.001 * np.random.default_rng(seed).standard_normal(points.shape)
    cos, sin = np.cos(turn), np.sin(turn)
    points = points @ np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]])
    return (eyes * (points + np.array([sway, 0.0, 0.0])) + np.array([320.0, 150.0, 0.0])).astype(np.float32)


def recording(
    mouth: np.ndarray,
    sound: np.ndarray,
    times: np.ndarray,
    *,
    chunk: float = 0.5,
    eyes: float = 80.0,
    turn: float = 0.0,
    hold: Span | None = None,
) -> list[Chunk]:
    """Chunks of one face whose lips open with `mouth` (1000 values a second), and a voice. In `hold` it is frozen."""
    frames = []
    for time in times:
        shown = hold.start if hold and time in hold else time
        opening = 0.12 * float(np.interp(shown, np.arange(len(mouth)) / 1000, mouth))
        points = landmarks(opening, eyes, 0.02 * np.sin(0.7 * shown), int(shown * 1e5), turn)
        frames.append(Frame(float(time), None, (640, 360), (Face(0, (260.0, 100.0, 380.0, 260.0), 0.9, points),)))
    seconds = len(sound) / RATE
    out = []
    edges = [*np.arange(0.0, seconds, chunk).tolist(), seconds]
    for start, end in itertools.pairwise(edges):
        span = Span(start, end)
        piece = sound[round(span.start * RATE) : round(span.end * RATE)]
        out.append(Chunk(span, tuple(f for f in frames if f.time in span), piece))
    return out


@functools.cache
def sample_face() -> Face:
    """The face of a sample's first picture."""
    frame = next(iter(frames(str(SAMPLES / "candidate_only.mp4"))))
    face = FaceTracker().update(frame).faces[0]
    assert face.crop is not None
    return face


def behind(face: Face, low: float, high: float) -> Face:
    """The face with a grey board before it, from `low` to `high` eye distances below the middle of the mouth."""
    assert face.crop is not None
    assert face.landmarks is not None
    points = face.landmarks[:, :2] - face.crop_origin
    eyes = float(np.linalg.norm(points[263] - points[33]))
    x, y = points[list(LIPS_OUTER)].mean(axis=0)
    crop = face.crop.copy()
    corners = [(int(x + eyes * a), int(y + eyes * b)) for a, b in ((-0.7, low), (0.7, high))]
    cv2.rectangle(crop, corners[0], corners[1], (110, 105, 100), -1)
    return replace(face, crop=crop)


def with_pixels(face: Face, board: Face) -> Face:
    """A made-up face with the pixels of another, laid so that eyes and mouth fit."""
    assert face.landmarks is not None
    assert board.landmarks is not None
    points = board.landmarks[:, :2] - board.crop_origin
    own = face.landmarks[:, :2]
    assert board.crop is not None
    scale = float(np.linalg.norm(own[263] - own[33]) / np.linalg.norm(points[263] - points[33]))
    crop = cv2.resize(board.crop, None, fx=scale, fy=scale)
    low = own[list(LIPS_OUTER)].mean(axis=0) - scale * points[list(LIPS_OUTER)].mean(axis=0)
    return replace(face, crop=np.asarray(crop, np.uint8), crop_origin=(int(low[0]), int(low[1])))
