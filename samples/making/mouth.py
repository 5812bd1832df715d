"""What shows between the lips: teeth that stay with the skull, the dark behind them, a tongue, a seam when shut."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from .landmarks import LOWER_INNER, UPPER_INNER, Array, Expression, Face, Picture, soft_polygon


class Mouth:
    """smile: the picture shows teeth, and they are used; otherwise they are painted."""

    def __init__(self, face: Face, smile: bool) -> None:
        self.face = face
        self._smile = smile

    @cached_property
    def _teeth(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Upper teeth in place, as float BGR and opacity, fixed to the skull."""
        height, width = self.face.image.shape[:2]
        if self._smile:
            inner = np.vstack([self.face.points[list(UPPER_INNER)], self.face.points[list(LOWER_INNER)][::-1]])
            alpha = soft_polygon(inner, (height, width), blur=1.2)
            return self.face.image.astype(np.float32), alpha
        yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
        face = self.face
        dx, dy = (xx - face.origin[0]) / face.iod, (yy - face.origin[1]) / face.iod
        across = (dx * face.ex[0] + dy * face.ex[1]) / face.half_mouth
        down = dx * face.ey[0] + dy * face.ey[1]
        tooth = np.abs(((across * 3.2 + 0.5) % 1.0) - 0.5)  # 0 at the middle of a tooth, 0.5 between two
        edge = 0.075 - 0.035 * across**2 - 0.006 * np.clip((tooth - 0.38) / 0.12, 0, 1)
        alpha = np.clip((edge - down) / 0.012, 0, 1) * np.clip((0.85 - np.abs(across)) / 0.2, 0, 1)
        shade = (1.0 - 0.45 * across**2) * (1.0 - 0.22 * np.clip((tooth - 0.36) / 0.14, 0, 1))
        colour = np.array([158.0, 184.0, 200.0], dtype=np.float32) * shade[..., None]
        return cv2.GaussianBlur(colour.astype(np.float32), (0, 0), 0.8), alpha.astype(np.float32)

    def draw(self, image: Picture, nodes: Array, e: Expression) -> Picture:
        upper, lower = nodes[list(UPPER_INNER)], nodes[list(LOWER_INNER)]
        lower = np.where(((lower - upper) @ self.face.ey)[:, None] < 0, (upper + lower) / 2, lower)
        contour = np.vstack([upper, lower[::-1]])
        pad = 8
        x0, y0 = np.maximum(np.floor(contour.min(axis=0)).astype(int) - pad, 0)
        x1, y1 = np.ceil(contour.max(axis=0)).astype(int) + pad
        area = (slice(y0, y1), slice(x0, x1))
        shape = (y1 - y0, x1 - x0)
        mask = soft_polygon(contour - (x0, y0), shape, blur=0.9)
        mask = np.clip(mask * 1.3, 0, 1)  # the mesh's own lip edge is ragged for half a pixel
        mask = mask * np.float32(min(1.0, 0.4 + 6.0 * e.open))  # shut lips leave a seam, not a slit
        yy, xx = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        top = np.interp(xx[0], upper[:, 0], upper[:, 1])[None, :]
        bottom = np.interp(xx[0], lower[:, 0], lower[:, 1])[None, :]
        depth = np.clip((yy - top) / np.maximum(bottom - top, 1.0), 0, 1)
        inside = np.empty((*shape, 3), dtype=np.float32)
        dark, tongue = np.array([22, 18, 38], np.float32), np.array([62, 58, 112], np.float32)
        blend = np.clip((depth - 0.45) / 0.5, 0, 1) * np.clip(e.open * 1.6, 0, 1) * 0.8
        inside[:] = dark * (1 - blend[..., None]) + tongue * blend[..., None]
        teeth, opacity = (layer[area] for layer in self._teeth)
        lit = 0.70 + 0.25 * min(1.0, 2.5 * e.open)
        shadow = np.clip(0.55 + (yy - top) / (0.06 * self.face.iod), 0.55, 1.0)  # the upper lip shades the teeth
        weight = (opacity * np.clip(1.25 - depth * 0.3, 0, 1))[..., None] * min(1.0, 10 * e.open)
        inside = inside * (1 - weight) + teeth * lit * shadow[..., None] * weight
        skin = image[area].astype(np.float32)
        seam = np.zeros(shape, dtype=np.float32)
        line = np.rint(((upper + lower) / 2 - (x0, y0)) * 16).astype(np.int32)
        cv2.polylines(seam, [line], False, 1.0, max(1, round(0.012 * self.face.iod)), cv2.LINE_AA, 4)
        seam = cv2.GaussianBlur(seam, (0, 0), 0.9) * (0.55 if self._smile else 0.30)
        skin = skin * (1 - seam[..., None]) + np.array([40, 38, 78], np.float32) * seam[..., None]
        rim = cv2.GaussianBlur(mask, (0, 0), 2.0)[..., None] * 0.30  # lips darken towards the opening
        skin = skin * (1 - rim)
        out = skin * (1 - mask[..., None]) + inside * mask[..., None]
        image[area] = np.clip(np.rint(out), 0, 255).astype(np.uint8)
        return image
