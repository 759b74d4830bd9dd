"""The pack in a real ComfyUI server: prompts through its HTTP API."""

import time
from copy import deepcopy

import av
import pytest
from PIL import Image

from vasa_core.weights.fill import write_stand_ins

pytestmark = pytest.mark.comfyui

PROMPT = {
    "model": {
        "class_type": "VASALoadModel",
        "inputs": {"model": "mesh (embedded)", "device": "default"},
    },
    "sample": {"class_type": "VASASamplePortraitAndSpeech", "inputs": {"portrait": "astronaut"}},
    "portrait": {
        "class_type": "VASAEncodePortrait",
        "inputs": {"model": ["model", 0], "image": ["sample", 0], "face": 1},
    },
    "features": {
        "class_type": "VASAAudioFeatures",
        "inputs": {"model": ["model", 0], "audio": ["sample", 1]},
    },
    "motion": {
        "class_type": "VASASampleMotion",
        "inputs": {
            "model": ["model", 0], "audio_features": ["features", 0],
            "seed": 0, "steps": 5, "cfg": 0.5, "fps": 25.0,
        },
    },
    "video": {
        "class_type": "VASARenderVideo",
        "inputs": {
            "portrait": ["portrait", 0], "motion": ["motion", 0], "audio": ["sample", 1],
            "size": "crop",
        },
    },
    "save": {
        "class_type": "SaveVideo",
        "inputs": {
            "video": ["video", 0], "filename_prefix": "talk", "format": "auto", "codec": "auto",
        },
    },
}  # fmt: skip


def prompt(**changes):
    """The prompt with some inputs changed: ``node__input=value``."""
    changed = deepcopy(PROMPT)
    for name, value in changes.items():
        node, _, key = name.partition("__")
        changed[node]["inputs"][key] = value
    return changed


def load(node, **inputs):
    return {"class_type": node, "inputs": inputs}


def failure(run):
    """The message in the error dialog."""
    (error,) = run.of("execution_error")
    return error["exception_message"]


def test_the_server_starts_without_a_word_from_the_pack(server):
    nodes = server.get("/object_info")
    assert len([name for name in nodes if name.startswith("VASA")]) == 25
    start, ready, _ = server.log.read_text().partition("To see the GUI go to")
    lines = start.splitlines()
    assert ready and any("ComfyUI-VASA" in line for line in lines)  # its import time is told
    assert not [line for line in lines if "VASA" in line and "seconds" not in line]
    assert not [line for line in lines if "IMPORT FAILED" in line or "entrypoint" in line]


def test_portrait_and_speech_become_a_saved_labelled_video(server):
    run = server.run(prompt())
    assert run.of("execution_success"), run.messages[-1]
    assert run.previews >= 2 and len(run.of("progress")) > 20
    shown = run.outputs["save"]["images"][0]
    with av.open(str(server.folder / "output" / shown["filename"])) as video:
        assert video.metadata["ai_generated"] == "true" and "prompt" in video.metadata
        assert sum(1 for _ in video.decode(video=0)) == 221  # ceil(8.835 s * 25)
        sound = video.streams.audio[0]
        assert float(sound.duration * sound.time_base) > 8.8


def test_another_seed_does_not_encode_the_portrait_again(server):
    server.run(prompt())
    run = server.run(prompt(motion__seed=1))
    (cached,) = run.of("execution_cached")
    assert {"model", "sample", "portrait", "features"} <= set(cached["nodes"])
    ran = {data["node"] for data in run.of("executing")}
    assert ran - {None} == {"motion", "video", "save"}


def test_interrupt_stops_within_a_second(server):
    asked = []

    async def interrupt(run, post):
        if (
            not asked
            and run.messages[-1][1] == "progress"
            and run.messages[-1][2]["node"] == "video"
        ):
            asked.append(time.monotonic())
            await post("/interrupt", {})

    long = prompt(motion__seed=2, sample__portrait="astronaut")
    run = server.run(long, interrupt)
    assert run.of("execution_interrupted")
    assert run.messages[-1][0] - asked[0] < 1.0
    assert not list((server.folder / "temp").rglob("*partial*"))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"motion__steps": -1}, "value_smaller_than_min"),
        ({"portrait__face": 99}, "value_bigger_than_max"),
        ({"model__model": "no such file"}, "custom_validation_failed"),
        ({"video__size": "huge"}, "custom_validation_failed"),
        ({"sample__portrait": "nobody"}, "custom_validation_failed"),
        ({"video__motion": ["portrait", 0]}, "return_type_mismatch"),
    ],
)
def test_wrong_inputs_are_refused_before_anything_runs(server, change, error):
    run = server.run(prompt(**change))
    kinds = [e["type"] for node in run.error["node_errors"].values() for e in node["errors"]]
    assert kinds == [error]


def picture(server, name, size, colour=(90, 120, 150)):
    Image.new("RGB", size, colour).save(server.folder / "input" / name)
    return load("LoadImage", image=name)


def test_a_picture_without_a_face_says_so(server):
    graph = prompt(portrait__image=["file", 0])
    graph["file"] = picture(server, "plain.png", (320, 240))
    assert failure(server.run(graph)).startswith("No face in this 320x240 image")


def test_a_mask_of_the_wrong_size_says_so(server):
    graph = prompt(portrait__mask=["mask", 0])
    graph["mask"] = load("SolidMask", value=1.0, width=100, height=80)
    assert "mask is 100x80, the image 512x512" in failure(server.run(graph))


def test_a_picture_that_is_too_large_says_so(server):
    graph = prompt(portrait__image=["file", 0])
    graph["file"] = picture(server, "wide.png", (9000, 80))
    assert "9000x80; at most 8192 px" in failure(server.run(graph))


def test_an_empty_sound_says_so(server):
    graph = prompt(features__audio=["file", 0])
    graph["file"] = load("EmptyAudio", duration=0.0, sample_rate=44100, channels=2)
    assert "The sound is empty" in failure(server.run(graph))


def test_a_motion_is_edited_step_by_step_and_rendered(server):
    graph = prompt()
    del graph["video"], graph["save"]
    kept = dict.fromkeys(("lips", "expression", "blink", "eyes", "rotation", "translation"), 1.0)
    graph |= {
        "scale": load("VASAScaleMotion", motion=["motion", 0], lips_only=True, **kept),
        "other": load("VASALoadMotion", file="sample motion (embedded)"),
        "mix": load("VASAMixMotion", base=["scale", 0], pose=["other", 0]),
        "hold": load(
            "VASAHoldMotion", motion=["mix", 0], hold="face", time=1.0, spin=False, spin_seconds=4.0
        ),
        "cut": load(
            "VASAEditMotion", motion=["hold", 0], start=1.0, end=1.2, speed=1.0, reverse=False,
            smooth=0.0, smooth_face=False, loop_fade=0.0, fps=0.0,
        ),
        "frames": load(
            "VASARenderFrames", portrait=["portrait", 0], motion=["cut", 0], size="crop"
        ),
        "show": load("PreviewImage", images=["frames", 0]),
    }  # fmt: skip
    run = server.run(graph)
    assert run.of("execution_success"), run.error or run.messages[-1]
    assert len(run.outputs["show"]["images"]) == 5
    graph["hold"]["inputs"]["time"] = 60.0
    assert "There is no 60 s in Motion(mesh, 221 frames" in failure(server.run(graph))


def test_a_video_drives_a_portrait(server, space, portrait):
    from vasa_core.assets import MOTION
    from vasa_core.motion.files import load_motion
    from vasa_core.pipelines.animate import render_video

    motion = load_motion(MOTION)[40:46]
    render_video(portrait, motion, server.folder / "input" / "driving.mp4", space=space)
    graph = prompt(video__motion=["track", 0], video__audio=["track", 1], save__filename_prefix="d")
    del graph["features"], graph["motion"]
    graph["driving"] = load("LoadVideo", file="driving.mp4")
    graph["track"] = load(
        "VASATrackMotion", model=["model", 0], video=["driving", 0], images_fps=25.0, face=1,
        mode="relative",
    )  # fmt: skip
    run = server.run(graph)
    assert run.of("execution_success"), run.error or run.messages[-1]
    shown = run.outputs["save"]["images"][0]
    with av.open(str(server.folder / "output" / shown["filename"])) as video:
        assert video.streams.audio  # the silence of a video without sound
        assert sum(1 for _ in video.decode(video=0)) == 6


def test_motion_of_another_space_says_so(server):
    import torch
    from safetensors.torch import save_file

    parts = {"rotation": (5, 3), "translation": (5, 2), "scale": (5,), "dynamics": (5, 8)}
    header = {"format": "vasa-motion", "version": "1", "space": "volume", "fps": "25/1"}
    save_file(
        {name: torch.ones(shape) for name, shape in parts.items()},
        server.folder / "input" / "other.safetensors",
        metadata={**header, "reference": "portrait"},
    )
    graph = prompt(video__motion=["file", 0])
    graph["file"] = load("VASALoadMotion", file="other.safetensors")
    assert "moves volume faces" in failure(server.run(graph))


@pytest.fixture(scope="module")
def weights(server):
    """The folder of weights with stand-ins for LivePortrait and JoyVASA, 1 GB, while it is used."""
    folder = server.folder / "models" / "vasa"
    files = write_stand_ins(folder, "joyvasa")
    yield folder
    for file in files:
        file.unlink()


def photoreal(**changes):
    """LivePortrait and JoyVASA at their own steps and guidance, for a tenth of a second."""
    graph = prompt(
        model__model="LivePortrait + JoyVASA", features__audio=["sound", 0], motion__steps=0,
        motion__cfg=-1.0, video__audio=["sound", 0], video__size="source", **changes,
    )  # fmt: skip
    graph["sound"] = load("EmptyAudio", duration=0.1, sample_rate=16000, channels=1)
    return graph


def test_a_weight_file_that_is_cut_short_says_so(server, weights):
    name = "joyvasa_motion_generator.safetensors"
    whole = (weights / name).rename(server.folder / name)
    with whole.open("rb") as file:
        (weights / name).write_bytes(file.read(2**20))
    try:
        message = failure(server.run(photoreal(model__device="cpu")))
    finally:
        whole.rename(weights / name)
    assert name in message and "is damaged or cut short" in message
    assert "get the file again" in message


def test_photoreal_weights_make_a_saved_labelled_video(server, weights):
    run = server.run(photoreal())
    assert run.of("execution_success"), run.error or run.messages[-1]
    assert run.previews >= 1
    shown = run.outputs["save"]["images"][0]
    with av.open(str(server.folder / "output" / shown["filename"])) as video:
        assert video.metadata["ai_generated"] == "true" and "prompt" in video.metadata
        assert sum(1 for _ in video.decode(video=0)) == 3  # ceil(0.1 s * 25)
        assert (video.streams.video[0].width, video.streams.video[0].height) == (512, 512)
        assert video.streams.audio


def test_interrupt_stops_within_a_photoreal_frame(server, weights):
    begun, asked = [], []

    async def interrupt(run, post):
        now, kind, data = run.messages[-1]
        if kind != "progress" or data["node"] != "video" or asked:
            return
        begun.append(now)
        if now - begun[0] > 1.0:  # well into the first frame, which takes several seconds
            assert data["value"] == 0
            asked.append(now)
            await post("/interrupt", {})

    run = server.run(photoreal(motion__seed=1), interrupt)
    assert run.of("execution_interrupted"), run.messages[-1]
    assert run.messages[-1][0] - asked[0] < 3.0
    assert not list((server.folder / "temp").rglob("*partial*"))
