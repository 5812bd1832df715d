"""A triangle mesh over a face: what lips, jaw and brows do to its points, and the picture pulled along."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from .landmarks import BROWS, LOWER_INNER, LOWER_LIP, OVAL, UPPER_INNER, UPPER_LIP, Array, Expression, Face, Picture


class Mesh:
    """smile: rest is the shut mouth, not the picture's; jaw_drop: lower lip travel of open = 1, in inter-ocular
    distances; brow_gain: 0 keeps the brows still, for glasses that would bend."""

    def __init__(self, face: Face, smile: bool, brow_gain: float, jaw_drop: float = 0.20) -> None:
        self.face = face
        self._smile, self._brow_gain, self._jaw_drop = smile, brow_gain, jaw_drop
        self._lay_mesh()
        self._rest()

    def _lay_mesh(self) -> None:
        height, width = self.face.image.shape[:2]
        face = self.face.points[:468]
        centre = face[list(OVAL)].mean(axis=0)
        ring = centre + (face[list(OVAL)] - centre) * np.array([1.35, 1.45])
        edge = [(x, y) for x in np.linspace(0, width - 1, 9) for y in (0, height - 1)]
        edge += [(x, y) for y in np.linspace(0, height - 1, 9)[1:-1] for x in (0, width - 1)]
        ring = ring[(ring[:, 0] > 4) & (ring[:, 0] < width - 5) & (ring[:, 1] > 4) & (ring[:, 1] < height - 5)]
        self.nodes = np.vstack([face, ring, np.array(edge, dtype=np.float64)])
        triangles = Delaunay(self.nodes).simplices
        inner = np.isin(triangles, UPPER_INNER + LOWER_INNER).all(axis=1)
        self.triangles = np.vstack([triangles[inner], triangles[~inner]])  # what hides in the mouth is drawn first
        moving = np.ptp(self.nodes[self.triangles][:, :, 1], axis=1) < height / 2
        near = np.abs(self.nodes[self.triangles].mean(axis=1) - centre) < np.ptp(face, axis=0) * 0.75
        self.triangles = self.triangles[moving & near.all(axis=1)]

    def _mouth_frame(self) -> tuple[Array, Array, Array]:
        """Every node as (across, below the lip line) in inter-ocular distances, and the lip line's side."""
        relative = (self.nodes - self.face.origin) / self.face.iod
        across, down = relative @ self.face.ex, relative @ self.face.ey
        upper = (self.face.points[list(UPPER_INNER)] - self.face.origin) / self.face.iod
        lower = (self.face.points[list(LOWER_INNER)] - self.face.origin) / self.face.iod
        middle = (upper + lower) / 2
        line = np.interp(across, middle @ self.face.ex, middle @ self.face.ey)
        below = down - line
        side = np.sign(below)
        side[list(UPPER_LIP)] = -1.0
        side[list(LOWER_LIP)] = 1.0
        return across, below, side

    def _rest(self) -> None:
        """Displacements (nodes x 2, pixels) of each unit movement; they add up linearly."""
        across, below, side = self._mouth_frame()
        c = self.face.half_mouth
        far = np.maximum(np.abs(across) - c, 0.0)
        inside = 1.0 - np.minimum(np.abs(across) / c, 1.0) ** 2
        lower = side > 0
        is_face = np.arange(len(self.nodes)) < 468
        jaw = (0.3 + 0.7 * inside) * np.exp(-((far / 0.5) ** 2)) * (1.0 - 0.3 * np.clip(below / 1.1, 0, 1))
        corner = 0.3 * np.exp(-((np.abs(np.abs(across) - c) / 0.22) ** 2)) * np.exp(-((below / 0.30) ** 2))
        rise = -0.16 * inside * np.exp(-((below / 0.16) ** 2))
        open_y = np.where(lower, jaw, corner + rise) * self._jaw_drop * is_face
        spread = np.clip(across / c, -1, 1) * np.exp(-((far / 0.45) ** 2)) * np.exp(-((below / 0.40) ** 2)) * is_face
        pout = side * np.exp(-((below / 0.14) ** 2)) * inside * is_face
        self.unit_open = self._along(0 * across, open_y)
        self.unit_width = self._along(spread * 0.085, -0.010 * pout)
        self.unit_press = self._along(0 * across, -side * 0.012 * np.exp(-((below / 0.08) ** 2)) * inside * is_face)
        brow_line = self.nodes[list(BROWS), 1].mean()
        offset = (self.nodes[:, 1] - brow_line) / self.face.iod
        lift = np.exp(-((offset / np.where(offset > 0, 0.10, 0.30)) ** 2)) * is_face
        self.unit_brow = self._along(0 * across, -0.045 * self._brow_gain * lift)
        self.rest = self._close(across, below, side, inside) if self._smile else np.zeros_like(self.nodes)

    def _close(self, across: Array, below: Array, side: Array, inside: Array) -> Array:
        """What shuts a smile: lips meet, corners come in and down a little."""
        upper = (self.face.points[list(UPPER_INNER)] - self.face.origin) / self.face.iod
        lower = (self.face.points[list(LOWER_INNER)] - self.face.origin) / self.face.iod
        gap = np.interp(across, upper @ self.face.ex, (lower - upper) @ self.face.ey, left=0.0, right=0.0)
        beyond = np.maximum(np.abs(below) - gap / 2, 0.0)
        up = -0.62 * np.exp(-((beyond / 0.45) ** 2))
        down = 0.38 * np.exp(-((beyond / 0.20) ** 2))
        is_face = np.arange(len(self.nodes)) < 468
        dy = np.where(side > 0, up, down) * gap * is_face
        c = self.face.half_mouth
        far = np.maximum(np.abs(across) - c, 0.0)
        near = np.exp(-((far / 0.35) ** 2)) * np.exp(-((below / 0.35) ** 2)) * is_face
        dx = -0.05 * np.clip(across / c, -1, 1) * near
        sag = 0.035 * np.exp(-((np.abs(np.abs(across) - c) / 0.2) ** 2)) * np.exp(-((below / 0.25) ** 2)) * is_face
        return self._along(dx, dy + sag)

    def _along(self, across: Array, down: Array) -> Array:
        return self.face.iod * (across[:, None] * self.face.ex + down[:, None] * self.face.ey)

    def place(self, e: Expression) -> Array:
        """Where the nodes are in this expression, pixels."""
        moved: Array = (self.nodes + self.rest + e.open * self.unit_open + e.width * self.unit_width
                        + e.press * self.unit_press + e.brow * self.unit_brow)
        return moved

    def warp(self, image: Picture, nodes: Array) -> Picture:
        target, source = nodes[self.triangles], self.nodes[self.triangles]
        x0, y0 = np.floor(target.reshape(-1, 2).min(axis=0)).astype(int)
        x1, y1 = np.ceil(target.reshape(-1, 2).max(axis=0)).astype(int) + 1
        x0, y0 = max(x0, 0), max(y0, 0)
        x1, y1 = min(x1, image.shape[1]), min(y1, image.shape[0])
        ids = np.full((y1 - y0, x1 - x0), -1.0, dtype=np.float32)
        shift = 4
        corners = np.rint((target - (x0, y0)) * (1 << shift)).astype(np.int32)
        for number, triangle in enumerate(corners):
            cv2.fillConvexPoly(ids, triangle, float(number), lineType=cv2.LINE_8, shift=shift)
        affine = _affines(target, source)
        which = ids.astype(np.int32)
        yy, xx = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        rows = affine[which]
        map_x = rows[..., 0, 0] * xx + rows[..., 0, 1] * yy + rows[..., 0, 2]
        map_y = rows[..., 1, 0] * xx + rows[..., 1, 1] * yy + rows[..., 1, 2]
        outside = which < 0
        map_x[outside], map_y[outside] = xx[outside], yy[outside]
        image = image.copy()
        image[y0:y1, x0:x1] = cv2.remap(image, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        return image


def _affines(target: Array, source: Array) -> NDArray[np.float32]:
    """For each triangle the 2 x 3 matrix from target pixels to source pixels."""
    ones = np.ones((*target.shape[:2], 1))
    system = np.concatenate([target, ones], axis=2)
    determinant = np.linalg.det(system)
    system[np.abs(determinant) < 1e-6] = np.eye(3)
    solved = np.linalg.solve(system, source)
    matrices: NDArray[np.float32] = np.transpose(solved, (0, 2, 1)).astype(np.float32)
    return matrices
