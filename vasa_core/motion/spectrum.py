"""Motion is slow: the change of basis in which it is as white as the noise that drowns it.

White noise drowns the small fast part of a motion long before the large slow part, so a diffusion
model spends most of its steps on where the head is and few on how it moves. Here a window is turned
to the principal directions of its parts, and each divided, in its cosine transform over time, by
the standard deviation that motion has at each frequency. The result has unit variance everywhere;
noise, sampler and plain L2 then treat slow and fast, head and brows alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

FLOOR = 0.004  # least standard deviation of a coefficient, in those of the motion


def cosine_basis(frames: int) -> Tensor:
    """(W, W) orthonormal DCT-II: row f is the f-th cosine."""
    time = torch.arange(frames, dtype=torch.float64) + 0.5
    basis = torch.cos(torch.pi / frames * torch.arange(frames)[:, None] * time)
    basis[0] /= math.sqrt(2)
    return (basis * math.sqrt(2 / frames)).float()


class Whitening(nn.Module):
    """Motion windows (B, W, D) to white ones and back; nothing is learned by descent.

    directions  (D, D)  orthonormal, one principal direction a column
    spectrum    (W, D)  standard deviation of each direction's cosine coefficients
    gain        (W, D)  by how much a sampler gets those coefficients too small
                        (``training.motion.calibrate``); 1 where that is not known
    """

    directions: Tensor
    spectrum: Tensor
    gain: Tensor
    basis: Tensor

    def __init__(self, window: int, motion: int):
        super().__init__()
        self.register_buffer("directions", torch.eye(motion))
        self.register_buffer("spectrum", torch.ones(window, motion))
        self.register_buffer("gain", torch.ones(window, motion))
        self.register_buffer("basis", cosine_basis(window), persistent=False)

    def fit(self, windows: Tensor, parts: Sequence[slice] = (slice(None),)) -> None:
        """Take directions and spectrum from (B, W, D) windows of mean zero.

        No direction reaches beyond one of the ``parts``, which cover D: what moves at different
        speeds, as heads and lips do, must not share a spectrum.
        """
        flat = windows.flatten(0, 1).double()
        self.directions.zero_()
        for part in parts:
            own = flat[:, part]
            self.directions[part, part] = torch.linalg.eigh(own.T @ own).eigenvectors.float()
        std = self.coefficients(windows @ self.directions).square().mean(0).sqrt()
        self.spectrum.copy_(std.clamp(min=FLOOR))

    def coefficients(self, windows: Tensor) -> Tensor:
        """(B, W, D) windows to their cosine transform over time, (B, W, D)."""
        return torch.einsum("fw,bwd->bfd", self.basis, windows)

    def encode(self, motion: Tensor) -> Tensor:
        """(B, W, D) motion to white windows."""
        return self._filtered(motion @ self.directions, 1 / self.spectrum)

    def decode(self, white: Tensor) -> Tensor:
        """(B, W, D) white windows to the motion that they stand for."""
        return self._filtered(white, self.spectrum) @ self.directions.mT

    def decode_calibrated(self, white: Tensor) -> Tensor:
        """The same for what a sampler made: each coefficient as large as in real motion."""
        return self._filtered(white, self.spectrum * self.gain) @ self.directions.mT

    def _filtered(self, windows: Tensor, spectrum: Tensor) -> Tensor:
        matrices = torch.einsum("fw,fd,fv->dwv", self.basis, spectrum, self.basis)
        return torch.einsum("dwv,bvd->bwd", matrices, windows)
