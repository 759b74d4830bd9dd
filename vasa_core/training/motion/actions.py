"""What the mesh space's codes have to say about controls: emotions and the opening of the lips.

No corpus at hand labels a face's emotion, so each emotion is designed: facial action units (Ekman &
Friesen 1978) as displacements of a few vertices of the canonical mesh, in eye distances, turned
into the nearest lips and expression codes by ridge regression. Codes cannot leave what faces were
seen to do.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...motion.controls import FaceActions
from ...spaces.mesh.dynamics import CODE_SIZE, PARTS, FaceBasis
from ...types import EMOTIONS

INNER_BROW = (107, 66, 55, 65)  # the person's right side; the left is its mirror image
MID_BROW = (105, 52)
OUTER_BROW = (70, 63, 46, 53)
CHEEK = (50, 117, 118, 101)
CORNER = (61, 76, 62, 78)
UPPER_LIP, LOWER_LIP = (0, 37, 11, 72), (17, 84, 16, 85)

# (x, y) for the right side of the face: x > 0 towards the middle, y > 0 down.
ACTION_UNITS = {
    "AU1": {INNER_BROW: (0.0, -0.075), MID_BROW: (0.0, -0.035)},
    "AU2": {OUTER_BROW: (0.0, -0.055), MID_BROW: (0.0, -0.055)},
    "AU4": {INNER_BROW: (0.03, 0.055), MID_BROW: (0.015, 0.035)},
    "AU6": {CHEEK: (0.0, -0.03)},
    "AU12": {CORNER: (-0.055, -0.055)},
    "AU15": {CORNER: (0.0, 0.05)},
    "AU23": {CORNER: (0.02, 0.0), UPPER_LIP: (0.0, 0.012), LOWER_LIP: (0.0, -0.015)},
}
DESIGNS = {
    "neutral": (),
    "happy": ("AU6", "AU12"),
    "sad": ("AU1", "AU4", "AU15"),
    "angry": ("AU4", "AU23"),
    "surprised": ("AU1", "AU2"),
}
# Lids (AU5 wider < 0, AU7 narrower > 0) and jaw (AU25 + 26), which the codes know directly.
LIDS = {"neutral": 0.0, "happy": 0.12, "sad": 0.12, "angry": 0.1, "surprised": -0.3}
JAW = {"neutral": 0.0, "happy": 0.0, "sad": 0.0, "angry": 0.0, "surprised": 0.09}
BACKGROUND = 0.02  # weight of the vertices that no action unit names, which should stay
FIRM = 30.0  # weight of keeping the lips as open as they were
RIDGE = 2e-6


def face_actions(basis: FaceBasis) -> FaceActions:
    """The emotions and the opening direction in the codes of a face basis."""
    gap = basis.lips[:, 14, 1] - basis.lips[:, 13, 1]  # (12,) per unit of a code
    emotions = torch.stack([emotion_code(basis, gap, name) for name in EMOTIONS])
    jaw = torch.tensor([JAW[name] for name in EMOTIONS])
    opening = gap / gap.square().sum()  # the likeliest code that opens the lips by one
    return FaceActions(PARTS, emotions, jaw, opening, gap)


def emotion_code(basis: FaceBasis, gap: Tensor, name: str) -> Tensor:
    """(D,) code of a fully acted emotion, lips neither opened nor closed."""
    target, weight = designed(basis, DESIGNS[name])
    shapes = torch.cat([basis.lips, basis.expression])  # (20, V, 3)
    rows = (shapes[..., :2] * weight[:, None]).flatten(1)  # (20, V * 2)
    wanted = (target * weight[:, None]).flatten()
    still = torch.zeros(len(shapes))
    still[: len(gap)] = FIRM * gap
    normal = rows @ rows.T + torch.outer(still, still) + RIDGE * torch.eye(len(shapes))
    code = torch.zeros(CODE_SIZE)
    code[: len(shapes)] = torch.linalg.solve(normal, rows @ wanted)
    code[PARTS["blink"]] = LIDS[name]
    return code


def designed(basis: FaceBasis, units: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """(V, 2) displacement that action units ask for, both sides alike, and (V,) weights."""
    vertices = len(basis.canonical)
    target, weight = torch.zeros(vertices, 2), torch.full((vertices,), BACKGROUND)
    for unit in units:
        for points, (inward, down) in ACTION_UNITS[unit].items():
            right = torch.tensor(points)
            left = basis.mirror[right]
            outer = (right == left)[:, None] * torch.tensor(
                [1.0, 0.0]
            )  # the middle moves up or down
            target[right] += torch.tensor([inward, down]) * (1 - outer)
            target[left[left != right]] += torch.tensor([-inward, down])
            weight[right] = weight[left] = 1.0
    return target, weight
