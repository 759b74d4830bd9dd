"""``vasa evaluate`` from a set to its table, JSON and page."""

import json
import re
import shutil

import pytest

from vasa_core.cli import main
from vasa_core.lab.data import media
from vasa_core.lab.evaluation import evaluate, model_under_test, reenactment, rendered, speaking
from vasa_core.lab.evaluation.measures import MEASURES


@pytest.fixture
def short(monkeypatch):
    """Less of everything."""
    monkeypatch.setattr(speaking, "QUIET_SECONDS", 2)
    monkeypatch.setattr(speaking, "LONG_SECONDS", 20)
    monkeypatch.setattr(media, "SHORTEST", 2)
    monkeypatch.setattr(rendered, "SECONDS", 1.2)
    monkeypatch.setattr(evaluate, "SECONDS", 1.2)
    monkeypatch.setattr(evaluate, "GAZE_SECONDS", 0.4)
    monkeypatch.setattr(rendered, "STRETCH", 0.2)
    monkeypatch.setattr(rendered, "ASKED_SECONDS", 0.2)
    monkeypatch.setattr(rendered, "SIZE", 160)
    monkeypatch.setattr(model_under_test, "SIZE", 160)
    monkeypatch.setattr(evaluate, "TIMED_FRAMES", 4)
    monkeypatch.setattr(rendered, "SLOW_FRAMES", 6)
    monkeypatch.setattr(reenactment, "STEP", 16)


def test_every_measure_is_taken_and_written(evaluation_set, tmp_path, short, capsys):
    out = tmp_path / "report"
    assert main(["evaluate", str(evaluation_set), "-o", str(out), "--seeds", "1"]) == 0
    printed = capsys.readouterr().out
    content = json.loads((out / "metrics.json").read_text())
    assert {row["measure"] for row in content["rows"]} == set(MEASURES)
    for measure in MEASURES.values():
        assert measure.title in printed
    values = {(s["measure"], s["subject"]): s["mean"] for s in content["summary"]}
    assert values["opening", "model"] > 0.5  # the clip's lips were moved by this very model
    assert values["sync_offset", "model"] <= 1
    assert values["l1", "model"] < values["l1", "still"]
    assert values["lip_landmarks", "model"] < values["lip_landmarks", "still"]
    page = (out / "index.html").read_text()
    plots = re.findall(r'<img src="(plots/[a-z_0-9]+\.svg)"', page)
    assert len(plots) >= 3 and all("</svg>" in (out / plot).read_text() for plot in plots)
    assert "mira.jpg" in page
    assert (out / "mira.jpg").is_file() and (out / "reenacted_clip.jpg").is_file()


def test_portraits_and_speech_are_enough(evaluation_set, tmp_path, short):
    for name in ("portraits", "speech"):
        shutil.copytree(evaluation_set / name, tmp_path / "set" / name)
    assert main(["evaluate", str(tmp_path / "set"), "-o", str(tmp_path), "--seeds", "1"]) == 0
    content = json.loads((tmp_path / "metrics.json").read_text())
    measured = {row["measure"] for row in content["rows"]}
    assert {"sync", "rest_gap", "flicker", "time"} <= measured < set(MEASURES)
    assert not measured & {"opening", "l1", "closed"}


def test_a_folder_that_is_no_set_is_refused(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "no evaluation set" in capsys.readouterr().err
    assert not (tmp_path / "evaluation").exists()
