"""What `lip_sync` compares: the mouth's shape from landmarks, and the speech spectrum, both at 50 values a second.

Conventions
-----------
The grid: value i lies at ``origin + i / RATE`` seconds, where `origin` is the start of the first chunk. Frames keep
their own presentation times; they are brought onto the grid by linear interpolation, never by counting.

Why these shapes: distances between landmarks in three dimensions do not change when the head rolls, turns or nods, and
divided by the distance of the eyes they do not change with the distance from the camera.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inperson.types import Floats

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RATE = 50
"""Values a second of every series here. Lips move below 10 Hz or so; 50 Hz leaves room for sub-frame offsets."""
SOUND_RATE = 16_000
HOP = SOUND_RATE // RATE
WINDOW = 640
"""Samples of a spectrum (40 ms, Hann), centred on its grid point."""
FFT = 1024
BANDS = 20
"""Triangular mel bands from 80 to 7600 Hz."""
BLOCK = 50
"""Spectra computed at once. Always the same blocks, so that the length of the chunks changes no bit of the result."""
FLOOR = 12.0
"""Natural log units (52 dB) below the speech's peak under which a band counts as silent."""
REACH = 8
STEP = 2
"""The regression sees the spectra at -8, -6, ..., +8 grid points (0.32 s) around each point."""
CONTEXT = 2 * REACH // STEP + 1
LIPS = 8
"""Regression targets: four distances and their velocities."""
MAX_GAP = 0.25
"""Seconds between measured frames over which the mouth is still interpolated: 9 frames a second and one lost."""
TURNED = 0.7
"""Least cosine of the head's turn (45 degrees); beyond it the far half of the mouth is a guess of the mesh."""
FROZEN_CHANGE = 0.002
FROZEN_SECONDS = 0.5
"""A face none of whose measures moves by 0.2 % of the eye distance for half a second is a frozen picture."""

INNER_LIPS = ((13, 14), (82, 87), (312, 317))
OUTER_LIPS = (0, 17)
MOUTH_CORNERS = (78, 308)
NOSE_CHIN = (2, 152)
EYE_CORNERS = (33, 263)
NOSE = 1
"""MediaPipe face-mesh points; upper and lower inner lip at three places."""

OPENING, HEIGHT, WIDTH, JAW, EYES, FACING, NOSE_X, NOSE_Y = range(8)
"""Columns of a mouth series."""


def mouth(landmarks: Floats) -> Floats:
    """Measure the mouth of one face.

    Parameters
    ----------
    landmarks : (478, 3) float32

    Returns
    -------
    (8,) float32
        Inner lip opening, outer lip height, mouth width and nose-to-chin distance, each over the distance of the outer
        eye corners; that distance in pixels; the cosine of the head's turn; and the tip of the nose in pixels.
        All NaN for a degenerate face.
    """
    points = landmarks.astype(np.float64)

    def distance(pair: tuple[int, int]) -> float:
        return float(np.linalg.norm(points[pair[0]] - points[pair[1]]))

    eyes = distance(EYE_CORNERS)
    if not eyes > 0:
        return np.full(8, np.nan, np.float32)
    flat = float(np.linalg.norm(points[EYE_CORNERS[0], :2] - points[EYE_CORNERS[1], :2]))
    opening = sum(map(distance, INNER_LIPS)) / len(INNER_LIPS)
    shape = [opening / eyes, distance(OUTER_LIPS) / eyes, distance(MOUTH_CORNERS) / eyes, distance(NOSE_CHIN) / eyes]
    return np.array([*shape, eyes, flat / eyes, *points[NOSE, :2]], np.float32)


@dataclass(slots=True)
class MouthSeries:
    """The mouth of one track over time: 40 bytes a measured frame."""

    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("f"))

    def add(self, time: float, landmarks: Floats) -> None:
        """Append one frame; a time not after the last one, or a face that is not finite, is left out."""
        measured = mouth(landmarks)
        if np.isfinite(measured).all() and not (self.times and time <= self.times[-1]):
            self.times.append(time)
            self.values.extend(measured.tolist())

    def arrays(self) -> tuple[Array, Array]:
        """Times (n,) in seconds and measures (n, 8)."""
        return np.array(self.times), np.array(self.values, np.float64).reshape(-1, 8)


def joined(series: list[MouthSeries]) -> tuple[Array, Array]:
    """Several tracks of one person as one, in order of time; where two overlap, the first given counts."""
    if not series:
        return np.zeros(0), np.zeros((0, 8))
    times = np.concatenate([one.arrays()[0] for one in series])
    values = np.concatenate([one.arrays()[1] for one in series])
    unique, first = np.unique(times, return_index=True)
    return unique, values[first]


@dataclass(frozen=True, slots=True, eq=False)
class Lips:
    """A mouth on the grid.

    Attributes
    ----------
    motion : (n, 8) float64
        The four distances without their slow part (head pose, expression), then their velocities; 0 where not measured.
    measured : (n,) bool
        Where a frontal, moving picture of the face was there.
    turned, frozen : float
        Seconds left out because the head was turned away, or because the picture stood still.
    eyes : float
        Median distance of the outer eye corners in pixels; 0 if never measured.
    frame_rate : float
        Measured frames a second while measured; 0 if never.
    """

    motion: Array
    measured: Mask
    turned: float
    frozen: float
    eyes: float
    frame_rate: float


def lips(times: Array, values: Array, n: int, origin: float) -> Lips:
    """Bring a mouth series onto the grid.

    Parameters
    ----------
    times, values : (m,) and (m, 8) float64
        As `MouthSeries.arrays` gives them, times rising. May be empty.
    n : int
        Length of the grid.
    origin : float
        Seconds; time of its first point.

    Returns
    -------
    Lips
        Nothing measured for fewer than two frames.
    """
    facing = values[:, FACING] >= TURNED
    still = _frozen(times, values)
    usual = np.minimum(np.diff(times, append=times[-1:]), MAX_GAP)
    seconds = [float(usual[~facing].sum()), float(usual[facing & still].sum())]
    kept = facing & ~still
    times, values = times[kept], values[kept]
    grid = origin + np.arange(n) / RATE
    if len(times) < 2:
        return Lips(np.zeros((n, LIPS)), np.zeros(n, bool), seconds[0], seconds[1], 0.0, 0.0)
    shape = np.stack([np.interp(grid, times, values[:, i]) for i in (OPENING, HEIGHT, WIDTH, JAW)], axis=1)
    after = np.clip(np.searchsorted(times, grid), 1, len(times) - 1)
    measured = (times[after] - times[after - 1] <= MAX_GAP) & (grid >= times[0]) & (grid <= times[-1])
    motion, usable = _motion(shape, measured)
    steps = np.diff(times)
    rate = 1.0 / float(np.median(steps[steps <= MAX_GAP])) if (steps <= MAX_GAP).any() else 0.0
    return Lips(motion, usable, seconds[0], seconds[1], float(np.median(values[:, EYES])), rate)


def _frozen(times: Array, values: Array) -> Mask:
    """Frames inside a stretch of at least `FROZEN_SECONDS` in which nothing of the face moves."""
    change = np.abs(np.diff(values, axis=0))
    change[:, NOSE_X:] /= values[1:, EYES : EYES + 1]
    moves = change[:, [OPENING, HEIGHT, WIDTH, JAW, NOSE_X, NOSE_Y]].max(axis=1, initial=0.0) > FROZEN_CHANGE
    edges = np.flatnonzero(np.concatenate([[True], moves, [True]]))
    still = np.zeros(len(times), bool)
    for first, last in zip(edges[:-1], edges[1:] - 1, strict=True):
        if len(times) and times[last] - times[first] >= FROZEN_SECONDS:
            still[first : last + 1] = True
    return still


def _motion(shape: Array, measured: Mask) -> tuple[Array, Mask]:
    """Band-pass (about 0.5 to 9 Hz) that looks at measured points only, then velocities."""
    slow = np.hanning(2 * RATE + 3)[1:-1]
    fast = np.array([0.25, 0.5, 0.25])
    fine = smoothed(shape, measured, fast) - smoothed(shape, measured, slow)
    velocity = np.zeros_like(fine)
    velocity[1:-1] = (fine[2:] - fine[:-2]) / 2
    usable = measured.copy()
    usable[1:-1] &= measured[2:] & measured[:-2]
    usable[:1] = usable[-1:] = False
    motion = np.concatenate([fine, velocity], axis=1)
    motion[~usable] = 0.0
    return motion, usable


def smoothed(values: Array, measured: Mask, kernel: Array) -> Array:
    """Weighted moving mean (n, k) of `values` over the measured points alone; 0 where there are none in reach."""
    weight = np.convolve(measured.astype(np.float64), kernel)
    half = len(kernel) // 2
    n = len(measured)
    weight = weight[half : half + n]
    out = np.zeros_like(values)
    for i in range(values.shape[1]):
        total = np.convolve(np.where(measured, values[:, i], 0.0), kernel)[half : half + n]
        out[:, i] = np.divide(total, weight, out=np.zeros(n), where=weight > 1e-9)
    return out


class MelStream:
    """Log-mel spectra of a stream of 16 kHz sound, at `RATE`; 2 kB a second are kept.

    Value i is centred on sample ``i * HOP`` of what was pushed.
    """

    def __init__(self) -> None:
        self._pending: Floats = np.zeros(WINDOW // 2, np.float32)
        self._done: list[NDArray[np.float16]] = []
        self._filters = mel_filters()

    def push(self, sound: Floats) -> None:
        """Take in the next samples."""
        self._pending = np.concatenate([self._pending, sound.astype(np.float32, copy=False)])
        whole = WINDOW + (BLOCK - 1) * HOP
        while len(self._pending) >= whole:
            self._done.append(self._spectra(self._pending[:whole]))
            self._pending = self._pending[BLOCK * HOP :].copy()

    def finish(self) -> Floats:
        """All spectra (n, BANDS) so far, the last ones as if silence followed."""
        rest = max(0, (len(self._pending) - WINDOW // 2 - 1) // HOP + 1) if len(self._pending) > WINDOW // 2 else 0
        padded = np.zeros(WINDOW + (BLOCK - 1) * HOP, np.float32)
        padded[: len(self._pending)] = self._pending
        last = self._spectra(padded)[:rest]
        return np.concatenate([*self._done, last]).astype(np.float32)

    def _spectra(self, sound: Floats) -> NDArray[np.float16]:
        frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP] * np.hanning(WINDOW)
        power = np.abs(np.fft.rfft(frames, FFT)) ** 2
        return np.log(power @ self._filters.T + 1e-10).astype(np.float16)


def mel_filters() -> Array:
    """Triangular filters (BANDS, FFT // 2 + 1) equally spaced on the mel scale of O'Shaughnessy (1987)."""

    def mel(hertz: float) -> float:
        return 2595.0 * float(np.log10(1.0 + hertz / 700.0))

    edges = 700.0 * (10.0 ** (np.linspace(mel(80.0), mel(7600.0), BANDS + 2) / 2595.0) - 1.0)
    bins = np.fft.rfftfreq(FFT, 1.0 / SOUND_RATE)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)), np.float64)


def levelled(mel: Floats, used: Mask) -> Floats:
    """Spectra independent of level and channel: floored `FLOOR` below the peak, minus each band's mean over `used`.

    Parameters
    ----------
    mel : (n, BANDS) float32
    used : (n,) bool
        Where the voice in question speaks; at least one point.
    """
    peak = float(np.percentile(mel[used].max(axis=1), 99))
    floored = np.maximum(mel, peak - FLOOR)
    return np.asarray(floored - floored[used].mean(axis=0), np.float32)


def context(mel: Floats, where: NDArray[np.intp]) -> Floats:
    """Spectra around the grid points `where` (m,): (m, CONTEXT * BANDS), the edges repeated beyond either end."""
    offsets = np.arange(-REACH, REACH + 1, STEP)
    index = np.clip(where[:, None] + offsets, 0, len(mel) - 1)
    return np.asarray(mel[index].reshape(len(where), -1), np.float32)
