"""Face spaces: pairs of encoder and renderer behind one interface (``types.FaceSpace``)."""

from __future__ import annotations

import torch

from ..errors import InputError
from ..types import FaceSpace


def load_space(name: str = "mesh", device: torch.device | str = "cpu") -> FaceSpace:
    """The face space of that name, its weights on ``device``; InputError for an unknown name."""
    if name == "mesh":
        from .mesh.space import MeshSpace

        return MeshSpace.load(device)
    raise InputError(f"There is no face space {name!r}; this version has: mesh.")
