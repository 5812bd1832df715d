"""Answers that speak of the question before, and answers that repeat what another voice has just said: with a
transcript only.

Words are compared, not understood. Function words are those that are short, or that most stretches of this very call
hold, so that no language needs a list of its own; ends of words are cut alike, so that plurals and verb forms meet.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from inperson.exchanges import Exchange
from inperson.types import Span, Turn

LETTERS = 4
"""Fewest letters of a word that counts, or one of a script without spaces between words (see `_WORD`)."""
STEM = 6
"""Letters of a word that are compared: "project", "projects" and "projected" meet, at the price of a few that should
not."""
COMMON = 0.25
"""Share of the call's questions and answers from which a word is one of its function words."""
ENOUGH = 16
"""Questions and answers with text below which function words cannot be told, and nothing is said."""
SHARED = 3
"""Words that the answer must share with the question before, beyond those it shares with its own."""
ASKED = 3
"""Words that its own question must hold: after "go on", speaking of the question before is no wonder."""
REPEATED = 5
"""Words in the same order that an answer must repeat of what another voice said before it."""
_WORD = re.compile(r"[^\W\d_]+")

INNOCENT_PREVIOUS = (
    "Coming back to a point, a question that was not heard or came in two parts, a delay of the line, or a transcript "
    "whose turns are cut in the wrong place explain it."
)
INNOCENT_REPEATED = (
    "An interpreter, a helper who repeats the question, or a transcript that names one voice twice explain it."
)


@dataclass(frozen=True, slots=True)
class Late:
    """An answer that shares `before` words with the question before its own, and `own` with its own."""

    exchange: Exchange
    before: int
    own: int


def previous(found: Sequence[Exchange], turns: Sequence[Turn], candidate: str) -> list[Late]:
    """Answers whose words are those of the question before, in order of time.

    Parameters
    ----------
    found : sequence of Exchange
        In order of time.
    turns : sequence of Turn
        With text; without any, nothing is found.
    candidate : str

    Returns
    -------
    list of Late
        A word that both questions hold tells nothing and does not count.
    """
    asked = [_words(_said(turns, one.question, candidate, own=False)) for one in found]
    said = [_words(_said(turns, one.answer, candidate, own=True)) for one in found]
    common = _common([*asked, *said])
    if common is None:
        return []
    out = []
    for i in range(1, len(found)):
        here, before = asked[i] - common, asked[i - 1] - common
        if len(here) < ASKED:
            continue
        to_before, to_own = len(said[i] & (before - here)), len(said[i] & (here - before))
        if to_before - to_own >= SHARED:
            out.append(Late(found[i], to_before, to_own))
    return out


def repeated(prompt: Span, speaker: str, answer: Span, turns: Sequence[Turn], candidate: str) -> int:
    """Words in the same order that the answer repeats of what `speaker` said in `prompt`: at least `REPEATED`, else
    0."""
    before = _stems(" ".join(t.text for t in turns if t.speaker == speaker and t.span & prompt))
    after = _stems(_said(turns, answer, candidate, own=True))
    length = _common_subsequence(before[:200], after[:200])
    return length if length >= REPEATED else 0


def _said(turns: Sequence[Turn], within: Span, candidate: str, own: bool) -> str:
    """The text of turns that lie mostly within a span."""
    return " ".join(
        turn.text
        for turn in turns
        if (turn.speaker == candidate) == own
        and (common := turn.span & within)
        and common.duration >= 0.5 * turn.span.duration
    )


def _stems(text: str) -> list[str]:
    words = (word.casefold() for word in _WORD.findall(text))
    return [word[:STEM] for word in words if len(word) >= LETTERS or not word.isascii()]


def _words(text: str) -> set[str]:
    return set(_stems(text))


def _common(stretches: Sequence[set[str]]) -> set[str] | None:
    """The call's function words; None where it is too short to tell."""
    full = [words for words in stretches if words]
    if len(full) < ENOUGH:
        return None
    counts = Counter(word for words in full for word in words)
    return {word for word, count in counts.items() if count > COMMON * len(full)}


def _common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for word in a:
        last = 0
        for j, other in enumerate(b):
            last, row[j + 1] = row[j + 1], last + 1 if word == other else max(row[j + 1], row[j])
    return row[-1]
