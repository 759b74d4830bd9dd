"""Gaze and distance as they were asked for, against what the frames show (VASA-1, section 4.3).

The paper estimates both in the rendered frames and calls the differences gaze error and distance
error. Here the face encoder reads the frames; what it sees of a motion of which nothing was asked
is taken as looking straight ahead, at distance 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...face.canonical import gaze_angles
from ...face.geometry import fit_pose
from ...motion.keyframes import controls_from
from ...types import AudioFeatures, Portrait
from .model_under_test import ModelUnderTest

Gaze = tuple[float, float]
"""Yaw and pitch, degrees."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the face encoder sees in frames.

    gaze (2,)       mean, degrees
    scale ()        mean size, pixels
    faces (T, V, 3) canonical
    """

    gaze: Tensor
    scale: Tensor
    faces: Tensor


def seen(
    tested: ModelUnderTest,
    audio: AudioFeatures,
    portrait: Portrait | None = None,
    /,
    seed: int = 1,
    **asked: float,
) -> Seen:
    """The frames of a motion for a sound with these values of controls, as the encoder sees them.

    ``portrait`` None: the model's own.
    """
    motion = tested.motion(audio, seed, controls_from(asked))
    found = tested.reader.track(tested.frames(motion, portrait), tested.model.fps)
    faces = fit_pose(found.landmarks, tested.reader.basis.canonical).canonical(found.landmarks)
    return Seen(gaze_angles(faces).mean(0), found.motion.scale.mean(), faces)


def shortened(audio: AudioFeatures, seconds: float) -> AudioFeatures:
    """The beginning of what a model hears."""
    frames = int(seconds * audio.fps)
    return replace(audio, features=audio.features[:frames], duration=frames / audio.fps)


def gazes_seen(
    tested: ModelUnderTest, audio: AudioFeatures, asked: Iterable[Gaze], seed: int = 1
) -> dict[Gaze, Tensor]:
    """(2,) the mean gaze of the frames for each asked one, degrees from that when none is asked."""
    usual = seen(tested, audio, seed=seed, gaze_yaw=0.0, gaze_pitch=0.0).gaze
    return {
        (yaw, pitch): seen(tested, audio, seed=seed, gaze_yaw=yaw, gaze_pitch=pitch).gaze - usual
        for yaw, pitch in asked
    }


def gaze_error(asked: Gaze, found: Tensor) -> float:
    """Angle between two gazes, degrees."""
    cosine = torch.cosine_similarity(direction(torch.tensor(asked)), direction(found), 0)
    return float(cosine.clamp(-1, 1).acos().rad2deg())


def direction(gaze: Tensor) -> Tensor:
    """(3,) unit vector, right, up and ahead, of a gaze (2,) in degrees."""
    yaw, pitch = gaze.double().deg2rad()
    return torch.stack([yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos()])


def distance_errors(
    tested: ModelUnderTest,
    audio: AudioFeatures,
    asked: Iterable[float],
    portrait: Portrait | None = None,
    seed: int = 1,
) -> dict[float, float]:
    """How far the face's size in the frames is from that which each asked distance makes it.

    In percent of its size at distance 1; a face at distance d is 1/d as large.
    """

    def size(distance: float) -> float:
        return float(seen(tested, audio, portrait, seed, distance=distance).scale)

    usual = size(1.0)
    return {d: 100 * abs(size(d) * d / usual - 1) for d in asked}
