"""From which photo each part of a frame is taken: weights that follow from the frame's motion.

For each photo and part it is estimated how wrong the part would be if the photo were warped to the
frame: a sum of what lies between them, weighted by ``COSTS``. The photos that are least wrong are
blended. Weights are continuous in the motion, so nothing pops; most are zero, so little is drawn
and little is blurred.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import torch
from torch import Tensor

from .....face.basis import PARTS
from ....curves import smoothstep
from ..layers.eyes import lid_position

# Expected error, relative to the usual one, per unit of what lies between photo and frame: degrees,
# units of a code, closures of a lid, eye distances of opening. Found by comparing warped photos
# with frames of talking clips and rounded by hand; the script that did so was not kept.
SKIN_COSTS = {"yaw": 0.012, "pitch": 0.006, "roll": 0.02, "lips": 0.034, "expression": 0.063}
EYES_COSTS = {
    **{"yaw": 0.02, "pitch": 0.008, "roll": 0.04},
    **{"expression": 0.09, "gaze": 0.04, "lids": 1.1},
}
MOUTH_COSTS = {"yaw": 0.008, "pitch": 0.012, "lips": 0.10, "opening": 1.0, "parted": 0.2}
COSTS = (SKIN_COSTS, EYES_COSTS, MOUTH_COSTS)
# Chosen by hand:
BLEND = 0.1  # difference in expected error from which the better photo is used alone
PARTED = (0.0, 0.05)  # opening in eye distances from which lips count as parted, and fully so


@dataclass(frozen=True, slots=True)
class ViewWeighting:
    """What K photos of a face show, the portrait first: their weights follow from it.

    angles (K, 3)  yaw, pitch, roll, degrees, where the portrait's roll is level
    codes  (K, D)  dynamics codes, measured from the portrait's neutral
    gap    (L,)    opening of the lips per lips code, eye distances
    """

    angles: Tensor
    codes: Tensor
    gap: Tensor

    def differences(self, angles: Tensor, codes: Tensor) -> dict[str, Tensor]:
        """What lies between (B, 3) angles, (B, D) codes of frames and the photos, (B, K) each."""
        turn = (angles[:, None] - self.angles).abs()
        change = codes[:, None] - self.codes
        lips, blink, gaze = PARTS["lips"], PARTS["blink"], PARTS["gaze"]
        wide, own_wide = ((c[:, lips] @ self.gap).clamp(min=0) for c in (codes, self.codes))
        parted, own_parted = (smoothstep(w, *PARTED) for w in (wide, own_wide))
        lids, own_lids = (lid_position(c[:, blink], c[:, gaze]) for c in (codes, self.codes))
        return {
            "yaw": turn[..., 0],
            "pitch": turn[..., 1],
            "roll": turn[..., 2],
            "lips": change[..., lips].norm(dim=-1),
            "expression": change[..., PARTS["expression"]].norm(dim=-1),
            "gaze": change[..., gaze].norm(dim=-1),
            "lids": (lids[:, None] - own_lids).abs().mean(-1),
            "opening": (wide[:, None] - own_wide).abs(),
            "parted": (parted[:, None] - own_parted).abs(),
        }

    def weights(self, angles: Tensor, codes: Tensor) -> Tensor:
        """(B, 3) angles and (B, D) codes of frames to the photos' weights, (3, B, K) of skin, eyes

        and mouth; they are >= 0 and add up to 1.
        """
        between = self.differences(angles, codes)
        costs = [reduce(add, (w * between[name] for name, w in part.items())) for part in COSTS]
        return sparsemax(torch.stack(costs) / -BLEND)


def sparsemax(scores: Tensor) -> Tensor:
    """(..., K) scores to the nearest point of the simplex (Martins and Astudillo 2016)."""
    ordered = scores.sort(-1, descending=True).values
    over = ordered.cumsum(-1) - 1
    ranks = torch.arange(1, scores.shape[-1] + 1).to(scores)
    count = (ranks * ordered > over).sum(-1, keepdim=True)
    return (scores - over.gather(-1, count - 1) / count).clamp(min=0)
