"""Does the product, run on files, give the scores that training computed? And do its abstentions make sense?

python parity.py --audio .../audio --models ../../models [--count 40]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

import numpy as np
from data import rows, utterances
from degrade import RATE, load

from inperson import media, models
from inperson.detectors import _voice_features
from inperson.detectors.synthetic_voice import SyntheticVoice, trimmed_mean
from inperson.speech import Listener
from inperson.types import Abstention, Candidate, Session


def product(path: Path) -> tuple[object, float, float]:
    """What the detector says of a file with one voice, the seconds it took of CPU, and the seconds of sound."""
    detector, listener = SyntheticVoice(), Listener(speakers=False)
    used, end = 0.0, 0.0
    for chunk in media.chunks(path):
        heard = listener.update(chunk)
        before = time.process_time()
        detector.update(heard)
        used += time.process_time() - before
        end = chunk.span.end
    who = Candidate(None, None, "One voice.")
    before = time.process_time()
    found = detector.finish(Session(media.probe(path), end, (), "none", (), who, "none"))
    return found, used + time.process_time() - before, end


def expected(path: Path) -> float:
    """The same from the training code."""
    session = models.session(SyntheticVoice.model)
    values = [list(_voice_features.measure(one.audio).values()) for one in utterances(load(str(path)))]
    logits = session.run(["logit"], {"features": np.array(values, np.float32)})[0].reshape(-1)
    return trimmed_mean(logits.astype(float))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--count", type=int, default=40)
    chosen = parser.parse_args()
    found = rows(chosen.audio, "devtest")
    picked = [found[i] for i in np.linspace(0, len(found) - 1, chosen.count).astype(int)]
    differences, reasons, used, heard = [], Counter(), 0.0, 0.0
    for row in picked:
        result, cpu, seconds = product(chosen.audio / row["path"])
        used, heard = used + cpu, heard + seconds
        if isinstance(result, Abstention):
            reasons[" ".join(result.reason.split(";")[0].split()[:6])] += 1
        else:
            differences.append(abs(result.score - expected(chosen.audio / row["path"])))
    print(f"{len(differences)} scored of {len(picked)}; abstentions: {dict(reasons)}")
    print(f"difference to the training code: median {np.median(differences):.4f}, max {np.max(differences):.4f}")
    print(f"{60 * used / heard:.2f} s of CPU a minute of sound ({heard:.0f} s at {RATE} Hz)")


if __name__ == "__main__":
    main()
