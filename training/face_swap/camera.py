"""What is innocent, on either class alike: camera, light, filters of the call's program, its codec.

A genuine face and the swap made of it share every draw, so that nothing here tells them apart.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from donors import Rng
from numpy.typing import NDArray
from people import Image, Points
from rebuild import sharpened

from inperson.detectors._face_crop import SIDE, crop_matrix, warped
from inperson.faces import FACE_OVAL

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Draw:
    """One camera and one call; `seed` for what both classes draw alike on the way."""

    face: float  # pixels of height where the swap happens
    call: float  # how much smaller the call makes it
    blur: float
    noise: float
    sharpen: float
    gamma: float
    cast: tuple[float, float, float]
    beauty: float
    background: str
    soften: float
    codec: str
    quality: float
    seed: int


def drawn(rng: Rng) -> Draw:
    def some(rate: float, low: float, high: float) -> float:
        return float(rng.uniform(low, high)) if rng.random() < rate else 0.0

    return Draw(
        face=float(np.exp(rng.uniform(np.log(95), np.log(330)))),
        call=float(rng.uniform(0.4, 1.0)) if rng.random() < 0.5 else 1.0,
        blur=some(0.4, 0.3, 1.3),
        noise=some(0.7, 0.5, 7.0),
        sharpen=some(0.3, 0.2, 1.2),
        gamma=float(np.exp(rng.normal(0, 0.25))),
        cast=tuple(float(g) for g in np.exp(rng.normal(0, 0.06, 3))),  # type: ignore[arg-type]
        beauty=some(0.2, 0.3, 0.95),
        background=str(rng.choice(["", "blurred", "flat"], p=[0.76, 0.14, 0.1])),
        soften=some(0.2, 0.3, 0.85),
        codec=str(rng.choice(["h264", "jpeg", "none"], p=[0.68, 0.2, 0.12])),
        quality=float(rng.random()),
        seed=int(rng.integers(1 << 31)),
    )


def scene(image: Image, points: Points, how: Draw) -> tuple[Float, Points]:
    """The person before the camera, at the size at which a swap would happen."""
    rng = np.random.default_rng(how.seed)
    height = float(np.linalg.norm(points[10] - points[152]))
    scale = min(1.15, how.face / height)
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    x = cv2.resize(image, None, fx=scale, fy=scale, interpolation=mode).astype(np.float32)
    points = ((points + 0.5) * scale - 0.5).astype(np.float32)
    if how.soften:  # a cheap camera: the whole picture holds less than its pixels
        small = cv2.resize(x, None, fx=how.soften, fy=how.soften, interpolation=cv2.INTER_AREA)
        x = cv2.resize(small, x.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    if how.background:
        x = _behind(x, points, how.background, rng)
    x = 255 * np.power(np.clip(x * np.float32(how.cast), 0, 255) / 255, how.gamma)
    if how.blur:
        x = cv2.GaussianBlur(x, (0, 0), how.blur)
    if how.noise:
        grain = rng.standard_normal(x.shape, np.float32) * how.noise
        x = x + (cv2.GaussianBlur(grain, (0, 0), 0.7) * 2 if rng.random() < 0.5 else grain)
    if how.beauty:
        x = _beautified(x, points, how.beauty, rng)
    if rng.random() < 0.15:
        x = _lit(x, points, rng)
    return np.clip(x, 0, 255).astype(np.float32), points


def _hull(shape: tuple[int, ...], points: Points, grown: float, feather: float) -> Float:
    corners = points[list(FACE_OVAL)]
    middle = corners.mean(0)
    mask = np.zeros(shape[:2], np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull((middle + grown * (corners - middle)).astype(np.int32)), 1.0)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.8, feather)))[..., None]


def _beautified(x: Float, points: Points, strength: float, rng: Rng) -> Float:
    """Edge-keeping smoothing of the skin, as calls offer it; brighter, and warmer, at times."""
    width = float(np.ptp(points[:468, 0]))
    smooth = cv2.bilateralFilter(np.clip(x, 0, 255), 0, rng.uniform(15, 45), max(1.5, 0.02 * width))
    smooth = smooth * np.float32(1 + rng.uniform(0, 0.08)) + np.float32([rng.uniform(0, 4), 0, 0])
    mask = strength * _hull(x.shape, points, rng.uniform(0.92, 1.15), rng.uniform(0.02, 0.12) * width)
    return np.asarray(mask * smooth + (1 - mask) * x, np.float32)


def _lit(x: Float, points: Points, rng: Rng) -> Float:
    """Make-up, portrait light or a screen's glow: a smooth gain over the face."""
    width = float(np.ptp(points[:468, 0]))
    mask = _hull(x.shape, points, rng.uniform(0.7, 1.3), rng.uniform(0.1, 0.3) * width)
    gain = np.exp(rng.normal(0.04, 0.06) + rng.normal(0, 0.03, 3)).astype(np.float32)
    return np.asarray(x * (1 + mask * (gain - 1)), np.float32)


def _behind(x: Float, points: Points, kind: str, rng: Rng) -> Float:
    """A virtual background: what is not head or shoulders is blurred or painted, along a rough edge."""
    height, width = x.shape[:2]
    size = float(np.linalg.norm(points[10] - points[152]))
    middle = points[list(FACE_OVAL)].mean(0)
    mask = np.zeros((height, width), np.float32)
    axes = (int(rng.uniform(0.55, 0.75) * size), int(rng.uniform(0.75, 0.95) * size))
    cv2.ellipse(mask, (int(middle[0]), int(middle[1])), axes, 0, 0, 360, 1.0, -1)
    neck = int(middle[1] + 0.7 * size)
    cv2.ellipse(mask, (int(middle[0]), neck + int(0.9 * size)), (int(1.2 * size), int(0.8 * size)), 0, 0, 360, 1.0, -1)
    rough = cv2.GaussianBlur(rng.standard_normal(mask.shape, np.float32), (0, 0), 0.04 * size)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.03 * size)
    mask = np.clip(soft + 1.2 * soft * (1 - soft) * rough / (rough.std() + 1e-6), 0, 1)  # rough along the edge only
    mask = cv2.GaussianBlur((mask > 0.5).astype(np.float32), (0, 0), rng.uniform(0.6, 3.0))[..., None]
    if kind == "blurred":
        other = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.04, 0.12) * size)
    else:
        other = cv2.resize(
            rng.uniform(0, 255, (3, 3, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR
        )
    return np.asarray(mask * x + (1 - mask) * other, np.float32)


def sent(x: Float, how: Draw) -> Float:
    """Through the call: smaller, sharpened by its program, coded among frames that move a little."""
    rng = np.random.default_rng(how.seed + 1)
    if how.call < 1:
        x = cv2.resize(x, None, fx=how.call, fy=how.call, interpolation=cv2.INTER_AREA)
    if how.sharpen:
        x = sharpened(x, how.sharpen, 1.2)
    x = np.clip(x, 0, 255)
    if how.codec == "jpeg":
        quality = int(35 + 60 * how.quality)
        _, data = cv2.imencode(".jpg", x[..., ::-1].astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
        return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32)
    if how.codec == "h264":
        return _filmed(x, 17 + 20 * how.quality, rng)
    return x


def _filmed(x: Float, crf: float, rng: Rng) -> Float:
    """The last of three frames of a head that sways; the noise stays with the picture."""
    height, width = (n // 2 * 2 for n in x.shape[:2])
    steps = rng.normal(0, 1.5, (3, 2)).cumsum(0)
    steps -= steps[-1]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        options = {"crf": f"{crf:.1f}", "preset": "veryfast", "tune": "zerolatency", "threads": "1"}
        stream = container.add_stream("libx264", rate=Fraction(25), options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for dx, dy in steps:
            shift = np.float32([[1, 0, dx], [0, 1, dy]])
            image = cv2.warpAffine(x, shift, x.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101)[:height, :width]
            frame = av.VideoFrame.from_ndarray(np.clip(image, 0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer) as container:
        *_, last = container.decode(video=0)
    out = x.copy()
    out[:height, :width] = last.to_ndarray(format="rgb24")
    return out


def crop(x: Float, points: Points, jitter: Rng | None = None) -> tuple[Image, NDArray[np.float32]]:
    matrix = crop_matrix(points)
    if jitter is not None:
        angle, size = jitter.normal(0, 4), np.exp(jitter.normal(0, 0.06))
        shake = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, size)
        shake[:, 2] += jitter.normal(0, 5, 2)
        matrix = (shake @ np.vstack([matrix, [0, 0, 1]])).astype(np.float32)
    return warped(x, matrix), matrix
