"""The wires: what flows between the stages encode, features, sample, render.

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
from typing import Literal

import torch
from torch import Tensor

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
"""Where lips, expression, blink and gaze lie in the dynamics code of each face space."""

STRENGTHS = ("lips", "expression", "blink", "eyes", "rotation", "translation")
"""What can be weakened or exaggerated by itself; "eyes" is the gaze, "translation" also the size.
"""

GESTURES = (
    *("blink", "wink_left", "wink_right", "brows_up", "frown", "squint"),
    *("smile", "mouth_open", "mouth_wide", "mouth_round", "lips_pressed"),
)
"""Named movements of a face, the same in every face space; left and right are the image's.

"mouth_open", "mouth_wide" and "mouth_round" are the mouth of "aa", "ee" and "oo"."""

OPPOSITES = ("blink", "brows_up", "smile", "mouth_open")
"""Gestures that go the other way too: eyes wide, brows low, corners of the mouth down, lips shut.
"""

LIPS_ONLY: dict[str, float] = {name: 0.0 for name in STRENGTHS if name != "lips"}
"""The strengths with which nothing but the lips moves."""

View = Literal["source", "crop"]
"""What a rendered frame shows: the whole source image, or the square crop around the head."""

Progress = Callable[[int, int], None]
"""Called as ``progress(done, total)`` between steps of long work; total is 0 when unknown.

It may raise (``CancelledError``, or a host's own exception) to stop the work."""


def stepper(total: int, progress: Progress | None) -> Callable[[], None]:
    """A function that reports one more of ``total`` steps each time it is called."""
    done = count(1)

    def step() -> None:
        if progress is not None:
            progress(next(done), total)

    return step


def move(wire, device: torch.device | str | None = None, dtype: torch.dtype | None = None):
    """A copy of a wire with its tensors (and the wires inside it) on another device or dtype."""

    def moved(value):
        if isinstance(value, Tensor):
            return value.to(device=device, dtype=dtype if value.is_floating_point() else None)
        if hasattr(value, "__dataclass_fields__"):
            return move(value, device, dtype)
        if isinstance(value, tuple):
            return tuple(moved(v) for v in value)
        if isinstance(value, dict):
            return {key: moved(v) for key, v in value.items()}
        return value

    return replace(wire, **{f.name: moved(getattr(wire, f.name)) for f in fields(wire) if f.init})


@dataclass(frozen=True, slots=True, repr=False)
class Motion:
    """What a face does, frame by frame, in one face space.

    rotation     (T, 3)  yaw, pitch, roll of the head, degrees
    translation  (T, 2)  head centre, x right and y down, in eye distances of the face
    scale        (T,)    size of the head; 2 is twice as near
    dynamics     (T, D)  the face space's code: lips, expression, blinks, gaze
    space                name of the face space that the code belongs to
    fps                  frames per second, exact
    reference            "portrait": offsets from how the portrait was taken (all zero, scale 1,
                         shows the portrait as it is), along the axes of the picture rolled as the
                         head is in it; "camera": absolute, as measured in a video
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
        """Pieces of that many frames, the last one shorter."""
        for start in range(0, len(self), frames):
            yield self[start : start + frames]

    @staticmethod
    def concat(pieces: Iterable[Motion]) -> Motion:
        """Join pieces in time; they must share space, frame rate and reference."""
        pieces = list(pieces)
        if len({(p.space, p.fps, p.reference) for p in pieces}) != 1:
            raise ValueError("Motion pieces to join differ in space, frame rate or reference.")
        parts = ("rotation", "translation", "scale", "dynamics")
        joined = {name: torch.cat([getattr(p, name) for p in pieces]) for name in parts}
        return replace(pieces[0], **joined)


@dataclass(frozen=True, slots=True)
class CropTransform:
    """Where a square working crop lies in the source image.

    matrix  (2, 3)  maps crop pixels to source pixels: source = matrix @ (x, y, 1)
    size            side of the crop in pixels
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
    """One face, ready to be moved; made once per image by a face space's ``encode``.

    image       (1, 3, H, W)  the whole source image, 0..1, into which the head is rendered
    landmarks   (V, 3)        mesh vertices in source pixels, z in the same scale
    identity    (V, 3) or (I,) who it is, without expression and pose, as the space defines it
    pose                      the face's own pose and dynamics in the photo: Motion, T = 1, "camera"
    crop                      the working crop around the head
    appearance                what the space's renderer needs, opaque to everybody else
    faces, face               how many faces the image shows, and which one this is (0 = largest)
    confidence                of the face encoder, 0..1
    conditioning              for motion models that move one particular face; None where the space
                              has no such models
    """

    space: str
    image: Tensor
    landmarks: Tensor
    identity: Tensor
    pose: Motion
    crop: CropTransform
    appearance: object
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

    features  (T, F)  row t belongs to time t / fps
    encoder           name of the audio encoder that made them
    fps               rows per second, exact
    duration          exact length of the sound in seconds; T = ceil(duration * fps)
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
    """What the user steers. Each value is a number, or a track: a tensor with one row per frame.

    Tracks run at ``fps``, whatever the rate of the motion that they steer: between two rows they
    are interpolated, and a track that ends before the motion holds its last row.

    gaze        (2,) or (T, 2)   main gaze direction theta, phi in degrees; None: as sampled
    distance    () or (T,)       head distance relative to the portrait's (2: half as large); None
    emotion     (5,) or (T, 5)   offset along ``EMOTIONS``, 1 = fully acted; None: as in the voice
    lips, expression, blink, eyes, rotation, translation
                () or (T,)       strength of a part: 0 none of it, 1 as sampled, > 1 exaggerated
    lip_rest    () or (T,)       how far the lips rest open, in eye distances
    gaze_cfg, distance_cfg, emotion_cfg
                                 guidance scale of a condition, 0 none extra; None: the model's own
    fps                          rows of the tracks per second, exact
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

    motion               reference "camera"
    landmarks (T, V, 3)  mesh vertices in pixels of each frame
    found     (T,)       bool; frames without the face hold what was before (the first ones: after)
    """

    motion: Motion
    landmarks: Tensor
    found: Tensor

    def __getitem__(self, frames: slice | Tensor) -> Tracked:
        return Tracked(self.motion[frames], self.landmarks[frames], self.found[frames])

    @property
    def missed(self) -> int:
        """In how many frames there was no face."""
        return int((~self.found).sum())

    def __repr__(self) -> str:
        return f"Tracked({self.motion}, {self.missed} frames without a face)"


@dataclass(frozen=True, slots=True, repr=False)
class MotionSketch:
    """A motion drawn without a portrait: measured curves, and a face made of lines.

    curves   name to (T,) values: yaw, pitch, roll and gaze_yaw, gaze_pitch in degrees, distance
             (2: half as large), lip_opening (eye distances), blink (0 open, 1 closed)
    points   (T, P, 2)  points of the face, x right and y down, in eye distances
    strokes  index tuples into the points: one line each
    """

    curves: dict[str, Tensor]
    points: Tensor
    strokes: tuple[tuple[int, ...], ...]
