"""A portrait and an audio encoder of little content, for Ditto."""

from fractions import Fraction
from types import SimpleNamespace

import pytest
import torch

from vasa_core.types import CropTransform, FaceConditioning, Motion, Portrait


@pytest.fixture(scope="session")
def face():
    """A portrait of the implicit space, as far as Ditto reads one."""
    generator = torch.Generator().manual_seed(5)

    def some(*shape, size=1.0):
        return size * torch.randn(*shape, generator=generator)

    extracted = {name: some(1, 66) for name in ("pitch", "yaw", "roll")}
    extracted |= {"t": some(1, 3, size=0.1), "exp": some(1, 63, size=0.02), "kp": some(1, 63)}
    extracted["scale"] = torch.tensor([[1.3]])
    landmarks = 256 + some(478, 3, size=60.0)
    pose = Motion(
        *(torch.zeros(1, n) for n in (3, 2)), torch.ones(1), torch.zeros(1, 63), "implicit",
        Fraction(25), "camera",
    )  # fmt: skip
    return Portrait(
        space="implicit",
        image=torch.zeros(1, 3, 8, 8),
        landmarks=landmarks,
        identity=extracted["kp"],
        pose=pose,
        crop=CropTransform(torch.eye(2, 3), 512),
        appearance=None,  # is the renderer's alone
        faces=1,
        face=0,
        confidence=1.0,
        conditioning=FaceConditioning(extracted, landmarks),
    )


@pytest.fixture(scope="session")
def audio_encoder():
    """What ``check`` reads of an audio encoder."""
    return SimpleNamespace(name="hubert-streaming-1024", fps=Fraction(25))
