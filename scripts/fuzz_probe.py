"""Coverage-guided fuzzing of `inperson.media.probe` with atheris: `make fuzz-probe`.

Usage: python scripts/fuzz_probe.py [--minutes 5] [--seed 0] [--keep out/fuzz_probe]

Starts from a second of a sample in ten containers, and from what earlier runs kept because it reached new code of
`inperson._media`. Half of the new inputs are made by libFuzzer, half by `mutations.py`. FFmpeg itself is not built for
it: what happens in there is seen by crashes, hangs and memory alone. Ends at the first input that is not answered by a
`MediaInfo` or a `MediaError` of one printable line within `SLOW` seconds and 2 GiB, and leaves it in the folder.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import atheris
from mutations import mutated
from short_clips import short_clips

with atheris.instrument_imports(include=["inperson.media", "inperson._media"]):
    from inperson import media
    from inperson.errors import MediaError

import av

SAMPLE = Path(__file__).parents[1] / "samples" / "candidate_only.mp4"
SLOW = 10  # s
LONGEST = 1 << 18  # bytes


def probed(path: Path) -> Callable[[bytes], None]:
    """A test of one input, which is written to `path`."""

    def test(content: bytes) -> None:
        path.write_bytes(content)
        try:
            found = media.probe(path)
        except MediaError as error:
            text = str(error)
            assert text.isprintable(), text
            assert len(text) < 1000, text
        else:
            assert found.video is not None or found.audio

    return test


def mutator(seeds: list[bytes]) -> Callable[[bytes, int, int], bytes]:
    """libFuzzer's mutations, and those that know what recordings are made of."""

    def mutate(content: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.5:
            return atheris.Mutate(content, most)
        return mutated(content, rng.choice(seeds), rng)[1][:most]

    return mutate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz_probe"))
    options = parser.parse_args()
    (corpus := options.keep / "corpus").mkdir(parents=True, exist_ok=True)
    av.logging.set_level(None)
    in_memory = Path(f"/proc/self/fd/{os.memfd_create('recording')}")
    seeds = [path.read_bytes() for path in short_clips(SAMPLE, corpus, 1.0, (160, 120))]
    told = {
        "max_total_time": round(60 * options.minutes),
        "timeout": SLOW,
        "rss_limit_mb": 2048,
        "max_len": LONGEST,
        "seed": options.seed or 1,
        "artifact_prefix": f"{options.keep}/",
        "print_final_stats": 1,
        "verbosity": 0,
    }
    arguments = [sys.argv[0], *(f"-{name}={value}" for name, value in told.items()), str(corpus)]
    atheris.Setup(arguments, probed(in_memory), custom_mutator=mutator(seeds))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
