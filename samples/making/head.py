"""Moves a portrait's head in front of its shoulders: a smooth field, a little perspective, nothing rigid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pose:
    """shift in pixels, angles in degrees, zoom as factor."""

    shift: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    zoom: float = 1.0


class Head:
    """Weights and depth for one portrait.

    centre, radii: the ellipse of the skull in pixels; neck: height (y) where the head's movement has faded by half;
    reach: how far beyond the ellipse the surroundings go along, in radii.
    """

    def __init__(self, shape: tuple[int, int], centre: tuple[float, float], radii: tuple[float, float], neck: float,
                 reach: float = 0.7, body: float = 0.25) -> None:
        height, width = shape
        self._y, self._x = np.mgrid[0:height, 0:width].astype(np.float32)
        across, down = (self._x - centre[0]) / radii[0], (self._y - centre[1]) / radii[1]
        distance = np.sqrt(across**2 + down**2)
        around = _smooth(1.0 - (distance - 1.05) / reach)
        above = _smooth(0.5 - (self._y - neck) / (0.9 * radii[1]))
        shoulders = _smooth((self._y - (neck - 0.5 * radii[1])) / (0.8 * radii[1])) * body
        self._weight = np.maximum(around * above, shoulders * (1 - around * above)).astype(np.float32)
        self._depth = (np.clip(1 - 0.85 * distance**2, 0, None) * around).astype(np.float32)
        self._pivot = (float(centre[0]), float(neck))
        self._radius = float(radii[0])

    def maps(self, pose: Pose) -> tuple[Field, Field]:
        """Where each output pixel comes from."""
        angle = math.radians(pose.roll)  # plain floats keep the fields in single precision
        cosine, sine = math.cos(angle) / pose.zoom, math.sin(angle) / pose.zoom
        dx, dy = self._x - (self._pivot[0] + pose.shift[0]), self._y - (self._pivot[1] + pose.shift[1])
        move_x = cosine * dx + sine * dy + self._pivot[0] - self._x
        move_y = -sine * dx + cosine * dy + self._pivot[1] - self._y
        yaw, pitch = math.radians(pose.yaw) * self._radius, math.radians(pose.pitch) * self._radius
        map_x = self._x + self._weight * move_x - self._depth * yaw
        map_y = self._y + self._weight * move_y - (self._depth + 0.25 * self._weight) * pitch
        return map_x, map_y


def turn(image: Picture, maps: tuple[Field, Field]) -> Picture:
    """The picture seen through the maps."""
    turned: Picture = cv2.remap(image, maps[0], maps[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return turned


def _smooth(x: NDArray[np.float32]) -> NDArray[np.float32]:
    t = np.clip(x, 0, 1)
    step: NDArray[np.float32] = (t * t * (3 - 2 * t)).astype(np.float32)
    return step
