"""What a webcam adds: sensor noise, exposure that drifts, a lens that is a little soft."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Picture = NDArray[np.uint8]


class Webcam:
    """One camera; frames must be passed in order."""

    def __init__(self, frames: int, fps: float, seed: int, noise: float = 2.2, soft: float = 0.45) -> None:
        self._generator = np.random.default_rng(seed)
        drift = gaussian_filter1d(self._generator.standard_normal((frames, 2)), fps * 1.5, axis=0, mode="reflect")
        drift /= max(float(drift.std()), 1e-9)
        self._gain = 1.0 + 0.012 * drift[:, 0]
        self._warmth = 0.006 * drift[:, 1]
        self._noise, self._soft = noise, soft
        self._grain: NDArray[np.float32] | None = None

    def see(self, image: Picture, index: int) -> Picture:
        """The frame as the camera delivers it."""
        scene = cv2.GaussianBlur(image, (0, 0), self._soft).astype(np.float32)
        tint = np.array([1 - self._warmth[index], 1.0, 1 + self._warmth[index]], dtype=np.float32)
        scene *= tint * np.float32(self._gain[index])
        fresh = self._generator.standard_normal(image.shape[:2], dtype=np.float32)
        # In-camera denoising leaves grain that lives for several frames.
        self._grain = fresh if self._grain is None else 0.6 * self._grain + 0.8 * fresh
        grain = cv2.GaussianBlur(self._grain, (0, 0), 0.7) * self._noise
        scene += (grain * (1.2 - cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY) / 400))[..., None]
        return np.clip(np.rint(scene), 0, 255).astype(np.uint8)
