"""``vasa express``: a picture and a motion of one frame."""

import pytest
import torch
from PIL import Image

from vasa_core import read_image
from vasa_core.cli import main
from vasa_core.motion.files import load_motion
from vasa_core.pipelines.expression import SLIDERS
from vasa_core.provenance.label import label
from vasa_core.render.image import write_image


@pytest.fixture
def face(tmp_path, portrait_path):
    path = tmp_path / "face.png"
    Image.open(portrait_path).resize((256, 256)).save(path)
    return path


def test_an_expression_becomes_a_labelled_picture_and_a_motion(face, tmp_path, capsys):
    out, motion = tmp_path / "out.png", tmp_path / "expression.safetensors"
    asked = ["--smile", "0.6", "--yaw", "-10", "--gaze-pitch", "5"]
    assert main(["express", str(face), *asked, "-o", str(out), "--motion", str(motion)]) == 0
    assert capsys.readouterr().out == f"256x256, {out}\n"
    made = load_motion(motion)
    assert len(made) == 1 and made.rotation[0].tolist() == pytest.approx([-10, 0, 0], abs=1e-3)
    assert made.dynamics[0, -2:].tolist() == pytest.approx([0, 5], abs=1e-3)
    with Image.open(out) as picture:
        assert picture.text == label()
    changed = (read_image(out) - read_image(face)).abs().amax(1)[0] > 0.1
    assert changed.sum() > 300 and not changed[:, :10].any()


def test_nothing_asked_gives_the_picture_back(face, tmp_path):
    out = tmp_path / "out.png"
    assert main(["express", str(face), "-o", str(out)]) == 0
    assert (read_image(out) - read_image(face)).abs().max() <= 1.01 / 255


def test_an_expression_is_an_edit_and_plays(face, tmp_path):
    smile, edited = tmp_path / "smile.safetensors", tmp_path / "edited.safetensors"
    assert main(
        ["express", str(face), "--smile=1", "-o", str(tmp_path / "a.png"), "--motion", str(smile)]
    ) == 0  # fmt: skip
    assert main(["edit", str(smile), f"to={smile},0.2,0.12", "-o", str(edited)]) == 0
    assert len(load_motion(edited)) == 1 + 5 + 3


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--smile", "3"], "smile is 3; -1 to 1 work"),
        (["--yaw", "nan"], "yaw is nan"),
        (["--out", "x.gif"], "must end in one of .png"),
        (["--motion", "x.txt"], "must end in one of .safetensors"),
        (["--face", "0"], "faces are counted from 1"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(face, tmp_path, capsys, asked, said):
    before = sorted(tmp_path.iterdir())
    assert main(["express", str(face), "-o", str(tmp_path / "out.png"), *asked]) == 2
    message = capsys.readouterr().err
    assert said in message and len(message.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_the_help_names_every_value_and_its_range(capsys):
    with pytest.raises(SystemExit):
        main(["express", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    for name, slider in SLIDERS.items():
        assert f"--{name.replace('_', '-')} VALUE" in told
        assert f"({slider.least:g} to {slider.most:g})" in told


def test_an_image_comes_back_and_a_failed_one_leaves_nothing(tmp_path, rng):
    image = torch.from_numpy(rng.integers(0, 256, (1, 3, 70, 90))).float() / 255
    write_image(tmp_path / "a.png", image)
    assert torch.equal(read_image(tmp_path / "a.png"), image)
    write_image(tmp_path / "b.png", image[0])
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OSError):
        write_image(tmp_path / "folder.png", image)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "folder.png"]
