"""Which face and which voice in the recording are the candidate's.

The caller may say so; else it is inferred from what a call shows: the candidate's lips move while the candidate's voice
is heard, the candidate answers and so speaks longest, and the interviewer asks. Where that is not clear, nothing is
chosen and the detectors abstain: a finding about the wrong person is worse than none.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inperson.errors import InputError
from inperson.types import Candidate, Frame, Layout, Span, Track, Turn, merged

UPPER_LIP, LOWER_LIP, RIGHT_EYE, LEFT_EYE = 13, 14, 33, 263
"""Face-mesh points: inner lips at the middle, outer corners of the eyes."""
WINDOW = 0.4
"""Seconds over which lip motion is summed up: about two syllables at 5 a second."""
MIN_TIME = 2.0
"""Seconds of measured lips both inside and outside a speaker's turns, below which lips say nothing of the voice."""
MIN_AUC = 0.65
"""Lips belong to a voice if a window during its speech shows more motion than a window without it this often."""
MIN_SHARE = 1.3
"""The candidate must speak this many times longer than the next speaker to be told by speaking time alone."""
SAME_PLACE = 0.3
"""Intersection over union of median boxes above which two tracks lie in the same place of the picture."""
PLACES = re.compile(r"(?:(top|bottom)(?:-|$))?(left|right|centre|center)?")
HINTS = {"candidate": ("candidate", "applicant", "interviewee"), "interviewer": ("interviewer", "recruiter", "hiring")}

Series = NDArray[np.float64]
Belong = Callable[[int, str], float | None]


@dataclass(slots=True)
class LipMotion:
    """Lip opening of every face track over time: two floats a measured face.

    Opening is the distance of the inner lips over the distance of the outer eye corners, in three dimensions, so that
    size and turning of the head cancel.
    """

    _times: dict[int, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    _openings: dict[int, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))

    def update(self, frame: Frame) -> None:
        """Take in the next frame."""
        for face in frame.faces:
            if face.landmarks is None:
                continue
            upper, lower, right, left = face.landmarks[[UPPER_LIP, LOWER_LIP, RIGHT_EYE, LEFT_EYE]]
            self._times[face.track].append(frame.time)
            self._openings[face.track].append(
                float(np.linalg.norm(upper - lower)) / max(float(np.linalg.norm(left - right)), 1e-6)
            )

    def activity(self, track: int) -> tuple[Series, Series]:
        """Window centres (s) and the standard deviation of the opening in each; both empty for an unseen track."""
        times, openings = np.array(self._times.get(track, ())), np.array(self._openings.get(track, ()))
        if len(times) < 2:
            return np.zeros(0), np.zeros(0)
        index = np.floor(times / WINDOW).astype(int)
        bins, start, count = np.unique(index, return_index=True, return_counts=True)
        good = count >= 3
        spread = np.array([openings[s : s + n].std() for s, n in zip(start[good], count[good], strict=True)])
        return (bins[good] + 0.5) * WINDOW, spread


def belongs(activity: tuple[Series, Series], spoken: Sequence[Span]) -> float | None:
    """How often a window inside `spoken` shows more lip motion than one outside: AUC in [0, 1], 0.5 = unrelated.

    None where fewer than `MIN_TIME` seconds were measured on either side.
    """
    times, motion = activity
    inside = np.zeros(len(times), bool)
    for span in spoken:
        inside |= (times >= span.start) & (times < span.end)
    if min(inside.sum(), (~inside).sum()) * WINDOW < MIN_TIME:
        return None
    a, b = np.sort(motion[~inside]), motion[inside]
    below, upto = np.searchsorted(a, b, "left"), np.searchsorted(a, b, "right")
    return float((below + upto).mean() / 2 / len(a))


def layout_of(tracks: Sequence[Track], duration: float) -> Layout:
    """``"none"`` without a face, ``"several"`` if two are seen at once for a tenth of the time, else ``"single"``."""
    if not tracks:
        return "none"
    shared = 0.0
    for i, one in enumerate(tracks):
        for other in tracks[i + 1 :]:
            shared += sum(common.duration for a in one.spans for b in other.spans if (common := a & b))
    return "several" if shared > 0.1 * max(duration, 1e-9) else "single"


def choose(
    turns: Sequence[Turn],
    tracks: Sequence[Track],
    lips: LipMotion,
    size: tuple[int, int] | None,
    wanted: str | None = None,
    belong: Belong | None = None,
) -> Candidate:
    """Decide which track and which speaker are the candidate's.

    Parameters
    ----------
    turns, tracks : sequences
        Of the whole recording; either may be empty.
    lips : LipMotion
        Of the whole recording.
    size : (int, int) or None
        Width and height of the picture, for places such as ``"left"``.
    wanted : str, optional
        The caller's choice: ``"left"``, ``"right"``, ``"top-left"``, ...; ``"track:1"``; ``"speaker:NAME"`` or a bare
        label of the turns; ``"channel:0"``.
    belong : callable, optional
        Probability that the voice of a speaker is that of a face track, from how both move, or None where that is not
        clear (`inperson.face_voices`). Asked where several faces are seen, and believed before the motion of the lips.

    Raises
    ------
    InputError
        `wanted` is none of these, or names nobody in this recording.
    """
    speaking = _speaking_time(turns)
    fit = _fits(turns, tracks, lips, belong)
    if wanted is not None:
        speaker, track = _wanted(wanted, speaking, tracks, size)
        how = f"chosen by the caller ({wanted!r})"
        if track is None:
            track, why = _face_of(speaker, tracks, fit)
        else:
            speaker, why = _voice_of(track, speaking, fit)
        return _made(track, speaker, f"{how}; {why}", tracks, fit)
    speaker, how = _answering(turns, speaking, tracks, fit)
    track, why = _face_of(speaker, tracks, fit)
    return _made(track, speaker, f"{how}; {why}", tracks, fit)


Fits = dict[tuple[int, str], float]


def _fits(turns: Sequence[Turn], tracks: Sequence[Track], lips: LipMotion, belong: Belong | None = None) -> Fits:
    out: Fits = {}
    if belong is not None and len(_places(tracks)) < 2:
        belong = None
    for track in tracks:
        activity = lips.activity(track.track)
        for speaker in sorted({turn.speaker for turn in turns}):
            value = None if belong is None else belong(track.track, speaker)
            if value is None:
                value = belongs(activity, merged(t.span for t in turns if t.speaker == speaker))
            if value is not None:
                out[track.track, speaker] = value
    return out


def _speaking_time(turns: Sequence[Turn]) -> dict[str, float]:
    """Seconds by speaker, longest first."""
    speakers = {turn.speaker for turn in turns}
    total = {s: sum(span.duration for span in merged(t.span for t in turns if t.speaker == s)) for s in speakers}
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _answering(
    turns: Sequence[Turn], speaking: dict[str, float], tracks: Sequence[Track], fit: Fits
) -> tuple[str | None, str]:
    """The speaker who answers, and why."""
    if not speaking:
        return None, "no speech was found, so no voice is the candidate's"
    if len(speaking) == 1:
        return next(iter(speaking)), "the only voice in the recording"
    for speaker in speaking:
        if any(word in speaker.lower() for word in HINTS["candidate"]):
            return speaker, f"the turns call this speaker {speaker!r}"
    others = [s for s in speaking if not any(word in s.lower() for word in HINTS["interviewer"])]
    if len(others) == 1:
        return others[0], f"the turns name every other speaker an interviewer, {others[0]!r} is left"
    if (asker := _asker(turns)) and len(speaking) == 2:
        other = next(s for s in speaking if s != asker)
        return other, f"by the transcript {asker!r} asks the questions, so {other!r} answers"
    first, second = list(speaking)[:2]
    seen = _only_visible(speaking, tracks, fit)
    if speaking[first] >= MIN_SHARE * max(speaking[second], 1e-9):
        if seen not in (None, first):
            return None, (
                f"not clear: {first!r} speaks longest, but only {seen!r} is seen to move the lips with the voice; "
                "name the candidate to decide"
            )
        share = speaking[first] / sum(speaking.values())
        return first, f"speaks longest ({share:.0%} of all speech)"
    if seen:
        return (
            seen,
            "speaks about as long as the others, but is the only one whose lips are seen to move with the voice",
        )
    return None, (
        f"not clear: {first!r} and {second!r} speak about equally long ({speaking[first]:.0f} s and "
        f"{speaking[second]:.0f} s); name the candidate to decide"
    )


def _asker(turns: Sequence[Turn]) -> str | None:
    """The speaker with at least 3 turns ending in a question mark, and three times as many as anyone else."""
    asked: dict[str, int] = defaultdict(int)
    for turn in turns:
        asked[turn.speaker] += turn.text.rstrip().endswith(("?", "？", "؟"))
    ranked = sorted(asked.items(), key=lambda item: -item[1])
    if ranked and ranked[0][1] >= 3 and (len(ranked) == 1 or ranked[0][1] >= 3 * ranked[1][1]):
        return ranked[0][0]
    return None


def _only_visible(speaking: dict[str, float], tracks: Sequence[Track], fit: Fits) -> str | None:
    seen = {s for t in tracks for s in speaking if fit.get((t.track, s), 0.0) >= MIN_AUC}
    return next(iter(seen)) if len(seen) == 1 else None


def _face_of(speaker: str | None, tracks: Sequence[Track], fit: Fits) -> tuple[int | None, str]:
    """The track whose lips move with `speaker`, and why."""
    if not tracks:
        return None, "no face is seen"
    longest = max(tracks, key=lambda t: t.duration)
    places = _places(tracks)
    if speaker is None:
        if any(value >= MIN_AUC for value in fit.values()):
            return None, "a face is seen to speak, but whose it is is not clear either"
        if len(places) == 1:
            return longest.track, "the only face in the picture"
        return None, "without a voice, which of the faces is the candidate's is not clear"
    ranked = sorted(((fit[t.track, speaker], t.track) for t in tracks if (t.track, speaker) in fit), reverse=True)
    if ranked and ranked[0][0] >= MIN_AUC and not _taken(ranked[0][1], speaker, fit):
        return ranked[0][1], f"the face whose lips move with that voice (agreement {ranked[0][0]:.2f} of 1)"
    if len(places) == 1:
        if _taken(longest.track, speaker, fit):
            return None, "the only face seen moves its lips with another voice"
        return longest.track, "the only face in the picture"
    return None, "no face is seen to move its lips with that voice"


def _taken(track: int, speaker: str, fit: Fits) -> bool:
    """Whether the lips of `track` move clearly better with somebody else's voice."""
    own = fit.get((track, speaker), 0.5)
    rest = [value for (t, s), value in fit.items() if t == track and s != speaker]
    return bool(rest) and max(rest) >= MIN_AUC and max(rest) > own + 0.1


def _voice_of(track: int, speaking: dict[str, float], fit: Fits) -> tuple[str | None, str]:
    """The speaker whose voice the lips of `track` move with, and why."""
    if len(speaking) == 1:
        return next(iter(speaking)), "the only voice in the recording"
    ranked = sorted(((fit[track, s], s) for s in speaking if (track, s) in fit), reverse=True)
    if ranked and ranked[0][0] >= MIN_AUC and (len(ranked) == 1 or ranked[0][0] > ranked[1][0] + 0.1):
        return ranked[0][1], f"the voice that face moves its lips with (agreement {ranked[0][0]:.2f} of 1)"
    return None, "which voice goes with that face is not clear" if speaking else "no speech was found"


def _wanted(
    wanted: str, speaking: dict[str, float], tracks: Sequence[Track], size: tuple[int, int] | None
) -> tuple[str | None, int | None]:
    """The (speaker, track) the caller means; one of the two is None."""
    kind, _, value = wanted.partition(":")
    if kind == "track" and value.isdecimal():
        if int(value) not in {t.track for t in tracks}:
            raise InputError(f"candidate {wanted!r}: expected a face track of {sorted(t.track for t in tracks)}")
        return None, int(value)
    label = {"speaker": value, "channel": f"channel {value}"}.get(kind, wanted)
    if label in speaking:
        return label, None
    match = PLACES.fullmatch(wanted.lower())
    if match and wanted:
        return None, _at(match[1], match[2], wanted, tracks, size)
    raise InputError(
        f"candidate {wanted!r} is nobody in this recording: expected a speaker of {list(speaking)}, "
        f"track:N of {sorted(t.track for t in tracks)}, channel:N, or a place such as left, right, top-left"
    )


def _at(row: str | None, column: str | None, wanted: str, tracks: Sequence[Track], size: tuple[int, int] | None) -> int:
    if not tracks or size is None:
        raise InputError(f"candidate {wanted!r} names a place in the picture, but no face is seen in this recording")
    target_x = {"left": 0.0, "right": 1.0, None: 0.5}.get(column, 0.5)
    target_y = {"top": 0.0, "bottom": 1.0, None: 0.5}.get(row, 0.5)
    seen = max(t.duration for t in tracks)

    def distance(track: Track) -> float:
        x0, y0, x1, y1 = track.box
        dx = (x0 + x1) / 2 / size[0] - target_x if column else 0.0
        dy = (y0 + y1) / 2 / size[1] - target_y if row else 0.0
        return dx * dx + dy * dy

    lasting = [t for t in tracks if t.duration >= 0.2 * seen]
    return min(lasting, key=distance).track


def _places(tracks: Sequence[Track]) -> list[list[Track]]:
    """Tracks grouped by place: a group's tracks overlap in the picture and are not seen at the same time."""
    groups: list[list[Track]] = []
    for track in sorted(tracks, key=lambda t: -t.duration):
        for group in groups:
            if all(_same_place(track, other) for other in group):
                group.append(track)
                break
        else:
            groups.append([track])
    return groups


def _same_place(a: Track, b: Track) -> bool:
    if any(x & y for x in a.spans for y in b.spans):
        return False
    width = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    if width <= 0 or height <= 0:
        return False
    common = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a.box, b.box)]
    return common / (sum(areas) - common) >= SAME_PLACE


def _made(track: int | None, speaker: str | None, how: str, tracks: Sequence[Track], fit: Fits) -> Candidate:
    """Add the other tracks in the chosen one's place, unless their lips move with another voice."""
    how = how[0].upper() + how[1:] + "."
    if track is None:
        return Candidate(None, speaker, how)
    group = next(group for group in _places(tracks) if any(t.track == track for t in group))
    mine = [t.track for t in group if t.track != track and not (speaker and _taken(t.track, speaker, fit))]
    return Candidate(track, speaker, how, (track, *mine))
