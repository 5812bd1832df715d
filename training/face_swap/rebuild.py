"""What a generator does to a face in its square: resolution, smoothing, sharpening, colour."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from donors import Rng
from numpy.typing import NDArray

Square = NDArray[np.float32]
Network = Callable[[Square], Square]

SIDES, ODDS = (128, 160, 192, 224, 256, 320), (0.4, 0.08, 0.08, 0.22, 0.12, 0.1)
"""inswapper, simswap and ghost render 128 to 256 pixels, DeepFaceLive's models 224 and more."""


def rebuilt(face: Square, rng: Rng, networks: list[Network]) -> Square:
    """As a tool with one model for everybody: a network or its bottleneck, softness, smoothing, at times sharpening."""
    side = len(face)
    if networks and rng.random() < 0.5:
        face = networks[int(rng.integers(len(networks)))](face)
    elif rng.random() < 0.3:  # as a network whose narrowest layer holds less than its output
        less = int(side * rng.uniform(0.45, 0.9))
        small = cv2.resize(face, (less, less), interpolation=cv2.INTER_AREA)
        face = cv2.resize(small, (side, side), interpolation=_up(rng))
    return _dressed(face, rng, blur=(0.5, 0.3, 1.1), smooth=(0.35, 8, 35), sharpen=(0.15, 0.2, 1.4))


def no_sharper(face: Square, like: Square, weight: Square, share: float) -> Square:
    """Softened until its fine detail where `weight` is is at most `share` of that of `like`.

    A generator has seen the camera it imitates: it renders its person no crisper than the picture around is, and mostly
    softer. Donors are portraits, and most scenes are not.
    """
    allowed = share * _detail(like, weight)
    for width in (0.0, 0.35, 0.5, 0.65, 0.8, 1.0, 1.25, 1.6, 2.0, 2.6):
        soft = cv2.GaussianBlur(face, (0, 0), width * len(face) / 160) if width else face
        if _detail(soft, weight) <= allowed:
            break
    return soft


def _detail(face: Square, weight: Square) -> float:
    grey = face.mean(-1)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), len(grey) / 160))
    return float((fine * weight).sum() / (weight.sum() + 1e-6))


def touched(face: Square, rng: Rng, networks: list[Network]) -> Square:
    """As a model made for one person: a little softness, or a little sharpening."""
    if networks and rng.random() < 0.5:
        made = networks[int(rng.integers(len(networks)))](face)
        face = face + np.float32(rng.uniform(0.3, 1.0)) * (made - face)
    return _dressed(face, rng, blur=(0.6, 0.2, 0.7), smooth=(0.3, 5, 20), sharpen=(0.15, 0.2, 0.8))


Drawn = tuple[float, float, float]
"""How often, and from what to what."""


def _dressed(face: Square, rng: Rng, blur: Drawn, smooth: Drawn, sharpen: Drawn) -> Square:
    """Blurred (deviation in 160ths of the side), smoothed (levels) and sharpened (amount), each at its rate."""
    side = len(face)
    if rng.random() < blur[0]:
        face = cv2.GaussianBlur(face, (0, 0), rng.uniform(*blur[1:]) * side / 160)
    if rng.random() < smooth[0]:
        face = cv2.bilateralFilter(face, 5, rng.uniform(*smooth[1:]), rng.uniform(2, 4) * side / 128)
    if rng.random() < sharpen[0]:
        face = sharpened(face, rng.uniform(*sharpen[1:]), rng.uniform(0.8, 2.0) * side / 160)
    return np.clip(face, 0, 255)


def _up(rng: Rng) -> int:
    return int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4]))


def sharpened(face: Square, amount: float, width: float) -> Square:
    return np.asarray(cv2.addWeighted(face, 1 + amount, cv2.GaussianBlur(face, (0, 0), width), -amount, 0))


def coloured(face: Square, like: Square, weight: Square, share: float) -> Square:
    """Mean and covariance of colours of `like` where `weight` is, by `share`: the linear Monge-Kantorovich map
    (Pitie and Kokaram 2007), one of DeepFaceLab's modes."""
    if weight.sum() < 50:
        return face
    step = max(1, len(face) // 64)
    w = weight[::step, ::step].ravel()
    (ma, ca), (mb, cb) = (_moments(x[::step, ::step].reshape(-1, 3), w / w.sum()) for x in (face, like))
    root = _power(ca, 0.5)
    matrix = _power(ca, -0.5) @ _power(root @ cb @ root, 0.5) @ _power(ca, -0.5)
    matrix = np.eye(3) + share * (matrix - np.eye(3))
    offset = ma + share * (mb - ma) - matrix @ ma
    return np.clip(face @ matrix.T.astype(np.float32) + offset.astype(np.float32), 0, 255)


def _moments(x: Square, w: Square) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = w @ x
    return mean, (x - mean).T @ ((x - mean) * w[:, None]) + 4.0 * np.eye(3)


def _power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 1e-6) ** exponent) @ vectors.T)


def tinted(face: Square, rng: Rng) -> Square:
    """What colour matching leaves: a gain in each channel and light from another side."""
    side = len(face)
    gain = np.exp(rng.normal(0, 0.04, 3) + rng.normal(0, 0.04))
    slope = rng.normal(0, 0.08, 2)
    axis = np.linspace(-0.5, 0.5, side)
    light = np.exp(slope[0] * axis[None, :] + slope[1] * axis[:, None])
    return np.clip(face * (light[..., None] * gain).astype(np.float32), 0, 255)
