"""Voice codecs: sound through a real encoder and decoder, packet by packet, in memory.

The delay of every codec (priming, look-ahead, filters) is measured once with noise through a fresh pair, not taken
from a table, and taken out. Bluetooth's CVSD has no encoder in FFmpeg; ITU-T G.726 at 32 kbit/s, also an adaptive
differential code at 8 kHz, stands in for it. mSBC is the real one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from inperson.degradation.stages import EMPTY, Chain, Resample, Stage, audio_frame, joined
from inperson.errors import InputError
from inperson.types import Floats


@dataclass(frozen=True, slots=True)
class VoiceCodec:
    """How to call an encoder and its decoder.

    Attributes
    ----------
    encoder, decoder : str
        FFmpeg's names.
    rate : int
        Sampling rate it works at, Hz.
    bit_rate : int
        Bit/s.
    options, reading : tuple of (str, str)
        Of the encoder and of the decoder.
    """

    encoder: str
    decoder: str
    rate: int
    bit_rate: int
    options: tuple[tuple[str, str], ...] = ()
    reading: tuple[tuple[str, str], ...] = ()


_VOIP = (("application", "voip"),)

CODECS: dict[str, VoiceCodec] = {
    "opus_32k": VoiceCodec("libopus", "opus", 48000, 32000, _VOIP),
    "opus_24k": VoiceCodec("libopus", "opus", 48000, 24000, _VOIP),
    "opus_16k": VoiceCodec("libopus", "opus", 16000, 16000, _VOIP),
    "opus_12k": VoiceCodec("libopus", "opus", 16000, 12000, _VOIP),
    "aac_96k": VoiceCodec("aac", "aac", 32000, 96000),
    "aac_48k": VoiceCodec("aac", "aac", 32000, 48000),
    "aac_32k": VoiceCodec("aac", "aac", 16000, 32000),
    "mp3_64k": VoiceCodec("libmp3lame", "mp3float", 24000, 64000),
    "mp3_32k": VoiceCodec("libmp3lame", "mp3float", 16000, 32000),
    "g711u": VoiceCodec("pcm_mulaw", "pcm_mulaw", 8000, 64000),
    "g711a": VoiceCodec("pcm_alaw", "pcm_alaw", 8000, 64000),
    "g722": VoiceCodec("g722", "g722", 16000, 64000),
    "g726": VoiceCodec("g726", "g726", 8000, 32000, (), (("bits_per_coded_sample", "4"),)),
    "amr_nb": VoiceCodec("libopencore_amrnb", "amrnb", 8000, 12200),
    "msbc": VoiceCodec("sbc", "sbc", 16000, 60800, (("msbc", "1"),)),
}
"""Codecs of calls by name: Opus (RFC 6716), AAC, MP3, ITU-T G.711 (mu-law, A-law), G.722, G.726, 3GPP AMR-NB, mSBC."""

_PIECE = 960  # samples a packet of codecs that have no frame of their own


def codec(name: str, rate: int) -> Stage:
    """A passage through codec `name` for sound at `rate` (Hz), aligned.

    Raises
    ------
    InputError
        Unknown name.
    """
    if name not in CODECS:
        raise InputError(f"unknown voice codec {name!r}; expected one of {', '.join(CODECS)}")
    how = CODECS[name]
    inner = _Passage(how, _delay(how))
    return Chain((Resample(rate, how.rate), inner, Resample(how.rate, rate)))


@cache
def _delay(how: VoiceCodec) -> int:
    """Samples by which the codec is late, by correlation of a second of noise of 300 to 3000 Hz."""
    from scipy.signal import butter, correlate, sosfilt

    noise = np.random.default_rng(0).standard_normal(how.rate)
    inside = sosfilt(butter(4, (300.0, 3000.0), "bandpass", fs=how.rate, output="sos"), noise)
    x = np.pad(0.2 * inside / np.std(inside), how.rate // 4).astype(np.float32)
    passage = _Passage(how, 0)
    y = np.concatenate([passage.push(x), passage.close()])
    return max(0, int(np.argmax(correlate(y, x, mode="full", method="fft"))) - (len(x) - 1))


class _Passage:
    """Encoder and decoder at the codec's own rate; the first `delay` samples that come out are dropped."""

    def __init__(self, how: VoiceCodec, delay: int) -> None:
        from av import AudioResampler, CodecContext

        encoder: Any = CodecContext.create(how.encoder, "w")
        encoder.sample_rate, encoder.layout = how.rate, "mono"
        encoder.format = encoder.codec.audio_formats[0]
        encoder.bit_rate, encoder.options = how.bit_rate, dict(how.options)
        encoder.time_base = Fraction(1, how.rate)
        encoder.open()
        decoder: Any = CodecContext.create(how.decoder, "r")
        decoder.extradata = encoder.extradata
        decoder.sample_rate, decoder.layout = how.rate, "mono"
        decoder.options = dict(how.reading)
        self._encoder, self._decoder, self._rate = encoder, decoder, how.rate
        self._into = AudioResampler(encoder.format, "mono", how.rate, encoder.frame_size or _PIECE)
        self._back = AudioResampler("flt", "mono", how.rate)
        self._skip, self._delay = delay, delay
        self._sent = self._taken = self._given = 0

    def push(self, x: Floats) -> Floats:
        self._taken += len(x)
        return self._trimmed(self._coded(x)) if len(x) else EMPTY

    def close(self) -> Floats:
        if not self._taken:
            return EMPTY
        padding = np.zeros(self._delay + 4 * max(_PIECE, self._encoder.frame_size or 0), np.float32)
        last = [self._coded(padding), *self._decoded(self._encoder.encode(None))]
        rest = self._trimmed(np.concatenate(last))
        missing = self._taken - (self._given - len(rest))
        return np.pad(rest[:missing], (0, max(0, missing - len(rest))))

    def _coded(self, x: Floats) -> Floats:
        parts = [EMPTY]
        for frame in self._into.resample(audio_frame(np.clip(x, -1.0, 1.0), self._rate)):
            frame.pts, frame.time_base = self._sent, Fraction(1, self._rate)
            self._sent += frame.samples
            parts += self._decoded(self._encoder.encode(frame))
        return np.concatenate(parts)

    def _decoded(self, packets: list[Any]) -> Iterator[Floats]:
        for packet in packets:
            for frame in self._decoder.decode(packet):
                frame.pts = None
                yield joined(self._back.resample(frame))

    def _trimmed(self, y: Floats) -> Floats:
        skipped = min(self._skip, len(y))
        self._skip -= skipped
        self._given += len(y) - skipped
        return y[skipped:]
