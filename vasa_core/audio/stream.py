"""What all audio encoders share: sound of any length, in pieces of any length, to rows of features.

Sound is pushed into an ``AudioStream``, and rows come out as soon as the sound that they depend on
is in. Everything is worked out chunk by chunk from the samples around the chunk, so a stream of any
length needs the same memory and gives the same rows as the whole sound. Before and after the sound
is silence.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from math import ceil

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..types import AudioFeatures
from .resample import Resampler
from .spectrum import RATE

log = logging.getLogger(__name__)

FPS = Fraction(25)
ROW = RATE // 25  # samples per row

MakeRows = Callable[[Tensor, int], Tensor]
"""16 kHz samples from ``behind`` before the first row to ``ahead`` after the last one, and the
number of rows, to the (count, F) rows. It is called for one chunk after the other."""


def to_mono(waveform: Tensor) -> Tensor:
    """(N,) or (C, N) samples to (N,) mono float32; NaN and infinite samples become silence."""
    mono = waveform.float().mean(0) if waveform.ndim == 2 else waveform.float()
    broken = ~mono.isfinite()
    if broken.any():
        log.warning("%d samples of the sound are not numbers; taken as silence.", broken.sum())
        mono = torch.where(broken, 0.0, mono)
    return mono.clamp(-8, 8)


class StreamEncoder(ABC):
    """An ``interfaces.AudioEncoder`` at 25 rows a second, which says how to make a chunk of rows.

    name           of the features
    size           F
    behind, ahead  samples at 16 kHz before and after a chunk's own that its rows depend on
    chunk          rows that are made at once, unless ``open`` is told otherwise
    grain          a chunk is a multiple of so many rows
    """

    name: str
    size: int
    behind: int = 0
    ahead: int = 0
    chunk: int = 250
    grain: int = 1
    fps = FPS

    @abstractmethod
    def row_maker(self, level: float | None) -> MakeRows:
        """What makes the rows of one sound; ``level`` as in ``open``."""

    def measure(self, blocks: Iterable[Tensor], rate: int) -> float:
        """Measure the loudness of a whole sound, for ``open`` and ``stream``.

        Here it is 0 and no block is read: most features do not depend on it.

        Args:
            blocks: (N,) or (C, N) samples.
            rate: their rate in Hz.

        Returns:
            The level in nats.
        """
        return 0.0

    def open(self, rate: int, level: float | None = None, chunk: int | None = None) -> AudioStream:
        """Begin a sound that is pushed piece by piece.

        Args:
            rate: of its samples, in Hz.
            level: what ``measure`` says of the whole sound; None follows the loudness so far.
            chunk: rows that are made at once: few come sooner, many cost less. None: ``chunk``.

        Returns:
            The stream, to which samples are pushed.
        """
        chunk = self.chunk if chunk is None else chunk
        return AudioStream(self, rate, self.row_maker(level), -(-chunk // self.grain) * self.grain)

    def stream(
        self,
        blocks: Iterable[Tensor],
        rate: int,
        level: float | None = None,
        chunk: int | None = None,
    ) -> Iterator[AudioFeatures]:
        """Turn a sound that comes in blocks into features, as they come.

        Args:
            blocks: (N,) or (C, N) samples.
            rate: their rate in Hz.
            level: as in ``open``.
            chunk: as in ``open``.

        Yields:
            Features, a multiple of ``chunk`` rows but for the last ones. Their durations add up to
            the sound's.
        """
        stream = self.open(rate, level, chunk)
        for block in blocks:
            if len(piece := stream.push(block)):
                yield piece
        if len(piece := stream.finish()):
            yield piece

    def encode(self, waveform: Tensor, rate: int) -> AudioFeatures:
        """Turn a whole sound into features.

        Args:
            waveform: (N,) or (C, N) samples.
            rate: their rate in Hz.

        Returns:
            ceil(25 N / rate) rows.
        """
        blocks = to_mono(waveform).split(rate * 10)
        stream = self.open(rate, self.measure(blocks, rate))
        pieces = [*map(stream.push, blocks), stream.finish()]
        duration = Fraction(waveform.shape[-1], rate)
        return AudioFeatures(torch.cat([p.features for p in pieces]), self.name, FPS, duration)


class AudioStream:
    """Implements ``interfaces.AudioStream``; made by ``StreamEncoder.open``."""

    def __init__(self, encoder: StreamEncoder, rate: int, make_rows: MakeRows, chunk: int):
        self.encoder, self.rate, self.make_rows, self.chunk = encoder, rate, make_rows, chunk
        self.resampler = Resampler(rate, RATE)
        self.held = torch.zeros(encoder.behind)  # sound from ``behind`` before row ``done`` on
        self.received = self.done = 0  # samples pushed, rows made

    def push(self, samples: Tensor) -> AudioFeatures:
        """Take the next samples of the sound.

        Args:
            samples: (N,) or (C, N), any number of them.

        Returns:
            The rows that became ready by them, possibly none.
        """
        self.received += samples.shape[-1]
        self.held = torch.cat([self.held, self.resampler.push(to_mono(samples).cpu())])
        made = []
        while len(self.held) >= self._needed(self.chunk):
            made.append(self._rows(self.chunk))
        return self._features(made, len(made) * self.chunk / FPS)

    def finish(self) -> AudioFeatures:
        """End the sound: the rest of its rows. Nothing is pushed afterwards."""
        self.held = torch.cat([self.held, self.resampler.finish()])
        left = duration = Fraction(self.received, self.rate) - self.done / FPS
        made = []
        while left > 0:
            count = min(ceil(left * FPS), self.chunk)
            self.held = pad(self.held, (0, max(0, self._needed(count) - len(self.held))))
            made.append(self._rows(count))
            left -= count / FPS
        return self._features(made, duration)

    def _needed(self, count: int) -> int:
        return self.encoder.behind + count * ROW + self.encoder.ahead

    def _rows(self, count: int) -> Tensor:
        rows = self.make_rows(self.held[: self._needed(count)], count)
        self.held, self.done = self.held[count * ROW :], self.done + count
        return rows

    def _features(self, made: list[Tensor], duration: Fraction) -> AudioFeatures:
        rows = torch.cat([torch.zeros(0, self.encoder.size), *made])
        return AudioFeatures(rows, self.encoder.name, FPS, duration)
