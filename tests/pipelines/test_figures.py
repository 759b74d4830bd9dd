"""The sheets of VASA-1's project page, on one small portrait."""

from dataclasses import replace

import pytest
import torch

from vasa_core.assets import PORTRAITS
from vasa_core.cli import main
from vasa_core.errors import InputError
from vasa_core.pipelines.figures import (
    CAPTION,
    CELL,
    FIGURES,
    MOMENTS,
    STEERED_AT,
    figure,
    figure_setup,
)
from vasa_core.render.image import read_image


@pytest.fixture(scope="module")
def setup(space, model):
    return figure_setup(space, model, [PORTRAITS["mira"]], size=192)


def cells(sheet, row, above):
    """The frames of a row of a sheet, (n, 3, CELL, CELL)."""
    top = row * (above + CELL + CAPTION) + above
    return torch.stack(list(sheet[:, top : top + CELL].split(CELL, 2)))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_shows_different_frames_under_captions(setup, name):
    sheet = figure(setup, name)
    rows = FIGURES[name](setup)
    above = CAPTION if rows[0].name else 0
    assert sheet.shape == (
        3, len(rows) * (above + CELL + CAPTION), CELL * len(rows[0].captions)
    )  # fmt: skip
    assert sheet.min() >= 0 and sheet.max() <= 1
    frames = cells(sheet, 0, above)
    changes = (frames[1:] - frames[:-1]).abs().flatten(1).mean(1)
    assert (changes > 1e-4).all()
    captions = sheet[:, above + CELL : above + CELL + CAPTION]
    assert (captions < 0.5).any(), "no text"


@pytest.mark.parametrize("name", FIGURES)
def test_a_sound_that_ends_before_the_last_frame_is_refused(setup, name):
    last = STEERED_AT if name in ("gaze", "distance", "emotion") else MOMENTS[-1]
    short = replace(setup, sound=setup.sound[: int((last - 0.1) * setup.rate)])
    with pytest.raises(InputError, match=f"{last - 0.1:.1f} s, .* up to {last} s; give a longer"):
        figure(short, name)


def test_pictures_of_one_name_in_two_folders_are_two_portraits(space, model, tmp_path):
    (tmp_path / "face.jpg").write_bytes(PORTRAITS["mira"].read_bytes())
    (tmp_path / "other").mkdir()
    (tmp_path / "other/face.jpg").write_bytes(PORTRAITS["ada"].read_bytes())
    files = [tmp_path / "face.jpg", tmp_path / "other/face.jpg"]
    assert len(figure_setup(space, model, files, size=128).portraits) == 2


def test_a_sound_that_just_reaches_the_last_frame_will_do(setup):
    enough = replace(setup, sound=setup.sound[: int((MOMENTS[-1] + 0.04) * setup.rate)])
    assert len(FIGURES["photos"](enough)[0].motion) == len(MOMENTS)


def test_taken_apart_a_face_or_a_head_stays(setup):
    raw, held = (row.motion for row in FIGURES["pose"](setup))
    assert torch.equal(raw.rotation, held.rotation)
    assert (held.dynamics == held.dynamics[0]).all() and raw.dynamics.std(0).max() > 0.1
    raw, played = (row.motion for row in FIGURES["expression"](setup))
    assert torch.equal(raw.dynamics, played.dynamics)
    assert not played.rotation.any() and not played.translation.any()
    _, spinning = (row.motion for row in FIGURES["spin"](setup))
    assert (spinning.dynamics == spinning.dynamics[0]).all()
    assert spinning.rotation[:, 0].max() > 8 and spinning.rotation[:, 0].min() < -8
    assert len(spinning) == len(MOMENTS)


def test_the_command_writes_a_sheet(tmp_path, capsys):
    out = tmp_path / "sheet.jpg"
    line = ["figure", "distance", str(PORTRAITS["mira"]), "--size", "128", "-o", str(out)]
    assert main(line) == 0
    assert "pixels" in capsys.readouterr().out
    assert read_image(out).shape[-1] == 5 * CELL
    with pytest.raises(SystemExit):
        main(["figure", "nose", "-o", str(out)])
    assert main(["figure", "gaze", "-o", str(tmp_path / "x.gif")]) == 2
