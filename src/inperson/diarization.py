"""Who spoke when: speaker embeddings over speech, grouped into 1 to 4 voices, then drawn as turns.

The task: given spans of speech and an embedding for each window inside them, say which windows are one voice, how many
voices there are, and where each begins and ends. Nothing is known of the speakers beforehand and nothing is kept.

1. Average-linkage clustering of the windows by cosine distance; the merge heights say how many voices there are.
2. Viterbi over 0.1 s frames: a frame's evidence is the windows that cover it, changing voice costs, and costs less in
   a pause than within a stretch of speech.
3. Runs of one label become turns; short pauses of one voice are bridged.

Constants without another source were chosen on the training voices (training/speech/README.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inperson.types import Floats, Span, Turn

MAX_SPEAKERS = 4
ONE_VOICE = 0.31
"""Average cosine distance under which the last two groups are one voice."""
MORE_VOICES = 0.44
"""The same for a third and a fourth: higher, because two is what a call most often has."""
MIN_VOICE = 2.0
"""Seconds of speech that make a voice of its own; less is joined to the nearest."""
FULL = 0.7
"""Windows with less speech than this, in s, do not found voices: their embeddings scatter too far."""
WINDOW = 1.6
UNLIKE, ALIKE = 0.26, 0.07
"""Embeddings depend on how much of the window is silence: two windows of one voice, or of two, are less alike the more
their shares of silence differ, and more alike the larger both are. Fitted to 60 training voices, 0.4 to 1.6 s."""
MAX_GROUPS = 12
MAX_WINDOWS = 1500
"""Clustering looks at this many windows at most, evenly spread: its memory grows with the square."""

FRAME = 0.1
EVIDENCE = 20.0
"""Weight of a cosine against the cost of a change."""
CHANGE = 8.0
"""What a change of voice costs within a stretch of speech."""
PAUSE = 0.05
"""Pause, in s, that halves that cost; longer ones make it smaller still."""
BRIDGE = 0.8
"""Longest pause, in s, inside one turn: people who annotate conversations hardly ever split one at less (the shortest
5 % of a speaker's pauses between two turns in a row end at 0.88 s in AMI's reference turns)."""

Doubles = NDArray[np.float64]
Labels = NDArray[np.int64]


def diarize(speech: Sequence[Span], windows: Sequence[Span], embeddings: Floats) -> tuple[Turn, ...]:
    """Turns of the voices in one recording.

    Parameters
    ----------
    speech : sequence of Span
        Where someone speaks: sorted, apart.
    windows : sequence of Span
        The stretches that were embedded, sorted by start.
    embeddings : (len(windows), d) float32
        Unit vectors.

    Returns
    -------
    tuple of Turn
        Sorted by start, labelled S1, S2, ... by first appearance; empty where there is no speech. All speech belongs to
        S1 where the embeddings do not tell two voices apart.
    """
    if not speech:
        return ()
    empty = np.array([max(0.0, 1 - window.duration / WINDOW) for window in windows])
    voices = _voices(windows, embeddings.astype(np.float64), empty)
    frames = _frames(speech)
    if len(voices) < 2:
        return _turns(frames, np.zeros(len(frames), np.int64))
    labels = np.zeros(0, np.int64)
    for _ in range(3):
        likeness = np.stack([_likeness(embeddings, empty, voice) for voice in voices], axis=1)
        labels = _viterbi(_evidence(frames, windows, likeness), _change_costs(frames))
        owners = _owners(frames, labels, windows)
        own = [np.flatnonzero(owners == label) for label in range(len(voices))]
        voices = [_voice(embeddings, empty, mine) if len(mine) else old for mine, old in zip(own, voices, strict=True)]
    return _turns(frames, labels)


class _Voice(NamedTuple):
    """Mean embedding of a voice, of length 1, and the mean share of silence in its windows."""

    centre: Doubles
    empty: float


def _voice(embeddings: Floats | Doubles, empty: Doubles, chosen: Labels) -> _Voice:
    mean = embeddings[chosen].mean(axis=0, dtype=np.float64)
    return _Voice(np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12)), float(empty[chosen].mean()))


def _likeness(embeddings: Floats | Doubles, empty: Doubles, voice: _Voice) -> Doubles:
    """(n,) cosine of each window with a voice, made independent of the windows' lengths."""
    return np.asarray(embeddings @ voice.centre + _length_effect(empty, voice.empty))


def _length_effect(empty: Doubles, other: Doubles | float) -> Doubles:
    return np.asarray(UNLIKE * np.abs(empty - other) - ALIKE * (empty + other))


def _voices(windows: Sequence[Span], embeddings: Doubles, empty: Doubles) -> list[_Voice]:
    """The voices of the recording; none without embeddings.

    Follows the tree of windows from its top while the two groups that part there lie further apart than `ONE_VOICE` or,
    once two voices are found, `MORE_VOICES`. Groups with little speech (laughter, a noise taken for speech) count for
    nothing.
    """
    chosen = np.flatnonzero(np.array([window.duration >= FULL for window in windows], bool))
    if _covered(windows, chosen) < MIN_VOICE:
        chosen = np.arange(len(windows))
    if len(chosen) < 2:
        return [_voice(embeddings, empty, chosen)] if len(chosen) else []
    chosen = chosen[:: -(-len(chosen) // MAX_WINDOWS)]
    tree = _tree(embeddings[chosen], empty[chosen])
    voices = [chosen]
    for groups in range(2, min(MAX_GROUPS, len(chosen)) + 1):
        if tree[1 - groups, 2] < (ONE_VOICE if len(voices) < 2 else MORE_VOICES):
            break
        parts = [part for part in _parts(tree, chosen, groups) if _covered(windows, part) >= MIN_VOICE]
        if len(voices) <= len(parts) <= MAX_SPEAKERS:
            voices = parts
    return [_voice(embeddings, empty, voice) for voice in voices]


def _tree(embeddings: Doubles, empty: Doubles) -> Doubles:
    """Average-linkage tree by cosine distance, made independent of the windows' lengths."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    distance = 1 - embeddings @ embeddings.T - _length_effect(empty[:, None], empty[None])
    return np.asarray(linkage(squareform(np.maximum(distance, 0.0), checks=False), "average"))


def _parts(tree: Doubles, chosen: Labels, groups: int) -> list[Labels]:
    from scipy.cluster.hierarchy import fcluster

    labels = fcluster(tree, groups, "maxclust")
    return [chosen[labels == label] for label in range(1, int(labels.max()) + 1)]


def _covered(windows: Sequence[Span], chosen: Labels) -> float:
    """Seconds covered by the chosen windows, overlaps counted once."""
    total, end = 0.0, -np.inf
    for window in (windows[i] for i in chosen):
        total += max(0.0, window.end - max(window.start, end))
        end = max(end, window.end)
    return total


def _frames(speech: Sequence[Span]) -> Doubles:
    """(n, 2) start and end of each frame: every span of speech cut into equal parts of about `FRAME` s."""
    edges = [np.linspace(span.start, span.end, max(1, round(span.duration / FRAME)) + 1) for span in speech]
    return np.concatenate([np.stack([edge[:-1], edge[1:]], axis=1) for edge in edges])


def _evidence(frames: Doubles, windows: Sequence[Span], likeness: Doubles) -> Doubles:
    """(n, k) how well each voice fits each frame: likeness of the windows over it, the nearest weighing most."""
    out = np.zeros((len(frames), likeness.shape[1]))
    weight = np.full(len(frames), 1e-9)
    middle = frames.mean(axis=1)
    for window, like in zip(windows, likeness, strict=True):
        first, last = np.searchsorted(middle, [window.start, window.end])
        half = 0.5 * window.duration
        near = 1.05 - np.abs(middle[first:last] - (window.start + half)) / half
        out[first:last] += near[:, None] * like
        weight[first:last] += near
    return np.asarray(EVIDENCE * out / weight[:, None])


def _change_costs(frames: Doubles) -> Doubles:
    """(n,) what a change of voice costs on entering each frame."""
    pause = np.maximum(0.0, frames[1:, 0] - frames[:-1, 1])
    return np.concatenate([[CHANGE], CHANGE * PAUSE / (PAUSE + pause)])


def _viterbi(evidence: Doubles, change: Doubles) -> Labels:
    """The labels with the greatest sum of evidence less the cost of changes."""
    count, voices = evidence.shape
    best = evidence[0].copy()
    origin = np.zeros((count, voices), np.int64)
    for i in range(1, count):
        leader = int(np.argmax(best))
        moved = best[leader] - change[i]
        origin[i] = np.where(best >= moved, np.arange(voices), leader)
        best = np.maximum(best, moved) + evidence[i]
    labels = np.zeros(count, np.int64)
    labels[-1] = int(np.argmax(best))
    for i in range(count - 1, 0, -1):
        labels[i - 1] = origin[i, labels[i]]
    return labels


def _owners(frames: Doubles, labels: Labels, windows: Sequence[Span]) -> Labels:
    """(windows,) the voice that each window lies wholly in; -1 for others and for short windows."""
    middle = frames.mean(axis=1)
    owners = np.full(len(windows), -1)
    for i, window in enumerate(windows):
        first, last = np.searchsorted(middle, [window.start, window.end])
        inside = labels[first:last]
        if window.duration >= FULL and len(inside) and np.all(inside == inside[0]):
            owners[i] = inside[0]
    return owners


def _turns(frames: Doubles, labels: Labels) -> tuple[Turn, ...]:
    """Runs of one label as turns, pauses of one voice up to `BRIDGE` s bridged, labels by first appearance."""
    names: dict[int, str] = {}
    turns: list[Turn] = []
    for (start, end), label in zip(frames, labels, strict=True):
        name = names.setdefault(int(label), f"S{len(names) + 1}")
        last = turns[-1] if turns else None
        if last and last.speaker == name and start - last.span.end <= BRIDGE:
            turns[-1] = Turn(Span(last.span.start, float(end)), name)
        else:
            turns.append(Turn(Span(float(start), float(end)), name))
    return tuple(turns)
