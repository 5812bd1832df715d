"""A person cut out of a portrait, and the plain room put behind."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def cut_out(picture: Picture) -> NDArray[np.float32]:
    """Opacity of the person in the Hopper portrait, 0 to 1, by GrabCut from a rough outline."""
    height, width = picture.shape[:2]
    mask = np.full((height, width), cv2.GC_PR_BGD, dtype=np.uint8)
    outline = np.array([(150, 110), (180, 40), (262, 22), (345, 40), (372, 110), (378, 200), (360, 300), (340, 320),
                        (480, 385), (511, 440), (511, 599), (0, 599), (30, 420), (60, 378), (190, 325), (165, 270),
                        (152, 200)], dtype=np.int32)
    core = np.array([(165, 110), (200, 50), (262, 35), (330, 50), (358, 110), (360, 200), (345, 285), (320, 335),
                     (440, 390), (480, 450), (480, 599), (40, 599), (60, 430), (90, 395), (205, 335), (190, 285),
                     (168, 200)], dtype=np.int32)
    cv2.fillPoly(mask, [cv2.convexHull(outline[:9]), outline], cv2.GC_PR_FGD)
    cv2.fillPoly(mask, [core], cv2.GC_FGD)
    far = cv2.dilate((mask == cv2.GC_PR_FGD).astype(np.uint8) | (mask == cv2.GC_FGD).astype(np.uint8),
                     np.ones((41, 41), np.uint8))
    mask[far == 0] = cv2.GC_BGD
    # The hat and the flag behind it are equally dark, the hair and the wall equally bright: traced by hand.
    beside = np.array([(60, 60), (178, 60), (178, 84), (165, 92), (157, 102), (153, 113), (151, 126), (150, 142),
                       (150, 156), (152, 170), (156, 180), (155, 189), (152, 196), (151, 208), (155, 222), (159, 235),
                       (162, 250), (161, 262), (164, 273), (170, 283), (180, 291), (190, 296), (198, 300), (200, 313),
                       (188, 324), (168, 337), (60, 337)], dtype=np.int32)
    cv2.fillPoly(mask, [beside], cv2.GC_BGD)
    hair = np.array([(364, 235), (361, 262), (351, 290), (338, 303), (331, 302), (340, 262)], dtype=np.int32)
    cv2.fillPoly(mask, [hair], cv2.GC_FGD)
    cv2.setRNGSeed(0)
    cv2.grabCut(picture, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 6, cv2.GC_INIT_WITH_MASK)
    person = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    labels, regions, stats, _ = cv2.connectedComponentsWithStats(person)
    if labels > 2:
        person = (regions == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    person = cv2.erode(person, np.ones((3, 3), np.uint8))
    soft: NDArray[np.float32] = cv2.GaussianBlur(person.astype(np.float32), (0, 0), 1.2)
    return soft


def room(shape: tuple[int, int], colour: tuple[int, int, int]) -> NDArray[np.float32]:
    """A blurred plain room: a wall lit from one side, a darker shelf far out of focus."""
    height, width = shape
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    light = (1.12 - 0.30 * xx / width) * (1.04 - 0.14 * yy / height)
    wall = np.array(colour, np.float32) * light[..., None]
    shelf = np.zeros(shape, dtype=np.float32)
    cv2.rectangle(shelf, (int(0.80 * width), int(0.10 * height)), (int(0.95 * width), int(0.75 * height)), 1.0, -1)
    cv2.rectangle(shelf, (0, int(0.05 * height)), (int(0.13 * width), int(0.42 * height)), 0.7, -1)
    shelf = cv2.GaussianBlur(shelf, (0, 0), 0.03 * width)[..., None]
    room: NDArray[np.float32] = (wall * (1 - 0.28 * shelf)).astype(np.float32)
    return room
