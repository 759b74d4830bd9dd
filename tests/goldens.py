"""Golden outputs of the published networks' own code, for stand-in weights that a rule makes.

The full set lies beside the checkout (``shared/reference``) or where ``--goldens`` says; without
one, an excerpt of it in ``tests/excerpts`` serves, in which long outputs are thinned. Another set,
made by the same rule with another ``--salt``, can be checked the same way.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vasa_core.weights.fill import fill, stand_in_input
from vasa_core.weights.registry import known_file

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "reference"
EXCERPTS = ROOT / "tests" / "excerpts"
RELATIVE = 1e-4


class Goldens:
    """One set of golden outputs and the salt that its stand-ins were made with."""

    def __init__(self, folder: Path | None = None, salt: str = ""):
        folder = folder or (SHARED if SHARED.is_dir() else EXCERPTS)
        self.folder = folder / "goldens" if (folder / "goldens").is_dir() else folder
        self.salt = salt
        self.arrays = cache(self._arrays)
        self.weights = cache(self._weights)

    def _arrays(self, name: str) -> dict[str, np.ndarray]:
        with np.load(self.folder / f"{name}.npz") as stored:
            return dict(stored)

    def _weights(self, name: str) -> dict[str, Tensor]:
        """Stand-ins for a published file, under the published names."""
        return fill(known_file(name), self.salt)

    def input(self, name: str, shape: tuple[int, ...], gain: float = 1.0) -> Tensor:
        """A made-up input of the rule."""
        return stand_in_input(name, shape, gain, self.salt)

    def tensor(self, name: str, key: str) -> Tensor:
        """A stored array, floats as float32."""
        array = self.arrays(name)[key]
        if array.dtype.kind == "U":  # kept elsewhere: an excerpt holds each picture once
            return self.tensor(*str(array).split(":"))
        array = torch.from_numpy(np.ascontiguousarray(array))
        return array.float() if array.is_floating_point() else array

    def picture(self, name: str, key: str) -> Tensor:
        """A stored uint8 picture (H, W, 3) as (1, 3, H, W), 0..1."""
        return self.tensor(name, key).permute(2, 0, 1)[None].float() / 255

    def holds(self, name: str, key: str) -> bool:
        """Whether the set has that array (an excerpt leaves some out)."""
        arrays = self.arrays(name)
        return key in arrays or f"{key}_val" in arrays

    def both(self, name: str, key: str, got: Tensor) -> tuple[Tensor, Tensor]:
        """What was got and what is stored, where it is stored."""
        arrays = self.arrays(name)
        got = got.detach().float().cpu()
        if f"{key}_idx" in arrays:
            got = got.reshape(-1)[torch.from_numpy(arrays[f"{key}_idx"]).long()]
            return got, self.tensor(name, f"{key}_val")
        return got, self.tensor(name, key).float().reshape(got.shape)

    def difference(self, name: str, key: str, got: Tensor) -> Tensor:
        """Absolute differences to the stored values."""
        got, expected = self.both(name, key, got)
        return (got - expected).abs()

    def check(self, name: str, key: str, got: Tensor, atol: float, rtol: float = RELATIVE) -> None:
        """Fails unless ``got`` is the stored array, or agrees with it where it was sampled."""
        got, expected = self.both(name, key, got)
        torch.testing.assert_close(got, expected, atol=atol, rtol=rtol, msg=lambda m: f"{key}: {m}")
