"""What the rater hears in prepared utterances (rating.py), kept beside them.

    python rated.py PREPARED --rater rater.onnx [--versions clean,random0,random1,call0] [--workers 2]

Writes `PREPARED/rated/NAME.VERSION.npz`, as measured.py does, of the same sound.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import measured
import numpy as np
import onnxruntime
from corpus import Corpus, read
from numpy.typing import NDArray

LONGEST = int(4.99 * 16000)
Floats = NDArray[np.float32]
_corpus: Corpus
_session: onnxruntime.InferenceSession


def _open(prepared: Path, rater: Path) -> None:
    global _corpus, _session
    _corpus, _session = read(prepared), opened(rater)


def opened(rater: Path) -> onnxruntime.InferenceSession:
    """On one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(rater, options)


def _row(i: int) -> NDArray[np.float16]:
    return rated(_session, measured.heard(_corpus, i)).astype(np.float16)


def rated(session: onnxruntime.InferenceSession, sound: Floats) -> Floats:
    """(2048,) of one utterance."""
    sound = sound[:LONGEST]
    return np.asarray(session.run(None, {"sound": (sound - sound.mean())[None]})[0][0], np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--rater", type=Path, required=True)
    parser.add_argument("--versions", default="clean,random0,random1,call0")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    (chosen.prepared / "rated").mkdir(exist_ok=True)
    corpus = read(chosen.prepared)
    with ProcessPoolExecutor(chosen.workers, initializer=_open, initargs=(chosen.prepared, chosen.rater)) as pool:
        for version in chosen.versions.split(","):
            for number, path in enumerate(corpus.files):
                measured.keep(
                    chosen.prepared / "rated", Path(str(path.filename)).stem, corpus, number, version, pool, _row
                )


if __name__ == "__main__":
    main()
