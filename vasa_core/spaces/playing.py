"""What every face space does with motion before it renders it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..errors import InputError
from ..types import Motion, Portrait

Relative = Callable[[Motion, Motion], Motion]
"""A motion as offsets from a rest frame (T = 1)."""


def offsets_for(
    portrait: Portrait, motion: Motion | Iterable[Motion], relative: Relative, space: str
) -> Iterator[Motion]:
    """A motion, whole or in pieces, as offsets from its first frame, for a portrait of ``space``.

    Raises InputError for a portrait of another space, and for a motion of one when it comes to it.
    """
    if portrait.space != space:
        raise InputError(
            f"This portrait is one of the {portrait.space} space; encode it in the {space} space,"
            " where it is to be rendered."
        )
    pieces = [motion] if isinstance(motion, Motion) else motion
    return _offsets(pieces, relative, space)


def _offsets(pieces: Iterable[Motion], relative: Relative, space: str) -> Iterator[Motion]:
    rest = None
    for piece in pieces:
        if piece.space != space:
            raise InputError(
                f"This motion moves {piece.space} faces, the portrait is one of the {space} space:"
                " sample or track the motion with the model that encoded the portrait."
            )
        rest = piece[:1] if rest is None else rest
        yield relative(piece, rest)
