"""Several sounds on one timeline: when each starts, and all of them mixed into one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, chain
from math import ceil, isfinite
from pathlib import Path
from typing import Literal

import av
import torch
from torch import Tensor

from ..errors import InputError
from .reader import sound_frames
from .resample import resample, resample_stream

Mode = Literal["turns", "together"]
"""Sounds one after the other with a pause between, or all from the start."""

LOUD = 0.8  # level from which a mix is bent, so that it stays below 1


@dataclass(frozen=True, slots=True)
class Timetable:
    """When each of several sounds starts and how long it lasts, in exact seconds."""

    starts: tuple[Fraction, ...]
    durations: tuple[Fraction, ...]

    @property
    def total(self) -> Fraction:
        """Until the last one ends."""
        ends = zip(self.starts, self.durations, strict=True)
        return max(start + length for start, length in ends)

    def place(self, sound: int, rate: int) -> tuple[int, int]:
        """Samples at ``rate`` Hz: before a sound starts, and of the whole timeline."""
        return round(self.starts[sound] * rate), ceil(self.total * rate)


def timetable(durations: Sequence[Fraction], mode: Mode, pause: Fraction | float) -> Timetable:
    """Sounds of these durations in seconds in their order; ``pause`` seconds between turns.

    Raises InputError for an impossible pause and for another mode than there is.
    """
    if mode not in ("turns", "together"):
        raise InputError(f"Sounds come in turns or together; got {mode!r}.")
    if not (isfinite(pause) and pause >= 0):
        raise InputError(f"The pause between turns must be 0 seconds or more; got {float(pause)}.")
    starts = [Fraction(0)] * len(durations)
    if mode == "turns":
        pause = Fraction(pause).limit_denominator(1000)
        starts = accumulate((length + pause for length in durations[:-1]), initial=Fraction(0))
    return Timetable(tuple(starts), tuple(durations))


def delayed(blocks: Iterable[Tensor], before: int, total: int, block: int) -> Iterator[Tensor]:
    """Blocks (..., N) of a sound after ``before`` silent samples, up to ``total`` samples in all.

    Silence comes in blocks of ``block`` samples.
    """
    blocks = iter(blocks)
    first, done = next(blocks), before
    quiet = torch.zeros_like(first[..., :1])
    yield from silence(before, block, quiet)
    for piece in chain([first], blocks):
        shown = piece[..., : total - done]
        done += shown.shape[-1]
        yield shown
    yield from silence(total - done, block, quiet)


def silence(samples: int, block: int, quiet: Tensor) -> Iterator[Tensor]:
    """So many samples of ``quiet`` (..., 1), in blocks."""
    for start in range(0, samples, block):
        yield quiet.expand(*quiet.shape[:-1], min(block, samples - start))


def mixed(sounds: Sequence[Iterable[Tensor]], block: int) -> Iterator[Tensor]:
    """The sum of equally long sounds in blocks (C, N), in blocks of ``block`` samples.

    What gets louder than ``LOUD`` is bent softly to below 1, the rest is the exact sum.
    """
    for pieces in zip(*(regrouped(sound, block) for sound in sounds), strict=True):
        total = torch.stack(pieces).sum(0)
        over = (total.abs() - LOUD).clamp(min=0) / (1 - LOUD)
        bent = total.sign() * (LOUD + (1 - LOUD) * torch.tanh(over))
        yield torch.where(over > 0, bent, total)


def arranged(
    sounds: Sequence[tuple[Tensor, int]], table: Timetable
) -> tuple[Tensor, list[Tensor], int]:
    """Whole sounds, (C, N) samples and their rate each, on a timeline.

    Returns:
        Their mix (C, N), each by itself (C, N) with silence around it, and the rate of both: the
        highest. C is 2 unless all are mono.
    """
    rate = max(rate for _, rate in sounds)
    channels = min(2, max(len(samples) for samples, _ in sounds))
    placed = []
    for number, (samples, own) in enumerate(sounds):
        samples = samples.float().nan_to_num(0.0, 0.0, 0.0).cpu()
        if len(samples) > 2:
            samples = samples.mean(0, keepdim=True)
        samples = resample(samples, own, rate).expand(channels, -1)
        blocks = delayed([samples], *table.place(number, rate), rate)
        placed.append(torch.cat(list(blocks), -1))
    (mix,) = mixed([[sound] for sound in placed], placed[0].shape[-1])
    return mix, placed, rate


def regrouped(blocks: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Blocks (..., N) of any length as blocks of ``size`` samples, the last one shorter."""
    held: list[Tensor] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += block.shape[-1]
        if count >= size:
            *whole, rest = torch.cat(held, -1).split(size, -1)
            if rest.shape[-1] == size:
                whole, rest = [*whole, rest], rest[..., :0]
            yield from whole
            held, count = [rest], rest.shape[-1]
    if count:
        yield torch.cat(held, -1)


def channels_of(path: Path | str) -> int:
    """2 for a sound file with more than one channel, else 1."""
    first = next(sound_frames(path), None)
    return 1 if first is None else min(2, first.layout.nb_channels)


def channel_blocks(path: Path | str, rate: int, channels: int) -> Iterator[Tensor]:
    """A file's sound in (channels, N) float32 blocks at ``rate`` Hz; 1 or 2 channels."""
    frames = sound_frames(path)
    first = next(frames, None)
    if first is not None:
        own = first.sample_rate
        yield from resample_stream(_laid_out(chain([first], frames), own, channels), own, rate)


def _laid_out(frames: Iterable[av.AudioFrame], rate: int, channels: int) -> Iterator[Tensor]:
    """(channels, N) float32 samples of frames at their own rate."""
    layout = "mono" if channels == 1 else "stereo"
    converter = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    for frame in chain(frames, [None]):  # the last one empties the converter
        if frame is not None:
            frame.pts = None  # a damaged clock in the source must not open gaps
        for converted in converter.resample(frame):
            samples = torch.from_numpy(converted.to_ndarray())
            yield torch.where(samples.isfinite(), samples, 0.0)
