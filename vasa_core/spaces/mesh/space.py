"""The mesh face space: finds a face, measures it, moves it (``types.FaceSpace``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor, nn

from ...errors import InputError, NoFaceError
from ...render.memory import frames_per_chunk
from ...render.parallel import ordered_map
from ...types import Motion, MotionSketch, Portrait, Progress, View, move, stepper
from .dynamics import PARTS, FaceBasis
from .encoder.encoder import FaceEncoder, Faces
from .geometry import fit_pose
from .renderer.drivers import own_expression
from .renderer.prepare import PREPARING_STEPS, prepare
from .renderer.render import render
from .sketch import sketch
from .tracking import motion_from_landmarks, relative_motion

ENCODING_STEPS = 2 + PREPARING_STEPS  # find the face, its landmarks, then ``prepare``


class MeshSpace(nn.Module):
    """478-point mesh, pose by rigid fit, dynamics as in ``dynamics``, rendered from the photo."""

    name = "mesh"
    parts = PARTS

    def __init__(self, encoder: FaceEncoder, basis: FaceBasis):
        super().__init__()
        self.encoder, self.basis = encoder, basis

    @staticmethod
    @torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
    def load(device: torch.device | str = "cpu") -> MeshSpace:
        """With the embedded weights."""
        return MeshSpace(FaceEncoder.load(device=device), FaceBasis.load(device)).train(False)

    def landmarks(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, 478, 3) pixels of the largest face in each; NoFaceError without."""
        return self.encoder.landmarks(images)[0]

    def encode(
        self,
        image: Tensor,
        face: int = 0,
        mask: Tensor | None = None,
        progress: Progress | None = None,
    ) -> Portrait:
        """(1, 3, H, W), 0..1, to the ``face``-th largest face in it, ready to be moved.

        With a ``mask`` (H, W), 0..1, only faces whose centre lies in it count. Raises NoFaceError
        when there is none, InputError when there are fewer than asked for or the mask does not fit.
        """
        step = stepper(ENCODING_STEPS, progress)
        faces = self.encoder.detect(image)
        step()
        if mask is not None:
            faces = _masked(faces, mask, image)
        if face >= len(faces):
            where = "the image" if mask is None else "the masked part of the image"
            raise InputError(f"Face {face + 1} was asked for; {where} shows {len(faces)}.")
        landmarks, confidence = self.encoder.landmarks_at(image, faces[face])
        step()
        pose = fit_pose(landmarks[None], self.basis.canonical)
        identity = pose.canonical(landmarks[None])[0]
        appearance = prepare(image, landmarks, self.basis, step)
        rest = motion_from_landmarks(landmarks[None], self.basis, Fraction(25), identity)
        return Portrait(
            space=self.name,
            image=image,
            landmarks=landmarks,
            identity=identity,
            pose=replace(rest, dynamics=own_expression(landmarks, self.basis)[None]),
            crop=appearance.crop,
            appearance=appearance,
            faces=len(faces),
            face=face,
            confidence=confidence,
        )

    def track(self, frames: Iterable[Tensor], fps: Fraction) -> Motion:
        """(3, H, W) frames to the motion of the largest face, reference "camera".

        Frames without a face hold the face before them (the first ones: the face after them).
        Raises NoFaceError when no frame shows a face.
        """
        landmarks, found = self.encoder.track(frames)
        return motion_from_landmarks(landmarks, self.basis, fps)

    def render(
        self,
        portrait: Portrait,
        motion: Motion | Iterable[Motion],
        chunk: int | None = None,
        workers: int = 1,
        view: View = "source",
        alpha: bool = False,
    ) -> Iterator[Tensor]:
        """Frames of the moving portrait, in chunks (B <= chunk, 3, H, W), 0..1.

        A "camera" motion is played relative to its own first frame. ``workers`` threads render
        ahead. ``view`` and ``alpha`` as in ``renderer.render``. Raises InputError for a motion or a
        portrait of another space.
        """
        if portrait.space != self.name:
            raise InputError(f"This portrait is a {portrait.space} one; encode it for the mesh.")
        pieces = [motion] if isinstance(motion, Motion) else motion
        draw = partial(self._draw, portrait, view=view, alpha=alpha)
        chunk = chunk or frames_per_chunk(*portrait.image.shape[-2:])
        yield from ordered_map(draw, _chunks(self._offsets(pieces), chunk), workers)

    def _offsets(self, pieces: Iterable[Motion]) -> Iterator[Motion]:
        rest = None
        for piece in pieces:
            if piece.space != self.name:
                raise InputError(f"This motion moves {piece.space} faces, the portrait is a mesh.")
            rest = piece[:1] if rest is None else rest
            yield relative_motion(piece, rest)

    @torch.no_grad()
    def _draw(self, portrait: Portrait, motion: Motion, view: View, alpha: bool) -> Tensor:
        motion = move(motion, portrait.image.device, portrait.image.dtype)
        return render(
            portrait.appearance,
            motion.rotation,
            motion.translation,
            motion.scale,
            motion.dynamics,
            view,
            alpha,
        )

    def sketch(self, motion: Motion) -> MotionSketch:
        """What a motion does, as curves and as line drawings of the mean face."""
        return sketch(motion, self.basis)


def _masked(faces: Faces, mask: Tensor, image: Tensor) -> Faces:
    """The faces whose centre lies in a mask (H, W)."""
    if mask.shape != image.shape[-2:]:
        got, needed = (f"{width}x{height}" for height, width in (mask.shape, image.shape[-2:]))
        raise InputError(f"The mask is {got}, the image {needed}; both must have the same size.")
    column, row = faces.boxes[:, :2].long().T.cpu()
    inside = mask.cpu()[row.clamp(0, len(mask) - 1), column.clamp(0, mask.shape[1] - 1)] > 0.5
    if not inside.any():
        raise NoFaceError(
            f"None of the {len(faces)} faces in the image has its centre in the mask; paint over "
            "the middle of the face that is meant."
        )
    return Faces(faces.frames[inside], faces.scores[inside])


def _chunks(pieces: Iterable[Motion], size: int) -> Iterator[Motion]:
    for piece in pieces:
        for start in range(0, len(piece), size):
            yield piece[start : start + size]
