"""Band-limited resampling of a waveform that may come in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, gcd

import torch
from torch import Tensor

ZERO_CROSSINGS = 16  # of the sinc on each side
ROLLOFF = 0.94  # pass band, as a part of the lower Nyquist frequency
MAX_PHASES = 2048  # rates with more distinct phases use the nearest of these


def resample(waveform: Tensor, rate: int, target: int) -> Tensor:
    """(N,) samples at ``rate`` Hz to (ceil(N * target / rate),) at ``target`` Hz."""
    return torch.cat([waveform[:0], *resample_stream([waveform], rate, target)])


def resample_stream(blocks: Iterable[Tensor], rate: int, target: int) -> Iterator[Tensor]:
    """The same for a sound in (N,) blocks; the pieces joined do not depend on where it was cut.

    Output n lies at input position n * rate / target exactly; before and after is silence.
    """
    if rate == target:
        yield from blocks
        return
    up, down = target // gcd(rate, target), rate // gcd(rate, target)
    kernels = _kernels(min(up, MAX_PHASES), rate, target)
    half = kernels.shape[1] // 2
    held = torch.zeros(half)  # input from position ``start`` on
    start, done, received = -half, 0, 0
    for block in blocks:
        received += len(block)
        held = torch.cat([held, block.to(held)])
        ready = max(((received - half) * up + down - 1) // down, done)
        yield _interpolate(held, start, range(done, ready), up, down, kernels)
        done = ready
        used = min(max(done * down // up - half - start, 0), len(held))
        held, start = held[used:], start + used
    total = ceil(received * target / rate)
    held = torch.cat([held, torch.zeros(2 * half + 2)])
    yield _interpolate(held, start, range(done, total), up, down, kernels)


def _kernels(phases: int, rate: int, target: int) -> Tensor:
    """(phases, taps) windowed-sinc weights for the fractions 0, 1/phases, ... of an input step."""
    cutoff = ROLLOFF * min(1.0, target / rate)
    half = ceil(ZERO_CROSSINGS / cutoff) + 1
    taps = torch.arange(2 * half, dtype=torch.float64) - half + 1
    time = (taps[None] - torch.arange(phases)[:, None] / phases) * cutoff
    window = torch.cos((time / ZERO_CROSSINGS).clamp(-1, 1) * torch.pi / 2).square()
    return (torch.sinc(time) * window * cutoff).float()


def _interpolate(
    held: Tensor, start: int, wanted: range, up: int, down: int, kernels: Tensor
) -> Tensor:
    phases, taps = kernels.shape
    position = torch.arange(wanted.start, wanted.stop) * down
    whole = torch.div(position, up, rounding_mode="floor")
    phase = torch.div((position - whole * up) * phases, up, rounding_mode="floor")
    first = whole - taps // 2 + 1 - start
    pieces = [held[:0]]
    for begin in range(0, len(position), 16384):
        chosen = slice(begin, begin + 16384)
        windows = held[first[chosen, None] + torch.arange(taps)]
        pieces.append((windows * kernels[phase[chosen]]).sum(1))
    return torch.cat(pieces)
