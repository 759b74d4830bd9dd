"""Several faces of one picture, each with a motion of its own, in one frame.

Each face is rendered by itself. What changes in the picture is added up, every pixel going with the
head that it belongs to: where the edit masks of two heads overlap, the nearer one takes over,
softly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..interfaces import FaceSpace
from ..types import Motion, Portrait

SHARPNESS = 6.0  # of the border between two heads
APART = 1.0  # distance of two faces in their own sizes, below which they are one and the same


@dataclass(frozen=True, slots=True)
class Actor:
    """A face of the picture, the space that encoded it, and what it does, whole or in pieces."""

    space: FaceSpace
    portrait: Portrait
    motion: Motion | Iterable[Motion]


@dataclass(frozen=True, slots=True)
class FaceWeight:
    """What one face has of the picture: a box in pixels, and its weight (1, h, w) in there."""

    left: int
    top: int
    right: int
    bottom: int
    weight: Tensor

    def box(self, pictures: Tensor) -> Tensor:
        """The part of (..., H, W) pictures that lies in the box, not copied."""
        return pictures[..., self.top : self.bottom, self.left : self.right]


def render_faces(
    actors: Sequence[Actor], workers: int = 1, check: Callable[[], None] | None = None
) -> Iterator[Tensor]:
    """Frames (B, 3, H, W) of the picture in which all faces move, in chunks, by threads.

    As many frames as the shortest motion has. Outside of every face's edit mask they are the
    picture bit by bit. ``check`` as in ``FaceSpace.render``. Raises InputError for faces of
    different pictures, for the same face twice, and for motion that does not fit its portrait.
    """
    portraits = [actor.portrait for actor in actors]
    check_faces(portraits)
    picture = portraits[0].image
    parts = face_weights(portraits, [actor.space.edit_mask(actor.portrait) for actor in actors])
    threads = workers_each(workers, len(actors))
    with ExitStack() as stack:
        streams = [
            stack.enter_context(
                closing(
                    actor.space.render(actor.portrait, actor.motion, workers=threads, check=check)
                )
            )
            for actor in actors
        ]
        for frames in in_step(streams):
            yield merged(picture, frames, parts)


def workers_each(workers: int, faces: int) -> int:
    """Threads for each of several faces; two at least, or they would wait for each other."""
    return min(workers, max(2, -(-workers // faces)))


def check_faces(portraits: Sequence[Portrait]) -> None:
    """InputError unless these are different faces of one picture."""
    first = portraits[0].image
    for number, portrait in enumerate(portraits[1:], 2):
        if not same_picture(first, portrait.image):
            height, width = portrait.image.shape[-2:]
            raise InputError(
                f"Face {number} is of another picture ({width}x{height}) than face 1"
                f" ({first.shape[-1]}x{first.shape[-2]}); encode all of them from one picture."
            )
    extents = [FaceExtent.of(portrait) for portrait in portraits]
    for number, extent in enumerate(extents, 1):
        for other, before in enumerate(extents[: number - 1], 1):
            if extent.distance(before.centre) < APART:
                raise InputError(
                    f"Faces {other} and {number} are the same face of the picture; choose another"
                    " one for each."
                )


def same_picture(one: Tensor, other: Tensor) -> bool:
    """Whether two (1, 3, H, W) images show the same, on whatever device."""
    return one is other or (one.shape == other.shape and torch.equal(one, other.to(one)))


@dataclass(frozen=True, slots=True)
class FaceExtent:
    """Where a face lies: the middle of its landmarks (2,), and a matrix that measures from there.

    In units of the landmarks' own spread (2, 2), along and across the face.
    """

    centre: Tensor
    whitening: Tensor

    @staticmethod
    def of(portrait: Portrait) -> FaceExtent:
        """Of a portrait's landmarks."""
        flat = portrait.landmarks[:, :2].cpu().double()
        centre = flat.mean(0)
        spread = (flat - centre).T @ (flat - centre) / len(flat)
        whitening = torch.linalg.inv(torch.linalg.cholesky(spread))
        return FaceExtent(*(value.to(portrait.image) for value in (centre, whitening)))

    def distance(self, points: Tensor) -> Tensor:
        """(..., 2) pixels to their distance (...) from the face."""
        return ((points - self.centre) @ self.whitening.T).norm(dim=-1)


def face_weights(portraits: Sequence[Portrait], edit_masks: Sequence[Tensor]) -> list[FaceWeight]:
    """The weight of each portrait, from the edit masks (1, H, W) of all.

    A face leaves a place to each other face whose mask covers it, as far as it is farther away, in
    sizes of the faces. So of two faces one shows what the other does not, without a seam.
    """
    extents = [FaceExtent.of(portrait) for portrait in portraits]
    made = []
    for own, mask in enumerate(edit_masks):
        rows, columns = (mask[0].amax(dim).nonzero().flatten() for dim in (1, 0))
        (top, bottom), (left, right) = ((int(i[0]), int(i[-1]) + 1) for i in (rows, columns))
        part = FaceWeight(left, top, right, bottom, mask.new_ones(1, bottom - top, right - left))
        x = torch.arange(left, right).to(mask) + 0.5
        y = torch.arange(top, bottom).to(mask) + 0.5
        points = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
        away = extents[own].distance(points)
        for other in set(range(len(edit_masks))) - {own}:
            farther = away - extents[other].distance(points)
            part.weight.mul_(1 - part.box(edit_masks[other]) * torch.sigmoid(SHARPNESS * farther))
        made.append(part)
    return made


def in_step(streams: Sequence[Iterator[Tensor]]) -> Iterator[tuple[Tensor, ...]]:
    """Streams of chunks of any length as chunks of the same frames, until the first one ends."""
    held = [next(stream, None) for stream in streams]
    while True:
        chunks = [chunk for chunk in held if chunk is not None]
        if len(chunks) < len(held):
            return
        frames = min(map(len, chunks))
        yield tuple(chunk[:frames] for chunk in chunks)
        rest = [chunk[frames:] for chunk in chunks]
        held = [
            chunk if len(chunk) else next(stream, None)
            for chunk, stream in zip(rest, streams, strict=True)
        ]


def merged(picture: Tensor, frames: Sequence[Tensor], parts: Sequence[FaceWeight]) -> Tensor:
    """The (1, 3, H, W) picture with what changes in (B, 3, H, W) frames, by each face's weight."""
    made = picture.repeat(len(frames[0]), 1, 1, 1)
    for frame, part in zip(frames, parts, strict=True):
        change = part.box(frame) - part.box(picture)
        part.box(made).addcmul_(part.weight, change)
    return made
