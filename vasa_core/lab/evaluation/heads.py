"""Measures of head and lids: how much they move, how smoothly, and how well with the sound."""

from __future__ import annotations

from torch import Tensor

from ...face.basis import PARTS
from ...motion.vectorize import POSE_SIZE, smooth_vectors
from ...types import Motion
from ..data.stretches import stretches

SHUT = 0.5  # closure of both lids beyond which an eye counts as shut


def pose_rows(motion: Motion) -> Tensor:
    """(T, 6): yaw, pitch, roll in degrees, translation, logarithm of the scale."""
    return smooth_vectors(motion)[:, :POSE_SIZE].float()


def pose_variation(motion: Motion) -> float:
    """Mean change of the pose angles from frame to frame, degrees (VASA-1, section 4.1)."""
    return float(motion.rotation.diff(dim=0).abs().mean())


def pose_spread(motion: Motion) -> float:
    """Standard deviation of the pose angles over time, mean of the three, degrees."""
    return float(motion.rotation.std(0).mean())


def acceleration(motion: Motion) -> float:
    """Mean squared second difference of the pose angles, degrees² per frame⁴: restlessness."""
    return float(motion.rotation.diff(2, dim=0).square().mean())


def blinks(motion: Motion) -> list[int]:
    """Length in frames of every blink, at half its depth.

    A blink is a closure of both lids beyond ``SHUT`` (Stern, Walrath & Goldstein 1984 measure
    blinks at half their amplitude).
    """
    shut = motion.dynamics[:, PARTS["blink"]].mean(1).numpy()
    lengths = []
    for run in stretches(shut > SHUT / 2):
        depth = shut[run]
        if depth.max() > SHUT:
            lengths.append(int((depth > depth.max() / 2).sum()))
    return lengths


def head_measures(motion: Motion) -> dict[str, float]:
    """All of the above, by the names of ``measures.MEASURES``."""
    lengths, minutes = blinks(motion), len(motion) / float(motion.fps) / 60
    return {
        "pose_variation": pose_variation(motion),
        "pose_spread": pose_spread(motion),
        "acceleration": acceleration(motion),
        "blink_rate": len(lengths) / minutes,
        "blink_length": (
            sum(lengths) / len(lengths) / float(motion.fps) * 1000 if lengths else float("nan")
        ),
    }
