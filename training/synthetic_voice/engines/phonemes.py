"""Text to the phoneme alphabet of Kokoro: English by Hibari's rules, other languages by eSpeak NG."""

from __future__ import annotations

import subprocess
from functools import cache
from typing import Any

ESPEAK_VOICES = {"es": "es", "fr": "fr-fr", "it": "it", "pt": "pt-br", "hi": "hi"}
# Kokoro writes some affricates and diphthongs as one letter; the rest of eSpeak's IPA it knows. Source: vocabulary of
# Kokoro-82M (model card), compared with what `espeak-ng --ipa` prints.
_MERGED = {"t\u0361ʃ": "ʧ", "d\u0361ʒ": "ʤ", "t\u0361s": "ʦ", "d\u0361z": "ʣ", "\u0361": "", "-": ""}


def english(text: str, british: bool = False) -> str:
    """Phonemes of an English text, American or British."""
    return str(_english(british)(text))


@cache
def _english(british: bool) -> Any:
    from hibari.g2p import G2P

    return G2P(british=british)


def other(text: str, language: str) -> str:
    """Phonemes of a text in one of `ESPEAK_VOICES`, its punctuation kept at the end."""
    command = ["espeak-ng", "-q", "--ipa", "--tie=\u0361", "-v", ESPEAK_VOICES[language], text]
    spoken = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    line = " ".join(spoken.split())
    for written, letter in _MERGED.items():
        line = line.replace(written, letter)
    return line + "."
