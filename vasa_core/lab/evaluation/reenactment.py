"""Self-reenactment: a clip's first frame driven by the clip's own motion, against its real frames.

Beside it the first frame held still: what a renderer that does nothing would score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from ...errors import NoFaceError
from ...face.geometry import eye_distance
from ...face.topology import FACE_VERTICES, LIPS
from ...render.video import VideoReader
from .measures import Row
from .model_under_test import ModelUnderTest
from .pictures import picture_errors

FRAMES, STEP = 160, 10  # of a clip are read; every so manieth is drawn
FPS = Fraction(25)


@dataclass(frozen=True, slots=True, repr=False)
class Reenacted:
    """Frames of one clip, (T, 3, H, W) each: as they were, and drawn from the first one.

    landmarks (T, V, 3) of the real frames.
    """

    name: str
    group: str
    first: Tensor
    real: Tensor
    drawn: Tensor
    landmarks: Tensor


def reenact(tested: ModelUnderTest, video: Path, group: str) -> Reenacted:
    """Drive the first frame of a video by what its face does.

    Raises NoFaceError when the first frame shows no face.
    """
    frames = torch.stack(list(islice(VideoReader(video), FRAMES)))
    portrait = tested.space.encode(frames[:1])
    tracked = tested.space.track(frames, FPS)
    motion = tested.space.relative(tracked.motion, portrait.pose)
    chosen = torch.arange(STEP, len(frames), STEP)
    chosen = chosen[tracked.found[chosen]]
    drawn = torch.stack(list(tested.frames(motion[chosen], portrait)))
    return Reenacted(
        video.stem, group, frames[:1], frames[chosen], drawn, tracked.landmarks[chosen]
    )


def reenactment_rows(tested: ModelUnderTest, shown: Reenacted) -> Iterator[Row]:
    """Errors of the drawn frames, and of the first frame held still."""
    still = shown.first.expand_as(shown.real)
    for who, frames in (("model", shown.drawn), ("still", still)):
        for made, real, points in zip(frames, shown.real, shown.landmarks, strict=True):
            for name, value in picture_errors(made, real, points).items():
                if name != "eyes_l1":
                    yield Row(name, shown.group, who, shown.name, value)
        yield from _landmark_rows(tested, shown, who, frames)


def _landmark_rows(
    tested: ModelUnderTest, shown: Reenacted, who: str, frames: Tensor
) -> Iterator[Row]:
    """Distance of the landmarks found in frames from those of the real ones, read alike."""
    for made, real in zip(frames, shown.real, strict=True):
        try:
            one, other = tested.reader.landmarks(torch.stack([made, real]))
        except NoFaceError:
            continue
        apart = (one - other)[:FACE_VERTICES, :2].norm(dim=1) / eye_distance(other) * 100
        yield Row("landmarks", shown.group, who, shown.name, float(apart.mean()))
        yield Row("lip_landmarks", shown.group, who, shown.name, float(apart[list(LIPS)].mean()))
