"""Shared inputs: the shipped sample media, the loaded models, and small sounds."""

from pathlib import Path

import numpy as np
import pytest
import torch

import vasa_core

ASSETS = Path(vasa_core.__file__).parent / "assets"


@pytest.fixture(scope="session")
def portrait_path() -> Path:
    return ASSETS / "portrait.jpg"


@pytest.fixture(scope="session")
def speech_path() -> Path:
    return ASSETS / "speech.flac"


@pytest.fixture(scope="session")
def space():
    return vasa_core.load_space("mesh")


@pytest.fixture(scope="session")
def model():
    return vasa_core.load_motion_model("mesh")


@pytest.fixture(scope="session")
def portrait(space, portrait_path):
    return space.encode(vasa_core.read_image(portrait_path, 256))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def one_thread():
    """The library's own way of working: threads over frames, not inside operations."""
    torch.set_num_threads(1)
