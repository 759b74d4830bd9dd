"""Controls on a motion that is random but known."""

from fractions import Fraction

import pytest
import torch

from vasa_core.errors import InputError
from vasa_core.motion.controls import FaceActions, Steering, check, per_frame, signals
from vasa_core.types import EMOTIONS, Controls, Motion

FPS = Fraction(25)
PARTS = {"lips": slice(0, 3), "expression": slice(3, 5), "blink": slice(5, 7), "gaze": slice(7, 9)}
GAP = torch.tensor([0.02, 0.01, 0.0])  # eye distances per unit of a lips code


def actions():
    emotions = torch.zeros(5, 9)
    emotions[EMOTIONS.index("happy"), 2] = 2.0
    emotions[EMOTIONS.index("surprised"), 3] = 4.0
    opening = torch.zeros(5)
    opening[EMOTIONS.index("surprised")] = 0.1
    return FaceActions(PARTS, emotions, opening, GAP / GAP.square().sum(), GAP)


def sampled(frames=200):
    generator = torch.Generator().manual_seed(0)

    def noise(*shape):
        return torch.randn(frames, *shape, generator=generator)

    codes = noise(9)
    codes[:, 7:] = 3 * codes[:, 7:] + 7  # a gaze that wandered off
    return Motion(noise(3), noise(2), (0.1 * noise() + 0.2).exp(), codes, "mesh", FPS)


def steered(pressed=None, motion=None, **controls):
    motion = motion or sampled()
    controls = Controls(**{k: torch.as_tensor(v, dtype=torch.float32) for k, v in controls.items()})
    return Steering(controls, actions(), motion)(
        motion, torch.zeros(len(motion)) if pressed is None else pressed
    )


def test_no_controls_change_nothing():
    made = steered()
    for name in ("rotation", "translation", "scale", "dynamics"):
        assert torch.allclose(getattr(made, name), getattr(sampled(), name), atol=1e-6)


@pytest.mark.parametrize("part", ["lips", "expression", "blink", "gaze"])
def test_zero_strength_leaves_exactly_none_of_a_part(part):
    made = steered(**{"eyes" if part == "gaze" else part: 0.0})
    assert (made.dynamics[:, PARTS[part]] == 0).all()
    rest = torch.ones(9, dtype=torch.bool)
    rest[PARTS[part]] = False
    assert torch.equal(made.dynamics[:, rest], sampled().dynamics[:, rest])


def test_zero_head_leaves_the_pose_of_the_portrait():
    made = steered(rotation=0.0)
    assert (made.rotation == 0).all() and torch.equal(made.translation, sampled().translation)
    made = steered(translation=0.0)
    assert (made.translation == 0).all() and (made.scale == 1).all()
    assert torch.equal(made.rotation, sampled().rotation)


def test_strength_exaggerates_and_may_differ_by_frame():
    assert torch.allclose(steered(lips=2.0).dynamics[:, :3], 2 * sampled().dynamics[:, :3])
    ramp = torch.linspace(0, 1, 200)
    made = steered(blink=ramp).dynamics[:, 5:7]
    assert torch.allclose(made, ramp[:, None] * sampled().dynamics[:, 5:7])


def test_the_mean_gaze_is_the_asked_one():
    made = steered(gaze=[-12.0, 5.0])
    mean = made.dynamics[:, 7:].mean(0)
    assert torch.allclose(mean, torch.tensor([-12.0, 5.0]), atol=0.5)
    assert made.dynamics[:, 7:].std(0).min() > 2  # it still glances
    still = steered(gaze=[-12.0, 5.0], eyes=0.0).dynamics[:, 7:]
    assert torch.allclose(still, torch.tensor([-12.0, 5.0]).expand(200, 2))


def test_twice_the_distance_is_half_the_size():
    made = steered(distance=2.0)
    assert made.scale.log().mean().exp() == pytest.approx(0.5, rel=0.02)
    assert made.scale.std() > 0.01


def test_emotions_add_their_code():
    emotion = torch.zeros(5)
    emotion[EMOTIONS.index("happy")] = 0.5
    added = steered(emotion=emotion).dynamics - sampled().dynamics
    wanted = torch.zeros(9)
    wanted[2] = 1.0
    assert torch.allclose(added, wanted.expand(200, 9), atol=1e-5)


def test_neither_surprise_nor_a_rest_opening_opens_the_lips_on_m_b_p():
    emotion = torch.zeros(5)
    emotion[EMOTIONS.index("surprised")] = 1.0
    pressed = torch.zeros(200)
    pressed[50:60] = 1
    made = steered(pressed, emotion=emotion, lip_rest=0.05)
    gap = made.dynamics[:, :3] @ GAP
    assert gap[50:60].max() < 0
    opened = (gap - sampled().dynamics[:, :3] @ GAP)[:50]
    assert torch.allclose(opened, torch.full((50,), 0.15), atol=1e-5)


@pytest.mark.parametrize("sizes", [[1] * 200, [7, 43, 0, 150], [50] * 4, [199, 1]])
def test_pieces_make_no_difference(sizes):
    ramp = torch.linspace(0.5, 1.5, 200)
    controls = Controls(
        gaze=torch.tensor([5.0, 0.0]), distance=ramp, eyes=ramp, translation=ramp, blink=ramp
    )
    motion, pressed = sampled(), torch.rand(200, generator=torch.Generator().manual_seed(1))
    whole = Steering(controls, actions(), motion[:50])(motion, pressed)
    edges = torch.tensor([0, *sizes]).cumsum(0).tolist()
    steering = Steering(controls, actions(), motion[:50])
    cut = [
        steering(motion[a:b], pressed[a:b]) for a, b in zip(edges, edges[1:], strict=False) if b > a
    ]
    cut = Motion.concat(cut)
    for name in ("rotation", "translation", "scale", "dynamics"):
        assert torch.allclose(getattr(whole, name), getattr(cut, name), atol=1e-6), name


def test_the_mean_starts_at_that_of_the_first_window():
    controls = Controls(gaze=torch.tensor([0.0, 0.0]), distance=torch.tensor(1.0))
    motion, none = sampled(), torch.zeros(200)
    made = Steering(controls, actions(), motion[:50])(motion, none)
    assert torch.allclose(
        made.dynamics[0, 7:], motion.dynamics[0, 7:] - motion.dynamics[:50, 7:].mean(0), atol=1e-5
    )
    expected = motion.scale[0].log() - motion.scale[:50].log().mean()
    assert made.scale[0].log() == pytest.approx(float(expected), abs=1e-5)


def test_signals_are_what_the_window_shows():
    track = torch.stack([torch.linspace(0, 8, 80), torch.zeros(80)], 1)
    controls = Controls(gaze=track, distance=torch.tensor(1.05))
    given = signals(controls, 50, 50, FPS)  # the window reaches beyond the track
    assert float(given["gaze"][0]) == pytest.approx(float(track[50:, 0].mean()) / 10, abs=1e-5)
    assert float(given["distance"].exp()) == pytest.approx(1.05)
    assert signals(Controls(), 0, 50, FPS) == {}


@pytest.mark.parametrize(
    "bad",
    [
        {"gaze": torch.zeros(3)},
        {"emotion": torch.zeros(4, 4)},
        {"lips": torch.zeros(2, 2)},
        {"blink": torch.zeros(0)},
        {"gaze": torch.zeros(0, 2)},
        {"distance": torch.tensor(0.0)},
        {"rotation": torch.tensor(float("nan"))},
    ],
)
def test_impossible_controls_are_named(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        check(Controls(**bad))


def test_tracks_need_a_rate():
    with pytest.raises(InputError, match="rows a second"):
        check(Controls(fps=Fraction(0)))


def test_a_track_at_the_motions_rate_is_taken_row_by_row():
    track = torch.randn(300, generator=torch.Generator().manual_seed(0))
    assert torch.equal(per_frame(Controls(lips=track), "lips", 30, 200, FPS), track[30:230])


def test_a_track_that_ends_before_the_motion_holds_its_last_row():
    short = torch.linspace(0, 1, 100)
    held = torch.cat([short, torch.ones(100)])
    assert torch.equal(steered(lips=short).dynamics, steered(lips=held).dynamics)
    one = Controls(gaze=torch.tensor([[3.0, -1.0]]))
    assert torch.equal(per_frame(one, "gaze", 70, 2, FPS), torch.tensor([[3.0, -1.0]] * 2))
    assert signals(one, 50, 50, FPS)["gaze"].tolist() == pytest.approx([0.3, -0.1])


@pytest.mark.parametrize("rate", ["10", "30", "30000/1001", "50"])
def test_a_track_is_read_at_the_motions_own_times(rate):
    fps = Fraction(rate)
    seconds = torch.arange(80) / float(fps)
    controls = Controls(gaze=torch.stack([seconds, -2 * seconds], 1), fps=fps)
    times = torch.arange(5, 45) / 25
    expected = torch.stack([times, -2 * times], 1).clamp(-2 * seconds[-1], seconds[-1])
    assert torch.allclose(per_frame(controls, "gaze", 5, 40, FPS), expected, atol=1e-5)
    mean = signals(controls, 5, 20, FPS)["gaze"] * 10
    assert torch.allclose(mean, expected[:20].mean(0), atol=1e-5)
