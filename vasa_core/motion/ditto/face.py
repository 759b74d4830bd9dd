"""Ditto's motion vectors, and how they move one face.

    0       scale less 1
    1:199   pitch, yaw, roll: logits of 66 bins each, as LivePortrait's motion extractor gives them
    199:202 translation
    202:265 expression: displacement of the 21 keypoints

The model is told the face's own vector, and what it makes is taken as change since its first frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d

BINS = 66
ANGLES, SHIFT, EXPRESSION = slice(1, 199), slice(199, 202), slice(202, 265)
SMOOTHED = 202  # the first numbers, all but the expression
KEYPOINTS = 21
LIPS, EYES = (6, 12, 14, 17, 19, 20), (11, 13, 15, 16, 18)  # the keypoints that follow
RIGHT_EYEBALL, LEFT_EYEBALL = 11, 15  # as the person has them
# How far the eyes turn back per degree that the head turns, times what moves a keypoint per degree.
YAW_SHARE, PITCH_SHARE, NEAR_STEP, FAR_STEP = 0.26, 0.28, 0.0007, 0.001


def own_vector(extracted: Mapping[str, Tensor]) -> Tensor:
    """(1, 265) motion vector of the face as it is, from the motion extractor's raw outputs."""
    names = ("pitch", "yaw", "roll", "t", "exp")
    parts = [extracted["scale"] - 1, *(extracted[name] for name in names)]
    return torch.cat([part.reshape(1, -1) for part in parts], 1)


def smoothed(pieces: Iterable[Tensor]) -> Iterator[Tensor]:
    """(T, 265) vectors in pieces to their means over three frames, all but the expression.

    A piece ends one frame later than it came, for that frame's mean needs the next; the first and
    the last frame's mean is over two. Every frame is smoothed once; Ditto's own code smooths those
    at the seams of its windows, and the first window, a second time.
    """
    held: Tensor | None = None
    done = 0  # rows at the start of ``held`` that are out already, and kept for the next one's mean
    for piece in pieces:
        held = piece if held is None else torch.cat([held, piece])
        if len(held) > done + 1:
            yield _means(held)[done:-1]
            held, done = held[-2:], 1
    if held is not None:
        yield _means(held)[done:]


def _means(rows: Tensor) -> Tensor:
    pose, expression = rows[:, :SMOOTHED], rows[:, SMOOTHED:]
    means = avg_pool1d(pose.T[None], 3, 1, 1, count_include_pad=False)[0].T
    return torch.cat([means, expression], 1)


class FaceMover(nn.Module):
    """From motion vectors to the numbers of LivePortrait, for a face of which ``own`` tells."""

    follows: Tensor
    degrees: Tensor

    def __init__(self):
        super().__init__()
        follows = torch.zeros(KEYPOINTS, 3)
        follows[list(LIPS + EYES)] = 1
        self.register_buffer("follows", follows.flatten(), persistent=False)
        degrees = 3.0 * torch.arange(BINS) - 97.5
        self.register_buffer("degrees", degrees, persistent=False)

    def still(self, own: Tensor) -> dict[str, Tensor]:
        """The numbers of the face as it is, one row each; see ``forward``."""
        return self.named(self.angles(own), own, own[:, EXPRESSION])

    def forward(self, change: Tensor, own: Tensor) -> dict[str, Tensor]:
        """(T, 265) change since the first frame, (1, 265) face as it is, to rotation (T, 3), pitch,
        yaw, roll in degrees, scale (T,), t (T, 3), exp (T, 63).

        As Ditto has it, logits are added, not angles; the face keeps its scale and, but for lips
        and eyes, its expression.
        """
        moved = torch.cat([own[:, :1].expand(len(change), -1), own[:, 1:] + change[:, 1:]], 1)
        rotation = self.angles(moved)
        exp = own[:, EXPRESSION] + self.follows * change[:, EXPRESSION]
        return self.named(rotation, moved, with_gaze_kept(exp, rotation - self.angles(own)))

    def named(self, rotation: Tensor, vectors: Tensor, exp: Tensor) -> dict[str, Tensor]:
        """What ``forward`` gives, in this module's dtype."""
        values = {"rotation": rotation, "scale": 1 + vectors[:, 0]}
        values |= {"t": vectors[:, SHIFT], "exp": exp}
        return {name: value.to(self.degrees.dtype) for name, value in values.items()}

    def angles(self, vectors: Tensor) -> Tensor:
        """(T, 265) vectors to (T, 3) degrees: the mean of each softmax."""
        shares = vectors[:, ANGLES].unflatten(1, (3, BINS)).softmax(2)
        return shares @ self.degrees.to(shares)


def with_gaze_kept(exp: Tensor, turned: Tensor) -> Tensor:
    """(T, 63) expression with the eyes turned back while the head turns by (T, 3) pitch, yaw, roll
    in degrees: as far as eyes do that go on looking where they looked.

    The eye that turns away from the nose moves its keypoint further than the other.
    """
    side, up = YAW_SHARE * turned[:, 1], PITCH_SHARE * turned[:, 0]
    exp = exp.unflatten(1, (KEYPOINTS, 3)).clone()
    exp[:, RIGHT_EYEBALL, 0] += side * torch.where(side > 0, NEAR_STEP, FAR_STEP)
    exp[:, LEFT_EYEBALL, 0] += side * torch.where(side > 0, FAR_STEP, NEAR_STEP)
    for eyeball in (RIGHT_EYEBALL, LEFT_EYEBALL):
        exp[:, eyeball, 1] -= up * FAR_STEP
    return exp.flatten(1)
