"""The sound itself as AudioFeatures: for motion models that bring their own ears."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor

from ..types import AudioFeatures
from .features import tame
from .resample import resample_stream

RATE = 16000
FPS = Fraction(25)
ROW = RATE // 25  # samples per row
CHUNK = 250  # rows


class WaveformEncoder:
    """Cuts sound at 16 kHz into rows of 640 samples, mono, neither centred nor scaled.

    ``lead`` silent rows come first; what they push beyond the end of the sound is dropped.
    """

    name = "waveform-16000"
    fps = FPS

    def __init__(self, lead: int = 0):
        self.lead = lead

    def measure(self, blocks: Iterable[Tensor], rate: int) -> float:
        """0: these features do not depend on how loud the whole sound is. Reads no block."""
        return 0.0

    def encode(self, waveform: Tensor, rate: int) -> AudioFeatures:
        """(N,) or (C, N) samples at ``rate`` Hz to (T, 640) rows; T = ceil(25 N / rate)."""
        pieces = list(self.stream(waveform.split(rate * 10, -1), rate))
        rows = torch.cat([torch.zeros(0, ROW), *(piece.features for piece in pieces)])
        return AudioFeatures(rows, self.name, FPS, Fraction(waveform.shape[-1], rate))

    def stream(
        self, blocks: Iterable[Tensor], rate: int, level: float | None = None, chunk: int = CHUNK
    ) -> Iterator[AudioFeatures]:
        """The rows of a sound that comes in (N,) or (C, N) blocks, in pieces of ``chunk`` rows.

        The pieces' durations add up to the sound's. Zeros fill up the last row.
        """
        received = done = 0

        def counted() -> Iterator[Tensor]:
            nonlocal received
            for block in blocks:
                received += block.shape[-1]
                yield tame(block).cpu()

        held = torch.zeros(self.lead * ROW)  # sound from row ``done`` on
        for piece in resample_stream(counted(), rate, RATE):
            held = torch.cat([held, piece])
            while min(len(held) // ROW, received * 25 // rate - done) >= chunk:
                yield self._rows(held, chunk, chunk / FPS)
                held, done = held[chunk * ROW :], done + chunk
        rest = Fraction(received, rate) - done / FPS
        while rest > 0:
            count = min(ceil(rest * FPS), chunk)
            length = min(count / FPS, rest)
            yield self._rows(held, count, length)
            held, rest = held[count * ROW :], rest - length

    def _rows(self, samples: Tensor, count: int, duration: Fraction) -> AudioFeatures:
        samples = samples[: count * ROW]
        rows = torch.cat([samples, samples.new_zeros(count * ROW - len(samples))])
        return AudioFeatures(rows.view(count, ROW), self.name, FPS, duration)
