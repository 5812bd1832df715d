"""The words of one exchange, and when its answer gets to the point."""

from __future__ import annotations

from collections.abc import Callable

from inperson.detectors._answers.said import Opening, opening, tokens
from inperson.detectors._answers.sound import Sound
from inperson.detectors._answers.units import Loudness, sounding, spans
from inperson.exchanges import Exchange
from inperson.types import Session, Span, Turn

NEAR = 0.7
"""Seconds from a word's time, told from its place in its turn's text, to the stretch of speech that it is taken to
begin; with none so near it is not known when the word was said. Own choice: three or four words."""


def opening_of(session: Session, one: Exchange) -> Opening | None:
    """How the answer's words begin; None where nobody wrote them down."""
    who = session.candidate.speaker
    said = _text(session, one.answer, lambda speaker: speaker == who)
    return opening(_text(session, one.question, lambda speaker: speaker != who), said) if said else None


def content_start(
    session: Session, one: Exchange, begins: Opening, sound: Sound, loudness: Loudness | None
) -> float | None:
    """When the first word that is neither filler, stalling phrase nor echo begins, in seconds.

    Recognised words have their times. In a supplied transcript a turn's words are spread over it by their letters, and
    the estimate moves to the nearest stretch of speech that begins after a pause.

    Returns
    -------
    float or None
        None where the answer begins with such a word, has none, or its time cannot be told.
    """
    if begins.content == 0 or begins.content >= begins.words:
        return None
    who = session.candidate.speaker
    if session.words:
        own = [word for word in session.words if word.speaker == who and _middle(word.span) in one.answer]
        times = [word.span.start for word in own for _ in tokens(word.text)]
        return times[begins.content] if begins.content < len(times) else None
    times = [time for turn in _turns(session, one.answer) if turn.speaker == who for time in _spread(turn)]
    if loudness is None or begins.content >= len(times):
        return None
    heard = sound.part(one.answer)
    starts = [span.start for span in spans(heard, sounding(heard, loudness))]
    nearest = min(starts, key=lambda start: abs(start - times[begins.content]), default=None)
    return nearest if nearest is not None and abs(nearest - times[begins.content]) <= NEAR else None


def _text(session: Session, span: Span, wanted: Callable[[str], bool]) -> list[str]:
    if session.words:
        return [t for w in session.words if wanted(w.speaker) and _middle(w.span) in span for t in tokens(w.text)]
    return [token for turn in _turns(session, span) if wanted(turn.speaker) for token in tokens(turn.text)]


def _turns(session: Session, span: Span) -> list[Turn]:
    """Turns of which more than half lies in `span`."""
    return [
        turn
        for turn in session.turns
        if turn.text and (common := turn.span & span) and common.duration > turn.span.duration / 2
    ]


def _spread(turn: Turn) -> list[float]:
    """When each token of a turn begins, if every letter takes equally long."""
    words = tokens(turn.text)
    total = sum(len(word) + 1 for word in words)
    before = 0
    times = []
    for word in words:
        times.append(turn.span.start + turn.span.duration * before / total)
        before += len(word) + 1
    return times


def _middle(span: Span) -> float:
    return (span.start + span.end) / 2
