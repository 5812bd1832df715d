"""What the camera and its software do to a picture, and its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from inperson.types import Image


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """What becomes of each picture, in this order.

    Attributes
    ----------
    light : float
        Share of the light that is left, in (0, 1]; below 1 the sensor's noise shows, see `LowLight`.
    beauty : float
        Strength of skin smoothing in [0, 1]; see `inperson.degradation.background.Beauty`.
    background : str
        ``""``, ``"blur"`` or ``"image"``: what is put behind the person.
    box : (int, int) or None
        The picture is made to fit into this width and height (turned for an upright picture), never enlarged.
    scale : float
        Further factor on width and height.
    """

    light: float = 1.0
    beauty: float = 0.0
    background: Literal["", "blur", "image"] = ""
    box: tuple[int, int] | None = None
    scale: float = 1.0


def fitted(size: tuple[int, int], box: tuple[int, int] | None, scale: float = 1.0) -> tuple[int, int]:
    """Even width and height of a picture of `size` made to fit into `box`, never enlarged, then scaled."""
    width, height = size
    if box is not None:
        across, down = box if width >= height else box[::-1]
        scale *= min(1.0, across / width, down / height)
    return _even(width * scale), _even(height * scale)


def _even(pixels: float) -> int:
    return max(16, 2 * round(pixels / 2))


def resized(image: Image, size: tuple[int, int]) -> Image:
    """`image` at `size` (width, height): averaged down, interpolated up; itself if it has that size."""
    if image.shape[1::-1] == size:
        return image
    import cv2

    smaller = image.shape[1] > size[0]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8)


class LowLight:
    """A dim room: less light in linear terms, amplified by the camera's gain, with the noise that comes along.

    Shot noise grows with the root of the light, read noise does not (the usual Poisson-Gaussian model of a sensor,
    Foi et al. 2008); it is added before the gamma of BT.709 is put back, and has the grain of two pixels that
    demosaicing and the camera's own noise reduction leave.

    Parameters
    ----------
    light : float
        Share of the light left, in (0, 1].
    rng : numpy.random.Generator
    electrons : float
        At full scale and full light; of a webcam's small pixels, own choice.
    read : float
        Read noise, electrons; own choice.
    gain : float
        Most that automatic gain makes up for.
    """

    def __init__(
        self, light: float, rng: np.random.Generator, electrons: float = 3000.0, read: float = 6.0, gain: float = 4.0
    ) -> None:
        level = np.linspace(0.0, 1.0, 256) ** 2.2 * light
        raised = level * min(gain, 0.6 / light)
        noise = np.sqrt(level * electrons + read**2) / electrons * min(gain, 0.6 / light)
        self._dark = np.clip(raised, 0, 1) ** (1 / 2.2) * 255
        slope = np.clip(raised, 4e-3, 1) ** (1 / 2.2 - 1) / 2.2  # of the gamma: how much noise in light is in grey
        self._table = self._dark.astype(np.uint8)
        self._amount = (noise * slope * 255).astype(np.float32)
        self._rng = rng
        self._grain: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = np.zeros((0, 0, 3), np.float32)

    def __call__(self, image: Image) -> Image:
        import cv2

        height, width = image.shape[:2]
        if self._grain.shape[:2] != (height + 64, width + 64):
            drawn = self._rng.standard_normal((height + 64, width + 64, 3), dtype=np.float32)
            grain = cv2.GaussianBlur(drawn, (0, 0), 0.7)
            self._grain = (grain / grain.std()).astype(np.float32)
        y, x = (int(v) for v in self._rng.integers(0, 65, 2))
        sign = 1.0 if self._rng.random() < 0.5 else -1.0
        grain = self._grain[y : y + height, x : x + width]
        amount = cv2.LUT(image[..., 1], self._amount)[..., None] * np.float32(sign)
        return np.clip(cv2.LUT(image, self._table) + grain * amount, 0, 255).astype(np.uint8)
