"""JoyVASA's motion vectors, and the numbers of LivePortrait that they stand for.

    0:63    expression: displacement of the 21 keypoints, by mean and standard deviation
    63      scale            these four by their least and greatest values, vector 0 to 1
    64:67   translation
    67:70   pitch, yaw, roll in degrees, LivePortrait's own signs
    70:73   nobody uses

Which of them are smoothed in time: all but the expression.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

EXPRESSION, SCALE, SHIFT, ROTATION = slice(0, 63), slice(63, 64), slice(64, 67), slice(67, 70)
USED, SMOOTHED = slice(0, 70), slice(63, 70)
LIMITED = ("scale", "t", "pitch", "yaw", "roll")  # in the order of the vector
SMOOTHING = 0.01  # share of a new frame in the running mean


class RunningMean:
    """Exponential running mean over rows that come in pieces; it starts at the first row."""

    def __init__(self, share: float = SMOOTHING):
        self.share = share
        self.mean: Tensor | None = None

    def __call__(self, rows: Tensor) -> Tensor:
        """(T, n) rows to their running means, going on where the piece before ended."""
        means = []
        for row in rows:
            mean = row if self.mean is None else self.share * row + (1 - self.share) * self.mean
            means.append(mean)
            self.mean = mean
        return torch.stack(means)


class MotionTemplate(nn.Module):
    """The statistics that motion vectors are normalised by; published beside the weights.

    ``published`` holds mean_exp and std_exp (63,), and min_ and max_ of scale (1,), t (3,), pitch,
    yaw and roll (1,).
    """

    offset: Tensor
    factor: Tensor

    def __init__(self, published: Mapping[str, Tensor]):
        super().__init__()
        low, high = (
            torch.cat([published[f"{end}_{name}"].flatten() for name in LIMITED]).float()
            for end in ("min", "max")
        )
        mean, std = published["mean_exp"].flatten(), published["std_exp"].flatten()
        self.register_buffer("offset", torch.cat([mean.float(), low]))
        self.register_buffer("factor", torch.cat([std.float(), high - low]))

    def forward(self, vectors: Tensor, smoother: RunningMean | None = None) -> dict[str, Tensor]:
        """(T, 73) vectors to rotation (T, 3), scale (T,), t (T, 3), exp (T, 63).

        ``smoother`` smooths all but the expression.
        """
        raw = (vectors[:, USED] * self.factor + self.offset).to(self.factor.dtype)
        if smoother is not None:
            raw[:, SMOOTHED] = smoother(raw[:, SMOOTHED])
        return {
            "rotation": raw[:, ROTATION],
            "scale": raw[:, SCALE].squeeze(1),
            "t": raw[:, SHIFT],
            "exp": raw[:, EXPRESSION],
        }
