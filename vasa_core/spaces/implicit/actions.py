"""What controls and gestures do to LivePortrait's expression: edits of known groups of keypoints.

The steps are those of LivePortrait's own retargeting sliders (its retargeting of images), the ways
that its authors found to move one thing at a time. They are the same for every face. Gestures go as
far as the sliders go, there and in ComfyUI-AdvancedLivePortrait, whose users told what they show.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ...types import EMOTIONS
from .code import CODE_SIZE, EYE_DISTANCE, PARTS, MotionCode

# (keypoint, axis): displacement per unit of the edit; y grows downwards.
EDITS = {
    "smile": {
        **{(20, 1): -0.01, (14, 1): -0.02, (17, 1): 0.0065, (17, 2): 0.003},
        **{(13, 1): -0.00275, (16, 1): -0.00275, (3, 1): -0.0035, (7, 1): -0.0035},
    },
    "brows_up": {(1, 1): 0.001, (2, 1): -0.001},
    "brows_together": {(1, 0): 0.001, (2, 0): -0.001, (1, 1): -0.0003, (2, 1): 0.0003},
    "eyes_shut": {(11, 1): 0.001, (13, 1): -0.0003, (15, 1): 0.001, (16, 1): -0.0003},
    "wink_left": {
        **{(11, 1): 0.001, (13, 1): -0.0003, (3, 1): -0.0003},
        **{(17, 0): 0.0003, (17, 1): 0.0003},
    },
    "wink_right": {  # the other one mirrored; the sliders have only that
        **{(15, 1): 0.001, (16, 1): -0.0003, (7, 1): -0.0003},
        **{(17, 0): -0.0003, (17, 1): 0.0003},
    },
    "lips_wide": {(20, 2): -0.001, (20, 1): -0.001, (14, 1): -0.001},
    "lips_pursed": {(14, 1): 0.001, (3, 1): -0.0005, (7, 1): -0.0005, (17, 2): -0.0005},
    "lips_open": {(19, 1): 0.001, (19, 2): 0.0001, (17, 1): -0.0001},
}
EMOTION_EDITS = {
    "neutral": {},
    "happy": {"smile": 1.0, "eyes_shut": 4.0},
    "sad": {"smile": -0.3, "brows_up": 6.0, "eyes_shut": 5.0},
    "angry": {"brows_together": 18.0, "lips_pursed": 12.0, "eyes_shut": 3.0},
    "surprised": {"brows_up": 18.0, "eyes_shut": -7.0},
}
EMOTION_OPENING = {"surprised": 0.06}  # of the lips, in eye distances
GESTURE_EDITS = {
    "blink": {"eyes_shut": 20.0},
    "-blink": {"eyes_shut": -7.0},
    "wink_left": {"wink_left": 25.0},
    "wink_right": {"wink_right": 25.0},
    "brows_up": {"brows_up": 15.0},
    "-brows_up": {"brows_together": 10.0},  # what the slider does below zero
    "frown": {"brows_together": 18.0},
    "squint": {"eyes_shut": 8.0, "brows_together": 5.0},
    "smile": {"smile": 1.2, "eyes_shut": 3.0},
    "-smile": {"smile": -0.3},
    "mouth_open": {"lips_open": 100.0},
    "-mouth_open": {"lips_open": -30.0},
    "mouth_wide": {"lips_wide": 15.0},
    "mouth_round": {"lips_pursed": 15.0},
    "lips_pressed": {"lips_open": -20.0},
}
HEAD_SCALE = 1.3  # usual scale of a face in the working crop
OPENING = EYE_DISTANCE / HEAD_SCALE / 0.001  # units of "lips_open" per eye distance


def edit(name: str, amount: float = 1.0) -> Tensor:
    """(D,) code of an edit, ``amount`` units of it."""
    displacement = torch.zeros(1, 21, 3)
    for (point, axis), step in EDITS[name].items():
        displacement[0, point, axis] = amount * step
    return MotionCode().codes(displacement)[0]


def edited(amounts: Mapping[str, float]) -> Tensor:
    """(D,) code of several edits, by their names."""
    codes = [edit(name, amount) for name, amount in amounts.items()]
    return torch.stack([torch.zeros(CODE_SIZE), *codes]).sum(0)


def gestures() -> dict[str, Tensor]:
    """Name to (D,) code of the gesture fully acted, as ``spaces.gestures_of`` has it."""
    return {name: edited(amounts) for name, amounts in GESTURE_EDITS.items()}


def emotion_codes() -> Tensor:
    """(5, D): code of each emotion fully acted, in the order of ``EMOTIONS``."""
    return torch.stack([edited(EMOTION_EDITS[emotion]) for emotion in EMOTIONS])


def action_tensors() -> dict[str, Tensor]:
    """The arguments of ``motion.controls.FaceActions``, by name, besides the parts of a code."""
    opening = edit("lips_open", OPENING)[PARTS["lips"]]
    return {
        "emotions": emotion_codes(),
        "emotion_opening": torch.tensor([EMOTION_OPENING.get(name, 0.0) for name in EMOTIONS]),
        "opening": opening,
        "gap": opening / opening.square().sum(),
    }
