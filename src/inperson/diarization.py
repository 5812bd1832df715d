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
FULL = 1.0
"""Windows with less speech than this, in s, do not found clusters: their embeddings scatter too far."""
MAX_GROUPS = 12
BRIEF_WINDOWS = 3
BRIEF_SHARE = 0.15
"""Share of all speech that short windows must hold to found a voice: back-channels hold less."""
BRIEF_TOGETHER = 0.38
"""Average cosine distance up to which short windows are grouped."""
BRIEF_APART = 0.55
"""Cosine to the only other voice under which such a group is a second one. Mean embeddings of four windows of 0.7 s
have 0.55 or more to the long windows of their own voice in 98 % of the training voices."""
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
    centres = _voices(windows, embeddings.astype(np.float64))
    frames = _frames(speech)
    if len(centres) < 2:
        return _turns(frames, np.zeros(len(frames), np.int64))
    labels = np.zeros(0, np.int64)
    for _ in range(3):
        labels = _viterbi(_evidence(frames, windows, embeddings @ centres.T), _change_costs(frames))
        centres = _recentred(frames, labels, windows, embeddings, centres)
    return _turns(frames, labels)


def _voices(windows: Sequence[Span], embeddings: Doubles) -> Doubles:
    """(k, d) unit centre of each voice; k = 0 without embeddings."""
    long = np.array([window.duration >= FULL for window in windows], bool)
    if _covered(windows, np.flatnonzero(long)) < MIN_VOICE:
        long[:] = True
    voices = _grown(windows, embeddings, np.flatnonzero(long))
    centres = [_centre(embeddings[voice]) for voice in voices]
    if len(centres) == 1:
        brief = [_centre(embeddings[part]) for part in _brief(windows, embeddings, np.flatnonzero(~long))]
        centres += [centre for centre in brief if float(centre @ centres[0]) < BRIEF_APART][:1]
    return np.array(centres).reshape(-1, embeddings.shape[1])


def _grown(windows: Sequence[Span], embeddings: Doubles, chosen: Labels) -> list[Labels]:
    """The windows of each voice, from clustering the `chosen` ones.

    Follows the tree from its top while the two groups that part there lie further apart than `ONE_VOICE` or, once two
    voices are found, `MORE_VOICES`. Groups with little speech (laughter, a noise taken for speech) count for nothing.
    """
    if len(chosen) < 2:
        return [chosen] if len(chosen) else []
    tree, chosen = _tree(embeddings, chosen)
    voices = [chosen]
    for groups in range(2, min(MAX_GROUPS, len(chosen)) + 1):
        if tree[1 - groups, 2] < (ONE_VOICE if len(voices) < 2 else MORE_VOICES):
            break
        parts = [part for part in _parts(tree, chosen, groups) if _covered(windows, part) >= MIN_VOICE]
        if len(voices) <= len(parts) <= MAX_SPEAKERS:
            voices = parts
    return voices


def _brief(windows: Sequence[Span], embeddings: Doubles, chosen: Labels) -> list[Labels]:
    """Groups of short windows that hold much of the speech: a speaker who never says more than a word or two."""
    if len(chosen) < BRIEF_WINDOWS:
        return []
    tree, chosen = _tree(embeddings, chosen)
    parts = _parts(tree, chosen, 1 + int(np.sum(tree[:, 2] >= BRIEF_TOGETHER)))
    enough = max(MIN_VOICE, BRIEF_SHARE * _covered(windows, np.arange(len(windows))))
    parts = [part for part in parts if len(part) >= BRIEF_WINDOWS and _covered(windows, part) >= enough]
    return sorted(parts, key=len, reverse=True)


def _tree(embeddings: Doubles, chosen: Labels) -> tuple[Doubles, Labels]:
    """Average-linkage tree of the chosen windows, or of `MAX_WINDOWS` of them, and those it is of."""
    from scipy.cluster.hierarchy import linkage

    chosen = chosen[:: -(-len(chosen) // MAX_WINDOWS)]
    return np.asarray(linkage(embeddings[chosen], "average", metric="cosine")), chosen


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


def _centre(vectors: Floats | Doubles) -> Doubles:
    mean = vectors.mean(axis=0, dtype=np.float64)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))


def _frames(speech: Sequence[Span]) -> Doubles:
    """(n, 2) start and end of each frame: every span of speech cut into equal parts of about `FRAME` s."""
    edges = [np.linspace(span.start, span.end, max(1, round(span.duration / FRAME)) + 1) for span in speech]
    return np.concatenate([np.stack([edge[:-1], edge[1:]], axis=1) for edge in edges])


def _evidence(frames: Doubles, windows: Sequence[Span], cosines: Doubles) -> Doubles:
    """(n, k) how well each voice fits each frame: cosines of the windows over it, the nearest weighing most."""
    out = np.zeros((len(frames), cosines.shape[1]))
    weight = np.full(len(frames), 1e-9)
    middle = frames.mean(axis=1)
    for window, cosine in zip(windows, cosines, strict=True):
        first, last = np.searchsorted(middle, [window.start, window.end])
        half = 0.5 * window.duration
        near = 1.05 - np.abs(middle[first:last] - (window.start + half)) / half
        out[first:last] += near[:, None] * cosine
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


def _recentred(
    frames: Doubles, labels: Labels, windows: Sequence[Span], embeddings: Floats, centres: Doubles
) -> Doubles:
    """Centres from the windows that lie wholly in one voice; a voice that lost all of them keeps its old centre."""
    middle = frames.mean(axis=1)
    owner = np.full(len(windows), -1)
    for i, window in enumerate(windows):
        first, last = np.searchsorted(middle, [window.start, window.end])
        inside = labels[first:last]
        if window.duration >= FULL and len(inside) and np.all(inside == inside[0]):
            owner[i] = inside[0]
    found = [embeddings[owner == label] for label in range(len(centres))]
    return np.stack([_centre(own) if len(own) else old for own, old in zip(found, centres, strict=True)])


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
