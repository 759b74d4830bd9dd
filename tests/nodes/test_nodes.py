"""Each node without a server: real media, real weights, ComfyUI's own classes."""

import json
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch

pytestmark = pytest.mark.comfyui


@pytest.fixture(scope="module")
def motion(run, model, sample):
    features = run("VASAAudioFeatures", model=model, audio=sample[1])[0]
    return sample_motion(run, model, features)


def sample_motion(run, model, features, **others):
    inputs = {"seed": 3, "steps": 4, "cfg": 0.5, "fps": 25.0, **others}
    return run("VASASampleMotion", model=model, audio_features=features, **inputs)[0]


CONTROLS = {
    "gaze_yaw": [0.0], "gaze_pitch": [0.0], "distance": [1.0], "emotion": ["neutral"],
    "emotion_strength": [0.6], "lips": [1.0], "expression": [1.0], "blink": [1.0], "eyes": [1.0],
    "rotation": [1.0], "translation": [1.0], "lip_rest": [0.0], "lips_only": [False],
    "keyframes": [""], "list_fps": [25.0],
}  # fmt: skip


def test_ditto_asks_for_the_portrait_and_moves_it(run, ditto, encoded, sample):
    from vasa_core.types import AudioFeatures

    heard = AudioFeatures(
        torch.zeros(3, 1024), "hubert-streaming-1024", Fraction(25), Fraction(3, 25)
    )
    own = {"steps": 0, "cfg": -1.0}
    with pytest.raises(ValueError, match="needs that face .* got none; connect the portrait"):
        sample_motion(run, ditto, heard, **own)
    with pytest.raises(ValueError, match="got one of the mesh space; encode the portrait in"):
        sample_motion(run, ditto, heard, portrait=encoded[0][0], **own)
    (portrait,), _, (mask,), _ = run("VASAEncodePortrait", model=ditto, image=sample[0], face=1)
    motion = sample_motion(run, ditto, heard, portrait=portrait, **own)
    assert motion.space == "implicit" and len(motion) == 3
    images, masks, _ = run("VASARenderFrames", portrait=portrait, motion=motion, size="crop")
    assert images.shape == (3, 512, 512, 3) and masks[0, 0, 0] < 0.01 < 0.99 < masks[0, 256, 256]
    assert mask.shape == sample[0].shape[:3] and ((mask > 0.1) & (mask < 0.9)).any()


def test_encode_gives_a_portrait_a_drawn_crop_and_a_mask(encoded, sample):
    (portrait,), (crop,), (mask,), _ = encoded
    assert portrait.portrait.faces == 1
    assert crop.shape == (1, 768, 768, 3) and crop.min() >= 0 and crop.max() <= 1
    green = (crop[0] - torch.tensor([64, 255, 128]) / 255).abs().amax(-1) < 0.02
    assert 400 < green.sum() < 20000  # the landmarks
    assert mask.shape == sample[0].shape[:3]
    assert mask[0, 100:120, 120:140].mean() > 0.95 and mask[0, :10, :10].mean() < 0.05


def test_each_picture_of_a_batch_becomes_a_portrait(run, model, sample):
    both = torch.cat([sample[0], sample[0].flip(2)])
    portraits, crops, masks, _ = run("VASAEncodePortrait", model=model, image=both, face=1)
    assert len(portraits) == len(crops) == len(masks) == 2


@pytest.mark.parametrize("channels", [1, 4])
def test_gray_and_transparent_pictures_work(run, model, sample, channels):
    image = sample[0].mean(-1, keepdim=True).expand(-1, -1, -1, channels).clone()
    if channels == 4:
        image[..., 3] = 1.0
    portraits, *_ = run("VASAEncodePortrait", model=model, image=image, face=1)
    assert portraits[0].portrait.image.shape[1] == 3


def test_a_mask_picks_the_face(run, model, sample):
    pair = torch.cat([sample[0], 0.9 * sample[0]], 2)  # two faces side by side
    mask = torch.zeros(1, *pair.shape[1:3])
    mask[..., 256:] = 1
    (portrait,), *_ = run("VASAEncodePortrait", model=model, image=pair, face=1, mask=mask)
    assert portrait.portrait.landmarks[:, 0].mean() > 256
    empty = torch.zeros(1, 64, 64)  # what Load Image gives for a picture without transparency
    (portrait,), *_ = run("VASAEncodePortrait", model=model, image=pair, face=2, mask=empty)
    assert portrait.portrait.faces == 2
    with pytest.raises(ValueError, match="mask is 100x90, the image 512x256"):
        run("VASAEncodePortrait", model=model, image=pair, face=1, mask=torch.ones(1, 90, 100))
    corner = torch.zeros(1, *pair.shape[1:3])
    corner[..., :5, :5] = 1
    with pytest.raises(ValueError, match="has its centre in the mask"):
        run("VASAEncodePortrait", model=model, image=pair, face=1, mask=corner)


def test_pictures_that_cannot_work_say_why(run, model, sample):
    encode = lambda image, face=1: run("VASAEncodePortrait", model=model, image=image, face=face)  # noqa: E731
    with pytest.raises(ValueError, match="No face in this 128x128 image"):
        encode(torch.rand(1, 128, 128, 3))
    with pytest.raises(ValueError, match="Face 2 was asked for; the image shows 1"):
        encode(sample[0], 2)
    with pytest.raises(ValueError, match="8320x64; at most 8192"):
        encode(torch.zeros(1, 64, 8320, 3))


def test_work_beyond_the_memory_is_refused_before_it_starts(run, encoded, motion, monkeypatch):
    from comfy import model_management

    monkeypatch.setattr(model_management, "get_free_memory", lambda *_: 20 * 2**20)
    with pytest.raises(ValueError, match="50 frames of 256x256 .* Use Render video"):
        run("VASARenderFrames", portrait=encoded[0][0], motion=motion, size="source")


def test_audio_features_hear_any_sound(run, model, sample):
    waveform, rate = sample[1]["waveform"], sample[1]["sample_rate"]
    stereo = {"waveform": waveform.repeat(1, 2, 1), "sample_rate": rate}
    one, two = (
        run("VASAAudioFeatures", model=model, audio=audio)[0] for audio in (sample[1], stereo)
    )
    torch.testing.assert_close(one.features, two.features)
    assert one.duration == Fraction(2)
    with pytest.raises(ValueError, match="The sound is empty"):
        run(
            "VASAAudioFeatures",
            model=model,
            audio={"waveform": waveform[..., :0], "sample_rate": 1},
        )
    with pytest.raises(ValueError, match="batch of 2 sounds"):
        audio = {"waveform": waveform.repeat(2, 1, 1), "sample_rate": rate}
        run("VASAAudioFeatures", model=model, audio=audio)


def test_a_models_own_kind_of_features_is_asked_for(run, model, sample):
    output = {"encoded_audio": torch.zeros(1, 99, 768), "audio_samples": 32000}
    with pytest.raises(ValueError, match="hidden-768 .* needs articulation-1"):
        run("VASAAudioFeatures", model=model, audio=sample[1], encoder_output=output)


def test_controls_take_numbers_lists_and_keyframes(run):
    controls = run("VASATalkingControls", **CONTROLS)[0]
    assert controls.gaze.tolist() == [0, 0] and controls.emotion is None
    many = {**CONTROLS, "gaze_yaw": [[1.0, 2.0]], "lips": [0.5, 1.0, 1.5], "emotion": ["happy"]}
    controls = run(
        "VASATalkingControls",
        **many,
    )[0]
    assert controls.gaze.tolist() == [[1, 0], [2, 0]] and controls.lips.tolist() == [0.5, 1, 1.5]
    assert controls.emotion.tolist() == pytest.approx([0, 0.6, 0, 0, 0])
    keys = {**CONTROLS, "keyframes": ["distance: 0=1, 1=2"], "list_fps": [2.0]}
    controls = run("VASATalkingControls", **keys)[0]
    assert controls.distance.tolist() == [1, 1.5, 2] and controls.fps == 2
    with pytest.raises(ValueError, match="emotion got 2 values"):
        run("VASATalkingControls", **{**CONTROLS, "emotion": ["happy", "sad"]})
    with pytest.raises(ValueError, match="there is no control 'mouth'"):
        run("VASATalkingControls", **{**CONTROLS, "keyframes": ["mouth: 0=1"]})


def test_lips_only_stops_all_else_but_keyframes(run, model, sample):
    given = {**CONTROLS, "lips": [1.5], "lips_only": [True], "keyframes": ["blink: 0=1"]}
    controls = run("VASATalkingControls", **given)[0]
    names = ("lips", "expression", "blink", "eyes", "rotation", "translation")
    assert [float(getattr(controls, name).max()) for name in names] == [1.5, 0, 1, 0, 0, 0]
    features = run("VASAAudioFeatures", model=model, audio=sample[1])[0]
    moved = sample_motion(run, model, features, controls=controls)
    assert not moved.rotation.any() and not moved.translation.any()
    assert not moved.dynamics[:, 12:20].any() and moved.dynamics[:, :12].std() > 0.05


def test_conditions_have_guidance_scales_of_their_own(run, model, ditto, sample):
    own = run("VASATalkingControls", **CONTROLS)[0]
    assert (own.gaze_cfg, own.distance_cfg, own.emotion_cfg) == (None, None, None)
    asked = {**CONTROLS, "emotion": ["happy"], "gaze_yaw": [12.0]}
    scales = [{}, {"emotion_cfg": [1.0]}, {"gaze_cfg": [5.0], "distance_cfg": [0.0]}]
    features = run("VASAAudioFeatures", model=model, audio=sample[1])[0]
    usual, acted, looked = (
        sample_motion(run, model, features, controls=run("VASATalkingControls", **asked, **cfg)[0])
        for cfg in scales
    )
    plain = sample_motion(run, model, features, controls=run(
        "VASATalkingControls", **{**asked, "emotion": ["neutral"]})[0])  # fmt: skip
    once, twice = (made.dynamics[:, 12:20] - plain.dynamics[:, 12:20] for made in (usual, acted))
    assert torch.allclose(twice, 2 * once, atol=1e-4) and once.abs().max() > 0.5
    assert not torch.equal(looked.dynamics, usual.dynamics)
    assert looked.dynamics[:, 22].mean() == pytest.approx(12, abs=1)  # exact with any scale
    (portrait,), *_ = run("VASAEncodePortrait", model=ditto, image=sample[0], face=1)
    heard = run("VASAAudioFeatures", model=ditto, audio=sample[1])[0]
    controls = run("VASATalkingControls", **CONTROLS, gaze_cfg=[2.0])[0]
    with pytest.raises(ValueError, match="cannot be guided by gaze alone .* the model's own"):
        sample_motion(run, ditto, heard, portrait=portrait, controls=controls)


def test_motion_follows_seed_controls_and_frame_rate(run, model, sample):
    features = run("VASAAudioFeatures", model=model, audio=sample[1])[0]
    first, again = sample_motion(run, model, features), sample_motion(run, model, features)
    other = sample_motion(run, model, features, seed=4)
    assert torch.equal(first.dynamics, again.dynamics)
    assert not torch.allclose(first.rotation, other.rotation)
    ntsc = sample_motion(run, model, features, fps=29.97)
    assert ntsc.fps == Fraction(30000, 1001) and len(ntsc) == 60
    still = run("VASATalkingControls", **{**CONTROLS, "rotation": [0.0]})[0]
    assert sample_motion(run, model, features, controls=still).rotation.abs().max() == 0


def test_cancel_stops_sampling_and_rendering(run, model, encoded, sample, tmp_path):
    from comfy import model_management

    features = run("VASAAudioFeatures", model=model, audio=sample[1])[0]
    motion = sample_motion(run, model, features)
    model_management.interrupt_current_processing(True)
    with pytest.raises(model_management.InterruptProcessingException):
        sample_motion(run, model, features)
    for node, others in (
        ("VASARenderFrames", {"size": "crop"}),
        ("VASARenderVideo", {"size": "crop", "audio": sample[1]}),
    ):
        model_management.interrupt_current_processing(True)
        with pytest.raises(model_management.InterruptProcessingException):
            run(node, portrait=encoded[0][0], motion=motion, **others)
    import folder_paths

    assert not list(Path(folder_paths.get_temp_directory()).rglob("*partial*"))


@pytest.mark.parametrize("size", ["source", "crop"])
def test_frames_are_a_batch_with_masks_and_rate(run, encoded, motion, sample, size):
    images, masks, fps = run(
        "VASARenderFrames", portrait=encoded[0][0], motion=motion[:5], size=size
    )
    side = 256 if size == "source" else encoded[0][0].portrait.crop.size
    assert images.shape == (5, side, side, 3) and masks.shape == (5, side, side) and fps == 25.0
    assert images.min() >= 0 and images.max() <= 1 and masks.min() >= 0 and masks.max() <= 1
    if size == "source":
        assert (images[:, :8, :8] - sample[0][:, :8, :8]).abs().max() < 1e-6


def test_images_that_other_nodes_save_are_labelled(nodes, encoded, motion):
    from comfy_api.latest import io

    written = {"workflow": {}}  # what Save Image and Save Video put into their files
    node = nodes["VASARenderFrames"].PREPARE_CLASS_CLONE({io.Hidden.extra_pnginfo: written})
    node.execute(portrait=encoded[0][0], motion=motion[:1], size="crop")
    assert written["ai_generated"] == "true" and "workflow" in written


def test_one_frame_is_enough(run, encoded, motion, sample):
    images, _, _ = run("VASARenderFrames", portrait=encoded[0][0], motion=motion[:1], size="crop")
    assert len(images) == 1
    video = run("VASARenderVideo", portrait=encoded[0][0], motion=motion[:1], size="crop")[0]
    assert video.get_duration() == pytest.approx(0.04, abs=0.01)
    assert run("VASAPreviewMotion", ui=True, motion=motion[:1])["timeline"]


def test_the_video_holds_every_frame_the_sound_and_the_label(run, encoded, motion, sample):
    video = run(
        "VASARenderVideo", portrait=encoded[0][0], motion=motion, audio=sample[1], size="source"
    )[0]
    with av.open(video.get_stream_source()) as container:
        assert container.metadata["ai_generated"] == "true"
        stream, sound = container.streams.video[0], container.streams.audio[0]
        assert (stream.width, stream.height, stream.average_rate) == (256, 256, 25)
        assert sum(1 for _ in container.decode(video=0)) == 50
        assert float(sound.duration * sound.time_base) >= 2.0


def test_preview_tells_the_browser_what_to_draw(run, encoded, motion, sample):
    import folder_paths

    shown = run(
        "VASAPreviewMotion", ui=True, motion=motion, audio=sample[1], portrait=encoded[0][0]
    )
    (timeline,), (video,) = shown["timeline"], shown["face_video"]
    folder = Path(folder_paths.get_temp_directory())
    data = json.loads((folder / timeline["subfolder"] / timeline["filename"]).read_text())
    assert data["frames"] == 50 and data["seconds"] == 2.0 and len(data["peaks"]) == 200
    assert {len(curve) for curve in data["curves"].values()} == {50}
    assert max(data["curves"]["lip_opening"]) > 0.03
    points, strokes = data["drawings"]["points"], data["drawings"]["strokes"]
    assert len(points) == 50 and max(map(max, strokes)) == len(points[0]) // 2 - 1
    with av.open(str(folder / video["subfolder"] / video["filename"])) as container:
        assert container.streams.video[0].width <= 256


def test_a_saved_motion_comes_back(run, nodes, motion):
    name = run("VASASaveMotion", motion=motion, filename_prefix="motion/mine")[0]
    assert name in nodes["VASALoadMotion"].define_schema().inputs[0].options
    loaded = run("VASALoadMotion", file=name)[0]
    assert torch.equal(loaded.dynamics, motion.dynamics) and loaded.fps == motion.fps
    fingerprint = nodes["VASALoadMotion"].fingerprint_inputs
    assert fingerprint(name) == fingerprint(name) > 0


def test_the_sample_motion_plays(run, encoded):
    motion = run("VASALoadMotion", file="sample motion (embedded)")[0]
    images, _, _ = run("VASARenderFrames", portrait=encoded[0][0], motion=motion[:2], size="crop")
    assert len(images) == 2


def test_motion_of_another_space_is_refused(run, encoded, motion):
    from dataclasses import replace

    foreign = replace(motion, space="volume")
    for node in ("VASARenderFrames", "VASARenderVideo"):
        with pytest.raises(ValueError, match="moves volume faces"):
            run(node, portrait=encoded[0][0], motion=foreign, size="crop")
