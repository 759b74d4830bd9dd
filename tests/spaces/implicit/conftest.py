"""The implicit space of published size, on stand-in weights."""

from functools import cache

import pytest
import torch

from vasa_core.spaces.implicit.load import implicit_space
from vasa_core.weights.registry import MODEL_FILES


@pytest.fixture
def all_threads(one_thread):
    """Large networks alone on the machine."""
    torch.set_num_threads(torch.multiprocessing.cpu_count())


@pytest.fixture(scope="module")  # not for longer: gigabytes
def implicit_space_of(goldens):
    """The space of published size, computing exactly or fast."""

    @cache
    def made(exact):
        files = {name: goldens.weights(name) for name in MODEL_FILES["liveportrait"]}
        return implicit_space(files, exact=exact)

    return made
