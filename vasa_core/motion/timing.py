"""Motion at another frame rate, exactly: frame t of the result lies at time t / fps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain

import torch
from torch import Tensor

from ..errors import InputError
from ..types import Motion
from .vectorize import from_smooth_vectors, smooth_vectors

MARGIN = 2  # source frames that an interpolated frame needs on each side
EMPTY = "The motion is empty; there is nothing to resample."


def exact_rate(fps: float) -> Fraction:
    """A frame rate given as a decimal number: 29.97 is 30000/1001, 23.976 is 24000/1001."""
    broadcast = round(fps * 1.001)
    if broadcast != fps and abs(broadcast * 1000 / 1001 - fps) < 0.004:
        return Fraction(broadcast * 1000, 1001)
    return Fraction(fps).limit_denominator(1000)


def frame_count(duration: Fraction, fps: Fraction) -> int:
    """ceil(duration * fps): never shorter than the sound."""
    return math.ceil(duration * fps)


def resample_motion(motion: Motion, fps: Fraction, duration: Fraction | None = None) -> Motion:
    """Bring a motion to another frame rate.

    Monotone cubic interpolation (Fritsch & Carlson 1980, harmonic slopes): nothing overshoots,
    closed lips and lids stay closed. At its own rate a motion stays as it is, bit by bit.

    Args:
        motion: the motion, at any rate.
        fps: the frame rate that is wanted.
        duration: seconds of the result; None: those of ``motion``. What the motion lacks to it is
            its last frame, held.

    Returns:
        The motion in ceil(duration * fps) frames.

    Raises:
        InputError: for an empty motion, or a rate that is not above 0.
    """
    return Motion.concat(resample_motion_stream([motion], fps, duration))


def resample_motion_stream(
    pieces: Iterable[Motion], fps: Fraction, duration: Fraction | None = None
) -> Iterator[Motion]:
    """Bring motion that comes in pieces to another frame rate, as ``resample_motion``.

    At its own rate it is handed on at once; else two source frames are held between pieces.
    """
    if fps <= 0:
        raise InputError(f"A frame rate of {fps} was asked for; it must be above 0.")
    pieces = iter(pieces)
    first = next(pieces, None)
    if first is not None:
        change = _handed_on if first.fps == fps else _interpolated
        yield from change(chain([first], pieces), fps, duration)
    else:
        raise InputError(EMPTY)


def _handed_on(
    pieces: Iterable[Motion], fps: Fraction, duration: Fraction | None
) -> Iterator[Motion]:
    """Pieces at ``fps`` as they are, cut or the last frame held to fill ``duration``."""
    total = None if duration is None else frame_count(duration, fps)
    done, last = 0, None
    for piece in pieces:
        last = piece[-1:] if len(piece) else last
        piece = piece if total is None else piece[: total - done]
        if len(piece):
            yield piece
            done += len(piece)
    if last is None:
        raise InputError(EMPTY)
    if total is not None and done < total:
        yield last[torch.zeros(total - done, dtype=torch.long)]


def _interpolated(
    pieces: Iterable[Motion], fps: Fraction, duration: Fraction | None
) -> Iterator[Motion]:
    held: Motion | None = None
    first = done = 0  # the source frame that ``held`` starts with; frames given so far
    for piece in pieces:
        held = piece if held is None else Motion.concat([held, piece])
        ready = first + len(held) - MARGIN  # source times below this have their neighbours
        until = max(done, math.ceil(Fraction(ready) / held.fps * fps)) if ready > 0 else done
        if duration is not None:
            until = min(until, frame_count(duration, fps))
        if until > done:
            yield at_frames(held, first, range(done, until), fps)
            done = until
        keep = max(0, math.floor(Fraction(done) / fps * held.fps) - MARGIN + 1 - first)
        keep = min(keep, max(0, len(held) - 2 * MARGIN))
        held, first = held[keep:], first + keep
    if held is None or len(held) == 0:
        raise InputError(EMPTY)
    if duration is None:
        duration = Fraction(first + len(held)) / held.fps
    until = frame_count(duration, fps)
    if until > done:
        yield at_frames(held, first, range(done, until), fps)


def at_frames(motion: Motion, first: int, frames: range, fps: Fraction) -> Motion:
    """The target ``frames`` interpolated from a motion whose frame 0 has the number ``first``."""
    ratio = motion.fps / fps
    where = [frame * ratio - first for frame in frames]
    below = [min(max(math.floor(w), 0), len(motion) - 1) for w in where]
    index = torch.tensor(below)
    part = torch.tensor([float(min(max(w - b, 0), 1)) for w, b in zip(where, below, strict=True)])
    rows = interpolate(smooth_vectors(motion), index, part)
    return from_smooth_vectors(rows, replace(motion[:1], fps=fps))


def interpolate(values: Tensor, index: Tensor, part: Tensor) -> Tensor:
    """(T, n) values at ``index + part`` by monotone cubics; the ends are held."""
    index = index.to(values.device)
    part = part.to(values)[:, None]

    def row(shift: int) -> Tensor:
        return values[(index + shift).clamp(0, len(values) - 1)]

    before, start, end, after = row(-1), row(0), row(1), row(2)
    rise = end - start
    first, last = (index == 0)[:, None], (index >= len(values) - 2)[:, None]
    slope_start = _slope(torch.where(first, rise, start - before), rise)
    slope_end = _slope(rise, torch.where(last, rise, after - end))
    square, cube = part**2, part**3
    return (
        start * (2 * cube - 3 * square + 1)
        + slope_start * (cube - 2 * square + part)
        + end * (3 * square - 2 * cube)
        + slope_end * (cube - square)
    )


def _slope(left: Tensor, right: Tensor) -> Tensor:
    """Harmonic mean of two secants, 0 where they differ in sign."""
    product = left * right
    total = torch.where(product > 0, left + right, torch.ones_like(left))
    return torch.where(product > 0, 2 * product / total, torch.zeros_like(left))
