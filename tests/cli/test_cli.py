import re

import numpy as np
import pytest
import torch
from PIL import Image

from vasa_core.assets import MOTION
from vasa_core.cli import build_parser, main
from vasa_core.cli.options import controls_from
from vasa_core.motion.files import load_motion
from vasa_core.render.video import VideoReader
from vasa_core.types import STRENGTHS


@pytest.fixture
def small_portrait(tmp_path, portrait_path):
    path = tmp_path / "face.png"
    Image.open(portrait_path).resize((256, 256)).save(path)
    return path


@pytest.fixture
def short_sound(tmp_path, rng):
    import av

    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16000, layout="mono")
        samples = (rng.standard_normal((1, 9600)) * 2000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_options_become_controls():
    line = "animate p.png a.wav -o x.mp4 --gaze=-10,5 --distance 1.5 --lips 0 --rotation 2"
    args = build_parser().parse_args(
        [*line.split(), "--emotion", "happy:0.5", "--emotion=surprised"]
    )
    controls = controls_from(args)
    assert controls.gaze.tolist() == [-10, 5]
    assert controls.distance == 1.5
    assert controls.emotion.tolist() == [0, 0.5, 0, 0, 1]
    assert (controls.lips, controls.rotation, controls.blink) == (0, 2, 1)


@pytest.mark.parametrize(
    "option",
    [
        *("--fps 0", "--fps x", "--gaze 3", "--emotion joyful:1", "--emotion happy:very"),
        *("--cfg nan", "--gaze-cfg x", "--neutral 1.5", "--neutral nan", "--neutral=-1"),
    ],
)
def test_bad_options_are_refused(option, capsys):
    with pytest.raises(SystemExit) as stop:
        main(f"animate p.png a.wav -o x.mp4 {option}".split())
    assert stop.value.code == 2
    assert re.split("[ =]", option)[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        *(f"animate p.png a.wav -o x.mp4 --{bad}" for bad in ("size 0", "size -5", "size x")),
        *(f"animate p.png a.wav -o x.mp4 --{bad}" for bad in ("workers 0", "steps 0")),
        "animate p.png a.wav -o x.mp4 --seed 99999999999999999999",
        *("demo --size 0", "express p.png -o x.png --size 0", "figure gaze -o x.png --size 0"),
        *("gallery --size 0", "gallery --workers 0", "bench --size 0", "bench --workers -1"),
        *("evaluate . --seeds 0", "evaluate . --seeds -1", "evaluate . --steps 0"),
        *("dialogue p.png a.wav -o x.mp4 --size 0", "dub v.mp4 a.wav -o x.mp4 --workers 0"),
        "render p.png m.safetensors -o x.mp4 --size 0",
    ],
)
def test_what_is_counted_is_one_or_more(line, capsys):
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    assert stop.value.code == 2
    (said,) = [text for text in capsys.readouterr().err.splitlines() if "error:" in text]
    assert re.search(r"too small; 1 is|too large|no whole number", said), said


@pytest.mark.parametrize("device", ["bogus", "cuda:99", "meta"])
@pytest.mark.parametrize(
    "line",
    [
        *("animate p.png a.wav -o x.mp4", "demo", "motion a.wav -o m.safetensors", "gallery"),
        *("track v.mp4 -o m.safetensors", "render p.png m.safetensors -o x.mp4", "bench"),
        *("express p.png -o x.png", "figure gaze -o x.png", "evaluate ."),
        *("dialogue p.png a.wav -o x.mp4", "dub v.mp4 a.wav -o x.mp4"),
    ],
)
def test_a_device_that_is_not_there_is_refused_in_a_sentence(line, device, capsys):
    assert main([*line.split(), "--device", device]) == 2
    message = capsys.readouterr().err
    assert f"--device {device} cannot be used; there is: cpu" in message
    assert len(message.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["evaluate", "gallery"])
def test_a_file_is_no_folder_for_the_output(command, tmp_path, capsys):
    (tmp_path / "f.jpg").touch()
    for out in (tmp_path / "f.jpg", tmp_path / "f.jpg/below"):
        assert main([command, str(tmp_path), "-o", str(out)]) == 2
        assert f"{tmp_path / 'f.jpg'} is a file; give a folder" in capsys.readouterr().err


def test_one_frame_is_said_in_the_singular(tmp_path, capsys):
    out = tmp_path / "m.safetensors"
    assert main(["edit", str(MOTION), "trim=0,0.04", "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"1 frame, 25 fps, {out}\n"


def test_motion_then_render(tmp_path, small_portrait, short_sound, capsys):
    motion = tmp_path / "motion.safetensors"
    assert main(["motion", str(short_sound), "-o", str(motion), "--fps", "30"]) == 0
    assert len(load_motion(motion)) == 18
    out = tmp_path / "out.mp4"
    arguments = ["render", str(small_portrait), str(motion), "--audio", str(short_sound)]
    assert main([*arguments, "-o", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"18 frames, 30 fps, {out}"
    refined = torch.stack(list(VideoReader(out)))
    assert len(refined) == 18
    assert main([*arguments, "-o", str(out), "--no-refiner"]) == 0
    assert not torch.equal(torch.stack(list(VideoReader(out))), refined)


def test_track_reads_what_animate_wrote(tmp_path, small_portrait, short_sound):
    out, motion = tmp_path / "out.mp4", tmp_path / "motion.safetensors"
    assert main(["animate", str(small_portrait), str(short_sound), "-o", str(out)]) == 0
    assert main(["track", str(out), "-o", str(motion)]) == 0
    tracked = load_motion(motion)
    assert len(tracked) == 15 and tracked.reference == "portrait"
    assert tracked.rotation[0].abs().max() < 1e-3 and tracked.scale[0] == 1
    assert main(["track", str(out), "-o", str(motion), "--absolute"]) == 0
    assert load_motion(motion).reference == "camera"
    assert main(["track", str(small_portrait), "-o", str(motion)]) == 0
    assert len(load_motion(motion)) == 1


def test_a_still_picture_and_zero_strengths_leave_the_head_at_rest(
    tmp_path, small_portrait, short_sound
):
    motion = tmp_path / "motion.safetensors"
    zero = [f"--{part}=0" for part in STRENGTHS]
    assert main(["motion", str(short_sound), "-o", str(motion), *zero]) == 0
    still = load_motion(motion)
    assert not still.rotation.any() and not still.translation.any() and not still.dynamics.any()
    assert torch.equal(still.scale, torch.ones(len(still)))


def bad_inputs(folder, portrait, sound):
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(folder / "gray.png")
    (folder / "empty.png").touch()
    (folder / "empty.wav").touch()
    (folder / "half.wav").write_bytes(sound.read_bytes()[:30])
    out = folder / "x.mp4"
    return {
        "No image at": ["animate", folder / "none.png", sound, "-o", out],
        "not a readable image": ["animate", folder / "empty.png", sound, "-o", out],
        "o face": ["animate", folder / "gray.png", sound, "-o", out],
        "Face 4": ["animate", portrait, sound, "-o", out, "--face", "4"],
        "none.wav": ["animate", portrait, folder / "none.wav", "-o", out],
        "empty.wav": ["animate", portrait, folder / "empty.wav", "-o", out],
        "half.wav": ["animate", portrait, folder / "half.wav", "-o", out],
        "gray.png": ["animate", portrait, folder / "gray.png", "-o", out],
        "must end in": ["animate", portrait, sound, "-o", folder / "x.txt"],
        "does not exist": ["animate", portrait, sound, "-o", folder / "no" / "x.mp4"],
        "sound.wav": ["render", portrait, sound, "-o", out],
    }


def test_bad_input_gives_exit_code_2_and_one_sentence(
    tmp_path, small_portrait, short_sound, capsys
):
    for expected, arguments in bad_inputs(tmp_path, small_portrait, short_sound).items():
        before = sorted(tmp_path.iterdir())
        assert main([str(a) for a in arguments]) == 2, expected
        message = capsys.readouterr().err
        assert expected in message and message.startswith("vasa: ")
        assert len(message.strip().splitlines()) == 1 and "Traceback" not in message
        assert sorted(tmp_path.iterdir()) == before
