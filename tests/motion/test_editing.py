"""Properties of motion editing, on motions of both spaces that are random but known."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from motions import same, wander

from vasa_core.errors import InputError
from vasa_core.motion.editing import (
    DYNAMICS,
    code_part,
    frozen,
    mixed,
    posed,
    shifted,
    smoothed,
    spun,
    still,
    strengthened,
    with_blinks,
)
from vasa_core.types import LIPS_ONLY, PARTS, STRENGTHS


def part_of(motion, name):
    """A strength's numbers in a motion, as offsets from none."""
    if name == "rotation":
        return motion.rotation
    if name == "translation":
        return torch.cat([motion.translation, motion.scale.log()[:, None]], 1)
    return motion.dynamics[:, code_part(name, motion.space)]


@pytest.fixture(params=["mesh", "implicit"])
def space(request):
    return request.param


@pytest.mark.parametrize("name", STRENGTHS)
def test_a_strength_scales_its_part_and_no_other(space, name):
    motion = wander(space)
    none, twice = (strengthened(motion, {name: value}) for value in (0.0, 2.0))
    assert (part_of(none, name) == 0).all()
    assert torch.allclose(part_of(twice, name), 2 * part_of(motion, name), atol=1e-5)
    for other in set(STRENGTHS) - {name}:
        assert torch.equal(part_of(none, other), part_of(motion, other))
    assert same(strengthened(motion, {name: 1.0}), motion)


def test_all_strengths_together_are_the_whole_face(space):
    none = strengthened(wander(space), dict.fromkeys(STRENGTHS, 0.0))
    assert same(none, still(space, 60), atol=0)
    lips = strengthened(wander(space), LIPS_ONLY)
    assert torch.equal(part_of(lips, "lips"), part_of(wander(space), "lips"))
    assert all((part_of(lips, name) == 0).all() for name in LIPS_ONLY)


def test_a_strength_may_differ_by_frame_and_keeps_an_absolute_motions_start():
    ramp = torch.linspace(0, 1, 60)
    made = strengthened(wander(), {"rotation": ramp})
    assert torch.allclose(made.rotation, ramp[:, None] * wander().rotation)
    seen = replace(wander(reference="camera"), scale=200 * wander().scale)
    held = strengthened(seen, {"rotation": 0.0, "translation": 0.0})
    assert torch.allclose(held.rotation, seen.rotation[:1].expand(60, 3))
    assert torch.allclose(held.scale, seen.scale[:1].expand(60))


@pytest.mark.parametrize("asked", [{"nose": 1.0}, {"lips": float("nan")}])
def test_impossible_strengths_are_refused(asked):
    with pytest.raises(InputError):
        strengthened(wander(), asked)


def test_pose_of_one_and_dynamics_of_another(space):
    pose, face = wander(space, seed=1), wander(space, seed=2)
    made = mixed(face, {"pose": pose})
    assert same(made, mixed(pose, {"dynamics": face}))
    assert torch.equal(made.dynamics, face.dynamics) and torch.equal(made.rotation, pose.rotation)
    assert torch.equal(made.scale, pose.scale)


def test_every_part_can_come_from_its_own_motion(space):
    base = wander(space)
    sources = {name: wander(space, seed=seed) for seed, name in enumerate(STRENGTHS, 1)}
    made = mixed(base, sources)
    for name, source in sources.items():
        assert torch.equal(part_of(made, name), part_of(source, name))
    assert same(mixed(base, dict.fromkeys(STRENGTHS, base)), base, atol=0)
    # a single part goes before its group
    made = mixed(base, {"dynamics": sources["lips"], "blink": sources["blink"]})
    assert torch.equal(part_of(made, "blink"), part_of(sources["blink"], "blink"))
    assert torch.equal(part_of(made, "eyes"), part_of(sources["lips"], "eyes"))


def test_sources_are_brought_to_the_base():
    base, short = wander(frames=60), wander(frames=30, seed=1, fps=Fraction(50))
    made = mixed(base, {"rotation": short})
    assert len(made) == 60 and made.fps == 25
    assert torch.allclose(made.rotation[:15], short.rotation[::2], atol=1e-4)
    assert torch.equal(made.rotation[20:], made.rotation[20:21].expand(40, 3))


def test_what_does_not_mix_is_refused():
    mesh, implicit = wander(), wander("implicit", seed=1)
    turned = mixed(mesh, {"pose": implicit})  # a pose means the same everywhere
    assert torch.equal(turned.rotation, implicit.rotation) and turned.space == "mesh"
    with pytest.raises(InputError, match="only the pose"):
        mixed(mesh, {"lips": implicit})
    with pytest.raises(InputError, match="track videos as relative motion"):
        mixed(mesh, {"pose": wander(reference="camera")})
    with pytest.raises(InputError, match="'mouth'"):
        mixed(mesh, {"mouth": mesh})
    with pytest.raises(InputError, match="volume motion are one whole"):
        code_part("lips", "volume")


def test_adding_and_taking_away_again(space):
    motion, pose = wander(space), posed(space, 10, -5, 3, 0.1, 0.2, 1.25)
    made = shifted(motion, pose)
    assert torch.allclose(made.rotation - motion.rotation, torch.tensor([10.0, -5, 3]), atol=1e-4)
    assert torch.allclose(made.scale / motion.scale, torch.tensor(0.8))
    assert same(shifted(made, posed(space, -10, 5, -3, -0.1, -0.2, 0.8)), motion, atol=1e-4)
    assert same(shifted(motion, still(space)), motion)
    with pytest.raises(InputError, match="distance above 0"):
        posed(space, distance=0)
    with pytest.raises(InputError, match="cannot be added"):
        shifted(motion, still("implicit" if space == "mesh" else "mesh"))


def test_frozen_parts_stay_and_others_go_on():
    motion = wander()
    made = frozen(motion, 1.0, DYNAMICS)
    assert torch.equal(made.dynamics, motion.dynamics[25:26].expand(60, -1))
    assert torch.equal(made.rotation, motion.rotation)
    with pytest.raises(InputError, match="ends before"):
        frozen(motion, 3.0)


def test_smoothing_keeps_what_rests_and_comes_neither_late_nor_early():
    motion = wander(frames=200)
    smooth = smoothed(motion, 0.2)
    assert smooth.rotation.diff(dim=0).abs().mean() < 0.6 * motion.rotation.diff(dim=0).abs().mean()
    assert same(smoothed(still("mesh", 50), 0.5), still("mesh", 50), atol=1e-6)
    peak = replace(still("mesh", 101), rotation=torch.zeros(101, 3))
    peak.rotation[50] = 10.0
    blurred = smoothed(peak, 0.1).rotation[:, 0]
    assert int(blurred.argmax()) == 50 and torch.allclose(blurred, blurred.flip(0), atol=1e-6)
    assert blurred.sum() == pytest.approx(10, abs=1e-4)
    lips = smoothed(motion, 0.2, ["lips"])
    assert torch.equal(lips.rotation, motion.rotation)
    assert torch.equal(part_of(lips, "blink"), part_of(motion, "blink"))
    with pytest.raises(InputError, match="above 0 seconds"):
        smoothed(motion, 0)


def test_smoothing_goes_the_short_way_round():
    angles = torch.full((40, 3), 178.0)
    angles[20:] = -178.0  # four degrees further
    turned = smoothed(replace(still("mesh", 40), rotation=angles), 0.1).rotation
    assert (turned.abs() >= 178 - 1e-4).all()


def test_a_spinning_head_holds_its_face_and_comes_back():
    spin = spun("mesh", 4.0, yaw=15, pitch=8)
    assert len(spin) == 100 and not spin.dynamics.any()
    radius = (spin.rotation[:, 0] / 15) ** 2 + (spin.rotation[:, 1] / 8) ** 2
    assert torch.allclose(radius, torch.ones(100), atol=1e-5)
    steps = torch.cat([spin.rotation, spin.rotation[:1]]).diff(dim=0).norm(dim=1)
    assert steps.max() < 1.0  # also from the last frame to the first
    held = mixed(frozen(wander(frames=100), 2.0), {"pose": spin})
    assert torch.equal(held.rotation, spin.rotation)
    assert (held.dynamics == held.dynamics[0]).all()


def test_blinks_close_the_lids_now_and_then():
    closed = torch.zeros(24)
    closed[PARTS["mesh"]["blink"]] = 1.0
    closed[0] = 5.0  # no part of a blink
    motion = still("mesh", 60 * 25)
    made = with_blinks(motion, closed, per_minute=20, seed=3)
    lids = made.dynamics[:, 20]
    started = ((lids[1:] > 0.5) & (lids[:-1] <= 0.5)).sum()
    assert 12 <= started <= 30 and lids.max() == pytest.approx(1, abs=1e-4) and lids.min() == 0
    assert (lids > 0.5).float().mean() < 0.12
    assert not made.dynamics[:, 0].any() and not made.rotation.any()
    assert torch.equal(made.dynamics, with_blinks(motion, closed, 20, 3).dynamics)
    assert not torch.equal(made.dynamics, with_blinks(motion, closed, 20, 4).dynamics)
    assert torch.equal(with_blinks(motion, closed, 0).dynamics, motion.dynamics)
    shut = replace(motion, dynamics=closed.expand(len(motion), -1))
    assert torch.equal(with_blinks(shut, closed).dynamics[:, 20:22], shut.dynamics[:, 20:22])
    with pytest.raises(InputError, match="0 to 60"):
        with_blinks(motion, closed, -1)
