"""What a face space brings along; each space has one such entry, in its ``spec.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..face.basis import FaceBasis
from ..interfaces import FaceSpace
from ..types import Motion, MotionSketch


@dataclass(frozen=True, slots=True)
class SpaceSpec:
    """A face space by its name.

    load      (device, folders, refine, **options) to the space; see ``spaces.load_space``
    gestures  () to named movements, (D,) codes; see ``spaces.gestures_of``
    sketch    (motion, basis) to what a motion of the space does; needs no weights of it
    """

    name: str
    load: Callable[..., FaceSpace]
    gestures: Callable[[], dict[str, Tensor]]
    sketch: Callable[[Motion, FaceBasis], MotionSketch]
