"""Eyes that look about and blink, in the still picture."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from .landmarks import EYES, Expression, Face, Picture, soft_polygon


class Eyes:
    """lid_height: skin above the eye that is free of brow and glasses; lid_edge: lid edge above the landmarks; both in
    inter-ocular distances."""

    def __init__(self, face: Face, lid_height: float, lid_edge: float) -> None:
        self.face = face
        self._lid_height, self._lid_edge = lid_height, lid_edge

    def draw(self, image: Picture, e: Expression) -> Picture:
        for upper, lower, iris in EYES:
            image = self._look(image, upper, lower, iris, e.gaze)
            if e.lid > 0.02:
                image = self._blink(image, upper, lower, e.lid)
        return image

    def _look(self, image: Picture, upper: tuple[int, ...], lower: tuple[int, ...], iris: tuple[int, ...],
              gaze: tuple[float, float]) -> Picture:
        centre = self.face.points[iris[0]]
        radius = float(np.mean(np.linalg.norm(self.face.points[list(iris[1:])] - centre, axis=1)))
        x0, y0 = np.floor(centre - 4 * radius).astype(int)
        x1, y1 = np.ceil(centre + 4 * radius).astype(int)
        yy, xx = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        shift = np.array(gaze) * radius
        distance = np.hypot(xx - centre[0] - shift[0], yy - centre[1] - shift[1]) / radius
        weight = np.clip((2.3 - distance) / 1.2, 0, 1).astype(np.float32)  # the iris moves rigidly, white stretches
        dx, dy = weight * np.float32(shift[0]), weight * np.float32(shift[1])
        moved = cv2.remap(image, xx - dx, yy - dy, cv2.INTER_CUBIC)
        contour = np.vstack([self.face.points[list(upper)], self.face.points[list(lower)][::-1]])
        mask = soft_polygon(contour - (x0, y0), (y1 - y0, x1 - x0), blur=0.8)[..., None]
        old = image[y0:y1, x0:x1].astype(np.float32)
        image[y0:y1, x0:x1] = np.rint(old * (1 - mask) + moved * mask).astype(np.uint8)
        return image

    def _blink(self, image: Picture, upper: tuple[int, ...], lower: tuple[int, ...], lid: float) -> Picture:
        """The skin above the eye stretches down with its lashes; column by column, still at the corners."""
        top, bottom = self.face.points[list(upper)], self.face.points[list(lower)]
        top, bottom = top[np.argsort(top[:, 0])], bottom[np.argsort(bottom[:, 0])]
        x0, x1 = int(np.floor(top[0, 0])), int(np.ceil(top[-1, 0])) + 1
        xx = np.arange(x0, x1, dtype=np.float32)
        rim = gaussian_filter1d(np.interp(xx, top[:, 0], top[:, 1]), 1.5)
        floor = gaussian_filter1d(np.interp(xx, bottom[:, 0], bottom[:, 1]), 1.5)
        rim = rim - self._lid_edge * self.face.iod * np.sin(np.linspace(0, np.pi, len(xx)))
        edge = rim + np.maximum(floor - rim, 0) * min(lid, 1.0) * 0.94
        hinge = rim - self._lid_height * self.face.iod
        y0, y1 = int(hinge.min()) - 1, int(floor.max()) + 3
        yy = np.arange(y0, y1, dtype=np.float32)[:, None]
        lashes = np.minimum(0.035 * self.face.iod, 0.5 * (rim - hinge))  # they move without stretching
        free = np.maximum(edge - lashes - hinge, 1.0)
        stretched = hinge + (yy - hinge) * (rim - lashes - hinge) / free
        stretched = np.where(yy > edge - lashes, yy - (edge - rim), stretched)
        map_y = np.where(yy > hinge, stretched, yy).astype(np.float32)
        map_x = np.broadcast_to(xx, map_y.shape).astype(np.float32)
        skin = cv2.remap(image, map_x, map_y, cv2.INTER_CUBIC).astype(np.float32)
        travelled = np.clip((edge - rim) / (0.08 * self.face.iod), 0, 1)
        fold = np.clip((yy - hinge) / np.maximum(edge - hinge, 1), 0, 1) * travelled
        smooth = cv2.GaussianBlur(skin, (0, 0), sigmaX=0.03 * self.face.iod, sigmaY=0.6)  # stretching draws streaks
        streaks = (fold * (yy < edge - lashes))[..., None]
        skin = (skin * (1 - 0.8 * streaks) + smooth * 0.8 * streaks) * (1 - 0.10 * fold)[..., None]
        covered = np.clip(edge - yy + 0.5, 0, 1)[..., None]
        old = image[y0:y1, x0:x1].astype(np.float32)
        image[y0:y1, x0:x1] = np.clip(np.rint(skin * covered + old * (1 - covered)), 0, 255).astype(np.uint8)
        return image
