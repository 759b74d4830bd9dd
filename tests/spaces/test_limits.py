"""Limits that leave ordinary values exactly as they are."""

from dataclasses import replace

import torch

from vasa_core.face.geometry import rotation_angles
from vasa_core.motion.editing import still, strengthened
from vasa_core.spaces.implicit.code import MotionCode
from vasa_core.spaces.implicit.limits import KEYPOINT, SCALE, SHIFT, TURN, limit_offsets
from vasa_core.spaces.limits import soft_factor, soft_length, soft_limit


def test_values_bend_towards_their_limit():
    x = torch.linspace(-30, 30, 601)
    y = soft_limit(x, -10.0, 20.0)
    assert torch.equal(y[(x > -6) & (x < 12)], x[(x > -6) & (x < 12)])
    assert y.min() >= -10 and y.max() <= 20 and (y.diff() >= 0).all()


def test_lengths_bend_and_directions_stay(rng):
    vectors = torch.from_numpy(rng.standard_normal((200, 3)) * 3)
    bent = soft_length(vectors, 4.0)
    length = vectors.norm(dim=1)
    assert bent.norm(dim=1).max() <= 4 and length.max() > 4
    assert torch.allclose(torch.cosine_similarity(bent, vectors), torch.ones(()).double())
    assert torch.equal(bent[length < 2.4], vectors[length < 2.4])


def test_factors_bend_alike_both_ways():
    factors = torch.tensor([0.1, 0.5, 1.0, 2.0, 10.0])
    bent = soft_factor(factors, 3.0)
    assert torch.allclose(bent * bent.flip(0), torch.ones(5)) and bent[2] == 1
    assert bent.max() < 3 and bent[3] < 2 + 1e-6


def test_exaggerated_keypoints_stay_near(rng):
    code = MotionCode()
    motion = still("implicit", 8)
    dynamics = 0.02 * torch.from_numpy(rng.standard_normal(motion.dynamics.shape)).float()
    dynamics[:, 18] = 0
    turns = torch.from_numpy(rng.uniform(-12, 12, (8, 3))).float()
    motion = replace(motion, dynamics=dynamics, rotation=turns)
    as_sampled, offsets = limit_offsets(code.offsets(motion)), code.offsets(motion)
    assert torch.equal(as_sampled.expression, offsets.expression)
    assert torch.allclose(as_sampled.rotation, offsets.rotation, atol=1e-6)
    much = dict.fromkeys(("lips", "expression", "rotation", "translation"), 30.0)
    much = limit_offsets(code.offsets(strengthened(motion, much)))
    assert much.expression.norm(dim=-1).max() <= KEYPOINT + 1e-6
    assert rotation_angles(much.rotation).abs().max() <= TURN + 1e-3
    assert much.shift.norm(dim=1).max() <= SHIFT and much.scale.max() <= SCALE


def test_nothing_moved_is_the_portrait_itself():
    offsets = MotionCode().offsets(still("implicit"))
    held = limit_offsets(offsets)
    assert torch.equal(held.rotation, offsets.rotation) and torch.equal(held.scale, offsets.scale)
    assert not held.expression.any() and not held.shift.any()
