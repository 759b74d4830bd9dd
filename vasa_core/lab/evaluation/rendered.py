"""What only frames show: a face that stays who it is, calm pixels, and the size that was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ...face.geometry import fit_pose
from ...face.topology import FACE_VERTICES, LIDS, LIPS
from ...motion.editing import still
from ...render.image import read_image
from ...types import AudioFeatures, Motion, Portrait
from ..data.media import named, portrait_entries
from .asked import distance_errors, shortened
from .measures import Row
from .model_under_test import SIZE, ModelUnderTest
from .page import distinct
from .pictures import boxes

SECONDS, STRETCH = 6.0, 1.0  # of speech; of its beginning and end that identity is compared over
SLOW_FRAMES, SLOW_YAW = 24, 3.0  # the slow turn and its end, degrees
DISTANCES = (0.8, 1.3)
ASKED_SECONDS = 0.6


@dataclass(frozen=True, slots=True, repr=False)
class Face:
    """A portrait of the set and its group: photo, painting, drawing."""

    name: str
    group: str
    portrait: Portrait


def faces(tested: ModelUnderTest, data: Path) -> list[Face]:
    """The portraits of a set, encoded."""
    entries = portrait_entries(data)
    found = []
    for name, entry in zip(distinct(entry.name for entry in entries), entries, strict=True):
        with named(entry.file):
            portrait = tested.space.encode(read_image(entry.file, SIZE))
        found.append(Face(name, entry.group, portrait))
    return found


def identity_rows(tested: ModelUnderTest, face: Face, heard: AudioFeatures) -> Iterator[Row]:
    """How far the shape of the face drifts from the beginning of a speech to its end.

    The median of each landmark over a stretch, in canonical coordinates, without lips and lids: a
    renderer that slowly turns one person into another moves them. (Papers compare embeddings of a
    face recogniser, CSIM; none may be shipped here.)
    """
    motion, stretch = tested.motion(heard, seed=1), int(STRETCH * heard.fps)
    ends = Motion.concat([motion[:stretch], motion[-stretch:]])
    seen = tested.reader.track(tested.frames(ends, face.portrait), heard.fps).landmarks
    shapes = fit_pose(seen, tested.reader.basis.canonical).canonical(seen)
    begin, end = (part.median(0).values for part in (shapes[:stretch], shapes[-stretch:]))
    held = [v for v in range(FACE_VERTICES) if v not in LIPS and v not in LIDS]
    drift = 100 * float((end - begin)[held].norm(dim=1).mean())
    yield Row("identity_drift", face.group, "model", face.name, drift)


def slow_turn(tested: ModelUnderTest) -> Motion:
    """A turn so slow and even that whatever changes suddenly is a fault of the renderer."""
    motion = still(tested.space.name, SLOW_FRAMES)
    turn = torch.linspace(0, SLOW_YAW, SLOW_FRAMES)[:, None] * torch.tensor([1.0, 0.4, 0.2])
    return replace(motion, rotation=turn)


def flicker_rows(tested: ModelUnderTest, face: Face) -> Iterator[Row]:
    """Mean second difference over time in the face's box, of 255, while the head turns slowly.

    The idea of the temporal warping error (Lai et al. 2018), with motion too small to be warped.
    """
    frames = torch.stack(list(tested.frames(slow_turn(tested), face.portrait)))
    box = boxes(face.portrait.landmarks, frames[0])["face"]
    change = frames[box].diff(2, dim=0).abs().mean() * 255
    yield Row("flicker", face.group, "model", face.name, float(change))


def distance_rows(tested: ModelUnderTest, face: Face, heard: AudioFeatures) -> Iterator[Row]:
    """Size of the face in the frames against the size that an asked distance makes it."""
    few = shortened(heard, ASKED_SECONDS)
    for error in distance_errors(tested, few, DISTANCES, face.portrait).values():
        yield Row("distance_error", face.group, "model", face.name, error)
