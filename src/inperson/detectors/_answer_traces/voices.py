"""A third voice that is heard only when the candidate is about to answer: somebody, or a machine, at their side.

From turns alone, so it is as good as they are: a diarization that splits one person into two makes third voices of its
own. Where the turns come from one channel a participant, whoever sits beside the candidate is in their channel
and is not told apart here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inperson.exchanges import Exchange, exchanges
from inperson.types import Span, Turn, merged

AROUND = (0.3, 0.5)
"""Seconds before the question's end, and after the answer's start, that still count as between them."""
INSIDE = 0.8
"""Share of a voice's time that must lie there: second interviewers ask and answer elsewhere, too."""
FEWEST = 3
"""Exchanges in which it must be heard: once is a knock at the door, twice is chance."""
SHORTEST = 0.3
"""Seconds of the voice in an exchange that count as heard."""

INNOCENT = (
    "A second interviewer who adds to the question, somebody who comes into the room, an interpreter, a helper or "
    "screen reader, or one voice that the software took for two explain it."
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A third voice between one question and its answer."""

    span: Span
    speaker: str
    exchange: Exchange


def third_voices(turns: Sequence[Turn], candidate: str) -> list[Prompt]:
    """Where voices that speak (almost) only between question and answer do so, in order of time.

    Parameters
    ----------
    turns : sequence of Turn
    candidate : str
        Label of the answering speaker.

    Returns
    -------
    list of Prompt
        Empty for fewer than three speakers, and where nobody qualifies. The main asking voice never does.
    """
    seconds = {name: sum(turn.span.duration for turn in turns if turn.speaker == name) for name in _names(turns)}
    others = sorted((name for name in seconds if name != candidate), key=lambda name: (-seconds[name], name))
    found: list[Prompt] = []
    for name in others[1:]:
        found += _of(name, turns, candidate, seconds[name])
    return sorted(found, key=lambda prompt: prompt.span)


def _of(name: str, turns: Sequence[Turn], candidate: str, seconds: float) -> list[Prompt]:
    own = merged(turn.span for turn in turns if turn.speaker == name)
    # Its own turns would else be the end of the question.
    rest = exchanges([turn for turn in turns if turn.speaker != name], candidate)
    heard = []
    for one in rest:
        if one.offset <= 0:
            continue
        between = Span(one.question.end - AROUND[0], one.answer.start + AROUND[1])
        parts = [common for span in own if (common := span & between)]
        if sum(part.duration for part in parts) >= SHORTEST:
            heard.append((Prompt(Span(parts[0].start, parts[-1].end), name, one), sum(p.duration for p in parts)))
    inside = sum(part for _, part in heard)
    return [prompt for prompt, _ in heard] if len(heard) >= FEWEST and inside >= INSIDE * seconds else []


def _names(turns: Sequence[Turn]) -> set[str]:
    return {turn.speaker for turn in turns}
