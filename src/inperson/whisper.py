"""Words by faster-whisper, from weights that lie on this machine (``pip install 'inperson[asr]'``).

>>> from inperson import analyze
>>> from inperson.whisper import FasterWhisper
>>> report = analyze("call.mp4", asr=FasterWhisper("models/whisper-small.en"))  # doctest: +SKIP
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from inperson.errors import InputError
from inperson.types import Floats, Span, Word

FILES = ("model.bin", "config.json", "tokenizer.json")
"""Without the last, faster-whisper would fetch one from the network."""


class FasterWhisper:
    """A recogniser for ``asr`` of `inperson.analyze`. Picklable; the weights are loaded at the first use.

    Parameters
    ----------
    folder : path
        Weights in CTranslate2's form, as ``ct2-transformers-converter --copy_files tokenizer.json`` writes them.
        Nothing is ever downloaded.
    language : str, optional
        As in ``"en"``; by default each stretch of speech is asked for its language.

    Raises
    ------
    InputError
        The folder lacks a file of `FILES`; at the first use also where faster-whisper is not installed or cannot read
        the weights.
    """

    def __init__(self, folder: str | Path, language: str | None = None) -> None:
        self.folder = os.fspath(folder)
        self.language = language
        self._model: Any = None
        missing = [name for name in FILES if not os.path.isfile(os.path.join(self.folder, name))]
        if missing:
            raise InputError(
                f"{self.folder}: expected a folder with {', '.join(FILES)} (a Whisper model in CTranslate2's form), "
                f"found no {', '.join(missing)}; nothing is downloaded"
            )

    @property
    def name(self) -> str:
        """The folder's name, and the language if one was chosen."""
        return " ".join(["faster-whisper", os.path.basename(os.path.abspath(self.folder)), self.language or ""]).strip()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}

    def reads(self) -> list[str]:
        """The folder that it opens, for workers that may open nothing else."""
        return [self.folder]

    def prepare(self) -> None:
        """Import what it needs. The weights are loaded later: their threads would not survive a fork."""
        try:
            import faster_whisper  # noqa: F401
        except ImportError:
            raise InputError("speech recognition by faster-whisper needs: pip install 'inperson[asr]'") from None

    def _load(self) -> None:
        self.prepare()
        from faster_whisper import WhisperModel

        try:
            self._model = WhisperModel(
                self.folder, device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
            )
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{self.folder}: faster-whisper cannot read these weights ({error})") from None

    def __call__(self, sound: Floats, rate: int) -> list[Word]:
        """The words of mono sound (n,) at 16 kHz, with times in seconds from its beginning."""
        if self._model is None:
            self._load()
        # without the text before: a stretch may follow after minutes, and repetitions feed on themselves
        segments, _ = self._model.transcribe(
            sound, language=self.language, word_timestamps=True, condition_on_previous_text=False
        )
        return [
            Word(Span(float(word.start), float(max(word.start, word.end))), word.word.strip())
            for segment in segments
            for word in segment.words or ()
        ]
