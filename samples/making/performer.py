"""One party on camera: a portrait, a voice, a behaviour and a webcam, rendered frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .articulation import Articulation
from .backdrop import cut_out, room
from .behaviour import Behaviour
from .head import Head, Pose, turn
from .landmarks import Expression
from .portrait import Portrait
from .webcam import Webcam

Picture = NDArray[np.uint8]
MARGIN = 16  # px rendered around the tile, so that a moving head never shows the edge of the picture


@dataclass(frozen=True, slots=True)
class Cast:
    """A portrait and how it is framed. `left`, `top`: corner of the tile in the picture; `scale`: tile / picture."""

    landmarks: Path
    left: float
    top: float
    scale: float
    smile: bool = False
    lid_height: float = 0.13
    lid_edge: float = 0.0
    brow_gain: float = 1.0
    backdrop: tuple[int, int, int] | None = None  # BGR of a virtual room behind a cut-out person


def frames(cast: Cast, picture: Picture, size: tuple[int, int], speech: Articulation, behaviour: Behaviour, fps: int,
           seed: int) -> Iterator[Picture]:
    """Tiles of `size` (width, height) for the whole recording."""
    portrait, head, cover, behind = stage(cast, picture, size)
    count = int(len(speech.open) / 100 * fps)
    camera = Webcam(count, fps, seed)
    width = float(np.ptp(portrait.face.points[:, 0]))
    steps = np.arange(len(speech.open)) / 100
    for index in range(count):
        time = index / fps

        def now(track: NDArray[np.float64], time: float = time) -> float:
            return float(np.interp(time, steps, track))

        expression = Expression(
            open=now(speech.open), width=now(speech.width), press=now(speech.press),
            brow=0.35 * now(speech.stress), lid=now(behaviour.lid),
            gaze=(now(behaviour.gaze[:, 0]), now(behaviour.gaze[:, 1])),
        )
        pose = Pose(
            shift=(now(behaviour.shift[:, 0]) * width, now(behaviour.shift[:, 1]) * width),
            roll=now(behaviour.roll), yaw=now(behaviour.yaw), pitch=now(behaviour.pitch), zoom=now(behaviour.zoom),
        )
        maps = head.maps(pose)
        image = turn(portrait.draw(expression), maps)
        if cover is not None and behind is not None:
            person = cv2.remap(cover, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[..., None]
            image = np.rint(behind * (1 - person) + image * person).astype(np.uint8)
        yield camera.see(image[MARGIN:-MARGIN, MARGIN:-MARGIN], index)


def stage(cast: Cast, picture: Picture, size: tuple[int, int],
          ) -> tuple[Portrait, Head, NDArray[np.float32] | None, NDArray[np.float32] | None]:
    """Portrait at tile scale, head model, and for a cut-out the person's opacity and the room behind."""
    width, height = size[0] + 2 * MARGIN, size[1] + 2 * MARGIN
    left, top = cast.left - MARGIN / cast.scale, cast.top - MARGIN / cast.scale
    matrix = np.array([[cast.scale, 0, -left * cast.scale], [0, cast.scale, -top * cast.scale]])
    # warpAffine samples pixel centres: a landmark keeps its place relative to the texture.
    flags, border = cv2.INTER_LANCZOS4, cv2.BORDER_REPLICATE
    image = cv2.warpAffine(picture, matrix, (width, height), flags=flags, borderMode=border)
    landmarks = np.loadtxt(cast.landmarks, delimiter=",", skiprows=1)
    points = (landmarks - (left, top)) * cast.scale
    portrait = Portrait(image, points, smile=cast.smile, lid_height=cast.lid_height, lid_edge=cast.lid_edge,
                        brow_gain=cast.brow_gain)
    low, high = points[:468].min(axis=0), points[:468].max(axis=0)
    centre = ((low[0] + high[0]) / 2, float(low[1] + 0.42 * (high[1] - low[1])))
    radii = (0.62 * float(high[0] - low[0]), 0.72 * float(high[1] - low[1]))
    head = Head((height, width), centre, radii, neck=float(high[1] + 0.10 * (high[1] - low[1])))
    if cast.backdrop is None:
        return portrait, head, None, None
    cover = cut_out(picture)
    cover = cv2.warpAffine(cover, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
    return portrait, head, cover, room((height, width), cast.backdrop)
