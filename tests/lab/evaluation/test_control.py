"""Controls measured in rendered frames, and the measures themselves."""

import pytest
import torch

from vasa_core.audio.reader import read_audio
from vasa_core.lab.evaluation import control
from vasa_core.lab.evaluation.control import Trial, rank_correlation, table


@pytest.fixture(scope="module")
def trial(space, model, portrait, speech_path):
    return Trial(space, model, space, portrait, *read_audio(speech_path))


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(control, "SWEEP_SECONDS", 0.6)
    monkeypatch.setattr(control, "EMOTION_SECONDS", 2.0)


def test_the_eyes_look_where_they_were_asked_to(trial, monkeypatch):
    monkeypatch.setattr(control, "GAZES", (-20, -10, 0, 10, 20))
    rows = control.gaze_rows(trial)
    assert rows["gaze_yaw: rank correlation"] >= 0.9
    assert rows["gaze_pitch: rank correlation"] >= 0.9
    assert rows["gaze_yaw: measured per asked degree"] > 0.1


def test_the_face_is_as_large_as_the_distance_says(trial, monkeypatch):
    monkeypatch.setattr(control, "DISTANCES", (0.75, 1.0, 1.35))
    assert control.distance_rows(trial)["distance: largest size error, %"] < 3


def test_emotions_move_the_face_their_way_and_leave_the_lips_in_sync(trial, monkeypatch):
    monkeypatch.setattr(control, "EMOTIONS", ("neutral", "happy", "angry"))
    rows = control.emotion_rows(trial)
    for name in ("happy", "angry"):
        assert rows[f"{name}: lip opening against neutral"] >= 0.9
    assert rows["happy: change along its own"] > 0.8


def test_the_edge_of_what_moves_is_calmer_than_the_face(trial):
    assert 0 < control.edge_rows(trial)["edge: mean change against inside"] < 0.5


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
