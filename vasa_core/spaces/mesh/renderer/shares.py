"""From which photo each part of a frame is taken: shares that follow from the frame's own motion.

For each photo and part it is estimated how wrong the part would be if the photo were warped to the
frame: a sum of what lies between them, weighted as measured on talking clips. The photos that are
least wrong share the part. Shares are continuous in the motion, so nothing pops; most are zero, so
little is drawn and little is blurred.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..dynamics import PARTS
from .eyes import lid_position

# Expected error, relative to the usual one, per unit of what lies between photo and frame.
SKIN_COSTS = {"yaw": 0.018, "pitch": 0.007, "roll": 0.011, "lips": 0.031, "expression": 0.065}
EYES_COSTS = {"yaw": 0.021, "roll": 0.010, "expression": 0.058, "gaze": 0.046, "lids": 1.25}
MOUTH_COSTS = {"yaw": 0.010, "roll": 0.008, "lips": 0.082, "parting": 0.64, "closing": 1.47}
COSTS = (SKIN_COSTS, EYES_COSTS, MOUTH_COSTS)
BLEND = 0.05  # difference in expected error from which the better photo is used alone


@dataclass(frozen=True, slots=True)
class Takes:
    """How K photos of a face were taken, the portrait first.

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
        wide = (codes[:, lips] @ self.gap).clamp(min=0)[:, None]
        parting = wide - (self.codes[:, lips] @ self.gap).clamp(min=0)
        lids = [lid_position(c[:, blink], c[:, gaze]) for c in (codes, self.codes)]
        return {
            "yaw": turn[..., 0],
            "pitch": turn[..., 1],
            "roll": turn[..., 2],
            "lips": change[..., lips].norm(dim=-1),
            "expression": change[..., PARTS["expression"]].norm(dim=-1),
            "gaze": change[..., gaze].norm(dim=-1),
            "lids": (lids[0][:, None] - lids[1]).abs().mean(-1),
            "parting": parting.clamp(min=0),
            "closing": (-parting).clamp(min=0),
        }

    def shares(self, angles: Tensor, codes: Tensor) -> Tensor:
        """(B, 3) angles and (B, D) codes of frames to the photos' shares (3, B, K) of skin, eyes

        and mouth; they are >= 0 and add up to 1.
        """
        between = self.differences(angles, codes)
        costs = [sum(w * between[name] for name, w in part.items()) for part in COSTS]
        return sparsemax(torch.stack(costs) / -BLEND)


def sparsemax(scores: Tensor) -> Tensor:
    """(..., K) scores to the nearest point of the simplex (Martins and Astudillo 2016)."""
    ordered = scores.sort(-1, descending=True).values
    over = ordered.cumsum(-1) - 1
    ranks = torch.arange(1, scores.shape[-1] + 1).to(scores)
    count = (ranks * ordered > over).sum(-1, keepdim=True)
    return (scores - over.gather(-1, count - 1) / count).clamp(min=0)
