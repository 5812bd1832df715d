"""Side-by-side gallery, as a conference recorder lays out two parties."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
SIZE = (1280, 720)
TILE = (620, 468)
_TOP = (SIZE[1] - TILE[1]) // 2
_LEFT = (13, SIZE[0] - 13 - TILE[0])


def side_by_side(left: Iterator[Picture], right: Iterator[Picture], names: tuple[str, str],
                 speaking: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> Iterator[Picture]:
    """Whole frames; `speaking` holds one flag a frame for each party, it lights the tile's border."""
    for index, tiles in enumerate(zip(left, right, strict=True)):
        frame = np.full((SIZE[1], SIZE[0], 3), 24, dtype=np.uint8)
        for x, tile, name, active in zip(_LEFT, tiles, names, speaking, strict=True):
            frame[_TOP : _TOP + TILE[1], x : x + TILE[0]] = tile
            _label(frame, (x + 10, _TOP + TILE[1] - 12), name)
            if active[index]:
                cv2.rectangle(frame, (x - 3, _TOP - 3), (x + TILE[0] + 2, _TOP + TILE[1] + 2), (110, 200, 90), 3)
        yield frame


def _label(frame: Picture, corner: tuple[int, int], text: str) -> None:
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
    x, y = corner
    box = frame[y - height - 6 : y + 6, x - 4 : x + width + 6]
    box[:] = (box * 0.35).astype(np.uint8)
    cv2.putText(frame, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (235, 235, 235), 1, cv2.LINE_AA)
