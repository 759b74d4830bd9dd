"""A face space of little content, for motion models of the implicit space."""

from fractions import Fraction

import pytest
import torch
from torch import nn

from vasa_core.motion.controls import FaceActions
from vasa_core.types import Motion

PARTS = {
    "lips": slice(0, 20),
    "expression": slice(20, 40),
    "blink": slice(40, 60),
    "gaze": slice(60, 62),
}


class Recorder(nn.Module):
    """Takes a model's raw numbers for motion as they are, and remembers what it was given."""

    def __init__(self):
        super().__init__()
        self.given = []

    def forward(self, *, rotation, scale, t, exp, first, lips_absolute):
        values = {"rotation": rotation, "scale": scale, "t": t, "exp": exp}
        for name, value in values.items():
            assert first[name].shape == (1, *value.shape[1:]), name
        self.given.append((values, first, lips_absolute))
        return Motion(rotation, t[:, :2], scale.abs() + 0.1, exp.clone(), "implicit", Fraction(25))

    def joined(self, name):
        """All frames of one of the numbers since ``given`` was last emptied."""
        return torch.cat([values[name] for values, _, _ in self.given])


@pytest.fixture(scope="session")
def new_recorder():
    return Recorder


@pytest.fixture(scope="session")
def face_actions():
    return FaceActions(PARTS, torch.zeros(5, 63), torch.zeros(5), torch.zeros(20), torch.zeros(20))
