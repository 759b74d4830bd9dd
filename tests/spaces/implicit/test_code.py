"""The dynamics code, and what controls do with it."""

from fractions import Fraction

import pytest
import torch
from torch.testing import assert_close

from vasa_core.motion.controls import FaceActions, Steering
from vasa_core.spaces import sketch_motion
from vasa_core.spaces.implicit.actions import action_tensors, edit
from vasa_core.spaces.implicit.code import CODE_SIZE, LET_GO, PARTS, MotionCode
from vasa_core.spaces.implicit.driving import relative
from vasa_core.spaces.implicit.keypoints import EYES, LIPS, FaceState, head_rotation
from vasa_core.types import EMOTIONS, STRENGTHS, Controls, Motion

FPS = Fraction(25)


@pytest.fixture
def code():
    return MotionCode()


@pytest.fixture
def random():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def raw(random):
    """Raw values of a motion model, 6 frames."""
    return {
        "rotation": 20 * torch.rand(6, 3, generator=random) - 10,
        "scale": 1.2 + 0.1 * torch.rand(6, generator=random),
        "t": 0.1 * torch.randn(6, 3, generator=random),
        "exp": 0.02 * torch.randn(6, 63, generator=random),
    }


def motion(codes, **changes):
    frames = len(codes)
    still = {"rotation": torch.zeros(frames, 3), "translation": torch.zeros(frames, 2)}
    values = {**still, "scale": torch.ones(frames), **changes}
    return Motion(**values, dynamics=codes, space="implicit", fps=FPS)


def test_the_parts_cover_the_code():
    ends = [(part.start, part.stop) for part in PARTS.values()]
    assert [end for pair in ends for end in pair] == [0, 19, 19, 49, 49, 63, 63, CODE_SIZE]


def test_displacements_come_back(code, random):
    displacements = torch.randn(4, 21, 3, generator=random)
    codes = code.codes(displacements)
    assert_close(code.displacements(codes), displacements, atol=1e-5, rtol=0)
    assert not codes[:, LET_GO].any() and not codes[:, -1].any()


def test_each_part_moves_its_own_keypoints(code):
    for part, points in (("lips", LIPS), ("blink", EYES), ("gaze", EYES)):
        codes = torch.zeros(1, CODE_SIZE)
        codes[:, PARTS[part]] = 1.0
        moved = code.displacements(codes)[0].abs().sum(1) > 0
        assert set(moved.nonzero().flatten().tolist()) <= set(points), part


def test_gaze_is_in_degrees_to_the_right_and_up(code):
    codes = torch.zeros(2, CODE_SIZE)
    codes[0, PARTS["gaze"].start], codes[1, PARTS["gaze"].start + 1] = 10.0, 10.0
    right, up = code.displacements(codes)
    assert_close(right[[11, 15], 0], torch.full((2,), 0.0085))
    assert (up[[11, 15], 1] < 0).all()  # y grows downwards
    assert_close(code.codes(right[None])[0, PARTS["gaze"]], torch.tensor([10.0, 0.0]))


def test_zero_is_the_portrait_as_it_is(code):
    offsets = code.offsets(motion(torch.zeros(2, CODE_SIZE)))
    assert_close(offsets.rotation, torch.eye(3).expand(2, 3, 3))
    assert not offsets.expression.any() and not offsets.shift.any()
    assert (offsets.scale == 1).all() and (offsets.own_lips == 1).all()


@pytest.mark.parametrize("absolute", [False, True])
def test_raw_values_become_offsets_from_the_first_frame(code, raw, absolute):
    offsets = code.offsets(code(**raw, lips_absolute=absolute))
    pitch, yaw, roll = raw["rotation"].unbind(1)
    state = FaceState(
        head_rotation(pitch, yaw, roll), raw["exp"].view(-1, 21, 3), raw["scale"][:, None], raw["t"]
    )
    expected = relative(state, state[:1], absolute)
    for name in ("rotation", "expression", "scale", "shift", "own_lips"):
        assert_close(getattr(offsets, name), getattr(expected, name), atol=2e-6, rtol=1e-5)


def test_a_later_piece_starts_from_the_same_rest(code, raw):
    whole = code(**raw)
    first = {name: value[:1] for name, value in raw.items()}
    later = code(**{name: value[3:] for name, value in raw.items()}, first=first)
    assert_close(later.dynamics, whole.dynamics[3:])
    assert_close(later.rotation, whole.rotation[3:])


def test_measured_motion_is_relative_to_any_frame(code, raw):
    pitch, yaw, roll = raw["rotation"].unbind(1)
    state = FaceState(
        head_rotation(pitch, yaw, roll), raw["exp"].view(-1, 21, 3), raw["scale"][:, None], raw["t"]
    )
    seen = code.measured(state, FPS)
    assert_close(seen.rotation, torch.stack([-yaw, -pitch, roll], 1), atol=1e-4, rtol=0)
    assert_close(code.relative(seen).dynamics, code(**raw).dynamics, atol=1e-5, rtol=0)
    again = code.relative(code.relative(seen))
    assert again.reference == "portrait" and not again.dynamics[0].any()


@pytest.fixture
def actions():
    return FaceActions(PARTS, **action_tensors())


def steered(actions, sampled, **controls):
    return Steering(Controls(**controls), actions, sampled)(sampled, torch.zeros(len(sampled)))


def test_no_controls_change_nothing(actions, code, raw):
    sampled = code(**raw, lips_absolute=True)
    assert_close(steered(actions, sampled).dynamics, sampled.dynamics)


def test_zero_strengths_leave_the_portrait_as_it_is(actions, code, raw):
    none = {name: torch.tensor(0.0) for name in STRENGTHS}
    still = steered(actions, code(**raw, lips_absolute=True), **none)
    assert not still.dynamics.any() and not still.rotation.any() and not still.translation.any()
    assert (code.offsets(still).own_lips == 1).all()


def test_distance_and_gaze_are_what_was_asked(actions, code, raw):
    asked = steered(
        actions, code(**raw), gaze=torch.tensor([8.0, -4.0]), distance=torch.tensor(1.25)
    )
    assert_close(asked.scale.log().mean(), torch.tensor(0.8).log(), atol=0.02, rtol=0)
    assert_close(asked.dynamics[:, -1].mean(), torch.tensor(-4.0), atol=0.1, rtol=0)
    assert abs(asked.dynamics[:, -2].mean() - 8) < 3  # around the glances


def test_each_emotion_moves_the_face_its_own_way(actions, code):
    def acted(name):
        emotion = torch.tensor([float(name == other) for other in EMOTIONS])
        moved = steered(actions, motion(torch.zeros(1, CODE_SIZE)), emotion=emotion)
        return code.displacements(moved.dynamics)[0]

    assert not acted("neutral").any()
    assert acted("happy")[14, 1] < -0.015 and acted("sad")[14, 1] > 0.004  # corners up, down
    assert acted("angry")[1, 0] > 0.01 and acted("surprised")[1, 1] > 0.01
    assert acted("surprised")[19, 1] > 0.02  # and the mouth falls open


def test_rest_opening_is_in_eye_distances(actions, code):
    opened = steered(actions, motion(torch.zeros(1, CODE_SIZE)), lip_rest=torch.tensor(0.1))
    assert_close(
        sketch_motion(opened).curves["lip_opening"], torch.tensor([0.1]), atol=1e-3, rtol=0
    )


def test_a_sketch_shows_lips_lids_and_head():
    codes = torch.stack([torch.zeros(CODE_SIZE), edit("eyes_shut", 20.0) + edit("lips_open", 40.0)])
    turned = torch.tensor([[0.0, 0, 0], [10.0, 5, 0]])
    drawn = sketch_motion(motion(codes, rotation=turned))
    curves = drawn.curves
    assert curves["blink"][1] > 0.8 and curves["lip_opening"][1] > 0.05 and curves["yaw"][1] == 10
    assert curves["blink"][0] == 0 and len(drawn.points) == 2 and len(drawn.strokes) > 10
