"""What is perceived once for all detectors: faces as the frames come, speech as the chunks come, people at the end."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

from inperson._stages import Stages
from inperson.types import Chunk, Frame, Session, Turn, Word

if TYPE_CHECKING:
    from inperson.media import MediaInfo

FaceBackend = Literal["onnx", "mediapipe"]


class Senses:
    """What is perceived once for all detectors; a part is None where nobody needs it or the medium is missing.

    Parameters
    ----------
    needs : frozenset of str
        Union of the detectors' needs. Speech needs the faces too: they tell whose voice it is.
    info : MediaInfo
    face_backend : str
    stages : Stages
    """

    def __init__(
        self, needs: frozenset[str], info: MediaInfo, face_backend: str = "onnx", stages: Stages | None = None
    ) -> None:
        from inperson.candidate import LipMotion
        from inperson.face_voices import FaceVoices
        from inperson.faces import FaceTracker
        from inperson.speech import Listener

        people = bool(needs & {"faces", "speech"})
        self.tracker = FaceTracker(backend=cast(FaceBackend, face_backend)) if info.video and people else None
        self.listener = Listener() if info.audio and people else None
        self._info = info
        self._end = 0.0
        self._lips = LipMotion()
        self._voices = FaceVoices() if self.tracker is not None and self.listener is not None else None
        self._keep_images = "frames" in needs
        self._stages = stages or Stages(None)

    def wants(self, time: float) -> bool:
        """Whether anybody will look at the image of the frame at `time`."""
        return self._keep_images or (self.tracker is not None and self.tracker.wants(time))

    def see(self, frame: Frame) -> Frame:
        """Find the faces in a frame, then drop its image unless somebody needs it."""
        if self.tracker is not None:
            with self._stages("faces"):
                frame = self.tracker.update(frame)
                self._lips.update(frame)
                if self._voices is not None:
                    self._voices.see(frame)
        return frame if self._keep_images else replace(frame, image=None)

    def hear(self, chunk: Chunk) -> Chunk:
        """Add the speech probability to a chunk."""
        self._end = chunk.span.end
        if self.listener is None:
            return chunk
        with self._stages("speech"):
            if self._voices is not None:
                self._voices.hear(chunk)
            return self.listener.update(chunk)

    def session(
        self, supplied: tuple[Turn, ...] | None = None, wanted: str | None = None, words: Iterable[Word] = ()
    ) -> Session:
        """Put together what the whole recording showed, and the `words` that were recognised."""
        from inperson.asr import spoken
        from inperson.candidate import choose, layout_of

        info = self._info
        turns, source = self.listener.finish(supplied) if self.listener else ((), "none")
        turns, said = spoken(turns, words)
        tracks = self.tracker.tracks() if self.tracker else ()
        size = (info.video.width, info.video.height) if info.video else None
        belong = None if self._voices is None else functools.partial(self._voices.belong, turns=tuple(turns))
        who = choose(turns, tracks, self._lips, size, wanted, belong)
        return Session(info, self._end, turns, source, tracks, who, layout_of(tracks, self._end), words=said)


def perceive(reader: Iterable[Chunk], senses: Senses, stages: Stages | None = None) -> Iterator[Chunk]:
    """The chunks of a `Reader` whose ``each_frame`` is ``senses.see``, with speech added."""
    stages = stages or Stages(None)
    steps = iter(reader)
    while True:
        with stages("decode"):
            chunk = next(steps, None)
        if chunk is None:
            return
        yield senses.hear(chunk)
