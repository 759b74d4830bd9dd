"""What Ditto is told, against plain formulas."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from vasa_core.errors import InputError
from vasa_core.motion.ditto.conditions import (
    LABELS,
    FaceConditions,
    conditioning_of,
    emotion_rows,
    eye_openings,
    eyeballs,
)
from vasa_core.types import EMOTIONS, Controls

FPS = Fraction(25)


def label(name):
    logits = torch.zeros(8)
    logits[LABELS.index(name)] = 8
    return logits.softmax(0)


@pytest.mark.parametrize("name", EMOTIONS)
def test_an_emotion_is_its_label(name):
    weights = torch.zeros(1, 5)
    weights[0, EMOTIONS.index(name)] = 1
    assert torch.allclose(emotion_rows(weights)[0], label(name))


def test_emotions_blend_and_neutral_fills_up():
    rows = emotion_rows(torch.tensor([[0, 0, 0, 0, 0], [0, 0.25, 0, 0, 0.25], [0, 3.0, 1, 0, 0]]))
    assert torch.allclose(rows[0], label("neutral"))
    half = 0.5 * label("neutral") + 0.25 * label("happy") + 0.25 * label("surprised")
    assert torch.allclose(rows[1], half)
    assert torch.allclose(rows[2], 0.75 * label("happy") + 0.25 * label("sad"))
    assert torch.allclose(
        emotion_rows(torch.tensor([[0, -1.0, 0.5, 0, 0]]))[0].sum(), torch.ones(())
    )


def plain_eyes(points):
    """(478, 3) points to openings and eyeball numbers, one eye after the other."""
    opened, moved = [], []
    for outer, inner, iris, lids in (
        (33, 133, 468, ((145, 159), (144, 160), (153, 158))),
        (263, 362, 473, ((374, 386), (373, 387), (380, 385))),
    ):
        width = np.linalg.norm(points[outer] - points[inner])
        opened.append(sum(np.linalg.norm(points[a] - points[b]) for a, b in lids) / width)
        away = points[iris] - 0.5 * (points[outer] + points[inner])
        size = np.linalg.norm(away)
        moved.append(size * (away / size - (points[outer] - points[inner]) / width))
    return np.array(opened), np.stack(moved, 1).flatten()


def test_the_eyes_are_measured_in_parts_of_the_crop(face):
    landmarks = face.conditioning.landmarks
    opened, moved = plain_eyes(landmarks.double().numpy() / 512)
    assert np.allclose(eye_openings(landmarks).numpy(), opened, atol=1e-5)
    assert np.allclose(eyeballs(landmarks).numpy(), moved, atol=1e-5)


def test_gaze_moves_the_irises(face):
    landmarks = face.conditioning.landmarks
    reach = 0.133 * (landmarks[33] - landmarks[263]).norm()
    moved = landmarks.clone()
    moved[[468, 473], 0] += reach * np.sin(np.pi / 6)
    moved[[468, 473], 1] -= reach * np.sin(np.pi / 18)  # up
    turned = eyeballs(landmarks[None], torch.tensor([[30.0, 10.0]]))
    assert torch.allclose(turned[0], eyeballs(moved), atol=1e-6)
    assert torch.allclose(eyeballs(landmarks, torch.zeros(2)), eyeballs(landmarks), atol=1e-7)


def test_a_row_holds_sound_emotion_eyes_and_face(face):
    sound = torch.randn(12, 1024)
    rows = FaceConditions(face.conditioning, Controls(), FPS, sound)(sound, 0)
    assert rows.shape == (12, 1103)
    landmarks = face.conditioning.landmarks
    parts = rows.split([1024, 8, 2, 6, 63], 1)
    assert torch.equal(parts[0], sound)
    assert torch.allclose(parts[1], label("neutral").expand(12, -1))
    assert torch.allclose(parts[2], eye_openings(landmarks).expand(12, -1))
    assert torch.allclose(parts[3], eyeballs(landmarks).expand(12, -1))
    assert torch.equal(parts[4], face.conditioning.extracted["kp"].expand(12, -1))


def test_tracks_are_read_at_the_windows_frames(face):
    emotion = torch.zeros(20, 5)
    emotion[10:, 1] = 1
    gaze = torch.zeros(20, 2)
    gaze[:, 0] = torch.arange(20.0)
    sound = torch.zeros(8, 1024)
    conditions = FaceConditions(face.conditioning, Controls(emotion=emotion, gaze=gaze), FPS, sound)
    rows = conditions(sound, 6)
    assert torch.allclose(rows[:4, 1024:1032], label("neutral").expand(4, -1))
    assert torch.allclose(rows[4:, 1024:1032], label("happy").expand(4, -1))
    landmarks = face.conditioning.landmarks
    expected = eyeballs(landmarks.expand(8, -1, -1), gaze[6:14])
    assert torch.allclose(rows[:, 1034:1040], expected)


def test_another_face_is_refused(face):
    assert conditioning_of(face, "implicit") is face.conditioning
    with pytest.raises(InputError, match="connect the portrait"):
        conditioning_of(None, "implicit")
    with pytest.raises(InputError, match="mesh"):
        conditioning_of(replace(face, space="mesh"), "implicit")
