"""Stretches of frames in a row."""

import numpy as np
import pytest

from vasa_core.lab.data.stretches import stretches


@pytest.mark.parametrize(
    ("holds", "expected"),
    [
        ([], []),
        ([0, 0, 0], []),
        ([1, 1, 1], [[0, 1, 2]]),
        ([1, 0, 1, 1, 0, 0, 1], [[0], [2, 3], [6]]),
        ([0, 1, 1, 0], [[1, 2]]),
    ],
)
def test_each_stretch_without_a_gap_is_one(holds, expected):
    assert [part.tolist() for part in stretches(np.array(holds, bool))] == expected
