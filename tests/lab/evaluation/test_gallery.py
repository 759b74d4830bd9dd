"""``vasa gallery``: a page of videos."""

from PIL import Image

from vasa_core.cli import main
from vasa_core.lab.data import media
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
