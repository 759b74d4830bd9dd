"""The examples run as they are: each script on short media, the notebook cell by cell."""

import json
import runpy
import sys
from pathlib import Path

import av
import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
NOTEBOOK = EXAMPLES / "tour.ipynb"


@pytest.fixture(scope="module")
def voice(tmp_path_factory, speech_path) -> Path:
    """The first 0.6 s of the sample speech, as a WAV file."""
    from vasa_core.audio.reader import read_audio

    samples, rate = read_audio(speech_path)
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=rate, layout="mono")
        part = (samples[: rate * 6 // 10] * 32767).short().numpy()[None]
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate = rate
        file.mux([*stream.encode(frame), *stream.encode(None)])
    return path


@pytest.fixture(scope="module")
def face(tmp_path_factory, portrait_path) -> Path:
    """A sample portrait, small."""
    path = tmp_path_factory.mktemp("face") / "face.png"
    with Image.open(portrait_path) as picture:
        picture.resize((192, 192)).save(path)
    return path


def frames_in(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def run(name: str, monkeypatch, folder: Path, *arguments) -> None:
    """Run an example in a folder, as the command line would."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


@pytest.mark.parametrize("name", ["speak", "steer"])
def test_it_speaks(name, monkeypatch, tmp_path, face, voice, capsys):
    run(f"{name}.py", monkeypatch, tmp_path, face, voice, "out.mp4")
    assert frames_in(tmp_path / "out.mp4") == 15
    assert "15 frames in out.mp4" in capsys.readouterr().out


def test_one_motion_plays_on_two_portraits(monkeypatch, tmp_path, face, voice, capsys):
    run("speak.py", monkeypatch, tmp_path, face, voice, "driver.mp4")
    run("retarget.py", monkeypatch, tmp_path, "driver.mp4")
    for name in ("tomas", "ada"):
        assert frames_in(tmp_path / f"{name}.mp4") == 15


def test_every_script_is_tested_here():
    told = Path(__file__).read_text(encoding="utf-8")
    assert not [path.stem for path in EXAMPLES.glob("*.py") if path.stem not in told]


def test_the_notebook_runs_from_top_to_bottom(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"] and cell["execution_count"] is None, "clear the outputs"
            exec("".join(cell["source"]), names)  # noqa: S102
    assert frames_in(tmp_path / "tour.mp4") == names["written"].frames > 20
