"""What is innocent and may look like a swap, by name: scores of genuine faces of persons who were no genuine example.

    python lookalikes.py PEOPLE.npz... [--held 0.12] [--json OUT.json]

Each person held back as a genuine example (whose face may have been a donor in training's swaps, so the rates are if
anything too high) is seen once plainly and once under each condition, genuine and swapped with care (`make.swapped`).
Prints, for each condition, the share of genuine faces over the logit that one plain genuine face in
twenty exceeds, the mean shift, and how well swaps are told from genuine faces under the same condition. Simulated: the
filters of real programs differ.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import camera
import cv2
import make
import numpy as np
from camera import Draw, Float
from donors import Donors, Rng
from people import Person, Points, load, part

from inperson.detectors._face_frames import scored
from inperson.detectors.face_swap import FaceSwap
from inperson.evaluation import metrics

PLAIN = Draw(200.0, 1.0, 0.0, 2.0, 0.0, 1.0, (1.0, 1.0, 1.0), 0.0, "", 0.0, "h264", 0.35, 0)
Filter = Callable[[Float, Points, Rng], Float]


def untouched(x: Float, points: Points, rng: Rng) -> Float:
    return x


def glare(x: Float, points: Points, rng: Rng) -> Float:
    """A screen in the glasses: a bright, tinted patch with a hard edge before each eye."""
    out, size = x.copy(), float(np.linalg.norm(points[33] - points[133]))
    for eye in (points[[33, 133, 159, 145]].mean(0), points[[263, 362, 386, 374]].mean(0)):
        mask = np.zeros(x.shape[:2], np.float32)
        corner = eye + rng.uniform(-0.4, 0.1, 2) * size
        end = corner + np.array([0.9, 0.5]) * size
        cv2.rectangle(mask, tuple(corner.astype(int).tolist()), tuple(end.astype(int).tolist()), 0.7, -1)
        out += mask[..., None] * (np.float32([215, 235, 255]) - out)
    return out


def make_up(x: Float, points: Points, rng: Rng) -> Float:
    return camera._lit(x, points, rng)


@dataclass(frozen=True)
class Condition:
    name: str
    how: Draw
    filter: Filter = untouched


CONDITIONS = (
    Condition("plain", PLAIN),
    Condition("beauty filter, light", replace(PLAIN, beauty=0.4)),
    Condition("beauty filter, strong", replace(PLAIN, beauty=0.95)),
    Condition("blurred background", replace(PLAIN, background="blurred")),
    Condition("painted background", replace(PLAIN, background="flat")),
    Condition("240p tile", replace(PLAIN, face=96.0, quality=0.6)),
    Condition("heavy compression (crf 36)", replace(PLAIN, quality=0.95)),
    Condition("soft focus", replace(PLAIN, soften=0.35)),
    Condition("sharpening camera", replace(PLAIN, sharpen=1.2)),
    Condition("low light, noise", replace(PLAIN, gamma=1.9, noise=7.0)),
    Condition("glasses with glare", PLAIN, glare),
    Condition("make-up or a screen's glow", PLAIN, make_up),
)


def brightness(person: Person) -> float:
    """Median luma of the cheeks, for a false-alarm rate on dark skin; it stands for no group of people."""
    grey = cv2.cvtColor(person.image, cv2.COLOR_RGB2GRAY)
    values = []
    for mark in (50, 205, 280, 425):
        x, y = person.points[mark].astype(int)
        values += grey[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5].ravel().tolist()
    return float(np.median(values)) if values else 255.0


def logits(person: Person, condition: Condition, seed: int) -> tuple[float, float]:
    """Genuine and swapped."""
    how = replace(condition.how, seed=seed)
    rng = np.random.default_rng(seed)
    image, points = camera.scene(person.image, person.points, how)
    image = np.clip(condition.filter(image, points, rng), 0, 255)
    here = replace(person, image=np.round(image).astype(np.uint8), points=points)
    fake, _ = make.swapped(here, rng, True)
    crops = (camera.crop(camera.sent(x, how), points)[0] for x in (image, fake))
    genuine, swapped = (scored(FaceSwap.model, crop)[0] for crop in crops)
    return genuine, swapped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path, nargs="+")
    parser.add_argument("--held", type=float, default=0.12)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    people = {person.name: person for path in chosen.people for person in load(path)}
    held = [p for n, p in sorted(people.items()) if part(n) < chosen.held]
    make._donors, make._networks = Donors(held), []
    made = {c.name: np.array([logits(p, c, i) for i, p in enumerate(held)]) for c in CONDITIONS}
    level = float(np.quantile(made["plain"][:, 0], 0.95))
    dark = np.argsort([brightness(person) for person in held])[: len(held) // 5]
    made |= {f"{name}, darkest fifth of cheeks": made[name][dark] for name in ("plain", "low light, noise")}
    plain = made["plain"][:, 0]
    rows = []
    for name, scores in made.items():
        genuine = scores[:, 0]
        own = plain if len(genuine) == len(plain) else plain[dark]
        auc = metrics.auc(scores.T.ravel(), np.repeat([0, 1], len(scores)))
        over = float(np.mean(genuine > level))
        shift = float(np.mean(genuine - own))
        rows.append({"condition": name, "persons": len(scores), "over": over, "shift": shift, "auc": float(auc)})
        print(
            f"{name:44s} {len(scores)} persons: {100 * over:.0f} % over, shift {shift:+.2f}, AUC {auc:.2f}", flush=True
        )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
