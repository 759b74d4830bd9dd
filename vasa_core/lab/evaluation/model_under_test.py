"""What is measured: a face space with a motion model, and how its faces are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...interfaces import FaceSpace, MotionModel
from ...models import load_motion_model
from ...render.image import read_image
from ...spaces import load_space, options_for
from ...spaces.mesh.space import MeshSpace
from ...spaces.mesh.tracking import relative_motion
from ...types import AudioFeatures, Controls, Motion, Portrait
from ..data.media import named

SIZE = 384  # longer side of the portraits, pixels


@dataclass(frozen=True, slots=True)
class ModelUnderTest:
    """A face space and a motion model under test.

    reader    the face encoder that looks at their frames
    portrait  a face for models whose motion, or whose reading, needs one
    steps     of the sampler, and ``cfg``, the guidance scale of the sound; None: the model's own
    """

    space: FaceSpace
    model: MotionModel
    reader: MeshSpace
    portrait: Portrait
    steps: int | None = None
    cfg: float | None = None
    workers: int = 1

    def features(self, sound: Tensor, rate: int) -> AudioFeatures:
        """(N,) samples to what the model hears."""
        return self.model.features(sound, rate)

    def motion(
        self, heard: AudioFeatures, seed: int = 0, controls: Controls | None = None
    ) -> Motion:
        """A sampled motion, in the model's own space."""
        return self.model.sample(
            heard, controls, seed, self.steps, self.cfg, portrait=self.portrait
        )

    def frames(self, motion: Motion, portrait: Portrait | None = None) -> Iterator[Tensor]:
        """(3, H, W) frames of a motion."""
        for chunk in self.space.render(portrait or self.portrait, motion, workers=self.workers):
            yield from chunk

    def seen(self, motion: Motion) -> Motion:
        """A motion as a motion of the mesh space: what all measures of motion read.

        A motion of another space is rendered, and its frames are tracked.
        """
        if motion.space == self.reader.name:
            return motion
        tracked = self.reader.track(self.frames(motion), motion.fps)
        return relative_motion(tracked.motion)

    def speak(self, heard: AudioFeatures, seed: int = 0) -> Motion:
        """``motion`` as ``seen``."""
        return self.seen(self.motion(heard, seed))


def open_model(
    name: str,
    picture: Path,
    folders: list[Path],
    weights: Path | None = None,
    steps: int | None = None,
    cfg: float | None = None,
    workers: int = 1,
    refine: bool = True,
) -> ModelUnderTest:
    """One of ``models.MODELS`` with a portrait's file; ``weights`` as ``load_motion_model``.

    Raises InputError for missing weights, NoFaceError for a portrait without a face.
    """
    model = load_motion_model(name, folders=folders, weights=weights)
    space = load_space(model.space, folders=folders, **options_for(model.space, refine=refine))
    reader = space if isinstance(space, MeshSpace) else MeshSpace.load()
    with torch.no_grad(), named(picture):
        portrait = space.encode(read_image(picture, SIZE))
    return ModelUnderTest(space, model, reader, portrait, steps, cfg, workers)
