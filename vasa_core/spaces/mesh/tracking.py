"""Landmarks of a video to Motion, and motion seen by a camera to offsets from a portrait."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from ...face.basis import FaceBasis
from ...face.canonical import neutral_face
from ...face.geometry import RigidFit, fit_pose, own_roll, rotation_angles, rotation_matrix
from ...types import Motion, Portrait


def motion_from_landmarks(
    landmarks: Tensor, basis: FaceBasis, fps: Fraction, neutral: Tensor | None = None
) -> Motion:
    """(T, V, 3) landmarks in pixels to Motion, reference "camera".

    Translation is the head's place in eye distances, scale is pixels per eye distance. The dynamics
    are measured from ``neutral`` (V, 3, canonical), by default the clip's own neutral face.
    """
    return motion_from_poses(fit_pose(landmarks, basis.canonical), landmarks, basis, fps, neutral)


def motion_from_poses(
    pose: RigidFit,
    landmarks: Tensor,
    basis: FaceBasis,
    fps: Fraction,
    neutral: Tensor | None = None,
) -> Motion:
    """As ``motion_from_landmarks``, where their poses are known already."""
    faces = pose.canonical(landmarks)
    return Motion(
        rotation=rotation_angles(pose.rotation),
        translation=pose.shift[:, :2] / pose.scale[:, None],
        scale=pose.scale,
        dynamics=basis.codes(faces, neutral_face(faces) if neutral is None else neutral),
        space="mesh",
        fps=fps,
        reference="camera",
    )


def pose_of(motion: Motion) -> RigidFit:
    """The rigid poses (rotation matrices, pixels) that a "camera" motion stands for."""
    shift = motion.translation * motion.scale[:, None]
    return RigidFit(rotation_matrix(motion.rotation), motion.scale, shift)


def relative_motion(motion: Motion, rest: Motion | None = None) -> Motion:
    """A "camera" motion as offsets from ``rest`` (T = 1; by default its own first frame).

    Only the pose is made relative, along the axes that the head has at rest: a mesh code is
    measured from a neutral face already.
    """
    if motion.reference == "portrait":
        return motion
    pose, origin = pose_of(motion), pose_of(motion[:1] if rest is None else rest)
    roll = own_roll(origin.rotation)  # (1, 3, 3)
    shift = (pose.shift - origin.shift) / origin.scale[:, None]
    return replace(
        motion,
        rotation=rotation_angles(roll.mT @ pose.rotation @ origin.rotation.mT @ roll),
        translation=shift @ roll[0, :2, :2],
        scale=pose.scale / origin.scale,
        reference="portrait",
    )


def placed_motion(portrait: Portrait, motion: Motion, first: Motion) -> Motion:
    """A "camera" motion as offsets from a portrait, whose head then turns as the camera saw it.

    Place and size change from the portrait's own as they do from the ``first`` frame (T = 1). Where
    portrait and video lie on different sides, the camera is taken to be turned along.
    """
    angles = portrait.pose.rotation.to(motion.rotation)
    own, sides = rotation_matrix(angles), torch.zeros_like(angles)
    roll = own_roll(own)
    sides[:, 2] = 90 * ((angles - first.rotation)[:, 2] / 90).round()
    turned = roll.mT @ rotation_matrix(sides) @ rotation_matrix(motion.rotation) @ own.mT @ roll
    return replace(relative_motion(motion, first), rotation=rotation_angles(turned))
