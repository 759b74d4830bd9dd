"""The implicit face space: LivePortrait's networks, our face encoder (``interfaces.FaceSpace``)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import chain

import torch
from torch import Tensor, nn

from ...face.choice import choose_face, face_in_view
from ...face.encoder import FaceEncoder
from ...face.tracking import smooth_track
from ...render.parallel import ahead, between_layers, ordered_map
from ...types import FaceConditioning, Motion, Portrait, Progress, Tracked, View, move, stepper
from ..playing import Shot, made_for, offsets_for, shots
from .appearance import ImplicitAppearance
from .code import PARTS, MotionCode
from .crop import crop_image, crop_square, face_points, network_input, to_crop
from .driving import Driving, KeypointDriver, Offsets, absolute, closed_lips, moved
from .dubbing import lower_face, resting_lips, speaking
from .keypoints import canonical_keypoints, face_state
from .limits import limit_offsets
from .networks.appearance import AppearanceExtractor
from .networks.motion import MotionExtractor
from .networks.stitching import StitchingRetargeting
from .painter import FRAME_VALUES, Painter
from .paste import crop_mask, paste, paste_place, picture_mask, with_channel
from .ratios import lip_ratio
from .tracking import driving_crops
from .views import FaceView, paint, view_weights

ENCODING_STEPS = 5  # face, points, motion, appearance, what warping needs


class ImplicitSpace(nn.Module):
    """Appearance volume, 21 implicit keypoints, warping and decoding at 512 x 512.

    ``driving`` says what is done to keypoints on the way; see ``driving.Driving``. Its methods are
    those of ``interfaces.FaceSpace``; what is said here is what is special to them.
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
        """As ``FaceSpace.landmarks``.

        Raises:
            NoFaceError: If an image shows no face.
        """
        return self.encoder.landmarks(images)[0]

    @torch.no_grad()
    def encode(
        self,
        image: Tensor,
        face: int = 0,
        mask: Tensor | None = None,
        progress: Progress | None = None,
        views: Sequence[Tensor] = (),
    ) -> Portrait:
        """As ``FaceSpace.encode``.

        Args:
            image: (1, 3, H, W), 0..1.
            face: Which face: 0 is the largest.
            mask: (H, W), 0..1; only faces whose centre lies in it count.
            progress: Called with steps done and in total; it may raise to stop the work.
            views: More photos (1, 3, h, w) of the person; the largest face in each is taken.

        Returns:
            The portrait; its identity are its canonical keypoints, its pose is the photo's.

        Raises:
            NoFaceError: If one of the images shows no face.
            InputError: If there are fewer faces than asked for, or the mask does not fit.
        """
        step = stepper(ENCODING_STEPS * (1 + len(views)), progress)
        chosen = choose_face(self.encoder, image, face, mask, step)
        look = self._look(image, chosen.landmarks, step)
        look = replace(look, views=tuple(self._view(views, n, step) for n in range(len(views))))
        return Portrait(
            space=self.name,
            image=image,
            landmarks=chosen.landmarks,
            identity=look.canonical[0],
            pose=self.code.measured(look.state, Fraction(25)),
            crop=look.crop,
            appearance=look,
            faces=chosen.faces,
            face=face,
            confidence=chosen.confidence,
            conditioning=look.conditioning,
        )

    def _view(self, views: Sequence[Tensor], number: int, step: Callable[[], None]) -> FaceView:
        landmarks = face_in_view(self.encoder, views, number, step)
        look = self._look(views[number], landmarks, step)
        return FaceView(look.state, look.source)

    def _look(
        self, image: Tensor, landmarks: Tensor, step: Callable[[], None] = lambda: None
    ) -> ImplicitAppearance:
        """What rendering needs of the face with (478, 3) landmarks in (1, 3, H, W)."""
        crop = crop_square(*face_points(landmarks)).transform()
        seen = network_input(crop_image(image, crop))
        extracted = self.motion(seen)
        canonical, state = canonical_keypoints(extracted), face_state(extracted)
        step()
        volume = self.appearance(seen)
        step()
        source = self.painter.prepare(volume, state.points(canonical))
        step()
        return ImplicitAppearance(
            canonical=canonical,
            state=state,
            source=source,
            crop=crop,
            place=paste_place(crop, *image.shape[-2:]),
            conditioning=FaceConditioning(extracted, to_crop(landmarks, crop)),
        )

    @torch.no_grad()
    def track(self, frames: Iterable[Tensor], fps: Fraction, face: int = 0) -> Tracked:
        """As ``FaceSpace.track``; the whole video is seen through one steady crop.

        Raises:
            NoFaceError: If no frame shows a face.
        """
        outputs, points, found = [], [], []
        for seen in driving_crops(self.encoder, frames, face):
            found.append(seen is not None)
            if seen is not None:
                outputs.append(self.motion(seen[0]))
                points.append(seen[1])
        found = torch.tensor(found, device=points[0].device)
        shown = (found.long().cumsum(0) - 1).clamp(min=0)  # which of those with a face
        seen = {name: torch.cat([output[name] for output in outputs]) for name in outputs[0]}
        motion = self.code.measured(face_state(seen), fps)[shown]
        return Tracked(motion, smooth_track(torch.stack(points))[shown], found)

    def relative(self, motion: Motion, rest: Motion | None = None) -> Motion:
        """As ``FaceSpace.relative``: pose and expression become offsets."""
        return self.code.relative(motion, rest)

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
        """As ``FaceSpace.render``; a "camera" motion is played as an absolute one.

        Args:
            portrait: A portrait of this space.
            motion: A motion of this space, whole or in pieces.
            chunk: Frames per chunk at the most. None: as many as the device computes at once.
            workers: Number of threads that render ahead on a CPU; elsewhere one chunk is computed
                while the one before is used.
            view: The whole picture, or the 512 x 512 picture that the decoder paints ("crop").
            alpha: Adds the mask of the pasted crop as a fourth channel.
            check: Called between layers on a CPU; it may raise to stop the work.

        Yields:
            Frames (B <= chunk, 3 or 4, H, W), 0..1.

        Raises:
            InputError: If portrait or motion are of another space.
        """
        pieces = offsets_for(portrait, motion, self._placed, self.name)
        chunk = chunk or self.painter.frames_at_once()
        chunks = (part for piece in pieces for part in piece.split(chunk))
        driver, chunks = self._driver(portrait, chunks)
        draw = partial(self._draw, portrait, driver, view=view, alpha=alpha)
        if portrait.image.device.type == "cpu":
            with between_layers(self.painter, check):
                yield from ordered_map(draw, chunks, workers)
        else:
            yield from ahead(draw, chunks, portrait.image.device)

    def _placed(self, portrait: Portrait, motion: Motion, first: Motion) -> Motion:
        """A "camera" motion as offsets from a portrait: LivePortrait's absolute motion.

        But place and size change as they do from the ``first`` frame: videos are not framed alike.
        """
        source = portrait.appearance.state
        motion, first = move(motion, source.rotation.device), move(first, source.rotation.device)
        placed = self.code.from_offsets(absolute(self.code.state(motion), source), motion.fps)
        change = self.code.relative(motion, first)
        return replace(placed, translation=change.translation, scale=change.scale)

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
        offsets = limit_offsets(self.code.offsets(motion))
        painted = self._painted(look, driver(offsets), offsets)
        if view == "crop":
            return with_channel(painted, crop_mask(painted)) if alpha else painted
        picture = portrait.image
        if alpha:  # pasted like a colour: nothing of it below, all of it above
            picture, painted = with_channel(picture, 0.0), with_channel(painted, 1.0)
        return paste(picture, painted, look.place)

    def _painted(self, look: ImplicitAppearance, keypoints: Tensor, offsets: Offsets) -> Tensor:
        """(B, K, 3) driven keypoints to the crops (B, 3, 512, 512), from all photos."""
        if not look.views:
            return self.painter.paint(look.source, keypoints)
        photos = (look.state, *(view.state for view in look.views))
        share = view_weights(moved(look.state, offsets), photos)
        return paint(self.painter, look.source, keypoints, look.views, share)

    def neutralised(self, portrait: Portrait, motion: Motion, amount: float = 1.0) -> Motion:
        """As ``FaceSpace.neutralised``.

        Raises:
            InputError: If the motion is of another space or reference.
        """
        return self.code.without(portrait.pose, made_for(self.name, motion), amount)

    @torch.no_grad()
    def dub(
        self,
        frames: Iterable[Tensor],
        tracked: Tracked,
        motion: Motion | Iterable[Motion],
        workers: int = 1,
        check: Callable[[], None] | None = None,
    ) -> Iterator[Tensor]:
        """As ``FaceSpace.dub``; every frame is encoded and painted.

        Raises:
            InputError: If the motion is of another space or reference.
        """
        draw = partial(self._redrawn, resting_lips(tracked, self.code))
        to_draw = shots(frames, tracked, motion, self.name)
        device = tracked.landmarks.device
        if device.type == "cpu":
            with between_layers(self.painter, check):
                yield from ordered_map(draw, to_draw, workers)
        else:
            yield from ahead(draw, to_draw, device)

    @torch.no_grad()
    def _redrawn(self, rest: Tensor, shot: Shot) -> Tensor:
        if not shot.seen.found:
            return shot.frame
        frame, landmarks = shot.frame, shot.seen.landmarks[0].to(shot.frame)
        look = self._look(frame, landmarks)
        offsets = speaking(look.state, move(shot.motion, frame.device), rest, self.code)
        driver = KeypointDriver(look.canonical, look.state, self.stitching, self.driving)
        painted = self.painter.paint(look.source, driver(limit_offsets(offsets)))
        share = lower_face(look.conditioning.landmarks, look.place.places)
        return paste(frame, painted, replace(look.place, mask=look.place.mask * share))

    def matte(self, portrait: Portrait) -> Tensor:
        """The paste mask (1, H, W), 0..1: how much of each pixel the painted crop covers.

        The decoder paints head and background alike, so there is no finer matte of the head.
        """
        return picture_mask(portrait.appearance.place, *portrait.image.shape[-2:])

    def edit_mask(self, portrait: Portrait) -> Tensor:
        """The paste mask again: frames differ from the picture where the crop is pasted."""
        return self.matte(portrait)
