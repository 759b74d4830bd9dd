"""The mesh space's dynamics code: what its numbers mean, and the way there and back.

A code has 24 numbers, in four parts (``PARTS``):

    lips        12  components of lower-face displacement, in standard deviations
    expression   8  components of brow, forehead and cheek displacement, in standard deviations
    blink        2  closure of the right and left eye: 0 as the reference, 1 closed, < 0 wider
    gaze         2  theta (to the image's right) and phi (up) of both eyes, degrees, in the head

Displacements are in the canonical frame, in eye distances, and measured from a neutral face (lips
closed, eyes open, looking ahead). Blinks and gaze are kept out of the components, because lids and
irises depend on the person's own eyes: the renderer closes lids along the portrait's contours.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ..types import PARTS as SPACE_PARTS
from .canonical import eye_opening, gaze_angles
from .geometry import fit_pose
from .measure import FaceMeasure
from .topology import LIP_LOWER_MIDDLE, LIP_UPPER_MIDDLE

PARTS = SPACE_PARTS["mesh"]
CODE_SIZE = 24


class FaceBasis(nn.Module):
    """Mean face and its ways to move, all in canonical coordinates (eye distance 1).

    canonical  (V, 3)      mean neutral face, mirror-symmetric, upright
    lips       (12, V, 3)  displacement per unit of a lips code
    expression (8, V, 3)   displacement per unit of an expression code
    blink      (2, V, 3)   mean skin displacement of a closing right and left eye, for measuring
    mirror     (V,)        index of each vertex's mirror image
    """

    canonical: Tensor
    lips: Tensor
    expression: Tensor
    blink: Tensor
    mirror: Tensor

    def __init__(
        self, canonical: Tensor, lips: Tensor, expression: Tensor, blink: Tensor, mirror: Tensor
    ):
        super().__init__()
        self.register_buffer("canonical", canonical)
        self.register_buffer("lips", lips)
        self.register_buffer("expression", expression)
        self.register_buffer("blink", blink)
        self.register_buffer("mirror", mirror)

    @staticmethod
    def load(device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> FaceBasis:
        """The basis that lies beside this file, made by ``vasa_core.lab.training.basis``."""
        tensors = load_file(Path(__file__).parent / "weights" / "face_basis.safetensors")
        return FaceBasis(**tensors).to(device, dtype)

    @property
    def lip_gap(self) -> Tensor:
        """(12,): how far one unit of a lips code opens them in the middle, in eye distances."""
        return self.lips[:, LIP_LOWER_MIDDLE, 1] - self.lips[:, LIP_UPPER_MIDDLE, 1]

    def measure(self, landmarks: Tensor) -> FaceMeasure:
        """(V, 3) landmarks in pixels of a picture, with the pose that the mean face has there."""
        return FaceMeasure(landmarks, fit_pose(landmarks[None], self.canonical.to(landmarks)))

    def displacement(self, codes: Tensor) -> Tensor:
        """(T, D) codes to (T, V, 3) canonical displacement of lips and expression."""
        lips = torch.einsum("td,dvc->tvc", codes[:, PARTS["lips"]], self.lips)
        return lips + torch.einsum("td,dvc->tvc", codes[:, PARTS["expression"]], self.expression)

    def codes(self, canonical: Tensor, neutral: Tensor) -> Tensor:
        """(T, V, 3) canonical faces and their (V, 3) neutral to (T, D) codes, by least squares."""
        closure = 1 - eye_opening(canonical) / eye_opening(neutral[None]).clamp(min=1e-3)
        basis = torch.cat([self.lips, self.expression, self.blink]).flatten(1)
        offset = (canonical - neutral).flatten(1)
        ridge = 1e-3 * basis.square().sum(1).mean() * torch.eye(len(basis), device=basis.device)
        solved = torch.linalg.solve(basis @ basis.T + ridge.to(basis), basis @ offset.T).T
        gaze = gaze_angles(canonical) - gaze_angles(neutral[None])
        return torch.cat([solved[:, :20], closure.clamp(-0.5, 1.1), gaze], 1)
