"""Motions that are random but known, for tests of what is done to them."""

from fractions import Fraction

import torch

from vasa_core.types import PARTS, Motion

NAMES = ("rotation", "translation", "scale", "dynamics")


def wander(space="mesh", frames=60, seed=0, fps=Fraction(25), reference="portrait"):
    generator = torch.Generator().manual_seed(seed)
    size = max(part.stop for part in PARTS[space].values())

    def walk(*shape):
        return torch.randn(frames, *shape, generator=generator).cumsum(0) / 4

    scale = (0.05 * walk()).exp()
    return Motion(walk(3), 0.05 * walk(2), scale, walk(size), space, fps, reference)


def same(one, other, atol=1e-5):
    return all(torch.allclose(getattr(one, n), getattr(other, n), atol=atol) for n in NAMES)
