"""The candidate's face at a moment: as it is, and below where the network sees the edge of a paste."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from inperson import _glimpse
from inperson.page.pictures import Picture, Source, jpeg
from inperson.types import Face, Floats, Frame, Image

if TYPE_CHECKING:
    from inperson.report import Finding, Moment, Report

COUNT = 4
"""Pictures of a strip."""
SIDE = 144
"""Pixels of one."""
TRIES = 3
"""Times that a frame is looked at: the tracker looks at a part of the picture at a time."""
HUE = (236, 112, 20)
"""Colour of the edge map: orange, which skin in shade is not. Its strength is also in the caption's words."""


def strip(source: Source, finding: Finding, moment: Moment) -> list[Picture]:
    """Faces over the moment, left to right in time, each above its map; none where no face is found again."""
    model = finding.model or ""
    mapped = finding.signal == "face_swap" and not moment.kind
    columns: list[Image] = []
    logits: list[float] = []
    for crop in _crops(source, moment):
        shown = [_small(crop)]
        if mapped:
            logit, edges = _scored(model, crop)
            if edges is not None:
                logits.append(logit)
                shown.append(_over(shown[0], edges))
        columns.append(np.vstack(shown))
    if not columns:
        return []
    height = min(column.shape[0] for column in columns)
    image = np.hstack([column[:height] for column in columns])
    words = f"{len(columns)} frames of this moment, in order of time"
    if logits:
        words += (
            ". Below, orange where the network sees the edge of a paste (full orange is 1); its logits, left to right: "
            + ", ".join(f"{logit:+.1f}" for logit in logits)
        )
    return [
        Picture(
            alt=f"The candidate's face in {len(columns)} frames of this moment",
            caption=words + ".",
            uri=jpeg(image),
            width=image.shape[1],
            height=image.shape[0],
            shape="faces",
        )
    ]


def nearest(report: Report, frame: Frame) -> Face | None:
    """The measured face that lies where the report saw the candidate's; the largest where it does not say."""
    faces = [face for face in frame.faces if face.landmarks is not None]
    if not faces:
        return None
    line = report.timeline
    boxes = [
        track.box
        for track in (line.tracks if line else ())
        if track.candidate and any(a - 0.5 <= frame.time <= b + 0.5 for a, b in track.spans)
    ]
    if not boxes:
        return max(faces, key=lambda face: face.size)

    def off(face: Face) -> float:
        middle = np.array([face.box[0] + face.box[2], face.box[1] + face.box[3]]) / 2
        wanted = [np.array([box[0] + box[2], box[1] + box[3]]) / 2 for box in boxes]
        return float(min(np.linalg.norm(middle - one) for one in wanted)) / max(face.size, 1.0)

    best = min(faces, key=off)
    return best if len(faces) > 1 or off(best) < 3.0 else None


def _crops(source: Source, moment: Moment) -> Iterator[Image]:
    from inperson.detectors._face_crop import face_crop
    from inperson.faces import FaceTracker

    span = max(moment.end - moment.start, 0.0)
    for part in np.linspace(0.04, 0.96, COUNT):
        at = moment.start + float(part) * span
        for frame in _glimpse.frames(source.info, max(0.0, at - 0.02), at + 0.25, deadline=source.deadline):
            tracker = FaceTracker()
            for _ in range(TRIES):
                face = nearest(source.report, tracker.update(frame))
                if face is not None:
                    break
            crop = None if face is None else face_crop(face)
            if crop is not None:
                yield crop
            break


def _scored(model: str, crop: Image) -> tuple[float, Floats | None]:
    """As the detector scored it; no map where that model is not installed any more."""
    from inperson.detectors._face_frames import scored
    from inperson.errors import ModelError

    try:
        return scored(model, crop)
    except ModelError:
        return 0.0, None


def _small(crop: Image) -> Image:
    import cv2

    return np.asarray(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _over(image: Image, edges: Floats) -> Image:
    import cv2

    grey = image.mean(axis=2, keepdims=True).repeat(3, axis=2) * 0.75 + 40
    strength = np.clip(cv2.resize(np.asarray(edges, np.float32), (SIDE, SIDE)), 0, 1)[..., None]
    mixed = grey * (1 - strength) + np.array(HUE, np.float32) * strength
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)
