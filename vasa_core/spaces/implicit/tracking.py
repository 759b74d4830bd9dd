"""A driving video: one steady crop around its face, and what was seen where no face was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from ...errors import NoFaceError
from ..mesh.encoder.encoder import FaceEncoder, Tracker
from .crop import CropSquare, cut, face_points, network_input, upright_square

SETTLING = 25  # frames with a face from which the crop is taken


def driving_crops(encoder: FaceEncoder, frames: Iterable[Tensor]) -> Iterator[Tensor | None]:
    """(3, H, W) frames to (1, 3, 256, 256) crops of the largest face; None where there is none.

    All are cut at the same place, so that the head's movement shows: LivePortrait takes the mean
    over the whole video, this the mean over the first frames with a face, for videos of any length.
    """
    tracker = Tracker(encoder)
    waiting: list[Tensor | None] = []
    squares: list[CropSquare] = []
    where = None
    for frame in frames:
        points = tracker(frame[None])
        if where is None and points is not None:
            squares.append(upright_square(*face_points(points)))
        seen = None if points is None else frame[None]
        if where is None:
            waiting.append(seen)
            if len(squares) == SETTLING:
                where = mean_square(squares)
                yield from (_cropped(frame, where) for frame in waiting)
        else:
            yield _cropped(seen, where)
    if where is None and squares:
        where = mean_square(squares)
        yield from (_cropped(frame, where) for frame in waiting)
    elif where is None:
        raise NoFaceError(f"No face in any of the {len(waiting)} frames of this video.")


def mean_square(squares: list[CropSquare]) -> CropSquare:
    """The mean of upright squares."""
    centre = torch.stack([square.centre for square in squares]).mean(0)
    side = torch.stack([square.side for square in squares]).mean()
    return CropSquare(centre, side, squares[0].right)


def _cropped(frame: Tensor | None, where: CropSquare) -> Tensor | None:
    return None if frame is None else network_input(cut(frame, where.transform()))


def held(outputs: list[dict[str, Tensor] | None]) -> dict[str, Tensor]:
    """Outputs of frames joined in time, (T, n) by name; gaps hold what was before them.

    At the start they hold what comes first.
    """
    last = next(output for output in outputs if output is not None)
    filled = [last := last if output is None else output for output in outputs]
    return {name: torch.cat([output[name] for output in filled]) for name in last}
