"""Small perceptrons that correct keypoints: stitching, and retargeting of lips and eyes.

The published file holds three of them, each under its own name with a prefix that is left over from
distributed training (``module.``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .motion import KEYPOINTS


def perceptron(*sizes: int) -> nn.ModuleDict:
    """Linear layers with ReLU between them, under the published names."""
    layers: list[nn.Module] = []
    for before, after in zip(sizes, sizes[1:]):  # noqa: B905
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.ModuleDict({"mlp": nn.Sequential(*layers[:-1])})


class StitchingRetargeting(nn.Module):
    """S, R_lip and R_eyes of LivePortrait (sections 3.2 and 3.3)."""

    def __init__(self):
        super().__init__()
        points = 3 * KEYPOINTS
        self.retarget_shoulder = perceptron(2 * points, 128, 128, 64, points + 2)
        self.retarget_mouth = perceptron(points + 2, 128, 128, 64, points)
        self.retarget_eye = perceptron(points + 3, 256, 256, 128, 128, 64, points)

    def stitch(self, source: Tensor, driving: Tensor) -> Tensor:
        """(B, K, 3) source and driving keypoints to driving ones whose shoulders stay in place."""
        change = self.shoulder_change(source, driving)
        points, shift = change.split([3 * KEYPOINTS, 2], 1)
        moved = driving + points.view_as(driving)
        return torch.cat([moved[..., :2] + shift[:, None], moved[..., 2:]], -1)

    def shoulder_change(self, source: Tensor, driving: Tensor) -> Tensor:
        """(B, K, 3) twice to (B, 65): change of each point, then a common shift in x and y."""
        both = torch.cat([source.flatten(1), driving.flatten(1)], 1)
        return self.retarget_shoulder["mlp"](both)

    def lips(self, source: Tensor, own: Tensor, wanted: Tensor) -> Tensor:
        """(B, K, 3) source keypoints, (B, 1) own and wanted opening to (B, K, 3) change."""
        x = torch.cat([source.flatten(1), own, wanted], 1)
        return self.retarget_mouth["mlp"](x).view_as(source)

    def eyes(self, source: Tensor, own: Tensor, wanted: Tensor) -> Tensor:
        """(B, K, 3) source keypoints, (B, 2) own and (B, 1) wanted opening to (B, K, 3) change."""
        x = torch.cat([source.flatten(1), own, wanted], 1)
        return self.retarget_eye["mlp"](x).view_as(source)
