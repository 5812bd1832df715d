"""What the words of an answer add: fillers, stalling phrases, and the question said back.

English only: the lists know no other language, and find nothing in one. A transcript that was tidied up has no fillers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

FILLERS = frozenset({"uh", "uhh", "um", "umm", "uhm", "er", "err", "erm", "eh", "ah", "hm", "hmm", "mm", "mmm", "mhm"})
"""As transcribers write them (Clark & Fox Tree, "Using uh and um in spontaneous speaking", Cognition 84, 2002)."""
STALLS = tuple(
    re.compile(pattern + r"\b")
    for pattern in (
        r"(?:(?:okay|ok|well|so|right|yeah|yes|sure|oh|now|and|alright) )+",
        r"(?:(?:that is|thats|this is|it is|its|what) )?(?:a |an )?(?:(?:really|very|such a|quite a) )?"
        r"(?:good|great|interesting|excellent|tough|hard|difficult|tricky|fair|big|fantastic) (?:question|one|point)",
        r"(?:i am|im) glad (?:that )?you asked(?: (?:me )?(?:that|this|about that|about this))?",
        r"thank(?:s| you)(?: (?:so much|very much))?(?: for (?:asking|that|the question|your question|that question))",
        r"(?:let me|lets|let us|i need to|i have to) (?:just )?(?:think|see)(?: (?:about )?(?:that|this|it))?"
        r"(?: for a (?:moment|second|minute|sec))?",
        r"(?:just )?(?:give me|one|just) (?:a )?(?:moment|second|minute|sec)",
        r"how (?:should|do|can|would) i (?:put|say|explain) (?:this|that|it)",
    )
)
"""Phrases that hold the floor and say nothing yet; the list is an own choice, and never complete."""
SAME = 3
"""Words in a row that an answer shares with its question for them to be said back: two are chance. Own choice."""
OPENING = 15
"""Words of an answer in which the question is looked for. Own choice: a sentence."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Opening:
    """How the words of an answer begin.

    Attributes
    ----------
    words, fillers : int
        Of the whole answer.
    stalled : bool
        It begins with a phrase of `STALLS`, single words such as "so" aside.
    echoed : bool
        `SAME` words or more of the question are said back in its opening.
    content : int
        The number of its first word that is neither filler, stalling phrase nor echo; `words` where there is none.
    """

    words: int
    fillers: int
    stalled: bool
    echoed: bool
    content: int


def tokens(text: str) -> list[str]:
    """Words in lower case without punctuation and apostrophes."""
    return [word.replace("'", "").replace("’", "") for word in _WORD.findall(text.lower())]


def opening(question: Sequence[str], answer: Sequence[str]) -> Opening:
    """Read the tokens (`tokens`) of an answer to a question; either may be empty."""
    at, stalled = 0, False
    while at < len(answer):
        step, real = _stall(answer[at:])
        if not step and answer[at] in FILLERS:
            step = 1
        if not step:
            break
        at, stalled = at + step, stalled or real
    echo = _echo(question, answer[: at + OPENING])
    return Opening(len(answer), sum(word in FILLERS for word in answer), stalled, echo > 0, max(at, echo))


def _stall(words: Sequence[str]) -> tuple[int, bool]:
    """How many words a stalling phrase takes here, and whether it is more than single words such as "so"."""
    text = " ".join(words[:OPENING])
    found = [(len(match.group().split()), i > 0) for i, one in enumerate(STALLS) if (match := one.match(text))]
    return max(found, default=(0, False))


def _echo(question: Sequence[str], answer: Sequence[str]) -> int:
    """The number of the first word after the last run of `SAME` words that the question holds too; 0 without one."""
    asked = {tuple(question[i : i + SAME]) for i in range(len(question) - SAME + 1)}
    ends = [i + SAME for i in range(len(answer) - SAME + 1) if tuple(answer[i : i + SAME]) in asked]
    return ends[-1] if ends else 0
