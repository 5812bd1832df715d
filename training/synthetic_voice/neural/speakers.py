"""Speaker embeddings of the pool's pieces, by Resemblyzer (Apache-2.0; its weights come with the package).

python speakers.py --pool POOL [--most 900]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from recordings import Piece, Pool


def key(piece: Piece) -> str:
    return f"{piece.path}#{piece.number}"


def build(folder: Path, most: int) -> int:
    """Write `speakers.npz`: `keys` and unit vectors (pieces, 256). Sources take turns until `most` are done."""
    from resemblyzer import VoiceEncoder

    pool, encoder = Pool(folder), VoiceEncoder("cpu", verbose=False)
    turns: dict[str, int] = {}
    rank = []
    for piece in pool.pieces:
        turns[piece.source] = turns.get(piece.source, 0) + 1
        rank.append(turns[piece.source])
    chosen = [piece for _, piece in sorted(zip(rank, pool.pieces, strict=True), key=lambda pair: pair[0])][:most]
    vectors = []
    for piece in chosen:
        x = pool.sound(piece)[:40000]  # one or two windows of 1.6 s tell the voice well enough
        x = x * (10**-1.5 / (np.sqrt(np.mean(x**2)) + 1e-9))  # -30 dBFS, as the encoder was trained
        vectors.append(encoder.embed_utterance(np.pad(x, (0, max(0, 25600 - len(x))))))
    np.savez(folder / "speakers.npz", keys=np.array([key(p) for p in chosen]), vectors=np.array(vectors, np.float32))
    return len(chosen)


def read(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "speakers.npz") as held:
        return dict(zip(held["keys"].tolist(), held["vectors"], strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--most", type=int, default=900)
    arguments = parser.parse_args()
    print(build(arguments.pool, arguments.most), "embeddings")
