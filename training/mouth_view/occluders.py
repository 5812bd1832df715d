"""What people put before their mouths, drawn onto a face: hands, masks, microphones, scarves, cups, telephones.

Every draw gives the picture and how much of the lips it covers. Positions are in distances of the outer eye corners
from the middle of the mouth, along the face's own axes.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from inperson.faces import FACE_OVAL, LIPS_OUTER

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Rng = np.random.Generator
CHEEKS, FOREHEAD = (50, 280, 205, 425), (10, 151, 9)
UPPER_EDGE = (127, 116, 117, 118, 197, 347, 346, 345, 356)
"""From ear to ear over the cheeks and the nose's bridge: where a mask ends above."""


class Face:
    """A picture with its landmarks, and axes to draw by."""

    def __init__(self, image: Image, points: Floats) -> None:
        self.image, self.points = image.astype(np.float32), points
        across = points[263] - points[33]
        self.eyes = float(np.linalg.norm(across))
        self.x = across / self.eyes
        self.y = np.array([-self.x[1], self.x[0]], np.float32)
        self.mouth = points[list(LIPS_OUTER)].mean(0)
        self.covered = np.zeros(image.shape[:2], np.float32)

    def at(self, x: float, y: float) -> Floats:
        return self.mouth + self.eyes * (x * self.x + y * self.y)

    def skin(self, rng: Rng) -> Floats:
        """Colour of a cheek or the forehead."""
        column, row = self.points[int(rng.choice(CHEEKS + FOREHEAD))].astype(int)
        h, w = self.image.shape[:2]
        row, column = np.clip(row, 3, h - 4), np.clip(column, 3, w - 4)
        return np.asarray(self.image[row - 3 : row + 4, column - 3 : column + 4].mean((0, 1)), np.float32)

    def paint(self, mask: Floats, colour: Floats, rng: Rng, soft: float = 0.01, shadow: float = 0.3) -> None:
        """Lay `colour` ((3,) or (h, w, 3)) over `mask` (h, w) with a soft edge and a shadow around it."""
        edge = max(0.6, soft * self.eyes)
        alpha = cv2.GaussianBlur(mask, (0, 0), edge)[..., None]
        dark = cv2.GaussianBlur(np.roll(mask, int(0.05 * self.eyes), 0), (0, 0), 0.06 * self.eyes)[..., None]
        shaded = self.image * (1 - shadow * dark * (1 - alpha))
        grain = rng.normal(0, rng.uniform(0, 4), (*mask.shape, 1)).astype(np.float32)
        self.image = shaded * (1 - alpha) + (np.broadcast_to(colour, self.image.shape) + grain) * alpha
        self.covered = np.maximum(self.covered, alpha[..., 0])

    def share(self) -> float:
        """How much of the lips is covered, 0 to 1."""
        lips = np.zeros(self.covered.shape, np.uint8)
        cv2.fillConvexPoly(lips, cv2.convexHull(self.points[list(LIPS_OUTER)].astype(np.int32)), 1)
        return float(self.covered[lips > 0].mean()) if lips.any() else 0.0

    def blank(self) -> Floats:
        return np.zeros(self.image.shape[:2], np.float32)


def _light(shape: tuple[int, ...], rng: Rng) -> Floats:
    """Slow shading, 0.6 to 1.3."""
    small = rng.uniform(0.6, 1.3, (int(rng.integers(2, 6)), int(rng.integers(2, 6)), 1)).astype(np.float32)
    return cv2.resize(small, shape[1::-1], interpolation=cv2.INTER_CUBIC)[..., None]


def hand(face: Face, middle: Floats, rng: Rng) -> None:
    """Two to five fingers side by side, or a fist: rounded, lit from one side, in the person's own colours."""
    count, width = int(rng.integers(2, 6)), float(rng.uniform(0.13, 0.24))
    angle = float(rng.uniform(0, 2 * np.pi))
    along = np.array([np.cos(angle), np.sin(angle)], np.float32)
    beside = np.array([-along[1], along[0]], np.float32)
    colour = face.skin(rng) * rng.uniform(0.75, 1.2) + rng.normal(0, 6, 3).astype(np.float32)
    rows, columns = np.mgrid[: face.image.shape[0], : face.image.shape[1]].astype(np.float32)
    if rng.random() < 0.4:  # the back of a hand or a palm behind the fingers
        palm = face.blank()
        centre = middle - face.eyes * float(rng.uniform(0, 0.5)) * along
        axes = (int(face.eyes * rng.uniform(0.35, 0.6)), int(face.eyes * rng.uniform(0.3, 0.5)))
        cv2.ellipse(palm, centre.astype(int).tolist(), axes, np.degrees(angle), 0, 360, 1.0, -1)
        face.paint(palm, colour * _light(palm.shape, rng), rng)
        if rng.random() < 0.4:
            return
    lit, roundness, dark = float(rng.uniform(-1, 1)), float(rng.uniform(0.03, 0.35)), float(rng.uniform(0, 0.4))
    for i in range(count):
        offset = (i - (count - 1) / 2) * width * float(rng.uniform(0.9, 1.15))
        tip = middle + face.eyes * (offset * beside + float(rng.uniform(0.1, 0.6)) * along)
        root = middle + face.eyes * (offset * beside - float(rng.uniform(0.6, 2.0)) * along)
        finger = face.blank()
        cv2.line(finger, root.astype(int).tolist(), tip.astype(int).tolist(), 1.0, max(2, int(width * face.eyes)))
        across = ((columns - tip[0]) * beside[0] + (rows - tip[1]) * beside[1]) / (0.5 * width * face.eyes)
        round_ = 1 - roundness * np.clip(across - 0.4 * lit, -1.4, 1.4) ** 2
        face.paint(finger, colour * round_[..., None], rng, shadow=dark)


def mask(face: Face, middle: Floats, rng: Rng) -> None:
    """A face mask from the nose to the chin, with pleats or plain; or a scarf that hangs further down."""
    lower = [p for p in FACE_OVAL if (face.points[p] - face.points[1]) @ face.y > 0]
    lift = face.y * face.eyes * float(rng.uniform(-0.15, 0.25))
    outline = np.concatenate([face.points[list(UPPER_EDGE)] + lift, face.points[lower]])
    if rng.random() < 0.25:
        outline = np.concatenate([outline, outline + 1.5 * face.eyes * face.y])
    area = face.blank()
    cv2.fillConvexPoly(area, cv2.convexHull(outline.astype(np.int32)), 1.0)
    colours = ([175, 205, 225], [235, 235, 235], [30, 30, 32], rng.uniform(20, 240, 3))
    colour = np.asarray(colours[int(rng.integers(4))], np.float32) * rng.uniform(0.7, 1.1)
    cloth = colour * _light(area.shape, rng)
    if rng.random() < 0.5:
        rows, columns = np.mgrid[: area.shape[0], : area.shape[1]]
        down = ((columns - face.mouth[0]) * face.y[0] + (rows - face.mouth[1]) * face.y[1]) / face.eyes
        cloth = cloth * (1 + 0.12 * np.sin(down * rng.uniform(15, 45) + rng.uniform(0, 6)))[..., None]
    face.paint(area, cloth, rng)


def microphone(face: Face, middle: Floats, rng: Rng) -> None:
    """A ball or capsule of foam or wire, on an arm that comes from below or the side."""
    size = face.eyes * rng.uniform(0.2, 0.55)
    axes = (int(size), int(size * rng.uniform(0.7, 1.4)))
    ball, arm = face.blank(), face.blank()
    end = middle + face.eyes * np.array([rng.uniform(-3, 3), rng.uniform(1.0, 3.0)], np.float32)
    cv2.line(arm, middle.astype(int).tolist(), end.astype(int).tolist(), 1.0, max(2, int(size * rng.uniform(0.2, 1.2))))
    cv2.ellipse(ball, middle.astype(int).tolist(), axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
    colour = rng.uniform(10, 90, 3) if rng.random() < 0.7 else np.full(3, rng.uniform(60, 200))
    face.paint(arm, (colour * 0.8).astype(np.float32), rng)
    shape = ball.shape
    wire = rng.normal(1, rng.uniform(0, 0.3), (max(2, shape[0] // 2), max(2, shape[1] // 2), 1)).astype(np.float32)
    grain = cv2.resize(wire, shape[1::-1])[..., None]
    face.paint(ball, (colour * _light(shape, rng) * grain).astype(np.float32), rng)


def thing(face: Face, middle: Floats, rng: Rng) -> None:
    """A cup, a telephone, a sheet of paper, the edge of a screen."""
    size = face.eyes * rng.uniform(0.4, 1.3, 2)
    box = cv2.boxPoints((middle.tolist(), size.tolist(), float(rng.uniform(0, 180))))
    area = face.blank()
    cv2.fillConvexPoly(area, box.astype(np.int32), 1.0)
    colour = rng.uniform(10, 250, 3).astype(np.float32)
    face.paint(area, colour * _light(area.shape, rng), rng)


def cloth(face: Face, middle: Floats, rng: Rng) -> None:
    """A piece of the picture's own surroundings in a shape of no name: sleeve, hair, cushion."""
    h, w = face.image.shape[:2]
    rolled = np.roll(face.image[:: int(rng.choice([-1, 1]))], (h // 2, int(rng.integers(w))), (0, 1))
    turns = np.sort(rng.uniform(0, 2 * np.pi, 9))
    reach = face.eyes * rng.uniform(0.3, 0.8, 9)
    outline = middle + np.stack([np.cos(turns), np.sin(turns)], 1) * reach[:, None]
    area = face.blank()
    cv2.fillPoly(area, [outline.astype(np.int32)], 1.0)
    face.paint(area, rolled, rng, soft=0.03)


KINDS: dict[str, Callable[[Face, Floats, Rng], None]] = {
    "hand": hand,
    "mask": mask,
    "microphone": microphone,
    "thing": thing,
    "cloth": cloth,
}


def drawn(image: Image, points: Floats, kind: str, rng: Rng) -> tuple[Image, float]:
    """The picture with one thing of that kind on or near the mouth, and how much of the lips it covers."""
    face = Face(image, points)
    if kind:
        away = rng.random() < 0.35
        reach, turn = rng.uniform(0.55, 1.2) if away else rng.uniform(0, 0.3), rng.uniform(0, 2 * np.pi)
        KINDS[kind](face, face.at(reach * np.cos(turn), reach * np.sin(turn)).astype(np.float32), rng)
    return np.clip(face.image, 0, 255).astype(np.uint8), face.share()
