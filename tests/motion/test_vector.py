from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from vasa_core.motion.vector import MotionScaler
from vasa_core.types import Motion


def test_there_and_back():
    torch.manual_seed(0)
    codes = torch.randn(7, 4)
    motion = Motion(codes[:, :3], codes[:, :2], codes[:, 3].exp(), codes, "mesh", Fraction(25))
    scaler = MotionScaler(torch.randn(10), torch.rand(10) + 0.5)
    vectors = scaler.encode(motion)
    assert vectors.shape == (7, 10)
    back = scaler.decode(vectors, "mesh", Fraction(25))
    for name in ("rotation", "translation", "scale", "dynamics"):
        assert torch.allclose(getattr(back, name), getattr(motion, name), atol=1e-5)
    with pytest.raises(ValueError, match="portrait"):
        scaler.encode(replace(motion, reference="camera"))
