"""Properties of what changes when a motion happens."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from motions import NAMES, same, wander

from vasa_core.errors import InputError
from vasa_core.motion.editing import posed, still
from vasa_core.motion.sequence import (
    backwards,
    blended,
    crossfaded,
    fitted,
    frame_at,
    looped,
    moved_to,
    repeated,
    sped,
    trimmed,
)
from vasa_core.types import Motion

NTSC = Fraction(30000, 1001)


def largest_step(motion):
    """How far any number moves between two frames, at most."""
    return max(getattr(motion, name).diff(dim=0).abs().max().item() for name in NAMES)


def test_trimming_keeps_what_lies_between():
    motion = wander(frames=100)
    assert same(trimmed(motion, 1, 3), motion[25:75], atol=0)
    assert same(trimmed(motion), motion, atol=0) and len(trimmed(motion, 3.5)) == 12
    assert same(
        Motion.concat([trimmed(motion, 0, 2), trimmed(motion, 2)]), motion, atol=0
    )  # nothing lost at a cut
    for start, end in ((3, 2), (9, None), (-1, 2), (float("nan"), 1)):
        with pytest.raises(InputError):
            trimmed(motion, start, end)


def test_speed_changes_the_length_and_keeps_the_way():
    motion = wander(frames=100, fps=NTSC)
    fast, slow = sped(motion, 2), sped(motion, 0.5)
    assert (len(fast), len(slow), fast.fps, slow.fps) == (50, 200, NTSC, NTSC)
    assert torch.allclose(fast.dynamics, motion.dynamics[::2], atol=1e-5)
    assert same(sped(slow, 2), motion, atol=1e-4)
    assert same(sped(motion, 1), motion)
    with pytest.raises(InputError, match="1/20 to 20"):
        sped(motion, 0)


def test_backwards_twice_is_forwards():
    motion = wander()
    assert same(backwards(backwards(motion)), motion, atol=0)
    assert torch.equal(backwards(motion).rotation[0], motion.rotation[-1])


@pytest.mark.parametrize("fade", [0.2, 0.8])
def test_a_loop_has_no_step(fade):
    motion = wander(frames=100)
    loop = looped(motion, fade)
    assert len(loop) == 100 - round(25 * fade)
    around = Motion.concat([loop[-1:], loop[:1]])
    assert largest_step(around) <= largest_step(motion) + 0.05
    kept = len(loop) - round(25 * fade)
    assert same(loop[:kept], motion[round(25 * fade) :][:kept], atol=0)
    for wrong in (0.0, 3.0):
        with pytest.raises(InputError, match="at least twice as long"):
            looped(motion, wrong)
    assert same(repeated(loop, 2 * len(loop))[len(loop) :], loop, atol=0)
    assert len(repeated(loop, 7)) == 7


def test_a_cross_fade_starts_as_one_and_ends_as_the_other():
    first, second = wander(frames=50), wander(frames=80, seed=1)
    made = crossfaded(first, second, 0.4)
    assert len(made) == 120
    assert same(made[:40], first[:40], atol=0) and same(made[50:], second[10:], atol=0)
    low = torch.minimum(first.dynamics[40:], second.dynamics[:10])
    high = torch.maximum(first.dynamics[40:], second.dynamics[:10])
    assert ((made.dynamics[40:50] >= low - 1e-5) & (made.dynamics[40:50] <= high + 1e-5)).all()
    assert same(crossfaded(first, second, 0), Motion.concat([first, second]), atol=0)
    assert same(crossfaded(first, first[-10:], 0.4), first)


def test_cross_fades_bring_frame_rates_together_and_refuse_what_does_not_fit():
    made = crossfaded(wander(frames=50), wander(frames=60, seed=1, fps=Fraction(30)), 0)
    assert len(made) == 100 and made.fps == 25
    with pytest.raises(InputError, match="as long"):
        crossfaded(wander(), wander(), 9)
    with pytest.raises(InputError, match="do not fit"):
        crossfaded(wander(), wander("implicit"), 0)


def test_blending_goes_the_short_way_round():
    one, other = (
        replace(still("mesh", 5), rotation=torch.full((5, 3), angle)) for angle in (179.0, -179.0)
    )
    assert (blended(one, other).rotation.abs() >= 179 - 1e-4).all()


def test_expressions_become_keyframes():
    start, turned = still("mesh"), posed("mesh", yaw=20)
    made = moved_to(moved_to(start, turned, 1.0, hold=0.4), still("mesh"), 2.0)
    yaw = made.rotation[:, 0]
    assert len(made) == 1 + 25 + 10 + 50
    assert yaw[0] == 0 and yaw[25] == 20 == yaw[35] and yaw[-1] == 0
    assert (yaw[:26].diff() > 0).all() and (yaw[35:].diff() < 0).all()
    assert yaw.diff().abs().max() < 1.3  # no step: half as fast again as evenly, at most
    jump = moved_to(start, turned, 0, hold=0.2)
    assert jump.rotation[:, 0].tolist() == [0, 20, 20, 20, 20, 20]
    with pytest.raises(InputError, match="at least one frame"):
        moved_to(start, turned, 0)
    with pytest.raises(InputError, match="cannot follow"):
        moved_to(start, posed("implicit"), 1)


def test_fitting_cuts_or_holds():
    motion = wander(frames=20)
    assert same(fitted(motion, 8, Fraction(25)), motion[:8], atol=0)
    long = fitted(motion, 30, Fraction(25))
    assert len(long) == 30 and torch.equal(long.scale[20:], motion.scale[-1:].expand(10))
    assert fitted(posed("mesh", yaw=3), 4, NTSC).fps == NTSC


def test_times_are_frames():
    motion = wander(frames=50)
    assert [frame_at(t, motion) for t in (0, 0.04, 1.0, 1.96)] == [0, 1, 25, 49]
    with pytest.raises(InputError, match="ends before"):
        frame_at(2.0, motion)
