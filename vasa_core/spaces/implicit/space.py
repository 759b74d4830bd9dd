"""The implicit face space: LivePortrait's networks, our face encoder (``types.FaceSpace``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from itertools import chain

import torch
from torch import Tensor, nn

from ...render.parallel import ahead, between_layers, ordered_map
from ...types import Motion, Portrait, Progress, View, move, stepper
from ..mesh.encoder.choice import choose_face
from ..mesh.encoder.encoder import FaceEncoder
from ..playing import offsets_for
from .appearance import ImplicitAppearance
from .code import PARTS, MotionCode
from .crop import crop_square, cut, face_points, network_input, to_crop
from .driving import Driving, KeypointDriver, closed_lips
from .keypoints import canonical_keypoints, face_state
from .networks.appearance import AppearanceExtractor
from .networks.motion import MotionExtractor
from .networks.stitching import StitchingRetargeting
from .painter import FRAME_VALUES, Painter
from .paste import crop_mask, paste, paste_place, picture_mask, with_channel
from .ratios import lip_ratio
from .tracking import driving_crops, held

ENCODING_STEPS = 5  # face, points, motion, appearance, what warping needs


class ImplicitSpace(nn.Module):
    """Appearance volume, 21 implicit keypoints, warping and decoding at 512 x 512.

    ``driving`` says what is done to keypoints on the way; see ``driving.Driving``.
    """

    name = "implicit"
    parts = PARTS
    stages = {
        "encode": ("encoder", "appearance", "motion", "painter", "code"),
        "render": ("painter", "stitching", "code"),
    }
    working_bytes = 4 * FRAME_VALUES

    def __init__(
        self,
        encoder: FaceEncoder,
        appearance: AppearanceExtractor,
        motion: MotionExtractor,
        painter: Painter,
        stitching: StitchingRetargeting,
        driving: Driving | None = None,
    ):
        super().__init__()
        self.encoder, self.appearance, self.motion = encoder, appearance, motion
        self.painter, self.stitching = painter, stitching
        self.code = MotionCode()
        self.driving = driving or Driving()

    def landmarks(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, 478, 3) pixels of the largest face in each; NoFaceError without."""
        return self.encoder.landmarks(images)[0]

    @torch.no_grad()
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
        crop = crop_square(*face_points(chosen.landmarks)).transform()
        seen = network_input(cut(image, crop))
        extracted = self.motion(seen)
        canonical, state = canonical_keypoints(extracted), face_state(extracted)
        step()
        volume = self.appearance(seen)
        step()
        source = self.painter.prepare(volume, state.points(canonical))
        step()
        return Portrait(
            space=self.name,
            image=image,
            landmarks=chosen.landmarks,
            identity=canonical[0],
            pose=self.code.measured(state, Fraction(25)),
            crop=crop,
            appearance=ImplicitAppearance(
                extracted=extracted,
                canonical=canonical,
                state=state,
                source=source,
                place=paste_place(crop, *image.shape[-2:]),
                crop_landmarks=to_crop(chosen.landmarks, crop),
            ),
            faces=chosen.faces,
            face=face,
            confidence=chosen.confidence,
        )

    @torch.no_grad()
    def track(self, frames: Iterable[Tensor], fps: Fraction) -> Motion:
        """(3, H, W) frames to the motion of the largest face, reference "camera".

        Frames without a face hold the face before them (the first ones: the face after them).
        Raises NoFaceError when no frame shows a face.
        """
        outputs = [
            None if crop is None else self.motion(crop)
            for crop in driving_crops(self.encoder, frames)
        ]
        return self.code.measured(face_state(held(outputs)), fps)

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

        A "camera" motion is played relative to its own first frame. On a CPU ``workers`` threads
        render ahead; elsewhere one chunk is computed while the one before is used. "crop" shows the
        512 x 512 picture that the decoder paints; ``alpha`` adds the mask of the pasted crop;
        ``check`` is called between layers, on a CPU. Raises InputError for a motion or a portrait
        of another space.
        """
        pieces = offsets_for(portrait, motion, self.code.relative, self.name)
        chunk = chunk or self.painter.frames_at_once()
        chunks = (part for piece in pieces for part in piece.split(chunk))
        driver, chunks = self._driver(portrait, chunks)
        draw = partial(self._draw, portrait, driver, view=view, alpha=alpha)
        if portrait.image.device.type == "cpu":
            with between_layers(self.painter, check):
                yield from ordered_map(draw, chunks, workers)
        else:
            yield from ahead(draw, chunks, portrait.image.device)

    @torch.no_grad()
    def _driver(
        self, portrait: Portrait, chunks: Iterator[Motion]
    ) -> tuple[KeypointDriver, Iterator[Motion]]:
        """What moves the portrait's keypoints, and the chunks: it may have seen the first."""
        look: ImplicitAppearance = portrait.appearance
        first, change = None, None
        if self.driving.friendly:
            head = next(chunks)
            chunks = chain([head], chunks)
            first = self.code.offsets(move(head[:1], look.canonical.device))
        if self.driving.close_lips:
            points, opening = look.state.points(look.canonical), lip_ratio(portrait.landmarks[None])
            change = closed_lips(self.stitching, points, opening)
        driver = KeypointDriver(
            look.canonical, look.state, self.stitching, self.driving, first, change
        )
        return driver, chunks

    @torch.no_grad()
    def _draw(
        self, portrait: Portrait, driver: KeypointDriver, motion: Motion, view: View, alpha: bool
    ) -> Tensor:
        look: ImplicitAppearance = portrait.appearance
        motion = move(motion, look.canonical.device, look.canonical.dtype)
        painted = self.painter.paint(look.source, driver(self.code.offsets(motion)))
        if view == "crop":
            return with_channel(painted, crop_mask(painted)) if alpha else painted
        picture = portrait.image
        if alpha:  # pasted like a colour: nothing of it below, all of it above
            picture, painted = with_channel(picture, 0.0), with_channel(painted, 1.0)
        return paste(picture, painted, look.place)

    def matte(self, portrait: Portrait) -> Tensor:
        """(1, H, W), 0..1: where the crop is pasted."""
        return picture_mask(portrait.appearance.place, *portrait.image.shape[-2:])
