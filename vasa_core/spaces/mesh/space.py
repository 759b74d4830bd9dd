"""The mesh face space: finds a face, measures it, moves it (``types.FaceSpace``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor, nn

from ...render.memory import frames_per_chunk
from ...render.parallel import ordered_map
from ...types import Motion, Portrait, Progress, View, move, stepper
from ..playing import offsets_for
from .dynamics import PARTS, FaceBasis
from .encoder.choice import choose_face
from .encoder.encoder import FaceEncoder
from .geometry import fit_pose
from .renderer.drivers import own_expression
from .renderer.prepare import PREPARING_STEPS, prepare
from .renderer.render import render
from .tracking import motion_from_landmarks, relative_motion

ENCODING_STEPS = 2 + PREPARING_STEPS  # find the face, its landmarks, then ``prepare``


class MeshSpace(nn.Module):
    """478-point mesh, pose by rigid fit, dynamics as in ``dynamics``, rendered from the photo."""

    name = "mesh"
    parts = PARTS
    stages = {"encode": ("encoder", "basis"), "render": ()}
    working_bytes = 0

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
        chosen = choose_face(self.encoder, image, face, mask, step)
        landmarks = chosen.landmarks
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
            faces=chosen.faces,
            face=face,
            confidence=chosen.confidence,
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
        check: Callable[[], None] | None = None,
    ) -> Iterator[Tensor]:
        """Frames of the moving portrait, in chunks (B <= chunk, 3, H, W), 0..1.

        A "camera" motion is played relative to its own first frame. ``workers`` threads render
        ahead. ``view`` and ``alpha`` as in ``renderer.render``; frames are too quick for ``check``.
        Raises InputError for a motion or a portrait of another space.
        """
        draw = partial(self._draw, portrait, view=view, alpha=alpha)
        chunk = chunk or frames_per_chunk(*portrait.image.shape[-2:])
        pieces = offsets_for(portrait, motion, relative_motion, self.name)
        chunks = (part for piece in pieces for part in piece.split(chunk))
        yield from ordered_map(draw, chunks, workers)

    def matte(self, portrait: Portrait) -> Tensor:
        """(1, H, W), 0..1: what moves (head, hair, shoulders) in the picture as it is."""
        return next(self.render(portrait, portrait.pose, alpha=True))[:, 3]

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
