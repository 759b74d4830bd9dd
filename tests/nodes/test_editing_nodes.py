"""The nodes that edit motion, on the motion that comes with the pack, without a server."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from motions import NAMES, same, wander

pytestmark = pytest.mark.comfyui

MESH = {
    "lips": slice(0, 12), "expression": slice(12, 20), "blink": slice(20, 22),
    "eyes": slice(22, 24),
}  # fmt: skip
UNCHANGED = ("VASAEditMotion", "VASAScaleMotion", "VASAMixMotion", "VASAShiftMotion")


@pytest.fixture(scope="module")
def spoken(run):
    """What the sample sentence moves: 221 frames of a mesh face, 25 a second."""
    return run("VASALoadMotion", file="sample motion (embedded)")[0]


@pytest.fixture(scope="module")
def edit(run, nodes):
    """Call an editing node with its default values, but for those that are given."""

    def call(name, **given):
        inputs = nodes[name].define_schema().inputs
        values = {one.id: one.default for one in inputs if hasattr(one, "default")}
        return run(name, **{**values, **given})[0]

    return call


def identical(one, other):
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in NAMES)


@pytest.mark.parametrize("name", UNCHANGED)
@pytest.mark.parametrize("reference", ["portrait", "camera"])
def test_as_they_stand_they_change_nothing(edit, spoken, name, reference):
    main = "base" if name == "VASAMixMotion" else "motion"
    for motion in (spoken, wander("implicit", reference=reference)):
        made = edit(name, **{main: motion})
        assert identical(made, motion) or same(made, motion, atol=1e-6)
        assert made.fps == motion.fps and made.reference == motion.reference


def test_edit_cuts_speeds_up_and_turns_round(edit, spoken):
    cut = edit("VASAEditMotion", motion=spoken, start=1.0, end=3.0)
    assert identical(cut, spoken[25:75])
    assert identical(edit("VASAEditMotion", motion=spoken, start=8.0), spoken[200:])
    fast = edit("VASAEditMotion", motion=spoken, start=1.0, end=3.0, speed=2.0)
    assert len(fast) == 25 and same(fast, cut[::2], atol=1e-4) and fast.fps == 25
    slow = edit("VASAEditMotion", motion=spoken, end=2.0, speed=0.5)
    assert len(slow) == 100 and same(slow[::2], spoken[:50], atol=1e-4)
    back = edit("VASAEditMotion", motion=spoken, end=2.0, reverse=True)
    assert identical(back, edit("VASAEditMotion", motion=spoken, end=2.0)[torch.arange(49, -1, -1)])


def test_edit_smooths_the_head_and_if_asked_the_face(edit, spoken):
    def restless(values):
        return values.diff(n=2, dim=0).abs().mean()

    head = edit("VASAEditMotion", motion=spoken, smooth=0.2)
    assert restless(head.rotation) < 0.3 * restless(spoken.rotation)
    assert torch.equal(head.dynamics, spoken.dynamics)
    both = edit("VASAEditMotion", motion=spoken, smooth=0.2, smooth_face=True)
    assert torch.equal(both.rotation, head.rotation)
    assert restless(both.dynamics) < 0.5 * restless(spoken.dynamics)
    assert identical(edit("VASAEditMotion", motion=spoken, smooth_face=True), spoken)


def test_edit_loops_without_a_jump(edit, spoken):
    looped = edit("VASAEditMotion", motion=spoken, loop_fade=1.0)
    assert len(looped) == 221 - 25
    step = (looped.rotation[0] - looped.rotation[-1]).abs().max()
    assert step <= looped.rotation.diff(dim=0).abs().max()
    assert step < (spoken.rotation[0] - spoken.rotation[-1]).abs().max()


def test_edit_does_it_all_in_its_order(edit, spoken):
    made = edit(
        "VASAEditMotion", motion=spoken, start=1.0, end=5.0, speed=2.0, reverse=True,
        smooth=0.04, loop_fade=0.4, fps=29.97,
    )  # fmt: skip
    assert made.fps == Fraction(30000, 1001) and len(made) == 48  # 4 s, 2 s, 1.6 s


@pytest.mark.parametrize("name", ["lips", "expression", "blink", "eyes"])
def test_scale_weakens_and_exaggerates_one_part(edit, spoken, name):
    for strength in (0.0, 0.5, 2.0):
        made = edit("VASAScaleMotion", motion=spoken, **{name: strength})
        expected = spoken.dynamics.clone()
        expected[:, MESH[name]] *= strength
        assert torch.allclose(made.dynamics, expected) and torch.equal(
            made.rotation, spoken.rotation
        )


def test_scale_calms_the_head(edit, spoken):
    made = edit("VASAScaleMotion", motion=spoken, rotation=0.5, translation=0.0)
    assert torch.allclose(made.rotation, 0.5 * spoken.rotation)
    assert not made.translation.any() and (made.scale == 1).all()
    assert torch.equal(made.dynamics, spoken.dynamics)


def test_lips_only_leaves_nothing_but_the_lips(edit, run, spoken, encoded, sample):
    made = edit("VASAScaleMotion", motion=spoken, lips_only=True, blink=2.0, lips=1.5)
    lips = MESH["lips"]
    assert torch.allclose(made.dynamics[:, lips], 1.5 * spoken.dynamics[:, lips])
    assert not made.dynamics[:, lips.stop :].any() and not made.rotation.any()
    loudest = int(made.dynamics[:, lips].norm(dim=1).argmax())
    frames, _, _ = run(
        "VASARenderFrames",
        portrait=encoded[0][0], motion=made[loudest : loudest + 1], size="source",
    )  # fmt: skip
    points = encoded[0][0].portrait.landmarks
    eyes = slice(int(points[[159, 386], 1].min()) - 8, int(points[[145, 374], 1].max()))
    changed = (frames - sample[0]).abs().amax((0, 3))
    assert changed[eyes].max() < 0.02 < 0.1 < changed.max()


def test_mix_takes_the_head_of_one_and_the_face_of_another(edit, spoken):
    other = wander(frames=100, seed=1)
    made = edit("VASAMixMotion", base=spoken, pose=other)
    assert len(made) == 221 and torch.equal(made.dynamics, spoken.dynamics)
    assert torch.equal(made.rotation[:100], other.rotation)
    assert torch.equal(made.scale[100:], other.scale[-1:].expand(121))  # its last frame is held
    made = edit("VASAMixMotion", base=other, dynamics=spoken, lips=other)
    assert len(made) == 100 and torch.equal(made.rotation, other.rotation)
    assert torch.equal(made.dynamics[:, MESH["lips"]], other.dynamics[:, MESH["lips"]])
    assert torch.equal(made.dynamics[:, 12:], spoken.dynamics[:100, 12:])
    faster = wander(frames=300, seed=2, fps=Fraction(50))
    made = edit("VASAMixMotion", base=spoken, rotation=faster)
    assert made.fps == 25 and torch.equal(made.translation, spoken.translation)
    assert torch.allclose(made.rotation[:150], faster.rotation[::2], atol=1e-3)


def test_a_pose_may_come_from_another_kind_of_model(edit, spoken):
    foreign = wander("implicit", frames=221)
    made = edit("VASAMixMotion", base=spoken, pose=foreign)
    assert made.space == "mesh" and torch.equal(made.rotation, foreign.rotation)


def test_join_plays_one_after_the_other(edit, spoken):
    first, second = spoken[:50], spoken[100:150]
    side_by_side = edit("VASAJoinMotions", first=first, second=second, fade=0.0)
    assert len(side_by_side) == 100 and identical(side_by_side[50:], second)
    made = edit("VASAJoinMotions", first=first, second=second)  # fades for 0.4 s
    assert len(made) == 90
    assert identical(made[:40], first[:40]) and identical(made[50:], second[10:])
    jump = side_by_side.rotation.diff(dim=0).abs()[49].max()
    assert made.rotation.diff(dim=0).abs()[39:50].max() < jump
    slower = replace(second, fps=Fraction(25, 2))
    assert len(edit("VASAJoinMotions", first=first, second=slower, fade=0.0)) == 150


def test_shift_turns_moves_and_sends_away(edit, spoken):
    made = edit(
        "VASAShiftMotion", motion=spoken, yaw=5.0, pitch=-3.0, roll=2.0, x=0.1, y=-0.05,
        distance=1.25,
    )  # fmt: skip
    turn = (made.rotation - spoken.rotation).mean(0)
    assert torch.allclose(turn, torch.tensor([5.0, -3.0, 2.0]), atol=1e-4)
    move = (made.translation - spoken.translation).mean(0)
    assert torch.allclose(move, torch.tensor([0.1, -0.05]), atol=1e-5)
    assert torch.allclose(made.scale, spoken.scale / 1.25)
    assert torch.equal(made.dynamics, spoken.dynamics)


def test_shift_adds_an_expression_from_the_editor(edit, run, spoken, encoded):
    smile = run("VASAExpressionEditor", portrait=encoded[0][0], smile=0.8)[1]
    made = edit("VASAShiftMotion", motion=spoken, expression=smile)
    added = made.dynamics - spoken.dynamics
    assert len(smile) == 1 and smile.dynamics.abs().max() > 0.5
    assert torch.allclose(added, smile.dynamics.expand(221, -1), atol=1e-5)
    short = wander(frames=30)
    moving = edit("VASAShiftMotion", motion=spoken, expression=short).rotation - spoken.rotation
    assert torch.allclose(moving[:30], short.rotation, atol=1e-5)
    assert torch.allclose(moving[30:], short.rotation[-1:].expand(191, 3), atol=1e-5)


@pytest.mark.parametrize("held", ["face", "head", "all"])
def test_hold_holds_a_moment(edit, spoken, held):
    made = edit("VASAHoldMotion", motion=spoken, hold=held, time=2.0)
    face = spoken if held == "head" else spoken[torch.full((221,), 50)]
    head = spoken if held == "face" else spoken[torch.full((221,), 50)]
    assert torch.equal(made.dynamics, face.dynamics)
    assert torch.equal(made.rotation, head.rotation) and torch.equal(made.scale, head.scale)


def test_hold_spins_the_head(edit, spoken):
    made = edit("VASAHoldMotion", motion=spoken, time=2.0, spin=True, spin_seconds=2.0)
    assert (made.dynamics == spoken.dynamics[50]).all() and not made.translation.any()
    assert same(made[50:100], made[:50], atol=0) and made.rotation[:, 0].max() > 10
    assert len(made) == 221
    speaking = edit("VASAHoldMotion", motion=spoken, hold="head", time=2.0, spin=True)
    assert torch.equal(speaking.dynamics, spoken.dynamics) and speaking.rotation.abs().max() > 10


def test_blinks_are_added_and_nothing_else(edit, spoken):
    open_eyed = edit("VASAScaleMotion", motion=spoken, blink=0.0)
    made = edit("VASAAddBlinks", motion=open_eyed, per_minute=40.0, seed=1)
    lids = made.dynamics[:, MESH["blink"]].mean(1)
    begun = ((lids[1:] > 0.5) & (lids[:-1] <= 0.5)).sum()
    assert 2 <= begun <= 12 and lids.max() > 0.9  # in 8.8 s
    rest = [n for n in range(24) if n not in (20, 21)]
    assert torch.equal(made.dynamics[:, rest], open_eyed.dynamics[:, rest])
    assert torch.equal(made.rotation, open_eyed.rotation)
    again = edit("VASAAddBlinks", motion=open_eyed, per_minute=40.0, seed=1)
    other = edit("VASAAddBlinks", motion=open_eyed, per_minute=40.0, seed=2)
    assert identical(again, made) and not identical(other, made)
    assert identical(edit("VASAAddBlinks", motion=spoken, per_minute=0.0), spoken)
    photoreal = wander("implicit", frames=250)
    blinked = edit("VASAAddBlinks", motion=photoreal, per_minute=40.0, seed=1)
    changed = (blinked.dynamics != photoreal.dynamics).any(0).nonzero().flatten()
    assert len(changed) and set(changed.tolist()) <= set(range(49, 63))


def test_a_smiling_portrait_loses_its_smile(edit, run, spoken, encoded, model):
    from vasa_pack.vasa_core.spaces.mesh.neutral import smiling

    portrait = encoded[0][0]  # an astronaut who beams
    made = edit("VASANeutraliseExpression", portrait=portrait, motion=spoken)
    assert torch.equal(made.rotation, spoken.rotation)
    assert torch.equal(made.dynamics[:, 20:], spoken.dynamics[:, 20:])  # neither lids nor gaze
    half = edit("VASANeutraliseExpression", portrait=portrait, motion=spoken, amount=0.5)
    assert torch.allclose(2 * half.dynamics - spoken.dynamics, made.dynamics, atol=1e-4)
    none = edit("VASANeutraliseExpression", portrait=portrait, motion=spoken, amount=0.0)
    assert identical(none, spoken)

    def seen(motion):
        images = run("VASARenderFrames", portrait=portrait, motion=motion[:1], size="source")[0]
        return smiling(run("VASAEncodePortrait", model=model, image=images, face=1)[0][0]
                       .portrait.identity[None]).item()  # fmt: skip

    assert seen(made) < seen(spoken) - 0.5


ABSOLUTE = wander(reference="camera")
WRONG = [
    ("VASAEditMotion", {"start": 5.0, "end": 2.0}, "Nothing lies between 5 s and 2 s of Motion"),
    ("VASAEditMotion", {"start": 60.0}, "Nothing lies between 60 s and the end"),
    ("VASAEditMotion", {"loop_fade": 5.0}, "A fade of 5 s needs a motion at least twice as long"),
    ("VASAHoldMotion", {"time": 60.0}, "There is no 60 s in Motion"),
    ("VASAHoldMotion", {"motion": ABSOLUTE, "spin": True}, "absolute, as the camera saw it"),
    ("VASAMixMotion", {"lips": wander("implicit")}, "only the pose can be taken from another"),
    ("VASAMixMotion", {"pose": ABSOLUTE}, "absolute, as the camera saw it; track videos as"),
    ("VASAJoinMotions", {"second": wander(frames=5)}, "A cross-fade of 0.4 s needs both motions"),
    ("VASAJoinMotions", {"second": wander("implicit")}, "do not fit together; both must be"),
    ("VASAJoinMotions", {"second": ABSOLUTE}, "both relative to the portrait or both absolute"),
    ("VASAShiftMotion", {"expression": wander("implicit")}, "implicit motion cannot be added"),
    ("VASAShiftMotion", {"expression": ABSOLUTE}, "to add is absolute, as the camera saw it"),
    ("VASAScaleMotion", {"motion": replace(wander(), space="volume")}, "are one whole"),
    ("VASAAddBlinks", {"motion": replace(wander(), space="volume")}, "no gestures for volume"),
    ("VASANeutraliseExpression", {"motion": wander("implicit")}, "got motion of implicit faces"),
    ("VASANeutraliseExpression", {"motion": ABSOLUTE}, "measured from the camera"),
]


@pytest.mark.parametrize(("name", "given", "said"), WRONG)
def test_what_does_not_fit_is_said_in_a_sentence(edit, nodes, spoken, encoded, name, given, said):
    wires = {one.id for one in nodes[name].define_schema().inputs if not one.optional}
    usual = {"motion": spoken, "base": spoken, "first": spoken, "portrait": encoded[0][0]}
    given = {**{key: value for key, value in usual.items() if key in wires}, **given}
    with pytest.raises(ValueError, match=said) as error:
        edit(name, **given)
    message = str(error.value)
    assert "\n" not in message and message.endswith(".") and len(message) < 250


def test_a_choice_that_there_is_not_is_refused(nodes):
    validate = nodes["VASAHoldMotion"].validate_inputs
    assert "none of: face, head, all" in validate(hold="nose")
    assert validate(hold="all") is True and validate(hold=None) is True
