"""Which portraits and speech of a corpus are shown, and what is said where there are none."""

import json

import numpy as np
import pytest
from scipy.io import wavfile

from vasa_core.errors import InputError, NoFaceError
from vasa_core.lab.data.index import Entry
from vasa_core.lab.data.media import (
    first_portrait,
    named,
    portrait_entries,
    read_speech,
    speech_entries,
)


def corpus(tmp_path, folder, rows):
    """A corpus with one folder."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "INDEX.json").write_text(json.dumps(rows))
    return tmp_path


def sound(path, seconds, rate=8000):
    """A file of silence."""
    path.parent.mkdir(exist_ok=True)
    wavfile.write(path, rate, np.zeros(int(seconds * rate), np.int16))


UNFIT = [
    {"file": "trains.jpg", "split": "train"},
    {"file": "bad.jpg", "bad_input": True},
    {"file": "two.jpg", "faces": 2},
    {"file": "none.jpg", "faces": 0},
    {"file": "far.jpg", "face_width": 0.1},
]


def test_portraits_that_cannot_be_used_are_passed_over(tmp_path):
    data = corpus(tmp_path, "portraits", [*UNFIT[1:4], {"file": "good.jpg"}])
    assert [entry.name for entry in portrait_entries(data)] == ["good"]
    assert first_portrait(data).name == "good.jpg"


def test_without_a_portrait_the_reasons_are_told(tmp_path):
    with pytest.raises(InputError) as error:
        portrait_entries(corpus(tmp_path, "portraits", [*UNFIT, UNFIT[2]]))
    for why in (
        "1 of split train",
        "1 marked bad_input",
        "2 with several faces",
        "1 without a face",
    ):
        assert why in str(error.value)
    assert "1 with a face_width below 0.3" in str(error.value)
    (tmp_path / "portraits/INDEX.json").write_text("[]")
    with pytest.raises(InputError, match="lists nothing"):
        first_portrait(tmp_path)


def test_speech_without_stated_seconds_is_measured(tmp_path):
    data = corpus(tmp_path, "speech", [{"file": "short.wav"}, {"file": "long.wav"}])
    sound(data / "speech/short.wav", 1)
    sound(data / "speech/long.wav", 3)
    assert [entry.name for entry in speech_entries(data)] == ["long"]
    sound(data / "speech/long.wav", 2)
    with pytest.raises(InputError, match="2 shorter than 2.2 s"):
        speech_entries(data)
    sound(data / "speech/short.wav", 0)
    with pytest.raises(InputError, match="short.wav"):
        speech_entries(data)


def test_speech_shorter_than_stated_is_refused(tmp_path):
    sound(tmp_path / "a.wav", 1)
    with pytest.raises(InputError, match="a.wav lasts 1.0 s, not the 5 s"):
        read_speech(Entry(file=tmp_path / "a.wav", seconds=5))


def test_errors_name_the_file(tmp_path):
    with pytest.raises(NoFaceError, match="x.jpg: No face$"), named(tmp_path / "x.jpg"):
        raise NoFaceError("No face")
