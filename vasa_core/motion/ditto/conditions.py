"""What Ditto is told besides the sound: emotion, the eyes, and whose face it is.

A condition row has 1103 numbers, in this order:

    audio         1024  of the frame
    emotion          8  shares of ``LABELS``
    eye opening      2  left, right: the sum of three lid gaps over the width of the eye
    eyeball          6  where the irises lie: x left, x right, y left, y right, z left, z right
    keypoints       63  the face's own, without pose and expression

Left and right are the picture's. Ditto measures the eyes on face-mesh landmarks of the working crop
as its detector gives them: x and z divided by the crop's width, y by its height. Ours come in
pixels of the 512 x 512 crop, so 512 divides them all; only the eyeball numbers depend on it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import InputError
from ...types import Controls, FaceConditioning, Portrait
from ..controls import per_frame

LABELS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprised", "contempt")
OURS = (4, 3, 5, 0, 6)  # our EMOTIONS among them
SHARPNESS = 8.0  # an emotion's label in the softmax, against 0 of the others
CROP = 512  # pixels
GAZE_STEP = 0.133  # how far a full turn of the eyes moves the irises, in outer eye distances
MIDDLE = 4  # label that holds where no emotion is asked for

# Face-mesh vertices of the left and the right eye: outer and inner corner, lid pairs, iris.
CORNERS = ((33, 133), (263, 362))
LIDS = (((145, 159), (144, 160), (153, 158)), ((374, 386), (373, 387), (380, 385)))
IRISES = (468, 473)


def emotion_rows(weights: Tensor) -> Tensor:
    """(T, 5) weights of our emotions to (T, 8) shares of Ditto's labels.

    Neutral takes what the weights lack to 1; beyond 1 they are scaled down. Below 0 counts as 0.
    """
    weights = weights.clamp(min=0)
    total = weights.sum(1, keepdim=True)
    labels = weights.new_zeros(len(weights), len(LABELS))
    labels[:, list(OURS)] = weights / total.clamp(min=1)
    labels[:, MIDDLE] += (1 - total[:, 0]).clamp(min=0)
    return labels @ (SHARPNESS * torch.eye(len(LABELS))).softmax(1).to(labels)


def eye_openings(landmarks: Tensor) -> Tensor:
    """(..., 478, 3) landmarks to (..., 2) openings of left and right eye."""
    openings = []
    for (outer, inner), lids in zip(CORNERS, LIDS, strict=True):
        width = distance(landmarks[..., outer, :], landmarks[..., inner, :])
        gaps = [distance(landmarks[..., low, :], landmarks[..., high, :]) for low, high in lids]
        openings.append(sum(gaps[1:], gaps[0])[..., 0] / (width[..., 0] + 1e-8))
    return torch.stack(openings, -1)


def eyeballs(landmarks: Tensor, gaze: Tensor | None = None) -> Tensor:
    """(..., 478, 3) landmarks in crop pixels to (..., 6) numbers of where the irises lie.

    ``gaze`` (..., 2), degrees to the right and up, turns the eyes from there beforehand.
    """
    points = landmarks / CROP
    moved = torch.zeros_like(points[..., :1, :]).squeeze(-2)
    if gaze is not None:
        reach = GAZE_STEP * distance(points[..., 33, :], points[..., 263, :])  # outer corners
        turn = torch.sin(torch.deg2rad(gaze)) * gaze.new_tensor([1.0, -1.0])  # y runs down
        moved = torch.nn.functional.pad(turn * reach, (0, 1))
    places = []
    for (outer, inner), iris in zip(CORNERS, IRISES, strict=True):
        corner, other = points[..., outer, :], points[..., inner, :]
        away = points[..., iris, :] + moved - (corner + other) / 2
        size = distance(away, torch.zeros_like(away))
        across = (corner - other) / (distance(corner, other) + 1e-8)
        places.append((away / (size + 1e-8) - across) * size)
    return torch.stack(places, -1).flatten(-2)


def distance(one: Tensor, other: Tensor) -> Tensor:
    """(..., 3) points to their distance (..., 1)."""
    return (one - other).norm(dim=-1, keepdim=True)


class FaceConditions:
    """The condition rows of a clip: one face, and controls that may change by the frame."""

    def __init__(self, face: FaceConditioning, controls: Controls, fps, like: Tensor):
        self.controls, self.fps = controls, fps
        self.landmarks = face.landmarks.to(like)
        self.openings = eye_openings(self.landmarks)
        self.keypoints = face.extracted["kp"].to(like).flatten()

    def __call__(self, sound: Tensor, start: int) -> Tensor:
        """(W, 1024) audio rows from frame ``start`` on to (W, 1103) condition rows."""
        rows = len(sound)
        emotion, gaze = self.asked("emotion", start, sound), self.asked("gaze", start, sound)
        if emotion is None:
            emotion = sound.new_zeros(rows, len(OURS))
        balls = eyeballs(self.landmarks[None].expand(rows, -1, -1), gaze)
        fixed = torch.cat([self.openings, self.keypoints])
        eyes, face = fixed[:2].expand(rows, -1), fixed[2:].expand(rows, -1)
        return torch.cat([sound, emotion_rows(emotion), eyes, balls, face], 1)

    def asked(self, name: str, start: int, sound: Tensor) -> Tensor | None:
        """A control's rows for the frames of a window; None where nothing is asked."""
        if getattr(self.controls, name) is None:
            return None
        return per_frame(self.controls, name, start, len(sound), self.fps).to(sound)


def conditioning_of(portrait: Portrait | None, space: str) -> FaceConditioning:
    """What Ditto is told of a portrait's face; InputError unless it is one of the space's."""
    needed = f"Ditto moves one particular face: it needs that face as the {space} space encodes it"
    if portrait is None:
        raise InputError(f"{needed}, and got none; connect the portrait, or give --portrait.")
    if portrait.space != space or portrait.conditioning is None:
        raise InputError(
            f"{needed}, and got one of the {portrait.space} space; encode the portrait in"
            f" {space} and connect that."
        )
    return portrait.conditioning
