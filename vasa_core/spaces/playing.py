"""What every face space does with motion before it renders it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from torch import Tensor

from ..errors import InputError
from ..types import Motion, Portrait, Tracked

Placed = Callable[[Portrait, Motion, Motion], Motion]
"""(portrait, motion, its first frame) to the motion as offsets from how the portrait was taken."""


def offsets_for(
    portrait: Portrait, motion: Motion | Iterable[Motion], placed: Placed, space: str
) -> Iterator[Motion]:
    """A motion, whole or in pieces, as offsets from how a portrait of ``space`` was taken.

    Raises InputError for a portrait of another space, and for a motion of one when it comes to it.
    """
    if portrait.space != space:
        raise InputError(
            f"This portrait is one of the {portrait.space} space; encode it in the {space} space,"
            " where it is to be rendered."
        )
    pieces = [motion] if isinstance(motion, Motion) else motion
    return _offsets(portrait, pieces, placed, space)


def _offsets(
    portrait: Portrait, pieces: Iterable[Motion], placed: Placed, space: str
) -> Iterator[Motion]:
    first = None
    for piece in pieces:
        if piece.space != space:
            raise InputError(
                f"This motion moves {piece.space} faces, the portrait is one of the {space} space:"
                " sample or track the motion with the model that encoded the portrait."
            )
        first = piece[:1] if first is None else first
        yield piece if piece.reference == "portrait" else placed(portrait, piece, first)


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of a video that is dubbed: the picture, what was tracked in it, the new motion.

    frame (1, 3, H, W); seen and motion have T = 1.
    """

    frame: Tensor
    seen: Tracked
    motion: Motion


def shots(
    frames: Iterable[Tensor], tracked: Tracked, motion: Motion | Iterable[Motion], space: str
) -> Iterator[Shot]:
    """Frame by frame what dubbing needs, for as long as there is a row of each.

    Raises InputError for motion of another space, and for absolute motion.
    """
    pieces = [motion] if isinstance(motion, Motion) else motion
    moments = (moment for piece in pieces for moment in made_for(space, piece).split(1))
    for number, (frame, moment) in enumerate(zip(frames, moments, strict=False)):
        yield Shot(frame[None], tracked[number : number + 1], moment)


def made_for(space: str, motion: Motion) -> Motion:
    """The motion, if it is one of that space and relative to the portrait; else InputError."""
    if motion.space != space or motion.reference != "portrait":
        raise InputError(
            f"Here motion of {space} faces is needed, relative to the portrait; got motion of"
            f" {motion.space} faces, measured from the {motion.reference}."
        )
    return motion
