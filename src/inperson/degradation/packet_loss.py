"""Lost packets and their concealment.

Losses follow the Gilbert-Elliott model: two states, each with its own loss probability, and a chance of changing from
one to the other with every packet. Concealment follows the description of ITU-T Recommendation G.711 Appendix I (1999):
the last pitch period is repeated, after 10 and 20 ms the last two and three; joints are blended over a quarter of the
period; the level falls by a fifth every 10 ms after the first, to silence at 60 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inperson.degradation.stages import EMPTY
from inperson.types import Floats

PACKET = 0.020
"""Seconds of sound in a packet: what Opus and G.711 over RTP carry by default (RFC 7587, RFC 3551)."""

_UNIT = 0.010  # s; the frame of the appendix
_SHORTEST, _LONGEST = 0.005, 0.015  # s; pitch periods searched: 200 to 66 Hz
_COMPARED = 0.020  # s of signal compared when searching the pitch
_FADE_STEP = 0.004  # s by which the blend back grows with every 10 ms lost
_KEPT = 0.04875  # s of history: three and a quarter of the longest period


@dataclass(frozen=True, slots=True)
class LossModel:
    """Gilbert-Elliott parameters, per packet.

    Attributes
    ----------
    worse, better : float
        Probability of going from the good to the bad state, and back.
    good, bad : float
        Probability of loss in each state.
    """

    worse: float
    better: float
    good: float = 0.0
    bad: float = 1.0

    @classmethod
    def of(cls, rate: float, burst: float) -> LossModel:
        """Gilbert's model with a mean loss `rate` in (0, 1) and a mean run of `burst` >= 1 lost packets."""
        return cls(worse=rate / (burst * (1.0 - rate)), better=1.0 / burst)

    @property
    def rate(self) -> float:
        """Share of packets lost in the long run."""
        share = self.worse / (self.worse + self.better)
        return share * self.bad + (1.0 - share) * self.good


def losses(model: LossModel, count: int, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of `count` packets are lost; starts in the state drawn from the long run."""
    chain = _LossChain(model, rng)
    return np.array([chain.lost() for _ in range(count)], bool)


class _LossChain:
    def __init__(self, model: LossModel, rng: np.random.Generator) -> None:
        self._model, self._rng = model, rng
        self._bad = rng.random() < model.worse / (model.worse + model.better)

    def lost(self) -> bool:
        change, loss = self._rng.random(2).tolist()
        out = bool(loss < (self._model.bad if self._bad else self._model.good))
        self._bad ^= change < (self._model.better if self._bad else self._model.worse)
        return out


class Concealment:
    """Keeps what was heard last and continues it. Feed it each packet in turn: `good` or `lost`.

    What it returns lags by a quarter of the longest pitch period, which a loss may still reshape; `rest` gives the end.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._unit = round(_UNIT * rate)
        self._held = round(_LONGEST * rate) // 4
        self._history = np.zeros(round(_KEPT * rate) + 1, np.float32)
        self._pending = EMPTY  # the last `_held` samples, not yet given away
        self._before: Floats = EMPTY  # history at the start of the loss
        self._period = self._quarter = 0
        self._lost = 0  # samples concealed so far in this loss

    def good(self, packet: Floats) -> Floats:
        """A packet that arrived."""
        if self._lost:
            packet = self._blended(packet)
            self._lost = 0
        return self._give(packet)

    def lost(self, count: int) -> Floats:
        """`count` samples that did not arrive."""
        if not self._lost:
            self._begin()
        return self._give(self._continued(count))

    def rest(self) -> Floats:
        out, self._pending = self._pending, EMPTY
        return out

    def _give(self, x: Floats) -> Floats:
        self._history = np.concatenate([self._history, x])[-len(self._history) :]
        data = np.concatenate([self._pending, x])
        ready = max(0, len(data) - self._held)
        self._pending = data[ready:]
        return data[:ready]

    def _begin(self) -> None:
        """Find the pitch, and bend the end of what was heard towards its own repetition."""
        self._before = self._history.copy()
        self._period = _pitch(self._before, self._rate)
        self._quarter = max(1, self._period // 4)
        tail = min(self._quarter, len(self._pending))
        if tail:
            self._pending[-tail:] = self._cycle(1)[-tail:]
            self._history[-tail:] = self._pending[-tail:]

    def _cycle(self, periods: int) -> Floats:
        """The last `periods` periods, their end blended into what came before them, so that they repeat smoothly."""
        length, q = periods * self._period, self._quarter
        out = self._before[-length:].copy()
        rise = np.linspace(0.0, 1.0, q, dtype=np.float32)
        out[-q:] = out[-q:] * (1 - rise) + self._before[-length - q : -length] * rise
        return out

    def _continued(self, count: int) -> Floats:
        """The next `count` samples of the repetition, faded."""
        at = np.arange(self._lost, self._lost + count)
        out = np.empty(count, np.float32)
        for periods in (1, 2, 3):
            first, last = (periods - 1) * self._unit, periods * self._unit if periods < 3 else np.inf
            inside = (at >= first) & (at < last)
            if inside.any():
                out[inside] = self._repeated(periods, at[inside])
        self._lost += count
        fade = 1.0 - 0.2 * np.maximum(0.0, at / self._unit - 1.0)
        return out * np.clip(fade, 0.0, 1.0).astype(np.float32)

    def _repeated(self, periods: int, at: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
        """Samples `at` after the loss, repeated from `periods` periods; the change of number is blended."""
        cycle = self._cycle(periods)
        out = cycle[at % len(cycle)]
        if periods > 1:
            since = at - (periods - 1) * self._unit
            blend = since < self._quarter
            fewer = self._cycle(periods - 1)
            old = fewer[at[blend] % len(fewer)]
            weight = (since[blend] / self._quarter).astype(np.float32)
            out[blend] = old * (1 - weight) + out[blend] * weight
        return np.asarray(out, np.float32)

    def _blended(self, packet: Floats) -> Floats:
        """The first packet after a loss, with the repetition faded out over its start."""
        units = max(1, round(self._lost / self._unit))
        length = self._quarter + round(_FADE_STEP * self._rate) * (units - 1)
        length = min(length, self._unit, len(packet))
        old = self._continued(length)
        rise = np.linspace(0.0, 1.0, length, dtype=np.float32)
        out = packet.copy()
        out[:length] = old * (1 - rise) + packet[:length] * rise
        return out


def _pitch(history: Floats, rate: int) -> int:
    """Period (samples) at which the last 20 ms look most like what came before: normalised cross-correlation."""
    low, high, span = (round(seconds * rate) for seconds in (_SHORTEST, _LONGEST, _COMPARED))
    recent = history[-span:].astype(np.float64)
    past = np.lib.stride_tricks.sliding_window_view(history[-span - high : -low].astype(np.float64), span)[::-1]
    energy = np.sqrt(np.maximum((past**2).sum(axis=1), 1e-9))
    return low + int(np.argmax(past @ recent / energy))


class PacketLoss:
    """Cuts the sound into packets, loses some by the model, and conceals them.

    Attributes
    ----------
    lost, packets : int
        So far.
    """

    def __init__(self, model: LossModel, rate: int, rng: np.random.Generator) -> None:
        self._chain = _LossChain(model, rng)
        self._concealment = Concealment(rate)
        self._length = round(PACKET * rate)
        self._waiting = EMPTY
        self.lost = self.packets = 0

    def push(self, x: Floats) -> Floats:
        x = np.concatenate([self._waiting, x])
        whole = len(x) // self._length * self._length
        self._waiting = x[whole:]
        packets = x[:whole].reshape(-1, self._length)
        return np.concatenate([EMPTY, *(self._packet(packet) for packet in packets)])

    def close(self) -> Floats:
        last = self._packet(self._waiting) if len(self._waiting) else EMPTY
        self._waiting = EMPTY
        return np.concatenate([last, self._concealment.rest()])

    def _packet(self, packet: Floats) -> Floats:
        gone = self._chain.lost()
        self.packets += 1
        self.lost += gone
        return self._concealment.lost(len(packet)) if gone else self._concealment.good(packet)
