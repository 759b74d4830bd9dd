"""``vasa dialogue``, and the mask that ``vasa animate`` and ``vasa render`` write."""

import av
import pytest
import torch
from PIL import Image

import vasa_core
from vasa_core.assets import MOTION, PORTRAITS
from vasa_core.audio.reader import read_audio
from vasa_core.cli import main
from vasa_core.pipelines.dialogue import leftmost_faces
from vasa_core.render.image import write_image


@pytest.fixture(scope="module")
def folder(tmp_path_factory, speech_path):
    """pair.png with the larger face on the right, a.wav and b.wav of half a second each."""
    folder = tmp_path_factory.mktemp("dialogue")
    mira, tomas = (vasa_core.read_image(PORTRAITS[name], 256) for name in ("mira", "tomas"))
    left = torch.nn.functional.interpolate(mira, (192, 192), mode="area")
    pair = torch.full((1, 3, 256, 448), 0.5)
    pair[..., 32:224, :192], pair[..., 192:] = left, tomas
    write_image(folder / "pair.png", pair)
    speech, rate = read_audio(speech_path)
    for name, start in (("a.wav", 8000), ("b.wav", 24000)):
        samples = (speech[None, start : start + rate // 2] * 32767).short().numpy()
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate = rate
        with av.open(str(folder / name), "w") as out:
            stream = out.add_stream("pcm_s16le", rate=rate, layout="mono")
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return folder


def dialogue(folder, *arguments):
    return main(["dialogue", str(folder / "pair.png"), *map(str, arguments)])


def test_two_faces_take_turns_or_speak_together(folder, tmp_path, capsys):
    out = tmp_path / "talk.mp4"
    sounds = (folder / "a.wav", folder / "b.wav")
    assert dialogue(folder, *sounds, "-o", out, "--pause", "0.2", "--look") == 0
    assert "30 frames, 25 fps" in capsys.readouterr().out
    assert dialogue(folder, *sounds, "-o", out, "--together", "--faces", "1,2") == 0
    assert "13 frames" in capsys.readouterr().out


def test_faces_go_from_left_to_right_whatever_their_size(folder, space):
    image = vasa_core.read_image(folder / "pair.png")
    assert space.encode(image).landmarks[:, 0].mean() > 192  # the largest one
    chosen = leftmost_faces(space, image, 2)
    assert [portrait.face for portrait in chosen] == [1, 0]


def test_what_cannot_be_is_said_in_a_sentence(folder, tmp_path, capsys):
    sound, out = folder / "a.wav", tmp_path / "talk.mp4"
    assert dialogue(folder, *[sound] * 3, "-o", out) == 2
    assert "3 faces are needed, but the picture shows 2 faces" in capsys.readouterr().err
    assert dialogue(folder, sound, sound, "-o", out, "--faces", "1,1") == 2
    assert "same face" in capsys.readouterr().err
    assert dialogue(folder, sound, "-o", out, "--faces", "1,3") == 2
    assert "Face 3 was asked for" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        dialogue(folder, sound, "-o", out, "--faces", "0")
    assert "not a list of faces" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_mask_is_written_beside_the_video(tmp_path, portrait_path, capsys):
    out, mask = tmp_path / "out.mp4", tmp_path / "mask.png"
    command = ["render", str(portrait_path), str(MOTION), "-o", str(out), "--size", "128"]
    assert main([*command, "--mask", str(tmp_path / "mask.jpg")]) == 2
    assert ".png" in capsys.readouterr().err
    assert main([*command, "--mask", str(mask)]) == 0
    with Image.open(mask) as picture:
        assert picture.size == (128, 128)
        low, high = picture.convert("L").getextrema()
    assert (low, high) == (0, 255)
