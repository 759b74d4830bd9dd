"""Log-mel frames, loudness and pitch of 16 kHz sound, one frame per 10 ms.

Frame j is centred on sample 160 j. Levels are natural logarithms of power ("nats"): a sine of full
scale has about 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

RATE = 16000
HOP = 160
MEL_SPAN = 512  # samples that a log-mel frame spans; 400 of them under the window
PITCH_SPAN = 1024
MELS = 40
MEL_RANGE = (60.0, 7600.0)  # Hz
FLOOR = -14.0  # nats below the sound's level (60 dB) at which a band counts as silent
MIN_LEVEL = -8.5  # nats: what is quieter as a whole is not lifted to the level of speech
GATE = -13.0  # nats: frames below take no part in measuring the level
DECAY = 0.0023  # nats per frame that a running level falls
LOWEST_PITCH, HIGHEST_PITCH, MIDDLE_PITCH = 60.0, 500.0, 160.0  # Hz


def frames_of(samples: Tensor, span: int) -> Tensor:
    """(..., N) samples to (..., n, span) frames, HOP apart, the first one at the start."""
    return samples.unfold(-1, span, HOP)


def mel_filters() -> Tensor:
    """(40, 257) triangles with peaks of 1, evenly spaced in mel (Slaney 1998).

    They are made once, for training: weight files hold those that their net was trained with.
    """
    import librosa.filters  # here, since it takes two seconds and run time does without

    low, high = MEL_RANGE
    filters = librosa.filters.mel(
        sr=RATE, n_fft=MEL_SPAN, n_mels=MELS, fmin=low, fmax=high, norm=None
    )
    return torch.from_numpy(filters)


class MelBank:
    """Mel filters (40, 257) over the power spectrum of a 25 ms window."""

    def __init__(self, filters: Tensor):
        self.filters = filters
        window = torch.hann_window(400)
        self.window = torch.nn.functional.pad(window / (window.sum() / 2), (56, 56))

    def power(self, samples: Tensor) -> Tensor:
        """(..., N) samples to (..., n, 40) mel power, n = (N - 512) // 160 + 1."""
        spectrum = torch.fft.rfft(frames_of(samples, MEL_SPAN) * self.window)
        return (spectrum.real.square() + spectrum.imag.square()) @ self.filters.T


def frame_level(power: Tensor) -> Tensor:
    """(..., n, 40) mel power to (..., n) level of each frame in nats."""
    return (power.sum(-1) + 1e-12).log()


def relative(nats: Tensor, level: Tensor | float) -> Tensor:
    """Nats to the range that networks see: -2 is silence, 2 is as loud as ``level``."""
    return ((nats - level).clamp(min=FLOOR) + 7) / 3.5


class LevelMeter:
    """The level of a sound, measured piece by piece: 95th percentile of its audible frames."""

    WIDTH = 0.05  # nats per bin

    def __init__(self):
        self.counts = torch.zeros(800, dtype=torch.int64)

    def add(self, levels: Tensor) -> None:
        """Count (n,) frame levels."""
        bins = ((levels[levels > GATE] - GATE) / self.WIDTH).long().clamp(max=799)
        self.counts += torch.bincount(bins, minlength=800)

    @property
    def level(self) -> float:
        """In nats, never below ``MIN_LEVEL``; that too where nothing was audible."""
        if not self.counts.any():
            return MIN_LEVEL
        share = self.counts.cumsum(0).double() / self.counts.sum()
        bin95 = int((share < 0.95).sum())
        return max(GATE + (bin95 + 0.5) * self.WIDTH, MIN_LEVEL)


def running_level(levels: Tensor, before: float) -> Tensor:
    """(n,) frame levels to the level known at each frame: rises at once, falls by ``DECAY``."""
    fall = torch.arange(1, len(levels) + 1) * DECAY
    peaks = torch.cat([levels.new_tensor([before]), levels - 0.7 + fall]).cummax(0).values[1:]
    return (peaks - fall).clamp(min=MIN_LEVEL)


def pitch(samples: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) samples to (n,) pitch in octaves above 160 Hz and (n,) probability of voice.

    n = (N - 1024) // 160 + 1. The peak of the autocorrelation divided by the window's own
    (Boersma 1993).
    """
    window = torch.hann_window(PITCH_SPAN)
    frames = frames_of(samples, PITCH_SPAN)
    frames = (frames - frames.mean(-1, keepdim=True)) * window
    shortest, longest = int(RATE / HIGHEST_PITCH), int(RATE / LOWEST_PITCH)

    def correlation(x):
        power = torch.fft.rfft(x, 2 * PITCH_SPAN).abs().square()
        raw = torch.fft.irfft(power)[..., : longest + 2]
        return raw / (raw[..., :1] + 1e-5)

    similar = correlation(frames) / correlation(window)
    lags = torch.arange(shortest, longest + 1)
    around = similar[:, shortest - 1 : longest + 2]
    left, here, right = around[:, :-2], around[:, 1:-1], around[:, 2:]
    peak = (here >= left) & (here >= right)
    score = torch.where(peak, here, -1.0) - 0.03 * torch.log2(lags / shortest)
    best = score.argmax(1, keepdim=True)  # the shorter of equally good periods
    a, b, c = (x.gather(1, best)[:, 0] for x in (left, here, right))
    lag = lags[best[:, 0]] + 0.5 * (a - c) / (a - 2 * b + c).clamp(max=-1e-6)
    octaves = torch.log2(RATE / MIDDLE_PITCH / lag.clamp(shortest - 1, longest + 1))
    return octaves, torch.sigmoid((b - 0.6) / 0.06)
