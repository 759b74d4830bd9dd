"""Named movements of a face as codes of the mesh space.

No corpus at hand labels what a face does, so each movement is designed: facial action units (Ekman
& Friesen 1978) as displacements of a few vertices of the canonical mesh, in eye distances, turned
into the nearest lips and expression codes by ridge regression. Codes cannot leave what faces were
seen to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ...face.basis import CODE_SIZE, PARTS, FaceBasis

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
    "AU18": {CORNER: (0.07, 0.0)},
    "AU20": {CORNER: (-0.06, 0.0)},
    "AU23": {CORNER: (0.02, 0.0), UPPER_LIP: (0.0, 0.012), LOWER_LIP: (0.0, -0.015)},
    "AU24": {UPPER_LIP: (0.0, 0.03), LOWER_LIP: (0.0, -0.04)},
}
BACKGROUND = 0.02  # weight of the vertices that no action unit names, which should stay
FIRM = 30.0  # weight of keeping the lips as open as they were
RIDGE = 2e-6
SIDES = ("right", "left")  # the person's own


@dataclass(frozen=True, slots=True)
class Design:
    """What a movement does when it is fully acted.

    units    action units, and how strongly each is asked for
    lids     closure of the right and the left eye: 1 shut, < 0 wider
    opening  of the lips, in eye distances
    sides    of the face that the action units move
    """

    units: Mapping[str, float] = field(default_factory=dict)
    lids: tuple[float, float] = (0.0, 0.0)
    opening: float = 0.0
    sides: Sequence[str] = SIDES


DESIGNS = {
    "blink": Design(lids=(1.0, 1.0)),
    "-blink": Design(lids=(-0.9, -0.9)),
    "wink_left": Design({"AU6": 1.0, "AU12": 0.6}, lids=(1.0, 0.0), sides=("right",)),
    "wink_right": Design({"AU6": 1.0, "AU12": 0.6}, lids=(0.0, 1.0), sides=("left",)),
    "brows_up": Design({"AU1": 1.3, "AU2": 1.5}, lids=(-0.15, -0.15)),
    "-brows_up": Design({"AU1": -0.6, "AU2": -0.8}),
    "frown": Design({"AU4": 1.6}, lids=(0.08, 0.08)),
    "squint": Design({"AU6": 1.5, "AU4": 0.4}, lids=(0.45, 0.45)),
    "smile": Design({"AU6": 1.2, "AU12": 2.1}, lids=(0.1, 0.1)),
    "-smile": Design({"AU15": 2.0}),
    "mouth_open": Design(opening=0.25),
    "-mouth_open": Design(opening=-0.2),
    "mouth_wide": Design({"AU20": 1.2, "AU12": 0.3}, opening=0.06),
    "mouth_round": Design({"AU18": 1.5}, opening=0.08),
    "lips_pressed": Design({"AU24": 1.0}),
}


def gestures(basis: FaceBasis) -> dict[str, Tensor]:
    """Name to (D,) code of the gesture fully acted, as ``spaces.gestures_of`` has it."""
    return {name: code_of(basis, design) for name, design in DESIGNS.items()}


def lip_opening(basis: FaceBasis) -> Tensor:
    """(lips,): the likeliest code that opens the lips by one eye distance."""
    gap = basis.lip_gap
    return gap / gap.square().sum()


def code_of(basis: FaceBasis, design: Design) -> Tensor:
    """(D,) code of a designed movement; but for its opening, the lips stay as closed as before."""
    target, weight = displaced(basis, design)
    shapes = torch.cat([basis.lips, basis.expression])  # (20, V, 3)
    rows = (shapes[..., :2] * weight[:, None]).flatten(1)  # (20, V * 2)
    wanted = (target * weight[:, None]).flatten()
    still = torch.zeros(len(shapes))
    still[PARTS["lips"]] = FIRM * basis.lip_gap
    normal = rows @ rows.T + torch.outer(still, still) + RIDGE * torch.eye(len(shapes))
    code = torch.zeros(CODE_SIZE)
    code[: len(shapes)] = torch.linalg.solve(normal, rows @ wanted)
    code[PARTS["lips"]] += design.opening * lip_opening(basis)
    code[PARTS["blink"]] = torch.tensor(design.lids)
    return code


def displaced(basis: FaceBasis, design: Design) -> tuple[Tensor, Tensor]:
    """(V, 2) displacement that a design's action units ask for, and (V,) weights."""
    vertices = len(basis.canonical)
    target, weight = torch.zeros(vertices, 2), torch.full((vertices,), BACKGROUND)
    for unit, strength in design.units.items():
        for points, (inward, down) in ACTION_UNITS[unit].items():
            right = torch.tensor(points)
            places = {"right": (right, inward), "left": (basis.mirror[right], -inward)}
            step = torch.zeros(vertices, 2)
            for side in design.sides:
                indices, aside = places[side]
                step[indices] = strength * torch.tensor([aside, down])
                weight[indices] = 1.0
            step[right[right == basis.mirror[right]], 0] = 0.0  # the middle moves up or down only
            target += step
    return target, weight
