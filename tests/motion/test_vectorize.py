from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from vasa_core.motion.vectorize import (
    POSE,
    POSE_SIZE,
    MotionScaler,
    devectorize,
    from_smooth_vectors,
    smooth_vectors,
    vectorize,
)
from vasa_core.types import Motion

NUMBERS = ("rotation", "translation", "scale", "dynamics")


def some(frames=7):
    codes = torch.randn(frames, 4, generator=torch.Generator().manual_seed(0))
    return Motion(codes[:, :3], codes[:, :2], codes[:, 3].exp(), codes, "mesh", Fraction(25))


def test_the_layout():
    motion = some()
    vectors = vectorize(motion)
    assert vectors.shape == (7, 10) and vectors.dtype == motion.rotation.dtype
    assert torch.equal(vectors[:, POSE["rotation"]], motion.rotation)
    assert torch.equal(vectors[:, POSE["translation"]], motion.translation)
    assert torch.equal(vectors[:, POSE["scale"]].squeeze(1), motion.scale.log())
    assert torch.equal(vectors[:, POSE_SIZE:], motion.dynamics)
    back = devectorize(vectors, "mesh", Fraction(25), "camera")
    assert (back.space, back.fps, back.reference) == ("mesh", 25, "camera")
    for name in NUMBERS:
        assert torch.allclose(getattr(back, name), getattr(motion, name), rtol=1e-6)


def test_smooth_vectors_do_not_jump_and_come_back():
    motion = replace(some(40), reference="camera")
    motion.rotation[:, 1] = (torch.arange(40) * 50.0 + 180) % 360 - 180  # round and round
    vectors = smooth_vectors(motion)
    assert vectors.dtype == torch.float64
    assert torch.allclose(vectors[:, 1].diff(), torch.tensor(50.0).double())
    back = from_smooth_vectors(vectors, motion)
    assert (back.space, back.fps, back.reference) == ("mesh", 25, "camera")
    for name in NUMBERS:
        assert getattr(back, name).dtype == torch.float32
        assert torch.allclose(getattr(back, name), getattr(motion, name), atol=1e-5)


def test_there_and_back():
    torch.manual_seed(0)
    motion = some()
    scaler = MotionScaler(torch.randn(10), torch.rand(10) + 0.5)
    vectors = scaler.encode(motion)
    assert vectors.shape == (7, 10)
    back = scaler.decode(vectors, "mesh", Fraction(25))
    for name in NUMBERS:
        assert torch.allclose(getattr(back, name), getattr(motion, name), atol=1e-5)
    with pytest.raises(ValueError, match="portrait"):
        scaler.encode(replace(motion, reference="camera"))
