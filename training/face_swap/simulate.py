"""Short clips made from portraits, genuine and swapped, through the same camera and encoder.

The swap does what a real-time tool with a fixed-size generator does: bring the face to a square, re-render it there
(smoothing, colour, sometimes sharpening), put it back through a feathered mask, frame by frame. Two kinds:
Deep-Live-Cam's (128 pixels, an ellipse) and DeepFaceLive's (224 pixels and more, the shape of the face). The identity
stays: what is to be learnt is the re-rendering, not whose face it is.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import av
import cv2
import numpy as np

from inperson.faces import FaceTracker
from inperson.types import Frame

SQUARE = np.array([[46.29, 51.7], [81.53, 51.5], [64.03, 71.74], [49.55, 92.37], [78.73, 92.2]], np.float32)
"""Eyes, nose, mouth corners in a 128 px square: InsightFace's published template (112 px wide, moved by 8)."""
POINTS = (468, 473, 1, 61, 291)
ELLIPSE, FEATHER = 0.44, 12.0
"""Semi-axes of Deep-Live-Cam's mask over the square's side, and the deviation of its feathering in 128ths."""
FRAMES = 12
RATE = 15


@dataclass(frozen=True)
class Recipe:
    """Everything random about a clip but the swap itself: shared by the genuine clip and its fake."""

    face: float
    noise: float
    crf: int
    blur: float
    sharpen: float
    smooth: bool


def recipe(rng: np.random.Generator) -> Recipe:
    return Recipe(
        face=float(rng.uniform(110, 300)),
        noise=float(rng.uniform(0.5, 4.0)),
        crf=int(rng.integers(20, 34)),
        blur=float(rng.choice([0.0, rng.uniform(0.3, 1.2)])),
        sharpen=float(rng.choice([0.0, 0.0, rng.uniform(0.3, 0.8)])),
        smooth=bool(rng.random() < 0.2),
    )


def clip(portrait: np.ndarray, how: Recipe, swapped: bool, seed: int) -> list[np.ndarray] | None:
    """Frames of one clip, decoded after H.264; None where no face is found in the portrait."""
    frames = _moving(portrait, how, np.random.default_rng(seed))
    if frames is None:
        return None
    if swapped:
        rng = np.random.default_rng(seed + 1)
        made = _swapped(frames, rng)
        if made is None:
            return None
        frames = made
    return _through_h264(frames, how.crf)


def _landmarks(image: np.ndarray) -> np.ndarray | None:
    frame = FaceTracker().update(Frame(0.0, image, image.shape[1::-1]))
    measured = [face for face in frame.faces if face.landmarks is not None]
    return max(measured, key=lambda face: face.size).landmarks if measured else None


def _moving(portrait: np.ndarray, how: Recipe, rng: np.random.Generator) -> list[np.ndarray] | None:
    """The portrait in front of a camera: it sways, the sensor is noisy, the lens or the app softens or sharpens."""
    points = _landmarks(portrait)
    if points is None:
        return None
    width = float(np.ptp(points[:468, 0]))
    scale = how.face / width
    centre = points[:468, :2].mean(axis=0)
    phase = rng.uniform(0, 2 * np.pi, 3)
    out = []
    if how.smooth:
        portrait = _beautified(portrait, points)
    small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else portrait
    rest = scale if scale >= 1 else 1.0
    middle = centre * (scale if scale < 1 else 1.0)
    for i in range(FRAMES):
        angle = 2.0 * np.sin(0.35 * i + phase[0])
        matrix = cv2.getRotationMatrix2D(tuple(map(float, middle)), angle, rest)
        matrix[:, 2] += np.array([320, 260]) - middle
        matrix[:, 2] += [4 * np.sin(0.5 * i + phase[1]), 2 * np.sin(0.4 * i + phase[2])]
        image = cv2.warpAffine(small, matrix, (640, 480), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        if how.blur:
            image = cv2.GaussianBlur(image, (0, 0), how.blur)
        if how.sharpen:
            image = cv2.addWeighted(image, 1 + how.sharpen, cv2.GaussianBlur(image, (0, 0), 1.5), -how.sharpen, 0)
        noisy = image + how.noise * rng.standard_normal(image.shape)
        out.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return out


def _beautified(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A beauty filter on a genuine face: edge-keeping smoothing of the skin. It must not look like a swap."""
    smooth = cv2.bilateralFilter(image, 9, 30, 7)
    mask = np.zeros(image.shape[:2], np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(points[:468, :2].astype(np.int32)), 0.7)
    mask = cv2.GaussianBlur(mask, (0, 0), 9)[..., None]
    return (mask * smooth + (1 - mask) * image).astype(np.uint8)


def _swapped(frames: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray] | None:
    shaped = bool(rng.random() < 0.5)
    side = int(rng.choice([224, 256, 320]) if shaped else rng.choice([128, 128, 128, 160]))
    gain = rng.uniform(0.92, 1.08, 3)
    strength, sharpen = rng.uniform(8, 35), float(rng.uniform(0.3, 1.2) if rng.random() < 0.4 else 0.0)
    ellipse = np.zeros((side, side), np.float32)
    cv2.ellipse(ellipse, (side // 2, side // 2), (int(ELLIPSE * side),) * 2, 0, 0, 360, 1.0, -1)
    ellipse = cv2.GaussianBlur(ellipse, (0, 0), FEATHER * side / 128)
    grown, feather = rng.uniform(0.9, 1.02), rng.uniform(0.03, 0.09)
    tracker, out = FaceTracker(), []
    for i, image in enumerate(frames):
        seen = [f for f in tracker.update(Frame(i / RATE, image, (640, 480))).faces if f.landmarks is not None]
        if not seen:
            return None
        whole = seen[0].landmarks[:468, :2]
        points = seen[0].landmarks[list(POINTS), :2] + rng.normal(0, 0.4, (5, 2))
        matrix, _ = cv2.estimateAffinePartial2D(points.astype(np.float32), SQUARE * side / 128, method=cv2.LMEDS)
        face = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR)
        face = cv2.bilateralFilter(face, 5, strength, 3)
        face = cv2.GaussianBlur(face, (0, 0), 0.6 * side / 128)
        if sharpen:
            face = cv2.addWeighted(face, 1 + sharpen, cv2.GaussianBlur(face, (0, 0), 1.5), -sharpen, 0)
        face = np.clip(face * gain, 0, 255)
        back = cv2.invertAffineTransform(matrix)
        pasted = cv2.warpAffine(face, back, (640, 480), flags=cv2.INTER_LINEAR)
        if shaped:
            alpha = _hull(whole, grown, feather)
        else:
            alpha = cv2.warpAffine(ellipse, back, (640, 480), flags=cv2.INTER_LINEAR)[..., None]
        out.append((alpha * pasted + (1 - alpha) * image).astype(np.uint8))
    return out


def _hull(points: np.ndarray, grown: float, feather: float) -> np.ndarray:
    """(480, 640, 1): the face's hull, scaled about its middle, its edge softened by a part of the face's width."""
    middle = points.mean(axis=0)
    mask = np.zeros((480, 640), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull((middle + grown * (points - middle)).astype(np.int32)), 1.0)
    return cv2.GaussianBlur(mask, (0, 0), max(1.0, feather * float(np.ptp(points[:, 0]))))[..., None]


def _through_h264(frames: list[np.ndarray], crf: int) -> list[np.ndarray]:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        options = {"crf": str(crf), "preset": "veryfast", "tune": "zerolatency"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
