"""Explainable traces beside the `synthetic_voice` score: measurements, each with its innocent explanation.

None of them changes the score. `VoiceTraces` takes the chunks and keeps about 1.5 kB a second of summaries; of the
sound itself it holds a few seconds. Where nothing can be read, the measurement is absent.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inperson.detectors._voice_traces import band as _band
from inperson.detectors._voice_traces import mouth_level as _mouth
from inperson.detectors._voice_traces import pauses as _pauses
from inperson.detectors._voice_traces import pitch_steps as _pitch
from inperson.detectors._voice_traces import room as _room
from inperson.detectors._voice_traces import seams as _seams
from inperson.detectors._voice_traces._blocks import HOP, HOP_SECONDS, RATE, Array, Block, Blocks, Mask
from inperson.detectors._voice_traces._frames import FINE, PER_HOP, STEP_SECONDS, discontinuity, levels, pitch
from inperson.types import Chunk, Floats, Measurement, Span

SPEECH = 0.5
"""Speech probability from which a hop counts as speech (Silero's own default)."""
ACTIVE_DB = 40.0
"""Frames within this of full-voice level are measured for pitch."""
NATIVE_BLOCK = 1.0
"""Seconds of native sound that make one long-term spectrum."""
MIN_PAUSE = 0.5
"""Seconds of pauses below which nothing is said of them."""

LIVELY_DB = 3.0
"""Deviation of the level under which a sound is no speech (that has about 10) and its changes mean nothing."""

ZEROS_NOTED = 0.05
STILL_NOTED = 0.45
REPEATS_NOTED = 0.1
PITCH_NOTED = 4.0
DRY_NOTED = 0.05
"""Values from which a note is written. Own choices, near the edge of what genuine training clips show (see
docs/voice_traces.md); a note is a hint to a reviewer and no finding."""

Mouth = tuple[Array, Array, Array]
"""Times (s), lip opening (over the distance of the eyes) and size of the face (pixels) of the candidate's face."""


@dataclass(frozen=True, slots=True, eq=False)
class _Series:
    """The kept series over the whole recording, every 8 ms (`fine`: every 4 ms)."""

    level: Floats
    breath: Floats
    log_f0: Floats
    periodicity: Floats
    fine: np.ndarray[tuple[int], np.dtype[np.uint8]]
    speech: Mask
    gap: Mask


class VoiceTraces:
    """Feed chunks to `push`; `finish` gives the measurements, then `notes` what they may mean."""

    def __init__(self) -> None:
        self._blocks = Blocks()
        self._pauses = _pauses.Pauses()
        self._start: float | None = None
        self._level, self._breath, self._f0, self._periodicity = (array("f") for _ in range(4))
        self._fine, self._gap = bytearray(), bytearray()
        self._speech = array("f")
        self._spectra: list[tuple[Span, Floats]] = []
        self._rate = RATE
        self._native: Floats = np.zeros(0, np.float32)
        self._native_start = 0.0
        self._notes: list[str] = []

    def push(self, chunk: Chunk) -> None:
        """Take in the next chunk."""
        if chunk.native_rate and chunk.native.size:
            self._take_native(chunk)
        for block in self._blocks.push(chunk):
            self._take(block)

    def finish(
        self, own: Sequence[Span] | None = None, container_rate: int = 0, mouth: Mouth | None = None
    ) -> dict[str, Measurement]:
        """All that could be measured.

        Parameters
        ----------
        own : sequence of Span or None
            Where the candidate speaks alone; None counts all speech.
        container_rate : int
            Sampling rate (Hz) of the track in the container; 0 where it is not known.
        mouth : (times, opening, size) or None
            The candidate's face; None where there is none.

        Returns
        -------
        dict of str to Measurement
            Absent names could not be measured.
        """
        for block in self._blocks.close():
            self._take(block)
        self._pauses.close()
        self._notes = []
        series = self._series()
        mine = _within(own, self._start or 0.0, len(series.speech)) & ~series.gap
        found: dict[str, Measurement] = {}
        if len(series.speech):
            found |= self._read_band(series, mine, container_rate)
            found |= self._read_pauses(own)
            found |= self._read_seams(series, mine)
            found |= self._read_pitch(series, mine)
            found |= self._read_room(series, mine)
            found |= self._read_mouth(series, mine, mouth)
        return found

    def notes(self) -> tuple[str, ...]:
        """What stands out in the last `finish`, each with what else explains it."""
        return tuple(self._notes)

    def _take(self, block: Block) -> None:
        if self._start is None:
            self._start = block.start
        speech = block.speech >= SPEECH
        level, breath = levels(block)
        self._level.extend(level.tolist())
        self._breath.extend(breath.tolist())
        loud = level > (float(level.max()) - ACTIVE_DB if len(level) else 0.0)
        # Pitch also between speech, so that a breath is told from a voice.
        log_f0, periodicity = pitch(block, loud & (level > -100) & speech.any())
        self._f0.extend(log_f0.tolist())
        self._periodicity.extend(periodicity.tolist())
        self._fine.extend(discontinuity(block).tobytes() if speech.any() else bytes(len(speech) * (HOP // FINE)))
        self._speech.extend(block.speech.tolist())
        self._gap.extend(block.gap.tobytes())
        self._pauses.push(block)
        if self._rate == RATE and speech.any():
            span = Span(block.start, block.start + len(speech) * HOP_SECONDS)
            sound = block.inner.reshape(-1, HOP)[speech & ~block.gap].reshape(-1)
            self._spectra.append((span, _band.spectrum(sound, RATE)))

    def _take_native(self, chunk: Chunk) -> None:
        """One long-term spectrum of each second of native sound, on a grid of its own."""
        if self._rate != chunk.native_rate:
            self._rate, self._spectra, self._native = chunk.native_rate, [], np.zeros(0, np.float32)
            self._native_start = chunk.span.start
        if abs(self._native_start + len(self._native) / self._rate - chunk.span.start) > 0.1:
            self._native, self._native_start = np.zeros(0, np.float32), chunk.span.start
        mono = np.nan_to_num(chunk.native.mean(axis=1), nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
        self._native = np.concatenate([self._native, mono])
        size = round(NATIVE_BLOCK * self._rate)
        while len(self._native) >= size:
            span = Span(self._native_start, self._native_start + NATIVE_BLOCK)
            self._spectra.append((span, _band.spectrum(self._native[:size], self._rate)))
            self._native = self._native[size:].copy()
            self._native_start = span.end

    def _series(self) -> _Series:
        level, breath, f0, periodicity, speech = (
            np.array(held, np.float32)
            for held in (self._level, self._breath, self._f0, self._periodicity, self._speech)
        )
        gap = np.frombuffer(bytes(self._gap), bool)
        talking = np.repeat(speech >= SPEECH, PER_HOP)
        fine = np.frombuffer(bytes(self._fine), np.uint8)
        return _Series(level, breath, f0, periodicity, fine, talking, np.repeat(gap, PER_HOP))

    def _read_band(self, series: _Series, mine: Mask, container_rate: int) -> dict[str, Measurement]:
        start = self._start or 0.0
        held = []
        for span, spectrum in self._spectra:
            low, high = (max(round((t - start) / STEP_SECONDS), 0) for t in (span.start, span.end))
            here = (series.speech & mine)[low:high]
            if len(here) and here.mean() >= 0.3 and np.isfinite(spectrum).all():
                held.append(10 ** (spectrum.astype(np.float64) / 10))
        if not held:
            return {}
        found = _band.band(10 * np.log10(np.mean(held, axis=0)), self._rate)
        if found is None:
            return {}
        out = {
            "content_band_limit": Measurement(found.limit, "Hz"),
            "cut_off_sharpness": Measurement(found.sharpness, "dB/kHz"),
        }
        rate = max(container_rate, self._rate)
        if container_rate:
            out["content_share_of_container_band"] = Measurement(found.limit / (rate / 2), "1")
        if found.cut and rate >= 2.5 * found.limit:
            self._notes.append(
                f"The voice's sound ends at {found.limit:.0f} Hz, falling by {found.sharpness:.0f} dB per kHz, in a "
                f"track of {rate} samples a second, which could hold {rate / 2:.0f} Hz. {_band.INNOCENT}"
            )
        return out

    def _read_pauses(self, own: Sequence[Span] | None) -> dict[str, Measurement]:
        found = [p for p in self._pauses.found if own is None or _leads_to(p.span, own)]
        samples = sum(p.samples for p in found)
        if samples < MIN_PAUSE * RATE:
            return {}
        zeros = sum(p.zeros for p in found) / samples
        out = {"pauses": Measurement(samples / RATE, "s"), "digital_silence_in_pauses": Measurement(zeros, "1")}
        if zeros >= ZEROS_NOTED:
            self._notes.append(f"{zeros:.0%} of the pauses' time is digital silence (exact zeros). {_pauses.ZEROS}")
        heard = [p for p in found if np.isfinite(p.movement)]
        if sum(p.samples for p in heard) < MIN_PAUSE * RATE:
            return out
        weights = np.array([p.samples for p in heard], np.float64)
        movement = _median([p.movement for p in heard], weights)
        again = float(weights[[p.repeats >= _pauses.SAME for p in heard]].sum() / weights.sum())
        out["pause_level_movement"] = Measurement(movement, "dB")
        out["pause_spectrum_movement"] = Measurement(_median([p.colour for p in heard], weights), "dB")
        out["repeated_pause_noise"] = Measurement(again, "1")
        if movement <= STILL_NOTED:
            self._notes.append(
                f"The level in pauses moves by {movement:.2f} dB only; steady noise without a room moves by about 0.3. "
                f"{_pauses.STATIONARY}"
            )
        if again >= REPEATS_NOTED:
            self._notes.append(f"{again:.0%} of the pauses' time holds noise that was heard before. {_pauses.REPEATED}")
        return out

    def _read_seams(self, series: _Series, mine: Mask) -> dict[str, Measurement]:
        # The edge of a hole is abrupt, too.
        holes = _near(series.gap, round(0.1 / STEP_SECONDS))
        used = np.repeat(series.speech & mine & ~holes, len(series.fine) // len(series.speech))
        talking = series.level[series.speech & mine]
        if not len(talking) or float(talking.std()) < LIVELY_DB:
            return {}
        found = _seams.seams(series.fine, used)
        if found is None:
            return {}
        out = {"block_period_significance": Measurement(found.significance, "1")}
        if found.significance >= _seams.SIGNIFICANT:
            out["block_period"] = Measurement(1000 * found.period, "ms")
            self._notes.append(
                f"The sound changes abruptly every {1000 * found.period:.0f} ms (chance of that in unrelated changes: "
                f"1 in 10^{found.significance:.0f}). {_seams.INNOCENT}"
            )
        return out

    def _read_pitch(self, series: _Series, mine: Mask) -> dict[str, Measurement]:
        log_f0 = np.where(series.speech & mine, series.log_f0, np.nan)
        found = _pitch.steps(log_f0, series.periodicity)
        if found is None:
            return {}
        out = {
            "still_pitch": Measurement(found.still, "1"),
            "pitch_roughness": Measurement(found.roughness, "1"),
            "pitch_grid_significance": Measurement(found.significance, "1"),
        }
        if found.significance >= PITCH_NOTED:
            out["pitch_grid_step"] = Measurement(found.step, "Hz")
            self._notes.append(
                f"The pitch keeps to steps of {found.step:.1f} Hz (chance: 1 in 10^{found.significance:.0f}). "
                f"{_pitch.INNOCENT}"
            )
        return out

    def _read_room(self, series: _Series, mine: Mask) -> dict[str, Measurement]:
        out: dict[str, Measurement] = {}
        # The pause around the candidate's speech belongs to it, too.
        near = mine if not mine.any() else _near(mine, round(1.5 / STEP_SECONDS)) & ~series.gap
        if not (mine & series.speech).any():
            return out
        found = _room.breaths(series.breath, series.periodicity, series.speech, near)
        if found.phrases >= _room.MIN_PHRASES:
            out["phrases_after_a_pause"] = Measurement(found.phrases, "1")
            out["phrases_with_breath"] = Measurement(found.heard / found.phrases, "1")
            if found.heard == 0 and found.phrases >= 10:
                self._notes.append(
                    f"No breath is heard before any of {found.phrases} phrases that follow a pause. {_room.BREATHLESS}"
                )
        decay = _room.room(series.level, series.speech, near)
        if decay is not None:
            out["decay_time"] = Measurement(decay.decay, "s")
            out["floor_below_speech"] = Measurement(decay.floor_below, "dB")
            if decay.decay <= DRY_NOTED:
                self._notes.append(
                    f"The sound falls away after speech as in a room without any echo ({1000 * decay.decay:.0f} ms for "
                    f"60 dB). {_room.DRY}"
                )
        return out

    def _read_mouth(self, series: _Series, mine: Mask, mouth: Mouth | None) -> dict[str, Measurement]:
        if mouth is None:
            return {}
        found = _mouth.following(*mouth, series.level, series.speech & mine, self._start or 0.0, STEP_SECONDS)
        if found is None:
            return {}
        out = {
            "level_follows_mouth": Measurement(found.mouth, "1"),
            "level_follows_mouth_lag": Measurement(1000 * found.lag, "ms"),
        }
        if np.isfinite(found.chance):
            out["level_follows_mouth_by_chance"] = Measurement(found.chance, "1")
            if found.mouth <= found.chance and found.seconds >= 30:
                self._notes.append(
                    f"In {found.seconds:.0f} s of speech the voice's level follows the mouth's opening no better "
                    f"(correlation {found.mouth:.2f}) than it does by chance ({found.chance:.2f}). {_mouth.INNOCENT}"
                )
        if np.isfinite(found.distance):
            out["level_follows_distance"] = Measurement(found.distance, "dB/dB")
        return out


def _within(own: Sequence[Span] | None, start: float, count: int) -> Mask:
    """Which of the frames from `start` on lie in `own`; all where it is None."""
    if own is None:
        return np.ones(count, bool)
    out = np.zeros(count, bool)
    for span in own:
        low, high = (max(round((t - start) / STEP_SECONDS), 0) for t in (span.start, span.end))
        out[low:high] = True
    return out


def _leads_to(pause: Span, own: Sequence[Span]) -> bool:
    """Whether the voice whose pause this is speaks within half a second before or after it."""
    wide = Span(pause.start - 0.5, pause.end + 0.5)
    return any(span & wide for span in own)


def _before(speech: Mask, reach: int) -> Mask:
    """Frames at most `reach` before speech, within a block."""
    index = np.where(speech, np.arange(len(speech)), len(speech) + reach + 1)
    following = np.minimum.accumulate(index[::-1])[::-1]
    made: Mask = following - np.arange(len(speech)) <= reach
    return made


def _near(mask: Mask, reach: int) -> Mask:
    return _before(mask, reach) | _before(mask[::-1], reach)[::-1]


def _median(values: Sequence[float], weights: Array) -> float:
    """Weighted median."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(np.asarray(values)[order][np.searchsorted(total, total[-1] / 2)])
