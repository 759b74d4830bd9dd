"""How much of an expression a photo already has, and the code that takes it away.

One photo does not tell a person's expression from the person; a smile it tells well enough: the
corners of the mouth lie higher and further apart than in most faces. Open lips need nothing: a lips
code is measured from closed ones.
"""

from __future__ import annotations

from torch import Tensor

from ...face.basis import PARTS, FaceBasis
from ...face.canonical import mouth_width
from ...face.topology import (
    LEFT_MOUTH_CORNER,
    LIP_LOWER_MIDDLE,
    LIP_UPPER_MIDDLE,
    RIGHT_MOUTH_CORNER,
)
from .gestures import DESIGNS, code_of

LIP_MIDDLES = [LIP_UPPER_MIDDLE, LIP_LOWER_MIDDLE]
CORNERS = [RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER]
# Of 2656 faces seen from the front: lift of the corners over the lips' middle, and mouth width, in
# eye distances; medians and spreads.
LIFT, LIFT_SPREAD = 0.022, 0.029
WIDTH, WIDTH_SPREAD = 0.593, 0.073
LIFT_WEIGHT = 2.0  # of the lift against the width
SERIOUS = 1.0  # measure up to which a face counts as not smiling; a quarter of them are beyond 1.8


def smiling(canonical: Tensor) -> Tensor:
    """(T, V, 3) canonical faces to (T,): how much they look like smiling, 0 as most faces."""
    lift = canonical[:, LIP_MIDDLES, 1].mean(1) - canonical[:, CORNERS, 1].mean(1)
    wide = (mouth_width(canonical) - WIDTH) / WIDTH_SPREAD
    return LIFT_WEIGHT * (lift - LIFT) / LIFT_SPREAD + wide


def unsmiling_code(face: Tensor, basis: FaceBasis) -> Tensor:
    """(V, 3) canonical face to the (D,) code that takes its smile away; zero if it has none."""
    smile = code_of(basis, DESIGNS["smile"])
    smile[PARTS["blink"]] = 0  # a smile narrows the eyes, but eyes that are narrow tell no smile
    smiled = basis.canonical + basis.displacement(smile[None])
    step = smiling(smiled) - smiling(basis.canonical[None])
    return -((smiling(face[None]) - SERIOUS).clamp(min=0) / step).clamp(max=1.5) * smile
