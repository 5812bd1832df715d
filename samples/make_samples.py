"""Make every recording in this folder. Constructed material: nobody said these words in a call.

    python samples/make_samples.py --prompts FOLDER [--only NAME ...] [--out samples]

FOLDER is the unpacked Debian package asterisk-core-sounds-en-g722, down to `sounds/en_US_f_Allison`; README.md in this
folder has the commands that fetch it and install what is needed. Everything is seeded: with the package versions of
README.md the same files come out again.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from making import film, gallery, performer, rooms, voices
from making.articulation import Articulation, articulate
from making.behaviour import Behaviour, behave
from making.dialogue import TimeLine, Utterance, lay

FPS = 30
HERE = Path(__file__).parent
CANDIDATE = performer.Cast(HERE / "making/collins.csv", left=97.0, top=6.0, scale=2.2, smile=True)
INTERVIEWER = performer.Cast(HERE / "making/hopper.csv", left=17.0, top=14.0, scale=1.3, lid_height=0.038,
                             lid_edge=0.028, brow_gain=0.0, backdrop=(176, 178, 172))


def collins() -> NDArray[np.uint8]:
    """NASA's portrait of Eileen Collins, as scikit-image ships it."""
    import skimage

    return _read(Path(skimage.__file__).parent / "data/astronaut.png")


def hopper() -> NDArray[np.uint8]:
    """The US Navy's portrait of Grace Hopper, as matplotlib ships it."""
    import matplotlib

    return _read(Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg")


def script(prompts: Path) -> list[Utterance]:
    """The interview. Gaps are floor-transfer offsets in seconds; candidate words are asterisk prompts."""
    engine = voices.Engine(size=0.86)
    say = partial(voices.prompt, prompts)

    def ask(text: str, gap: float, tempo: float = 1.0) -> Utterance:
        return Utterance("interviewer", engine.say(text, tempo), gap)

    def answer(gap: float, *parts: voices.Samples) -> Utterance:
        return Utterance("candidate", _with_pauses(parts), gap)

    return [
        ask("Hi, thank you for joining. Can you hear me?", 0.0),
        answer(0.42, say("hello")),
        ask("Great. So could you tell me in a few words what Asterisk is and what it does?", 0.55),
        answer(0.68, say("demo-moreinfo", 1.0, 9.2)),
        ask("And which day could you start?", 0.47),
        answer(0.31, say("digits/day-1")),
        ask("What does somebody get once they have finished the installation?", 0.72),
        answer(0.86, say("demo-congrats", 7.28, 14.15)),
        Utterance("interviewer", engine.say("I see."), 2.9, back_channel=True),
        ask("And is there anything else that they need to have ready before that?", 0.38),
        answer(0.24, say("demo-abouttotry", 7.45, 11.5)),
        ask("Have you tried it on a different system?", 0.58),
        answer(0.19, say("vm-no")),
        ask("How would you go about measuring the delay that people hear on a call?", 0.51),
        answer(1.12, say("demo-echotest", 2.5, 7.9), say("demo-echotest", 8.15, 13.35)),
        ask("And how did it go the last time you showed the demonstration to somebody?", -0.16),
        answer(0.53, say("demo-nogo", 0.1, 5.75)),
        ask("Okay. Thank you very much.", 0.44),
        answer(0.22, say("goodbye")),
    ]


def interview(prompts: Path, out: Path) -> None:
    """interview.mp4 and interview.rttm: a two-party call of about a minute."""
    line = lay(script(prompts))
    asked, told = line.voices["interviewer"], line.voices["candidate"]
    sound = _in_room(asked, 11, hum=0.25) + _in_room(told, 12)
    left = _on_camera(INTERVIEWER, hopper(), line, "interviewer", gallery.TILE, seed=21)
    right = _on_camera(CANDIDATE, collins(), line, "candidate", gallery.TILE, seed=22)
    active = (_active(line, "interviewer"), _active(line, "candidate"))
    film.write_mp4(out / "interview.mp4", gallery.side_by_side(left, right, ("Interviewer", "Candidate"), active), FPS,
                   sound, crf=25)
    film.write_rttm(out / "interview.rttm", "interview", line.turns)


def candidate_line(prompts: Path) -> TimeLine:
    """The candidate alone, about 15 s."""
    say = partial(voices.prompt, prompts)
    parts = (say("demo-congrats", 14.2, 19.4), say("demo-congrats", 19.5, 23.75), say("demo-echotest", 13.3, 17.3))
    return lay([Utterance("candidate", _with_pauses(parts), 0.0)], lead=0.6, tail=0.7)


def candidate_only(prompts: Path, out: Path) -> None:
    """candidate_only.mp4: one face filling the frame, own voice in time. late_audio.mp4: its sound 250 ms late."""
    line = candidate_line(prompts)
    cast = performer.Cast(HERE / "making/collins.csv", left=66.0, top=6.0, scale=1.85, smile=True)
    tiles = _on_camera(cast, collins(), line, "candidate", (640, 360), seed=32)
    film.write_mp4(out / "candidate_only.mp4", tiles, FPS, _in_room(line.voices["candidate"], 13), crf=26)
    film.delay_audio(out / "candidate_only.mp4", out / "late_audio.mp4", 0.250)


def synthetic_voice(prompts: Path, out: Path) -> None:
    """A synthesis engine's voice alone, 22.05 kHz."""
    engine = voices.Engine()
    parts = [engine.say(text) for text in (
        "I have worked on the telephone exchange for eleven years.",
        "Most of that time went into the routing of calls, and into the tests that keep it honest.",
        "When a call fails, I read the console first, and then I ask who changed what.",
    )]
    _voice_file(out / "synthetic_voice.flac", _with_pauses(parts), 41, rate=22_050)


def genuine_voice(prompts: Path, out: Path) -> None:
    """A recorded human voice alone, 16 kHz."""
    parts = [voices.prompt(prompts, "demo-congrats", 14.2, 30.2)]
    _voice_file(out / "genuine_voice.flac", _with_pauses(parts)[: 12 * voices.RATE], 42, rate=16_000)


RECIPES: dict[str, Callable[[Path, Path], None]] = {  # file that is made (and what comes with it)
    "interview.mp4": interview,
    "candidate_only.mp4": candidate_only,
    "synthetic_voice.flac": synthetic_voice,
    "genuine_voice.flac": genuine_voice,
}


def sign(folder: Path) -> None:
    """Write the SHA-256 of each file present into its row of README.md."""
    readme = folder / "README.md"
    if not readme.exists():
        return
    lines = readme.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        row = re.match(r"^\| `([\w.]+)` .*`([0-9a-f]{64})` \|$", line)
        if row and (folder / row[1]).exists():
            lines[number] = line.replace(row[2], hashlib.sha256((folder / row[1]).read_bytes()).hexdigest())
    readme.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"{path}: not a picture that OpenCV reads; is the package installed as README.md says?")
    return np.asarray(picture, dtype=np.uint8)


def _with_pauses(parts: tuple[voices.Samples, ...] | list[voices.Samples]) -> voices.Samples:
    """Sentences in a row with breathing pauses of 0.35 to 0.55 s."""
    pauses = np.random.default_rng(len(parts)).uniform(0.35, 0.55, len(parts))
    pieces: list[voices.Samples] = []
    for part, pause in zip(parts, pauses, strict=True):
        pieces += [part, np.zeros(int(pause * voices.RATE))]
    return np.concatenate(pieces[:-1])


def _in_room(voice: voices.Samples, seed: int, hum: float = 0.0) -> voices.Samples:
    wet = rooms.reverberate(voices.wideband(voice), seed)
    return wet + rooms.noise(len(voice), seed + 100, hum=hum)


def _voice_file(path: Path, voice: voices.Samples, seed: int, rate: int) -> None:
    from scipy.signal import resample_poly

    voice = np.pad(voice, (voices.RATE // 4, voices.RATE // 4))
    voice = rooms.reverberate(voice, seed, wet_db=-20.0) + rooms.noise(len(voice), seed + 100)
    common = int(np.gcd(rate, voices.RATE))
    film.write_flac(path, resample_poly(voice, rate // common, voices.RATE // common), rate)


def _on_camera(cast: performer.Cast, picture: NDArray[np.uint8], line: TimeLine, who: str, size: tuple[int, int],
               seed: int) -> Iterator[NDArray[np.uint8]]:
    speech = articulate(line.voices[who])
    behaviour = _behaviour(line, who, speech, seed)
    return performer.frames(cast, picture, size, speech, behaviour, FPS, seed)


def _behaviour(line: TimeLine, who: str, speech: Articulation, seed: int) -> Behaviour:
    """Listening nods late in the other's turns; eyes away before the own long answers."""
    others = [(start, end) for start, end, name in line.turns if name != who and end - start > 1.2]
    own = [(start, end) for start, end, name in line.turns if name == who and end - start > 3.0]
    nods = [end - 0.3 for start, end in others]
    away = [(start - 0.5, start + 0.9) for start, end in own if start > 2.0]
    return behave(len(speech.open), seed, speech.stress, nods, away)


def _active(line: TimeLine, who: str) -> NDArray[np.bool_]:
    """One flag a frame; as in real clients the border comes 0.3 s late and stays 0.8 s."""
    time = np.arange(round(line.duration * FPS)) / FPS
    flags = np.zeros(len(time), dtype=np.bool_)
    for start, end, name in line.turns:
        if name == who:
            flags |= (time >= start + 0.3) & (time < end + 0.8)
    return flags


def main() -> None:
    """Parse arguments and make the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=Path, required=True, help="folder sounds/en_US_f_Allison")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--only", nargs="*", choices=sorted(RECIPES), default=sorted(RECIPES))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for name in options.only:
        print(name, flush=True)
        RECIPES[name](options.prompts, options.out)
    sign(options.out)


if __name__ == "__main__":
    main()
