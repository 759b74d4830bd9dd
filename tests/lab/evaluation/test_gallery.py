"""``vasa gallery``: a page of videos."""

import json
import shutil

import pytest
from PIL import Image

from vasa_core.assets import SPEECH
from vasa_core.cli import main
from vasa_core.errors import NoFaceError
from vasa_core.lab.data import media
from vasa_core.lab.evaluation.gallery import Exhibit, gallery
from vasa_core.render.video import VideoReader


def test_a_set_becomes_a_page_of_videos(evaluation_set, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(media, "SHORTEST", 2)
    out = tmp_path / "shown"
    assert main(["gallery", str(evaluation_set), "-o", str(out), "--size", "128"]) == 0
    assert capsys.readouterr().out.strip() == str(out / "index.html")
    page = (out / "index.html").read_text()
    assert '<video src="mira.mp4"' in page and "AI-generated" in page
    assert VideoReader(out / "mira.mp4").frames == 100
    sheet = Image.open(out / "strip.jpg")
    assert sheet.width == 6 * 150 and b"AI-generated" in sheet.info["comment"]


def test_a_folder_without_portraits_is_refused(tmp_path, capsys):
    assert main(["gallery", str(tmp_path)]) == 2
    assert "portraits/INDEX.json" in capsys.readouterr().err


def test_portraits_of_one_name_have_a_video_each(evaluation_set, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(media, "SHORTEST", 2)
    data = tmp_path / "set"
    shutil.copytree(evaluation_set / "speech", data / "speech")
    for folder in ("a", "b"):
        (data / "portraits" / folder).mkdir(parents=True)
        shutil.copy(evaluation_set / "portraits/mira.png", data / "portraits" / folder / "p.png")
    rows = [{"file": "a/p.png"}, {"file": "b/p.png"}]
    (data / "portraits/INDEX.json").write_text(json.dumps(rows))
    assert main(["gallery", str(data), "-o", str(tmp_path / "out"), "--size", "64"]) == 0
    page = (tmp_path / "out/index.html").read_text()
    for name in ("p.mp4", "p_2.mp4"):
        assert f'src="{name}"' in page and (tmp_path / "out" / name).is_file()


def test_a_portrait_without_a_face_is_named(space, model, tmp_path):
    path = tmp_path / "sky.png"
    Image.new("RGB", (128, 128), "skyblue").save(path)
    with pytest.raises(NoFaceError, match="sky.png: No face"):
        gallery(space, model, [Exhibit(path, "x", SPEECH)], tmp_path / "out")
