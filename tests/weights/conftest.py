"""Weight files as people have them, small."""

import json

import pytest
import torch

from vasa_core.weights.fill import fill
from vasa_core.weights.registry import KNOWN, KnownFile


@pytest.fixture
def tiny(tmp_path) -> KnownFile:
    """A known file of a few numbers, with a counter and a table that follows from a formula."""
    shapes = {"a.weight": [2, 3], "a.bias": [2], "n.num_batches_tracked": [], "p.pe": [1, 4, 2]}
    (tmp_path / "tiny.json").write_text(json.dumps(shapes))
    return KnownFile("tiny", ("tiny.pth",), "somewhere", "none", "no", manifests=tmp_path)


@pytest.fixture
def tiny_tensors(tiny) -> dict[str, torch.Tensor]:
    return fill(tiny)


@pytest.fixture(scope="session")
def stitching() -> dict[str, torch.Tensor]:
    return fill(KNOWN["liveportrait_stitching_retargeting_module"])


@pytest.fixture(scope="session")
def appearance() -> dict[str, torch.Tensor]:
    return fill(KNOWN["liveportrait_appearance_feature_extractor"])


@pytest.fixture(scope="session")
def template() -> dict[str, torch.Tensor]:
    return fill(KNOWN["joyvasa_motion_template"])


@pytest.fixture
def equal():
    """Asserts that two sets of tensors are the same, in the same order."""

    def check(found, expected):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert found[key].dtype == value.dtype, key
            assert torch.equal(found[key], value), key

    return check
