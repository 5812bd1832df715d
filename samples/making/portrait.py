"""A still portrait that can speak: mesh, mouth and eyes put together."""

from __future__ import annotations

from .eyes import Eyes
from .landmarks import Array, Expression, Face, Picture
from .mesh import Mesh
from .mouth import Mouth


class Portrait:
    """A picture (BGR uint8, already at the size it is shown) with its 478 landmarks in pixels.

    smile: teeth show in the picture; they become the upper teeth, and rest is a shut mouth. The other options are those
    of `Eyes` and `Mesh`.
    """

    def __init__(self, image: Picture, points: Array, smile: bool = False, lid_height: float = 0.13,
                 lid_edge: float = 0.0, brow_gain: float = 1.0) -> None:
        self.face = Face(image, points)
        self._mesh = Mesh(self.face, smile, brow_gain)
        self._mouth = Mouth(self.face, smile)
        self._eyes = Eyes(self.face, lid_height, lid_edge)

    def draw(self, e: Expression) -> Picture:
        """The portrait in this expression; same size as the picture."""
        nodes = self._mesh.place(e)
        canvas = self._eyes.draw(self.face.image.copy(), e)
        canvas = self._mesh.warp(canvas, nodes)
        return self._mouth.draw(canvas, nodes, e)
