"""A driving video: one steady crop around its face."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from ...face.encoder import FaceEncoder
from ...face.tracking import Tracker, no_such_face
from .crop import CropSquare, crop_image, face_points, network_input, upright_square

SETTLING = 25  # frames with a face from which the crop is taken


def driving_crops(
    encoder: FaceEncoder, frames: Iterable[Tensor], face: int = 0
) -> Iterator[tuple[Tensor, Tensor] | None]:
    """(3, H, W) frames to (1, 3, 256, 256) crops and (478, 3) points of one face, or None.

    All are cut at the same place, so that the head's movement shows: LivePortrait takes the mean
    over the whole video, this the mean over the first frames with a face, for videos of any length.
    Raises NoFaceError when no frame shows the face.
    """
    tracker = Tracker(encoder, face)
    waiting: list[tuple[Tensor, Tensor] | None] = []
    squares: list[CropSquare] = []
    where = None
    for frame in frames:
        points = tracker(frame[None])
        if where is None and points is not None:
            squares.append(upright_square(*face_points(points)))
        seen = None if points is None else (frame[None], points)
        if where is None:
            waiting.append(seen)
            if len(squares) == SETTLING:
                where = mean_square(squares)
                yield from (_cropped(seen, where) for seen in waiting)
        else:
            yield _cropped(seen, where)
    if where is None and squares:
        where = mean_square(squares)
        yield from (_cropped(seen, where) for seen in waiting)
    elif where is None:
        raise no_such_face(len(waiting), face)


def mean_square(squares: list[CropSquare]) -> CropSquare:
    """The mean of upright squares."""
    centre = torch.stack([square.centre for square in squares]).mean(0)
    side = torch.stack([square.side for square in squares]).mean()
    return CropSquare(centre, side, squares[0].right)


def _cropped(seen: tuple[Tensor, Tensor] | None, where: CropSquare):
    if seen is None:
        return None
    frame, points = seen
    return network_input(crop_image(frame, where.transform())), points
