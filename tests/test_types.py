from fractions import Fraction

import pytest
import torch

from vasa_core.types import AudioFeatures, Motion, move, smooth_rise


def make(frames: int, **changes) -> Motion:
    values = {
        "rotation": torch.randn(frames, 3),
        "translation": torch.randn(frames, 2),
        "scale": torch.ones(frames),
        "dynamics": torch.randn(frames, 24),
        "space": "mesh",
        "fps": Fraction(25),
    }
    return Motion(**values | changes)


def test_slices_join_to_the_whole():
    motion = make(11)
    joined = Motion.concat([motion[:4], motion[4:5], motion[5:]])
    assert len(joined) == 11
    assert torch.equal(joined.dynamics, motion.dynamics)
    assert torch.equal(joined.rotation, motion.rotation)


@pytest.mark.parametrize(
    "changes",
    [
        {"rotation": torch.zeros(5, 2)},
        {"scale": torch.zeros(5, 1)},
        {"dynamics": torch.zeros(4, 24)},
        {"dynamics": torch.zeros(5)},
    ],
)
def test_wrong_shapes_are_named(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        make(5, **changes)


def test_pieces_of_different_rates_do_not_join():
    with pytest.raises(ValueError, match="frame rate"):
        Motion.concat([make(2), make(2, fps=Fraction(30))])


def test_move_reaches_every_tensor_and_keeps_integers():
    motion = move(make(3), dtype=torch.float64)
    assert motion.rotation.dtype == motion.dynamics.dtype == torch.float64
    audio = AudioFeatures(torch.zeros(2, 4, dtype=torch.int64), "e", Fraction(25), Fraction(2, 25))
    assert move(audio, dtype=torch.float16).features.dtype == torch.int64


def test_a_smooth_rise_leaves_and_arrives_without_a_kink():
    risen = smooth_rise(torch.linspace(0, 1, 101, dtype=torch.float64))
    assert risen[[0, 25, 50, 100]].tolist() == [0, 0.15625, 0.5, 1]
    steps = risen.diff()
    assert (steps > 0).all() and steps[0] < 4e-4 and steps[-1] < 4e-4
