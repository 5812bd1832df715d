"""Two faces that both move their lips: whose voice is it?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from talking import recording, regular, syllables, voice

from inperson.candidate import LipMotion, choose
from inperson.face_voices import FaceVoices
from inperson.types import Chunk, Frame, Span, Track, Turn

SECONDS, TURN = 24.0, 6.0
TURNS = tuple(
    Turn(Span(t, t + TURN), "S1" if i % 2 == 0 else "S2") for i, t in enumerate(np.arange(0.0, SECONDS, TURN))
)
TRACKS = tuple(Track(i, (Span(0.0, SECONDS),), (x, 100.0, x + 120, 260.0)) for i, x in ((0, 100.0), (1, 500.0)))


def call() -> list[Chunk]:
    """Both faces talk all the time; who is heard changes every `TURN` seconds: first the face of track 1."""
    mouths = [syllables(SECONDS, seed) for seed in (31, 32)]
    first = (np.arange(len(mouths[0])) // round(1000 * TURN)) % 2 == 0
    sound = voice(np.where(first, mouths[1], 0.0), 0.0) + voice(np.where(first, 0.0, mouths[0]), 0.0, seed=2)
    made = [recording(mouth, sound, regular(25, SECONDS)) for mouth in mouths]
    out = []
    for left, right in zip(*made, strict=True):
        frames = tuple(
            Frame(a.time, None, a.size, (a.faces[0], dataclasses.replace(b.faces[0], track=1)))
            for a, b in zip(left.frames, right.frames, strict=True)
        )
        out.append(Chunk(left.span, frames, left.audio))
    return out


@pytest.fixture(scope="module")
def perceived() -> tuple[FaceVoices, LipMotion]:
    voices, motion = FaceVoices(), LipMotion()
    for chunk in call():
        for frame in chunk.frames:
            voices.see(frame)
            motion.update(frame)
        voices.hear(chunk)
    return voices, motion


@pytest.mark.parametrize(("speaker", "own"), [("S1", 1), ("S2", 0)])
def test_a_voice_belongs_to_the_face_that_moves_as_it_sounds(perceived, speaker: str, own: int) -> None:
    voices, _ = perceived
    mine, theirs = (voices.belong(track, speaker, TURNS) for track in (own, 1 - own))
    assert mine is not None
    assert theirs is not None
    assert mine > 0.9
    assert theirs < 0.1


@pytest.mark.parametrize(("speaker", "own"), [("S1", 1), ("S2", 0)])
def test_the_candidate_is_the_face_that_speaks_not_the_one_that_also_moves(perceived, speaker: str, own: int) -> None:
    voices, motion = perceived
    size = (640, 360)
    chosen = choose(TURNS, TRACKS, motion, size, f"speaker:{speaker}", lambda t, s: voices.belong(t, s, TURNS))
    assert chosen.track == own
    assert choose(TURNS, TRACKS, motion, size, f"speaker:{speaker}").track is None  # by motion alone it is not clear


def test_a_minute_or_two_of_a_voice_are_enough(perceived, monkeypatch) -> None:
    voices, _ = perceived
    whole = voices.belong(1, "S1", TURNS)
    monkeypatch.setattr("inperson.face_voices.ENOUGH", 6.0)
    later = (*TURNS[:1], Turn(Span(12.0, 18.0), "S1"))  # what is said after the first 6 s is not compared
    assert voices.belong(1, "S1", later) == pytest.approx(voices.belong(1, "S1", TURNS[:1]), abs=0.02)
    assert whole is not None


def test_nothing_is_said_of_a_voice_that_is_hardly_heard_or_a_face_that_is_not_there(perceived) -> None:
    voices, _ = perceived
    assert voices.belong(0, "S1", (Turn(Span(0.0, 2.0), "S1"),)) is None
    assert voices.belong(7, "S1", TURNS) is None
    assert voices.belong(0, "S3", TURNS) is None
    assert FaceVoices().belong(0, "S1", TURNS) is None
