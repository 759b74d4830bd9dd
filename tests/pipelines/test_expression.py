"""Expressions: gestures in every face space, and a frame posed by hand."""

import math

import pytest
import torch

from vasa_core.errors import InputError
from vasa_core.face.basis import PARTS, FaceBasis
from vasa_core.motion.editing import still
from vasa_core.pipelines.expression import SLIDERS, express, express_on
from vasa_core.spaces import SPACES, gestures_of, sketch_motion
from vasa_core.spaces.implicit.actions import edit
from vasa_core.types import GESTURES, OPPOSITES

CORNERS, LIPS, BROWS, INNER_BROWS = [61, 291], [0, 17], [105, 334], [55, 285]


@pytest.fixture(scope="module")
def moved():
    """How far a mesh expression moves a vertex, (2,) in eye distances, the mean of several."""
    basis = FaceBasis.load()

    def displacement(vertices, **values):
        codes = express("mesh", values).dynamics
        return basis.displacement(codes)[0, vertices, :2]

    return displacement


@pytest.mark.parametrize("space", SPACES)
def test_every_space_has_every_gesture(space):
    codes = gestures_of(space)
    assert codes.keys() == {*GESTURES, *(f"-{name}" for name in OPPOSITES)}
    size = still(space).dynamics.shape[1]
    assert all(code.shape == (size,) and code.any() for code in codes.values())


def test_a_space_without_gestures_says_so():
    with pytest.raises(InputError, match="no gestures for volume faces"):
        express("volume", {})


def test_gestures_do_what_they_are_called(moved):
    assert moved(CORNERS, smile=1)[:, 1].max() < -0.05  # y grows downwards
    assert moved(CORNERS, smile=-1)[:, 1].min() > 0.05
    assert moved(BROWS, brows_up=1)[:, 1].max() < -0.05
    assert moved(BROWS, brows_up=-1)[:, 1].min() > 0.03
    right, left = moved(INNER_BROWS, frown=1)
    assert right[0] > 0.02 and left[0] < -0.02 and min(right[1], left[1]) > 0.05
    wide, narrow = (moved(CORNERS, **{name: 1})[1, 0] for name in ("mouth_wide", "mouth_round"))
    assert wide > 0.05 and narrow < -0.05
    upper, lower = moved(LIPS, lips_pressed=1)[:, 1]
    assert upper > 0.01 and lower < -0.01


def test_a_wink_is_of_the_eye_at_the_side_of_its_name(moved):
    blink = PARTS["blink"]  # the person's right eye first, which is at the picture's left
    assert express("mesh", {"wink_left": 1}).dynamics[0, blink].tolist() == [1, 0]
    assert express("mesh", {"wink_right": 1}).dynamics[0, blink].tolist() == [0, 1]
    cheeks = [50, 280]
    left, right = moved(cheeks, wink_left=1)[:, 1]
    assert left < right - 0.005 and left < -0.02
    mirrored = moved(cheeks, wink_right=1)[:, 1]
    assert torch.allclose(mirrored.flip(0), torch.stack([left, right]), atol=1e-3)


def test_a_shut_eye_does_not_shut_more():
    both = express("mesh", {"blink": 1, "wink_left": 1})
    assert torch.equal(both.dynamics, express("mesh", {"blink": 1}).dynamics)
    half = express("mesh", {"blink": 0.5, "wink_left": 1}).dynamics[0, PARTS["blink"]]
    assert half.tolist() == [1, 0.5]


@pytest.mark.parametrize("name", [name for name in GESTURES if not name.startswith("mouth")])
def test_the_lips_stay_closed_where_a_gesture_is_not_about_opening(name):
    opening = sketch_motion(express("mesh", {name: 1})).curves["lip_opening"]
    assert opening < 0.02


def test_the_mouth_opens_as_far_as_its_name_says():
    def opening(name, space="mesh"):
        return sketch_motion(express(space, {name: 1})).curves["lip_opening"].item()

    assert opening("mouth_open") == pytest.approx(0.25, abs=0.02)
    assert 0.03 < opening("mouth_wide") < 0.12 and 0.03 < opening("mouth_round") < 0.12
    assert opening("mouth_open", "implicit") > 0.1


def test_amounts_are_shares_and_opposites_are_designed(moved):
    smile, half = (express("mesh", {"smile": v}).dynamics for v in (1, 0.5))
    assert torch.allclose(half, smile / 2)
    assert not torch.allclose(express("mesh", {"smile": -1}).dynamics, -smile, atol=0.5)
    lids = express("implicit", {"blink": -1}).dynamics[0]
    assert torch.equal(lids, edit("eyes_shut", -7.0))


def test_implicit_winks_are_mirror_images():
    from vasa_core.spaces.implicit.code import MotionCode

    left, right = (
        MotionCode().displacements(express("implicit", {name: 1}).dynamics)[0]
        for name in ("wink_left", "wink_right")
    )
    assert left[11, 1] == right[15, 1] > 0 and left[15, 1] == right[11, 1] == 0
    assert left[17, 0] == -right[17, 0]


@pytest.mark.parametrize("space", SPACES)
def test_nothing_asked_changes_nothing(space):
    motion, rest = express(space, {}), {name: slider.rest for name, slider in SLIDERS.items()}
    assert len(motion) == 1 and motion.reference == "portrait" and motion.space == space
    for made in (motion, express(space, rest)):
        assert not made.rotation.any() and not made.translation.any() and made.scale == 1
        assert not made.dynamics.any()


def test_pose_and_gaze_are_as_asked():
    values = {"yaw": 10, "pitch": -5, "roll": 3, "x": 0.4, "y": -0.2, "distance": 2}
    motion = express("implicit", {**values, "gaze_yaw": 12, "gaze_pitch": -8})
    assert motion.rotation.tolist() == [[10, -5, 3]] and motion.scale.tolist() == [0.5]
    assert motion.translation[0].tolist() == pytest.approx([0.4, -0.2])
    assert motion.dynamics[0, -2:].tolist() == [12, -8]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"laugh": 1.0}, "has no 'laugh'; it has: yaw, .* lips_pressed"),
        ({"smile": math.nan}, "smile is nan; -1 to 1 work"),
        ({"yaw": math.inf}, "yaw is inf; -30 to 30 work"),
        ({"frown": -0.5}, "frown is -0.5; 0 to 1 work"),
        ({"distance": 0}, "distance is 0; 0.5 to 2 work"),
        ({"smile": "broad"}, "smile must be a number; got 'broad'"),
        ({"smile": None}, "smile must be a number"),
    ],
)
def test_what_cannot_be_said_is_refused(values, said):
    with pytest.raises(InputError, match=said):
        express("mesh", values)


def test_sliders_rest_within_their_range():
    for name, slider in SLIDERS.items():
        assert slider.least <= slider.rest <= slider.most and slider.does.endswith("."), name
        steps = (slider.rest - slider.least) / slider.step
        assert steps == pytest.approx(round(steps)), f"{name} cannot come back to rest"


def test_at_rest_a_portrait_is_the_picture_as_it_is(space, portrait):
    assert portrait.pose.dynamics[0, PARTS["lips"]].any()  # its lips are a little open
    (frame,) = space.render(portrait, express_on(space, portrait, {}))
    assert torch.allclose(frame, portrait.image, atol=1e-3)
    (closed,) = space.render(portrait, express("mesh", {}))
    assert (closed - portrait.image).abs().max() > 0.1
    pressed = express_on(space, portrait, {"lips_pressed": 1})
    assert torch.allclose(pressed.dynamics, express("mesh", {"lips_pressed": 1}).dynamics)


def test_every_gesture_changes_the_picture_and_only_the_head(space, portrait):
    rest = portrait.image
    for name in GESTURES:
        (frame,) = space.render(portrait, express_on(space, portrait, {name: 1}))
        changed = (frame - rest).abs().amax(1)[0] > 0.1
        assert changed.sum() > 20, name
        assert not changed[:, :20].any(), name


def test_implicit_portraits_are_expressed_too(tiny_space, portrait_of):
    portrait = portrait_of(tiny_space)
    motion = express_on(tiny_space, portrait, {"smile": 1, "yaw": 5})
    assert torch.allclose(motion.dynamics, express("implicit", {"smile": 1}).dynamics, atol=1e-5)
    (frame,) = tiny_space.render(portrait, motion)
    assert frame.shape == portrait.image.shape and frame.isfinite().all()
