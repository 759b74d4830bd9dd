"""The implicit space's entry among the face spaces."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch

from ...interfaces import FaceSpace
from ..spec import SpaceSpec
from .actions import gestures
from .sketch import sketch


def _load(
    device: torch.device | str, folders: Iterable[Path | str], refine: bool, **options
) -> FaceSpace:
    """The space from the public files in ``folders``; it has no refiner to switch off."""
    from .load import implicit_space, read_files

    return implicit_space(read_files(folders), device, **options)


SPEC = SpaceSpec("implicit", _load, gestures, sketch)
