"""The mesh space's entry among the face spaces."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from ...face.basis import FaceBasis
from ...interfaces import FaceSpace
from ..spec import SpaceSpec
from .gestures import gestures
from .sketch import sketch


def _load(device: torch.device | str, _: Iterable[Path | str], refine: bool) -> FaceSpace:
    """The embedded space; no folder is needed."""
    from .space import MeshSpace

    return MeshSpace.load(device, refine)


def _gestures() -> dict[str, Tensor]:
    return gestures(FaceBasis.load())


SPEC = SpaceSpec("mesh", _load, _gestures, sketch)
