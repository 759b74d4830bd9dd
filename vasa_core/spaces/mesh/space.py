"""The mesh face space: finds a face, measures it, moves it (``interfaces.FaceSpace``)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor, nn

from ...face.basis import PARTS, FaceBasis
from ...face.choice import choose_face, face_in_view
from ...face.encoder import FaceEncoder
from ...render.memory import frames_per_chunk
from ...render.parallel import ordered_map
from ...types import Motion, Portrait, Progress, Tracked, View, move, stepper
from ..playing import Shot, made_for, offsets_for, shots
from .neutral import unsmiling_code
from .renderer.geometry.blendshapes import own_expression
from .renderer.prepare import PREPARING_STEPS, prepare
from .renderer.refiner import Refiner
from .renderer.render import render, whole
from .renderer.views.prepare_views import VIEW_STEPS, add_views
from .tracking import motion_from_landmarks, motion_from_poses, placed_motion, relative_motion

ENCODING_STEPS = 2 + PREPARING_STEPS  # find the face, its landmarks, then ``prepare``


class MeshSpace(nn.Module):
    """478-point mesh, pose by rigid fit, dynamics as in ``face.basis``, rendered from the photo.

    Its methods are those of ``interfaces.FaceSpace``; what is said here is what is special to them.
    """

    name = "mesh"
    parts = PARTS
    working_bytes = 0

    def __init__(self, encoder: FaceEncoder, basis: FaceBasis, refiner: Refiner | None = None):
        super().__init__()
        self.encoder, self.basis, self.refiner = encoder, basis, refiner

    @property
    def stages(self) -> dict[str, tuple[str, ...]]:
        """The submodules that each stage works with."""
        return {
            "encode": ("encoder", "basis"),
            "render": () if self.refiner is None else ("refiner",),
        }

    @staticmethod
    @torch.inference_mode(False)  # weights made in inference mode could not be moved outside it
    def load(device: torch.device | str = "cpu", refine: bool = True) -> MeshSpace:
        """Make the space with the embedded weights.

        Args:
            device: Where its networks are to be.
            refine: Whether mouths are finished by the refiner. It can be switched off at any time:
                ``space.refiner = None``.

        Returns:
            The space, in evaluation mode.
        """
        refiner = Refiner.load(device) if refine else None
        space = MeshSpace(FaceEncoder.load(device=device), FaceBasis.load(device), refiner)
        return space.train(False)

    def landmarks(self, images: Tensor) -> Tensor:
        """As ``FaceSpace.landmarks``.

        Raises:
            NoFaceError: If an image shows no face.
        """
        return self.encoder.landmarks(images)[0]

    def encode(
        self,
        image: Tensor,
        face: int = 0,
        mask: Tensor | None = None,
        progress: Progress | None = None,
        views: Sequence[Tensor] = (),
    ) -> Portrait:
        """As ``FaceSpace.encode``: about a second on one core.

        Args:
            image: (1, 3, H, W), 0..1.
            face: Which face: 0 is the largest.
            mask: (H, W), 0..1; only faces whose centre lies in it count.
            progress: Called with steps done and in total; it may raise to stop the work.
            views: More photos (1, 3, h, w) of the person; the largest face in each is taken.

        Returns:
            The portrait; its identity is the canonical face, its pose's code opens the lips as they
            are in the photo.

        Raises:
            NoFaceError: If one of the images shows no face.
            InputError: If there are fewer faces than asked for, or the mask does not fit.
        """
        step = stepper(ENCODING_STEPS + len(views) * (2 + VIEW_STEPS), progress)
        chosen = choose_face(self.encoder, image, face, mask, step)
        source = self.basis.measure(chosen.landmarks)
        identity = source.canonical
        seen = [face_in_view(self.encoder, views, n, step) for n in range(len(views))]
        photos = [(v, self.basis.measure(points)) for v, points in zip(views, seen, strict=True)]
        appearance = prepare(image, source, self.basis, step)
        if photos:
            appearance = add_views(appearance, source, photos, self.basis, step)
        rest = motion_from_poses(
            source.pose, source.landmarks[None], self.basis, Fraction(25), identity
        )
        # ``appearance.own`` is the same code from working pixels; it differs in its last bits, and
        # so would frames that are edited on top of the photo's own expression
        own = own_expression(source, self.basis)
        return Portrait(
            space=self.name,
            image=image,
            landmarks=source.landmarks,
            identity=identity,
            pose=replace(rest, dynamics=own[None]),
            crop=appearance.crop,
            appearance=appearance,
            faces=chosen.faces,
            face=face,
            confidence=chosen.confidence,
        )

    def track(self, frames: Iterable[Tensor], fps: Fraction, face: int = 0) -> Tracked:
        """As ``FaceSpace.track``; codes are measured from the clip's own neutral face.

        Raises:
            NoFaceError: If no frame shows a face.
        """
        landmarks, found = self.encoder.track(frames, face)
        return Tracked(motion_from_landmarks(landmarks, self.basis, fps), landmarks, found)

    def relative(self, motion: Motion, rest: Motion | None = None) -> Motion:
        """As ``FaceSpace.relative``; codes stay: they are relative to a neutral face already."""
        return relative_motion(motion, rest)

    def render(
        self,
        portrait: Portrait,
        motion: Motion | Iterable[Motion],
        chunk: int | None = None,
        workers: int = 1,
        view: View = "source",
        alpha: bool = False,
        check: Callable[[], None] | None = None,
    ) -> Generator[Tensor, None, None]:
        """As ``FaceSpace.render``; frames are too quick for ``check``.

        Args:
            portrait: A portrait of this space.
            motion: A motion of this space, whole or in pieces.
            chunk: Frames per chunk at the most. None: as many as need little memory.
            workers: Number of threads that render ahead.
            view: The whole picture, or the square close-up ("crop") of the head.
            alpha: Adds the head's matte as a fourth channel.
            check: Not called.

        Yields:
            Frames (B <= chunk, 3 or 4, H, W), 0..1.

        Raises:
            InputError: If portrait or motion are of another space.
        """
        draw = partial(self._draw, portrait, view=view, alpha=alpha)
        chunk = chunk or frames_per_chunk(*portrait.image.shape[-2:])
        pieces = offsets_for(portrait, motion, placed_motion, self.name)
        chunks = (part for piece in pieces for part in piece.split(chunk))
        yield from ordered_map(draw, chunks, workers)

    def neutralised(self, portrait: Portrait, motion: Motion, amount: float = 1.0) -> Motion:
        """As ``FaceSpace.neutralised``: takes the portrait's own smile away.

        A photo's open lips need nothing: mesh motion is measured from closed lips.

        Raises:
            InputError: If the motion is of another space or reference.
        """
        motion = made_for(self.name, motion)
        code = unsmiling_code(portrait.identity.float().cpu(), FaceBasis.load())
        return replace(motion, dynamics=motion.dynamics + amount * code.to(motion.dynamics))

    def dub(
        self,
        frames: Iterable[Tensor],
        tracked: Tracked,
        motion: Motion | Iterable[Motion],
        workers: int = 1,
        check: Callable[[], None] | None = None,
    ) -> Iterator[Tensor]:
        """As ``FaceSpace.dub``; a frame takes a fifth of a second.

        Raises:
            InputError: If the motion is of another space or reference.
        """
        yield from ordered_map(self._redrawn, shots(frames, tracked, motion, self.name), workers)

    @torch.no_grad()
    def _redrawn(self, shot: Shot) -> Tensor:
        if not shot.seen.found:
            return shot.frame
        frame, seen = shot.frame, move(shot.seen, shot.frame.device, shot.frame.dtype)
        lips = PARTS["lips"]
        source = self.basis.measure(seen.landmarks[0])
        appearance = prepare(frame, source, self.basis, lips=seen.motion.dynamics[0, lips])
        codes = torch.zeros_like(seen.motion.dynamics)
        codes[:, lips] = shot.motion.dynamics[:, lips].to(codes)
        none = codes.new_zeros(1, 3)
        size = none[:, 0] + 1
        return render(appearance, none, none[:, :2], size, codes, refiner=self.refiner)

    def matte(self, portrait: Portrait) -> Tensor:
        """(1, H, W), 0..1: what moves (head, hair, shoulders) in the picture as it is."""
        compositor = portrait.appearance.compositor
        return whole(portrait.appearance, compositor.matte * compositor.edit_mask)

    def edit_mask(self, portrait: Portrait) -> Tensor:
        """(1, H, W), 0..1: how far frames may differ from the picture; 0 where they never do."""
        return whole(portrait.appearance, portrait.appearance.compositor.edit_mask)

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
            self.refiner,
        )
