"""The data that flows between the stages encode, features, sample and render.

Shape letters, fixed for the whole project:

    B batch   T frames   N audio samples   K keypoints   V mesh vertices
    D dynamics code   F audio features   C H W image

Coordinates are the image's: x to the right, y down, z away from the viewer. Angles are degrees as
the viewer sees them: yaw > 0 turns the face to the image's right, pitch > 0 lifts it, roll > 0
turns it clockwise; gaze likewise (theta right, phi up), relative to the head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

EMOTIONS = ("neutral", "happy", "sad", "angry", "surprised")

PARTS: dict[str, dict[str, slice]] = {
    "mesh": {
        "lips": slice(0, 12),
        "expression": slice(12, 20),
        "blink": slice(20, 22),
        "gaze": slice(22, 24),
    },
    "implicit": {
        "lips": slice(0, 19),
        "expression": slice(19, 49),
        "blink": slice(49, 63),
        "gaze": slice(63, 65),
    },
}
"""Where lips, expression, blink and gaze are in the dynamics code of each face space."""

STRENGTHS = ("lips", "expression", "blink", "eyes", "rotation", "translation")
"""Parts of a motion that can be weakened or exaggerated, each on its own.

"eyes" is the gaze; "translation" includes the size of the head."""

GESTURES = (
    *("blink", "wink_left", "wink_right", "brows_up", "frown", "squint"),
    *("smile", "mouth_open", "mouth_wide", "mouth_round", "lips_pressed"),
)
"""Named movements of a face, the same in every face space; left and right are the image's.

"mouth_open", "mouth_wide" and "mouth_round" are the mouth of "aa", "ee" and "oo"."""

OPPOSITES = ("blink", "brows_up", "smile", "mouth_open")
"""Gestures with an opposite: eyes wide, brows low, corners of the mouth down, lips shut."""

LIPS_ONLY: dict[str, float] = {name: 0.0 for name in STRENGTHS if name != "lips"}
"""Strengths with which only the lips move."""

View = Literal["source", "crop"]
"""What a rendered frame shows: the whole source image, or the square crop around the head."""

Progress = Callable[[int, int], None]
"""Called as ``progress(done, total)`` between the steps of long work; total is 0 if unknown.

It may raise ``CancelledError``, or an exception of its own, to stop the work."""

Wire = TypeVar("Wire", bound="DataclassInstance")
"""Any dataclass of this module."""


def stepper(total: int, progress: Progress | None) -> Callable[[], None]:
    """Make a function that reports one more step each time it is called.

    Args:
        total: The number of steps; 0 if unknown.
        progress: Called with steps done and in total. None: nothing is reported.

    Returns:
        The function.
    """
    done = count(1)

    def step() -> None:
        if progress is not None:
            progress(next(done), total)

    return step


def smooth_rise(share: Tensor) -> Tensor:
    """Round off a straight rise at both ends, by the smoothstep polynomial.

    It stands here because motion, face spaces and trainings use it, which share no other room.

    Args:
        share: Shares 0..1.

    Returns:
        Shares 0..1 that leave 0 and reach 1 without a kink.
    """
    return share * share * (3 - 2 * share)


def move(
    value: Wire, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> Wire:
    """Copy a dataclass of this module to another device or dtype, with all that it holds.

    Args:
        value: A dataclass, for instance a ``Motion`` or a ``Portrait``.
        device: Where its tensors go. None: they stay.
        dtype: What its floating-point tensors become. None: they stay.

    Returns:
        The copy; it shares the tensors that need no change.
    """

    def moved(held: Any) -> Any:
        if isinstance(held, Tensor):
            return held.to(device=device, dtype=dtype if held.is_floating_point() else None)
        if hasattr(held, "__dataclass_fields__"):
            return move(held, device, dtype)
        if isinstance(held, tuple):
            return tuple(moved(v) for v in held)
        if isinstance(held, dict):
            return {key: moved(v) for key, v in held.items()}
        return held

    names = [f.name for f in fields(value) if f.init]
    return replace(value, **{name: moved(getattr(value, name)) for name in names})


@dataclass(frozen=True, slots=True, repr=False)
class Motion:
    """What a face does, frame by frame, in one face space.

    Attributes:
        rotation: (T, 3) yaw, pitch and roll of the head, degrees.
        translation: (T, 2) place of the head's centre, x to the right and y down, in eye distances
            of the face.
        scale: (T,) size of the head; 2 is twice as near.
        dynamics: (T, D) codes of the face space, for lips, expression, blinks and gaze.
        space: Name of the face space that the codes belong to.
        fps: Frames per second, exact.
        reference: "portrait" for offsets from how the portrait was taken: all zero and scale 1
            shows it as it is, axes are those of the picture rolled as the head is in it. "camera"
            for absolute values, as measured in a video.
    """

    rotation: Tensor
    translation: Tensor
    scale: Tensor
    dynamics: Tensor
    space: str
    fps: Fraction
    reference: Literal["portrait", "camera"] = "portrait"

    def __post_init__(self):
        frames = len(self.rotation)
        rows = {"rotation": (3,), "translation": (2,), "scale": (), "dynamics": (-1,)}
        for name, row in rows.items():
            shape = tuple(getattr(self, name).shape)
            if (
                shape[:1] != (frames,)
                or len(shape) != 1 + len(row)
                or row not in ((-1,), shape[1:])
            ):
                raise ValueError(f"Motion.{name} is {shape}, needed {(frames, *row)}.")

    def __len__(self) -> int:
        return len(self.rotation)

    def __repr__(self) -> str:
        return f"Motion({self.space}, {len(self)} frames at {self.fps} fps)"

    def __getitem__(self, frames: slice | Tensor) -> Motion:
        parts = ("rotation", "translation", "scale", "dynamics")
        return replace(self, **{name: getattr(self, name)[frames] for name in parts})

    def split(self, frames: int) -> Iterator[Motion]:
        """Cut the motion into consecutive pieces.

        Args:
            frames: Length of a piece.

        Yields:
            The pieces; the last one may be shorter.
        """
        for start in range(0, len(self), frames):
            yield self[start : start + frames]

    @staticmethod
    def concat(pieces: Iterable[Motion]) -> Motion:
        """Join pieces in time.

        Args:
            pieces: At least one motion.

        Returns:
            One motion with the frames of all.

        Raises:
            ValueError: If the pieces differ in space, frame rate or reference, or there are none.
        """
        pieces = list(pieces)
        if len({(p.space, p.fps, p.reference) for p in pieces}) != 1:
            raise ValueError("Motion pieces to join differ in space, frame rate or reference.")
        parts = ("rotation", "translation", "scale", "dynamics")
        joined = {name: torch.cat([getattr(p, name) for p in pieces]) for name in parts}
        return replace(pieces[0], **joined)


@dataclass(frozen=True, slots=True)
class CropTransform:
    """Where a square working crop is in the source image.

    Attributes:
        matrix: (2, 3), maps crop pixels to source pixels: source = matrix @ (x, y, 1).
        size: Side of the crop in pixels.
    """

    matrix: Tensor
    size: int


@dataclass(frozen=True, slots=True, repr=False)
class FaceConditioning:
    """What a motion model that moves one particular face is told of that face (Ditto does).

    extracted            raw outputs of the space's motion extractor for the photo, (1, n) by name
    landmarks  (V, 3)    mesh vertices in pixels of the working crop, z in the same scale
    """

    extracted: dict[str, Tensor]
    landmarks: Tensor


@dataclass(frozen=True, slots=True, repr=False)
class Portrait:
    """One face, ready to move; a face space's ``encode`` makes it once per image.

    Attributes:
        space: Name of the face space that encoded it.
        image: (1, 3, H, W) the whole source image, 0..1, into which the head is rendered.
        landmarks: (V, 3) mesh vertices in source pixels, z in the same scale.
        identity: (V, 3) or (I,) who it is, without expression and pose, as the space defines it.
        pose: The face's own pose and dynamics in the image, a motion of one frame with reference
            "camera".
        crop: The working crop around the head.
        appearance: What the space's renderer needs, opaque to everything else.
        faces: How many faces the image shows.
        face: Which of them this is; 0 is the largest.
        confidence: How sure the face encoder is that this is a face, 0..1.
        conditioning: For motion models that move one particular face; None where the space has no
            such models.
    """

    space: str
    image: Tensor
    landmarks: Tensor
    identity: Tensor
    pose: Motion
    crop: CropTransform
    appearance: Any
    faces: int
    face: int
    confidence: float
    conditioning: FaceConditioning | None = None

    def __repr__(self) -> str:
        height, width = self.image.shape[-2:]
        return f"Portrait({self.space}, {width}x{height}, face {self.face + 1} of {self.faces})"


@dataclass(frozen=True, slots=True, repr=False)
class AudioFeatures:
    """Features of a sound for a motion model, one row per motion frame.

    Attributes:
        features: (T, F); row t belongs to time t / fps.
        encoder: Name of the audio encoder that made them.
        fps: Rows per second, exact.
        duration: Length of the sound in seconds, exact; T = ceil(duration * fps).
    """

    features: Tensor
    encoder: str
    fps: Fraction
    duration: Fraction

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        seconds = float(self.duration)
        return f"AudioFeatures({self.encoder}, {len(self)} frames, {seconds:.2f} s)"


@dataclass(frozen=True, slots=True)
class Controls:
    """What the user steers. Each value is one number, or a track: a tensor with a row per frame.

    Tracks have their own frame rate, ``fps``, whatever the rate of the motion that they steer.
    Between two rows they are interpolated; a track that ends before the motion holds its last row.

    Attributes:
        gaze: (2,) or (T, 2), the main gaze direction (theta, phi) in degrees. None: as sampled.
        distance: () or (T,), distance of the head relative to the portrait's; 2 is half as large.
            None: as sampled.
        emotion: (5,) or (T, 5), offset along ``EMOTIONS``; 1 is fully acted. None: as in the voice.
        lips: () or (T,), strength of the lips; 0 is none of it, 1 as sampled, above 1 exaggerated.
        expression: () or (T,), strength of brows, forehead and cheeks.
        blink: () or (T,), strength of the blinks.
        eyes: () or (T,), strength of glances around the main gaze.
        rotation: () or (T,), strength of the head's turns.
        translation: () or (T,), strength of the head's moves, also nearer and away.
        lip_rest: () or (T,), how far the lips are open at rest, in eye distances.
        gaze_cfg: Guidance scale of the gaze; 0 is none. None: the model's own.
        distance_cfg: Guidance scale of the distance; 0 is none. None: the model's own.
        emotion_cfg: Guidance scale of the emotion; 0 is none. None: the model's own.
        fps: Rows of the tracks per second, exact.

    Example:
        ```python
        Controls(gaze=torch.tensor([10.0, -5.0]), blink=torch.tensor(0.5))
        ```
    """

    gaze: Tensor | None = None
    distance: Tensor | None = None
    emotion: Tensor | None = None
    lips: Tensor = field(default_factory=lambda: torch.tensor(1.0))
    expression: Tensor = field(default_factory=lambda: torch.tensor(1.0))
    blink: Tensor = field(default_factory=lambda: torch.tensor(1.0))
    eyes: Tensor = field(default_factory=lambda: torch.tensor(1.0))
    rotation: Tensor = field(default_factory=lambda: torch.tensor(1.0))
    translation: Tensor = field(default_factory=lambda: torch.tensor(1.0))
    lip_rest: Tensor = field(default_factory=lambda: torch.tensor(0.0))
    gaze_cfg: float | None = None
    distance_cfg: float | None = None
    emotion_cfg: float | None = None
    fps: Fraction = Fraction(25)


@dataclass(frozen=True, slots=True, repr=False)
class Tracked:
    """What was seen of one face in a video.

    Attributes:
        motion: What the face does, reference "camera".
        landmarks: (T, V, 3) mesh vertices in pixels of each frame.
        found: (T,) bool. Frames without the face repeat the frame before; those at the start repeat
            the first frame with it.
    """

    motion: Motion
    landmarks: Tensor
    found: Tensor

    def __getitem__(self, frames: slice | Tensor) -> Tracked:
        return Tracked(self.motion[frames], self.landmarks[frames], self.found[frames])

    @property
    def missed(self) -> int:
        """The number of frames without the face."""
        return int((~self.found).sum())

    def __repr__(self) -> str:
        return f"Tracked({self.motion}, {self.missed} frames without a face)"


@dataclass(frozen=True, slots=True, repr=False)
class MotionSketch:
    """A motion drawn without a portrait: measured curves, and a face made of lines.

    Attributes:
        curves: (T,) values by name: yaw, pitch, roll, gaze_yaw and gaze_pitch in degrees, distance
            (2 is half as large), lip_opening in eye distances, blink (0 open, 1 closed).
        points: (T, P, 2) points of the face, x to the right and y down, in eye distances.
        strokes: Index tuples into the points, one line each.
    """

    curves: dict[str, Tensor]
    points: Tensor
    strokes: tuple[tuple[int, ...], ...]
