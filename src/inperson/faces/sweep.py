"""Which part of the frame the detector looks at next, so that its cost does not grow with the frame.

The detector sees 192 pixels a side and needs a face to fill about 12 of them. The whole frame is looked at every second
time; between, square tiles small enough for the smallest face take turns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, cycle

from inperson.faces.detector import SIDE, Detection, Tile

SMALLEST = 60
"""Width in pixels of the smallest face looked for."""

_NEEDED = 12
"""Pixels the detector needs of a face's width: found in 98 % of 59 portraits (training/faces/README.md)."""

_MOST = 24
"""Most tiles a frame is cut into; a frame larger than about 5K gets larger tiles."""


def tiles(size: tuple[int, int]) -> tuple[list[Tile], list[Tile]]:
    """The whole frame, and the tiles that cover it.

    Parameters
    ----------
    size : (int, int)
        ``(width, height)`` of the frame.

    Returns
    -------
    wide, close : lists of Tile
        `wide` sees everything: the frame, and the frame with a margin for a face that fills it (the network knows few
        faces above three quarters of its view). `close` is empty where `wide` already shows the smallest face.
    """
    width, height = size
    longest = max(width, height)
    whole = Tile((width - longest) // 2, (height - longest) // 2, longest)
    wide = [whole]
    if longest < 1.5 * min(width, height):
        side = longest + longest // 2
        wide.append(Tile((width - side) // 2, (height - side) // 2, side))
    side = SMALLEST * SIDE // _NEEDED
    if longest <= side:
        return wide, []
    while True:
        xs, ys = _starts(width, side), _starts(height, side)
        if len(xs) * len(ys) <= _MOST:
            return wide, [Tile(x, y, side) for y in ys for x in xs]
        side = side * 5 // 4


def _starts(length: int, side: int) -> list[int]:
    """Starts of stretches of `side` that cover `length` and overlap by an eighth, or one centred if it covers all."""
    if length <= side:
        return [(length - side) // 2]
    count = math.ceil((length - side) / (side * 7 / 8)) + 1
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


class Sweep:
    """Hands out the next tile; starts over when the frame's size changes."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        wide, close = tiles(size)
        self.everything = [*wide, *close]
        self._turns: Iterator[Tile] = cycle(chain.from_iterable(_alternating(wide, close)))

    def next(self) -> Tile:
        return next(self._turns)


def _alternating(wide: list[Tile], close: list[Tile]) -> Iterator[tuple[Tile, ...]]:
    """The whole frame, a tile, the whole frame, the next tile, ...; the wide view with margin once a round."""
    yield (wide[0], *wide[1:]) if not close else (*wide[1:],)
    for tile in close:
        yield (wide[0], tile)


def whole_in(tile: Tile, size: tuple[int, int], found: Detection) -> bool:
    """False for a face cut by an edge of the tile that is not the frame's: another tile shows it whole."""
    x0, y0, x1, y1 = found.box
    slack = 0.02 * tile.side
    return not (
        (x0 < tile.x + slack and tile.x > 0)
        or (y0 < tile.y + slack and tile.y > 0)
        or (x1 > tile.x + tile.side - slack and tile.x + tile.side < size[0])
        or (y1 > tile.y + tile.side - slack and tile.y + tile.side < size[1])
    )
