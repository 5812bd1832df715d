"""How often an answer seems to speak of the question before, in real consultations and with answers moved on by one.

    python late_answers.py TRANSCRIPTS TURNS

TRANSCRIPTS is the folder of that name in PriMock57 (CC BY 4.0), one TextGrid a speaker. Read are the consultations that
TURNS holds, of the days that may choose (training/response_latency/README.md, parts). An answer is moved on by giving
its words to the answer after it, where the first lasts 5 s and the second question 3 s.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from inperson.detectors._answer_traces import words
from inperson.exchanges import exchanges
from inperson.types import Span, Turn

INTERVAL = re.compile(r'xmin = ([\d.]+)\s+xmax = ([\d.]+)\s+text = "((?:[^"]|"")*)"')
DOCTOR, PATIENT = "doctor", "patient"
DAYS = (1, 2, 3, 4)
LONG_ANSWER, LONG_QUESTION = 5.0, 3.0


def turns(path: Path, speaker: str) -> Iterator[Turn]:
    for start, end, text in INTERVAL.findall(path.read_text(encoding="utf-8")):
        said = re.sub(r"<[^>]*>", "", text).strip()
        if said and float(end) > float(start):
            yield Turn(Span(float(start), float(end)), speaker, said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("turns", type=Path, help="folder of RTTM files")
    args = parser.parse_args()
    calls = answers = late = moved = found = 0
    for path in sorted(args.transcripts.glob(f"day*_{PATIENT}.TextGrid")):
        name = path.name.removesuffix(f"_{PATIENT}.TextGrid")
        if int(name[3]) not in DAYS or not (args.turns / f"primock57_{name}.rttm").exists():
            continue
        doctor = path.with_name(path.name.replace(PATIENT, DOCTOR))
        said = sorted([*turns(doctor, DOCTOR), *turns(path, PATIENT)])
        here = exchanges(said, PATIENT)
        calls, answers = calls + 1, answers + len(here)
        late += len(words.previous(here, said, PATIENT))
        for before, one in pairwise(here):
            if before.answer.duration < LONG_ANSWER or one.question.duration < LONG_QUESTION:
                continue
            text = " ".join(t.text for t in said if t.speaker == PATIENT and t.span & before.answer)
            rest = [t for t in said if not (t.speaker == PATIENT and t.span & one.answer)]
            made = words.previous(here, sorted([*rest, Turn(one.answer, PATIENT, text)]), PATIENT)
            moved, found = moved + 1, found + any(other.exchange == one for other in made)
    print(f"{calls} consultations: {late} of {answers} answers as spoken; {found} of {moved} moved on by one")


if __name__ == "__main__":
    main()
