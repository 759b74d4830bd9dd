"""Controls measured in rendered frames, and the measures themselves."""

import pytest
import torch

from vasa_core.audio.reader import read_audio
from vasa_core.lab.evaluation import control
from vasa_core.lab.evaluation.asked import gaze_error
from vasa_core.lab.evaluation.control import rank_correlation, table
from vasa_core.lab.evaluation.model_under_test import ModelUnderTest


@pytest.fixture(scope="module")
def tested(space, model, portrait):
    return ModelUnderTest(space, model, space, portrait)


@pytest.fixture(scope="module")
def sound(speech_path):
    samples, rate = read_audio(speech_path)
    return samples[: 2 * rate], rate


@pytest.fixture(scope="module")
def heard(model, sound):
    samples, rate = sound
    return model.features(samples[: int(0.6 * rate)], rate)


def test_the_eyes_look_where_they_were_asked_to(tested, heard, monkeypatch):
    monkeypatch.setattr(control, "GAZES", (-20.0, -10.0, 0.0, 10.0, 20.0))
    rows = control.gaze_rows(tested, heard)
    assert rows["gaze_yaw: rank correlation"] >= 0.9
    assert rows["gaze_pitch: rank correlation"] >= 0.9
    assert rows["gaze_yaw: measured per asked degree"] > 0.1
    assert 0 < rows["gaze_yaw: mean error, degrees"] < 12  # 12 is that of eyes that do not move


def test_a_gaze_error_is_the_angle_between_two_directions():
    assert gaze_error((10.0, 0.0), torch.tensor([10.0, 0.0])) == pytest.approx(0, abs=1e-3)
    assert gaze_error((10.0, 0.0), torch.tensor([-5.0, 0.0])) == pytest.approx(15, abs=1e-3)
    assert gaze_error((0.0, 12.0), torch.tensor([0.0, -3.0])) == pytest.approx(15, abs=1e-3)
    assert gaze_error((90.0, 80.0), torch.tensor([-90.0, 80.0])) == pytest.approx(20, abs=1e-3)


def test_the_face_is_as_large_as_the_distance_says(tested, heard, monkeypatch):
    monkeypatch.setattr(control, "DISTANCES", (0.75, 1.0, 1.35))
    assert control.distance_rows(tested, heard)["distance: largest size error, %"] < 3


def test_emotions_move_the_face_their_way_and_leave_the_lips_in_sync(tested, sound, monkeypatch):
    monkeypatch.setattr(control, "EMOTIONS", ("neutral", "happy", "angry"))
    rows = control.emotion_rows(tested, tested.features(*sound))
    for name in ("happy", "angry"):
        assert rows[f"{name}: lip opening against neutral"] >= 0.9
    assert rows["happy: change along its own"] > 0.8


def test_the_edge_of_what_moves_is_calmer_than_the_face(tested, heard):
    assert 0 < control.edge_rows(tested, heard)["edge: mean change against inside"] < 0.5


def test_rank_correlation_is_spearmans():
    x = torch.tensor([0.1, 3.0, 2.0, -5.0, 9.0])
    assert rank_correlation(x, x.exp()) == pytest.approx(1)
    assert rank_correlation(x, -x) == pytest.approx(-1)
    assert rank_correlation(torch.arange(5.0), torch.tensor([1.0, 0, 2, 3, 4])) == pytest.approx(
        0.9
    )


def test_the_table_has_a_mean():
    lines = table({"a": {"size": 1.0}, "b": {"size": 2.0}}).splitlines()
    assert lines[0].split() == ["a", "b", "mean"] and lines[1].split() == [
        "size",
        "1.000",
        "2.000",
        "1.500",
    ]
