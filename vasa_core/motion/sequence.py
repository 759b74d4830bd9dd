"""When a motion happens: trimmed, sped up, reversed, looped, joined with another, held.

All functions are pure. Times are seconds, given as any number; frame t lies at time t / fps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from ..errors import InputError
from ..types import Motion, move, smooth_rise
from .timing import resample_motion
from .vectorize import from_smooth_vectors, smooth_vectors, wrapped

Seconds = float | Fraction
FASTEST = 20  # times


def frame_at(time: Seconds, motion: Motion) -> int:
    """The frame of a motion that is nearest to a time; InputError for a time outside of it."""
    frame = _frames("A time in the motion", time, motion)
    if frame >= len(motion):
        raise InputError(f"There is no {float(time):g} s in {motion}: it ends before.")
    return frame


def _frames(what: str, seconds: Seconds, motion: Motion) -> int:
    """How many frames that many seconds are."""
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InputError(f"{what} must be 0 seconds or more; got {seconds}.")
    return round(Fraction(seconds) * motion.fps)


def trimmed(motion: Motion, start: Seconds = 0, end: Seconds | None = None) -> Motion:
    """The frames from ``start`` up to ``end`` (None: the motion's own end).

    Raises InputError when nothing is left.
    """
    first = _frames("The start", start, motion)
    last = len(motion) if end is None else _frames("The end", end, motion)
    if len(motion[first:last]) == 0:
        raise InputError(
            f"Nothing lies between {float(start):g} s and"
            f" {'the end' if end is None else f'{float(end):g} s'} of {motion}."
        )
    return motion[first:last]


def sped(motion: Motion, factor: Seconds) -> Motion:
    """``factor`` times as fast, at the same frame rate; 0.5 takes twice as long.

    Raises InputError for a factor that is not between 1/20 and 20.
    """
    if not 1 / FASTEST <= factor <= FASTEST:
        raise InputError(f"A speed of {factor} was asked for; 1/{FASTEST} to {FASTEST} work.")
    exact = Fraction(factor).limit_denominator(10_000)
    return resample_motion(replace(motion, fps=motion.fps * exact), motion.fps)


def backwards(motion: Motion) -> Motion:
    """From the last frame to the first."""
    return _each(motion, lambda value: value.flip(0))


def fitted(motion: Motion, frames: int, fps: Fraction) -> Motion:
    """A motion at a frame rate, cut or its last frame held so that it has ``frames`` frames."""
    if motion.fps != fps and len(motion) > 1:
        motion = resample_motion(motion, fps)
    motion = replace(motion[:frames], fps=fps)
    missing = frames - len(motion)
    return motion if missing <= 0 else Motion.concat([motion, held(motion[-1:], missing)])


def held(moment: Motion, frames: int) -> Motion:
    """One frame (T = 1), ``frames`` times."""
    return _each(moment, lambda value: value.expand(frames, *value.shape[1:]))


def _each(motion: Motion, change: Callable[[Tensor], Tensor]) -> Motion:
    """A motion with each of its tensors changed."""
    parts = ("rotation", "translation", "scale", "dynamics")
    return replace(motion, **{name: change(getattr(motion, name)) for name in parts})


def crossfaded(first: Motion, second: Motion, seconds: Seconds) -> Motion:
    """One motion going over into another, at the rate of the first.

    The end of the first and the start of the second lie over each other for ``seconds``; 0 puts
    them side by side. Raises InputError when either is shorter than that, or when they do not fit.
    """
    if first.space != second.space or first.reference != second.reference:
        raise InputError(
            f"{first} ({first.reference}) and {second} ({second.reference}) do not fit together;"
            " both must be of one face space, and both relative to the portrait or both absolute."
        )
    second = move(second, first.rotation.device, first.rotation.dtype)
    if second.fps != first.fps and len(second) > 1:
        second = resample_motion(second, first.fps)
    second = replace(second, fps=first.fps)
    over = _frames("The cross-fade", seconds, first)
    if over > min(len(first), len(second)):
        raise InputError(
            f"A cross-fade of {float(seconds):g} s needs both motions to be as long; they have"
            f" {len(first)} and {len(second)} frames at {first.fps} fps."
        )
    kept = len(first) - over
    return Motion.concat([first[:kept], blended(first[kept:], second[:over]), second[over:]])


def blended(before: Motion, after: Motion) -> Motion:
    """Two motions of the same length, going over smoothly from the one to the other."""
    frames = len(before)
    if frames == 0:
        return before
    start, end = smooth_vectors(before), smooth_vectors(after)
    start[:, :3] = end[:, :3] + wrapped(start[:, :3] - end[:, :3])
    return from_smooth_vectors(torch.lerp(start, end, eased(frames).to(start)[:, None]), before)


def eased(frames: int) -> Tensor:
    """(frames,) shares that rise smoothly within 0..1, without either."""
    share = (torch.arange(frames) + 1) / (frames + 1)
    return smooth_rise(share)


def looped(motion: Motion, fade: Seconds) -> Motion:
    """A motion that can be repeated: its end goes over into its start within ``fade`` seconds.

    It is shorter by the fade. Raises InputError when it is shorter than twice the fade.
    """
    over = _frames("The fade", fade, motion)
    if 2 * over > len(motion) or over < 1:
        raise InputError(
            f"A fade of {float(fade):g} s needs a motion at least twice as long, and at least one"
            f" frame; got {motion}."
        )
    body, start = motion[over:], motion[:over]
    kept = len(body) - over
    return Motion.concat([body[:kept], blended(body[kept:], start)])


def repeated(motion: Motion, frames: int) -> Motion:
    """A motion over and over again, as many frames as asked."""
    times = -(-frames // len(motion))
    return Motion.concat([motion] * times)[:frames]


def moved_to(motion: Motion, target: Motion, seconds: Seconds, hold: Seconds = 0) -> Motion:
    """A motion followed by a smooth way, ``seconds`` long, to a frame (T = 1), and a hold there.

    So expressions become keyframes. Raises InputError for no time at all, or another face space.
    """
    if (target.space, target.reference) != (motion.space, motion.reference):
        raise InputError(
            f"A {target.space} expression relative to the {target.reference} cannot follow a"
            f" {motion.space} motion relative to the {motion.reference}."
        )
    way = _frames("The way", seconds, motion)
    rest = _frames("The hold", hold, motion)
    if way + rest < 1:
        raise InputError("The way to an expression and its hold need at least one frame together.")
    target = replace(target[-1:], fps=motion.fps)
    target = move(target, motion.rotation.device, motion.rotation.dtype)
    reached = held(target, 1 + rest)
    if way == 0:
        return Motion.concat([motion, reached[1:]])
    path = blended(held(motion[-1:], way - 1), held(target, way - 1))
    return Motion.concat([motion, path, reached])
