"""Pairs of crops for training: a genuine face, and the same face swapped, through one camera and one call.

    python make.py OUT --people PEOPLE.npz... [--pairs 10000] [--networks AE.1.pt ...] [--careful 0.7] [--seed 0]

Writes `OUT/crops.u8` (2 n, 256, 256, 3), genuine and swapped in turn, `OUT/alpha.u8` (2 n, 32, 32) how much of each
place comes from the swap, and `OUT/rows.npz` with the person, the source and the draws of each.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import masks
import numpy as np
from camera import SIDE, crop, drawn, scene, sent
from donors import Donors, Rng, moved, put_back, rendered
from numpy.typing import NDArray
from people import Image, Person, load
from rebuild import ODDS, SIDES, Network, coloured, no_sharper, rebuilt, tinted, touched

MAP = 32
MELTED = (0.5, 0.3, 0.2)
"""How often one, two or three donors make a face together: networks draw a person a little like everybody."""
PIECE = 25
"""Pairs a worker makes at a time."""
_donors: Donors
_networks: list[Network]
_names: list[list[Person]]


def _open(people: list[Path], networks: list[Path]) -> None:
    global _donors, _networks, _names
    cv2.setNumThreads(1)
    held = [person for path in people for person in load(path)]
    _donors, _networks = Donors(held), [network(path) for path in networks]
    names: dict[str, list[Person]] = {}
    for person in held:
        names.setdefault(person.name, []).append(person)
    _names = [names[name] for name in sorted(names)]


def network(path: Path) -> Network:
    import torch
    from autoencoder import opened

    torch.set_num_threads(1)
    net = opened(path)

    def run(face: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(face.transpose(2, 0, 1))[None] / 255)
            return np.ascontiguousarray(net(x)[0].numpy().transpose(1, 2, 0)) * np.float32(255)

    return run


def mirrored(person: Person) -> Person:
    """Left for right, the landmarks' numbers too."""
    points = person.points * np.float32([-1, 1]) + np.float32([person.image.shape[1] - 1, 0])
    return replace(person, image=np.ascontiguousarray(person.image[:, ::-1]), points=points[_opposite()])


def _opposite() -> NDArray[np.int64]:
    """Each landmark's partner on the other side: the nearest in the mirrored mean shape."""
    global _partners
    if _partners is None:
        mean = np.mean([p.points - p.points[[1]] for p in _donors.people], axis=0)
        flipped = mean * [-1, 1]
        _partners = np.argmin(np.square(flipped[:, None] - mean[None]).sum(-1), axis=1)
    return _partners


_partners: NDArray[np.int64] | None = None


def person_of(rng: Rng) -> Person:
    """Persons evenly, stills and film alike."""
    sightings = _names[int(rng.integers(len(_names)))]
    person = sightings[int(rng.integers(len(sightings)))]
    return mirrored(person) if rng.random() < 0.5 else person


def swapped(
    person: Person, rng: Rng, careful: bool, sharp: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The scene with another face pasted in, and alpha.

    `careful` is what a model made for one person does, and a tool set up well: a large square, little lost, the colours
    matched, the mask up to the hair. `sharp` leaves donors as crisp as their portraits are.
    """
    side = int(rng.choice((224, 256, 320) if careful else SIDES, p=None if careful else ODDS))
    grow = rng.uniform(1.0, 1.12) if side == 128 else rng.uniform(1.2 if careful else 1.0, 1.5)
    # the same face rendered again: nothing but what a generator leaves
    own = not careful and rng.random() < 0.3
    count = 1 if own or sharp else int(rng.choice((1, 2, 3), p=MELTED))
    donors = [person] if own else [_donors.pick(person, rng) for _ in range(count)]
    identity = rng.uniform(0, 0.6)
    drawn_as = [rendered(person, donor, side, grow, identity, rng) for donor in donors]
    face, into = np.mean([one for one, _ in drawn_as], axis=0), drawn_as[0][1]
    here = person.image.astype(np.float32)
    there = cv2.warpAffine(here, into, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    inner = masks.inner(moved(person.points, into), side, rng)
    if not own and (careful or rng.random() < 0.88):
        face = coloured(face, there, inner, rng.uniform(0.8 if careful else 0.5, 1.0))
    if rng.random() < (0.2 if careful else 0.5):
        face = tinted(face, rng)
    # a generator renders hair and background of its square too, as they are in the target
    if not own and not sharp and rng.random() < 0.85:
        face = no_sharper(face, there, inner, rng.uniform(0.5, 1.1))
    face = inner[..., None] * face + (1 - inner[..., None]) * there
    face = touched(face, rng, _networks) if careful else rebuilt(face, rng, _networks)
    shape = here.shape[:2]
    alpha = (
        masks.outline(shape, person.points, rng, 0.5, 0.06)
        if careful
        else masks.drawn(shape, person.points, into, side, rng)
    )
    paste = put_back(person.image, face, into, bool(rng.random() < 0.3))
    inside = put_back(person.image, np.ones_like(face[..., 0]), into, False)
    alpha = alpha * inside
    return alpha[..., None] * paste + (1 - alpha[..., None]) * here, alpha


def pair(
    rng: Rng, careful: float, sharp: bool = False
) -> tuple[list[Image], list[NDArray[np.uint8]], dict[str, object]]:
    how, person = drawn(rng), person_of(rng)
    with_care = careful > 0 and bool(rng.random() < careful)
    if with_care and rng.random() < 0.5:  # seen through a good camera and call, too
        how = replace(how, quality=0.6 * how.quality, noise=min(how.noise, 3.0), blur=min(how.blur, 0.6), soften=0.0)
    image, points = scene(person.image, person.points, how)
    here = replace(person, image=np.round(image).astype(np.uint8), points=points)
    fake, alpha = swapped(here, rng, with_care, sharp)
    at = ((points + 0.5) * how.call - 0.5).astype(np.float32)
    seed = int(rng.integers(1 << 31))
    crops, maps = [], []
    for x, a in ((image, np.zeros_like(alpha)), (fake, alpha)):
        cut, matrix = crop(sent(x, how), at, np.random.default_rng(seed))
        small = cv2.resize(a, None, fx=how.call, fy=how.call, interpolation=cv2.INTER_AREA) if how.call < 1 else a
        placed = cv2.warpAffine(small, matrix, (SIDE, SIDE))
        maps.append(np.round(255 * cv2.resize(placed, (MAP, MAP), interpolation=cv2.INTER_AREA)).astype(np.uint8))
        crops.append(cut)
    return crops, maps, {"name": person.name, "source": person.source, "face": how.face, "codec": how.codec}


def _piece(job: tuple[int, int, float, bool]) -> list[tuple[list[Image], list[NDArray[np.uint8]], dict[str, object]]]:
    seed, number, careful, sharp = job
    return [pair(np.random.default_rng([seed, number, i]), careful, sharp) for i in range(PIECE)]


def pairs(chosen: argparse.Namespace) -> Iterator[tuple[list[Image], list[NDArray[np.uint8]], dict[str, object]]]:
    jobs = [(chosen.seed, i, chosen.careful, chosen.sharp) for i in range(-(-chosen.pairs // PIECE))]
    with ProcessPoolExecutor(chosen.workers, initializer=_open, initargs=(chosen.people, chosen.networks)) as pool:
        for made in pool.map(_piece, jobs):
            yield from made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=Path, nargs="+", required=True)
    parser.add_argument("--pairs", type=int, default=10000)
    parser.add_argument("--networks", type=Path, nargs="*", default=[])
    parser.add_argument("--careful", type=float, default=0.0, help="share of swaps made with care")
    parser.add_argument("--sharp", action="store_true", help="donors stay as crisp as their portraits")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    with open(chosen.out / "crops.u8", "wb") as images, open(chosen.out / "alpha.u8", "wb") as alphas:
        for crops, maps, row in pairs(chosen):
            for image, alpha in zip(crops, maps, strict=True):
                images.write(image.tobytes())
                alphas.write(alpha.tobytes())
            rows.append(row)
            if len(rows) % 1000 == 0:
                print(len(rows), flush=True)
    np.savez(chosen.out / "rows.npz", **{name: np.array([row[name] for row in rows]) for name in rows[0]})


if __name__ == "__main__":
    main()
