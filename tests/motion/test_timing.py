import math
from fractions import Fraction

import pytest
import torch

from vasa_core.errors import InputError
from vasa_core.motion.timing import exact_rate, frame_count, resample_motion, resample_motion_stream
from vasa_core.types import Motion

RATES = [Fraction(24), Fraction(30000, 1001), Fraction(30), Fraction(50), Fraction(7), Fraction(25)]


def moving(frames=80):
    time = torch.arange(frames) / 25
    wave = torch.sin(2 * torch.pi * 0.7 * time)
    rotation = torch.stack([20 * wave, 5 * wave, 10 * time], 1)
    codes = torch.stack([wave, time], 1)
    return Motion(rotation, codes / 10, (0.1 * wave).exp(), codes, "mesh", Fraction(25))


@pytest.mark.parametrize("fps", RATES)
def test_frame_count_and_values_at_any_rate(fps):
    motion = moving()
    made = resample_motion(motion, fps)
    assert made.fps == fps and len(made) == math.ceil(Fraction(80, 25) * fps)
    time = torch.arange(len(made)) / float(fps)
    inside = time <= 79 / 25
    wave = torch.sin(2 * torch.pi * 0.7 * time)
    assert torch.allclose(made.rotation[inside, 0], 20 * wave[inside], atol=0.35)
    assert torch.allclose(made.dynamics[inside, 1], time[inside], atol=1e-4)


NUMBERS = ("rotation", "translation", "scale", "dynamics")


def equal(one, other):
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in NUMBERS)


def test_the_same_rate_changes_nothing():
    assert equal(resample_motion(moving(), Fraction(25)), moving())


def test_at_the_same_rate_nothing_waits():
    """Each piece is handed on before the next one is asked for."""
    asked = []

    def pieces():
        for start in range(5):
            asked.append(start)
            yield moving()[start : start + 1]

    stream = resample_motion_stream(pieces(), Fraction(25), Fraction(1, 5))
    for number in range(5):
        assert equal(next(stream), moving()[number : number + 1])
        assert asked == list(range(number + 1))
    assert next(stream, None) is None


@pytest.mark.parametrize("sizes", [[80], [1] * 80, [3, 0, 77]])
def test_the_same_rate_with_a_duration_cuts_or_holds(sizes):
    edges = torch.tensor([0, *sizes]).cumsum(0).tolist()
    pieces = [moving()[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    short = Motion.concat(resample_motion_stream(pieces, Fraction(25), Fraction(299, 100)))
    assert equal(short, moving()[:75])
    long = Motion.concat(resample_motion_stream(pieces, Fraction(25), Fraction(4)))
    assert equal(long[:80], moving()) and len(long) == 100
    assert all(equal(long[t : t + 1], moving()[79:]) for t in (80, 99))


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("sizes", [[1] * 80, [50, 30], [3, 0, 77]])
def test_pieces_make_no_difference(fps, sizes):
    motion = moving()
    edges = torch.tensor([0, *sizes]).cumsum(0).tolist()
    pieces = [motion[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    duration = Fraction(80, 25) - Fraction(1, 100)
    streamed = Motion.concat(resample_motion_stream(pieces, fps, duration))
    whole = resample_motion(motion, fps, duration)
    assert len(whole) == frame_count(duration, fps) == len(streamed)
    assert torch.allclose(streamed.rotation, whole.rotation, atol=1e-4)
    assert torch.allclose(streamed.dynamics, whole.dynamics, atol=1e-5)


def test_closed_lips_stay_closed():
    motion = moving()
    motion.dynamics[:, 0] = motion.dynamics[:, 0].clamp(min=0)
    assert resample_motion(motion, Fraction(60)).dynamics[:, 0].min() >= 0


def test_angles_go_the_short_way_round():
    motion = moving(2)
    motion.rotation[:, 2] = torch.tensor([179.0, -179.0])
    middle = resample_motion(motion, Fraction(50)).rotation[1, 2]
    assert abs(middle) > 179


def test_one_frame_and_none():
    assert len(resample_motion(moving(1), Fraction(50))) == 2
    with pytest.raises(InputError, match="empty"):
        resample_motion(moving(3)[:0], Fraction(50))
    with pytest.raises(InputError, match="above 0"):
        resample_motion(moving(3), Fraction(0))


@pytest.mark.parametrize(
    ("given", "exact"),
    [
        (25.0, Fraction(25)),
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        (1.0, Fraction(1)),
    ],
)
def test_decimal_rates_mean_the_exact_ones(given, exact):
    assert exact_rate(given) == exact
