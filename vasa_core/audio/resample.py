"""Sound at another sample rate, whole or in pieces, by soxr: what ``librosa.resample`` calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil

import numpy as np
import soxr
import torch
from torch import Tensor

QUALITY = "HQ"  # what ``librosa.resample`` uses unless told otherwise


class Resampler:
    """Resamples a sound that is pushed in blocks; how it is cut into blocks makes no difference.

    Blocks are (N,) or (C, N), on the CPU. At equal rates they are handed through untouched. The
    output is aligned with the input: sample n lies at time n / ``target``; before and after the
    sound is silence. Up to 0.12 s of sound are inside the filter before they come out (at 44.1 and
    48 kHz up to 0.04 s).
    """

    def __init__(self, rate: int, target: int):
        self.rate, self.target = rate, target
        self.received = self.given = 0
        self._none = torch.zeros(0)  # no samples, of the channels that blocks have
        self._stream: soxr.ResampleStream | None = None

    def push(self, block: Tensor) -> Tensor:
        """The next block of the sound to what can be told of its resampled form so far."""
        self._none = block[..., :0]
        if self.rate == self.target:
            return block
        self.received += block.shape[-1]
        return self._counted(self._resampled(block))

    def finish(self) -> Tensor:
        """The rest, once there are no more blocks: in all, ceil(N * target / rate) samples."""
        if self.rate == self.target or self._stream is None:
            return self._none
        # soxr rounds the length; silence after the end makes it give the last sample, too
        silence = self._none.new_zeros(*self._none.shape[:-1], ceil(self.rate / self.target))
        rest = self._resampled(silence, last=True)
        missing = ceil(self.received * self.target / self.rate) - self.given
        return self._counted(rest[..., :missing])

    def _resampled(self, block: Tensor, last: bool = False) -> np.ndarray:
        if self._stream is None:
            channels = 1 if block.ndim == 1 else len(block)
            self._stream = soxr.ResampleStream(
                self.rate, self.target, channels, dtype="float32", quality=QUALITY
            )
        samples = np.ascontiguousarray(block.detach().float().numpy().T)
        return self._stream.resample_chunk(samples, last=last).T

    def _counted(self, samples: np.ndarray) -> Tensor:
        self.given += samples.shape[-1]
        return torch.from_numpy(np.ascontiguousarray(samples)).to(self._none.dtype)


def resample(waveform: Tensor, rate: int, target: int) -> Tensor:
    """Resample a whole sound.

    Args:
        waveform: (N,) or (C, N) samples.
        rate: their rate in Hz.
        target: the rate in Hz that is wanted; at the same rate the waveform is returned untouched.

    Returns:
        (..., ceil(N * target / rate)) samples at ``target`` Hz.
    """
    if rate == target:
        return waveform
    resampler = Resampler(rate, target)
    return torch.cat([resampler.push(waveform), resampler.finish()], -1)


def resample_stream(blocks: Iterable[Tensor], rate: int, target: int) -> Iterator[Tensor]:
    """The same for a sound that comes in blocks; the pieces joined are the whole resampled."""
    if rate == target:
        yield from blocks
        return
    resampler = Resampler(rate, target)
    yield from map(resampler.push, blocks)
    yield resampler.finish()
