"""The photoreal models through the command, on stand-in weights of published size."""

import shutil

import pytest
import torch

import vasa_core
from vasa_core.cli import main
from vasa_core.errors import InputError
from vasa_core.models import MODELS, load_model, load_motion_model
from vasa_core.motion.files import load_motion
from vasa_core.render.video import VideoReader
from vasa_core.spaces import options_for
from vasa_core.weights.fill import write_stand_ins


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Stand-ins for LivePortrait and JoyVASA; removed at once, for they are large."""
    folder = tmp_path_factory.mktemp("models")
    write_stand_ins(folder, "joyvasa")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def sound(tmp_path):
    """A twelfth of a second of sound: two frames."""
    import av

    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=24000, layout="mono")
        samples = (3000 * torch.sin(torch.arange(1900) / 9)).short()[None].numpy()
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.rate = 24000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_sound_to_motion_to_video(folder, tmp_path, portrait_path, sound, capsys):
    motion, video = tmp_path / "m.safetensors", tmp_path / "talk.mp4"
    models = ["--models", str(folder)]
    arguments = ["motion", str(sound), "-o", str(motion), "--model", "joyvasa", "--steps", "5"]
    assert main([*arguments, *models]) == 0
    made = load_motion(motion)
    assert len(made) == 2 and made.space == "implicit" and made.reference == "portrait"
    arguments = ["render", str(portrait_path), str(motion), "--audio", str(sound), "--size", "256"]
    assert main([*arguments, "-o", str(video), *models]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"2 frames, 25 fps, {video}"
    frames = list(VideoReader(video))
    source = vasa_core.read_image(portrait_path, 256)[0]
    change = (frames[1] - source).abs().mean(0)
    assert frames[0].shape == source.shape and len(frames) == 2
    assert change[60:110, 100:150].mean() > 0.1 > 0.02 > change[200:, :40].mean()  # face, corner


def test_a_face_is_tracked(folder, tmp_path, portrait_path):
    out = tmp_path / "t.safetensors"
    arguments = ["track", str(portrait_path), "-o", str(out), "--model", "joyvasa"]
    assert main([*arguments, "--models", str(folder)]) == 0
    seen = load_motion(out)
    assert len(seen) == 1 and seen.space == "implicit" and seen.reference == "portrait"


def test_missing_and_broken_weights_are_named(folder, tmp_path, portrait_path, sound, capsys):
    half = tmp_path / "models"
    half.mkdir()
    command = ["animate", str(portrait_path), str(sound), "-o", str(tmp_path / "x.mp4")]
    command += ["--models", str(half), "--model"]
    assert main([*command, "joyvasa"]) == 2
    said = capsys.readouterr().err
    assert "joyvasa lacks 7 files" in said and "motion_template.pkl" in said and str(half) in said
    for file in folder.iterdir():
        (half / file.name).symlink_to(file)
    assert main([*command, "ditto"]) == 2
    assert "ditto lacks 2 files" in capsys.readouterr().err
    broken = half / "liveportrait_warping_module.safetensors"
    broken.unlink()
    broken.write_bytes((folder / broken.name).read_bytes()[:1_000_000])
    assert main([*command, "joyvasa"]) == 2
    assert f"{broken} is damaged or cut short" in capsys.readouterr().err
    swapped = folder / "liveportrait_spade_generator.safetensors"
    broken.unlink()
    broken.symlink_to(swapped)
    assert main([*command, "joyvasa"]) == 2
    said = capsys.readouterr().err
    assert "the weights of liveportrait_spade_generator, not of liveportrait_warping_module" in said
    assert sorted(tmp_path.glob("*.mp4")) == []


def test_defaults_are_known_before_loading_and_stand_in_the_help(model, capsys):
    own = MODELS["mesh"]
    assert (own.steps, own.cfg) == (model.default_steps, model.default_cfg) == (4, 0.5)
    assert [(m.steps, m.cfg) for m in MODELS.values()] == [(4, 0.5), (50, 1.8), (50, 1.0)]
    with pytest.raises(SystemExit):
        main(["animate", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "(default: mesh 4, joyvasa 50, ditto 50)" in said
    assert "(default: mesh 0.5, joyvasa 1.8, ditto 1)" in said


def test_options_belong_to_a_space():
    asked = options_for("mesh", refine=False, exact=True)
    assert asked == {"refine": False} and options_for("implicit", **asked, exact=True) == {
        "exact": True
    }
    assert vasa_core.load_space("mesh", **asked).refiner is None
    with pytest.raises(TypeError, match="'mesh' has no option 'exact'; it has: refine"):
        load_model("mesh", exact=True)


def test_models_have_names():
    assert [model.space for model in MODELS.values()] == ["mesh", "implicit", "implicit"]
    with pytest.raises(InputError, match="no model 'x'.*mesh, joyvasa, ditto"):
        load_model("x")
    with pytest.raises(InputError, match="no motion model 'x'"):
        load_motion_model("x")
    with pytest.raises(InputError, match="no face space 'x'"):
        vasa_core.load_space("x")
