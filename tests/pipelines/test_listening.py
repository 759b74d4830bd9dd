from fractions import Fraction

import torch

from vasa_core.audio.mixing import Timetable
from vasa_core.pipelines.listening import (
    REACTION,
    TURN,
    face_directions,
    listener_controls,
    watched_faces,
)
from vasa_core.types import Controls

FPS = Fraction(25)
TABLE = Timetable((Fraction(0), Fraction(3)), (Fraction(2), Fraction(2)))  # a second's pause
LATE = round(REACTION * FPS)


def test_a_listener_attends_to_who_speaks_and_in_a_pause_to_who_spoke():
    first, second, third = (watched_faces(face, TABLE, 125, FPS) for face in range(3))
    assert (first[LATE : 75 + LATE] == 0).all() and (first[75 + LATE :] == 1).all()
    assert (second[LATE : 75 + LATE] == 0).all() and (second[75 + LATE :] == 1).all()
    assert torch.equal(third[LATE:], second[LATE:])  # who only listens
    assert third[:LATE].tolist() == [2] * LATE  # nobody has spoken yet


def test_who_speaks_listens_to_nobody():
    table = Timetable((Fraction(0), Fraction(0)), (Fraction(4), Fraction(2)))
    first, second = (watched_faces(face, table, 100, FPS) for face in range(2))
    assert (first == 0).all()
    assert (second[LATE : 50 + LATE] == 1).all() and (second[50 + LATE :] == 0).all()


def test_directions_are_along_the_heads_own_axes():
    upright = torch.tensor([[[90.0, 50], [110, 50]], [[190, 50], [210, 50]]])
    assert torch.allclose(face_directions(upright)[0], torch.tensor([[0.0, 0], [1, 0]]))
    assert torch.allclose(face_directions(upright)[1], torch.tensor([[-1.0, 0], [0, 0]]))
    lying = torch.tensor([[[100.0, 40], [100, 60]], [[190, 50], [210, 50]]])  # turned clockwise
    assert torch.allclose(face_directions(lying)[0, 1], torch.tensor([0.0, -1]), atol=1e-6)


def test_eyes_turn_soon_and_come_back():
    towards = torch.tensor([[0.0, 0.0], [0.6, -0.8]])
    controls = listener_controls(Controls(), 0, towards, TABLE, 10.0)
    assert controls.fps == FPS and len(controls.gaze) >= 125
    assert controls.gaze[:75].abs().max() == 0
    there = controls.gaze[75 + LATE + round(TURN * FPS) :]
    assert torch.allclose(there, torch.tensor([6.0, 8.0]).expand_as(there), atol=1e-5)
    steps = controls.gaze.diff(dim=0).norm(dim=1)
    assert steps.max() <= 10 / (TURN * FPS) + 1e-4


def test_looking_is_added_to_the_gaze_that_was_asked_for():
    towards = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    asked = Controls(gaze=torch.tensor([3.0, -2.0]), lips=torch.tensor(0.5))
    controls = listener_controls(asked, 0, towards, TABLE, 10.0)
    assert controls.gaze[0].tolist() == [3, -2] and controls.lips == 0.5
    assert torch.allclose(controls.gaze[-1], torch.tensor([13.0, -2.0]))
