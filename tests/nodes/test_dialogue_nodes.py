"""The nodes for several people in one picture, without a server."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch

pytestmark = pytest.mark.comfyui


@pytest.fixture(scope="module")
def pair(run):
    """Two of the pack's portraits side by side, as IMAGE."""
    people = [run("VASASamplePortraitAndSpeech", portrait=name)[0] for name in ("mira", "tomas")]
    both = torch.cat([image.movedim(-1, 1) for image in people], 3)
    small = torch.nn.functional.interpolate(both, (192, 384), mode="area")
    return small.movedim(1, -1)


@pytest.fixture(scope="module")
def faces(run, model, pair):
    """Both of them encoded, from left to right."""
    found = [run("VASAEncodePortrait", model=model, image=pair, face=n)[0][0] for n in (1, 2)]
    return sorted(found, key=lambda encoded: float(encoded.portrait.landmarks[:, 0].mean()))


@pytest.fixture(scope="module")
def voices(sample):
    """1 s mono at 16 kHz and half a second of stereo at 8 kHz."""
    waveform, rate = sample[1]["waveform"], sample[1]["sample_rate"]
    one = {"waveform": waveform[..., :rate], "sample_rate": rate}
    other = {"waveform": waveform[..., :4000].repeat(1, 2, 1), "sample_rate": 8000}
    return one, other


def still(frames, fps=Fraction(25), yaw=0.0):
    from vasa_pack.vasa_core.motion.editing import still

    motion = still("mesh", frames, fps)
    return replace(motion, rotation=motion.rotation + torch.tensor([yaw, 0.0, 0.0]))


def test_voices_are_put_on_one_timeline(run, voices):
    one, two = voices
    sounds = run("VASADialogueAudio", audio_1=one, audio_2=two, mode="turns", pause=0.25)
    assert len(sounds) == 5
    assert {sound["sample_rate"] for sound in sounds} == {16000}
    assert {sound["waveform"].shape for sound in sounds} == {(1, 2, 28000)}
    mix, first, second, third, fourth = (sound["waveform"] for sound in sounds)
    assert torch.equal(mix, first + second)
    assert first[..., :16000].abs().max() > 0.02 and first[..., 16000:].abs().max() == 0
    assert second[..., 20000:].abs().max() > 0.02 and second[..., :20000].abs().max() == 0
    assert third.abs().max() == fourth.abs().max() == 0
    both = run(
        "VASADialogueAudio", audio_1=one, audio_2=two, audio_4=one, mode="together", pause=0.25
    )
    assert both[0]["waveform"].shape == (1, 2, 16000)
    assert both[4]["waveform"].abs().max() > 0.02 and both[3]["waveform"].abs().max() == 0


def test_every_face_hears_as_many_frames(run, model, voices):
    sounds = run(
        "VASADialogueAudio", audio_1=voices[0], audio_2=voices[1], mode="turns", pause=0.333
    )
    features = [run("VASAAudioFeatures", model=model, audio=sound)[0] for sound in sounds]
    assert {len(heard) for heard in features} == {46}


def test_both_faces_are_in_the_video(run, faces, voices):
    from vasa_core.render.video import VideoReader

    video = run(
        "VASARenderDialogue", audio=voices[0],
        portrait_1=faces[0], motion_1=still(4, yaw=8.0),
        portrait_2=faces[1], motion_2=still(10, Fraction(25, 2), yaw=-8.0),
    )[0]  # fmt: skip
    with av.open(video.get_stream_source()) as container:
        assert container.metadata["ai_generated"] == "true"
        assert container.streams.audio[0].rate == 16000
    frames = torch.stack(list(VideoReader(video.get_stream_source())))
    assert frames.shape == (20, 3, 192, 384)  # the longer one, at the first one's rate
    picture = faces[0].portrait.image
    for encoded in faces:
        x, y = encoded.portrait.landmarks[:468, :2].mean(0).long().tolist()
        box = (..., slice(y - 20, y + 20), slice(x - 15, x + 15))
        assert (frames[0] - picture)[box].abs().mean() > 0.03
    end = (frames[-1] - picture).abs()[0].mean(0)  # the first face has come to rest
    assert end[:, :192].mean() < 0.5 * end[:, 192:].mean()


def test_what_does_not_fit_is_said(run, model, faces, sample, encoded):
    def render(**inputs):
        run("VASARenderDialogue", **inputs)

    two = {"portrait_1": faces[0], "motion_1": still(2), "motion_2": still(2)}
    with pytest.raises(ValueError, match="Face 3 has no motion; connect motion_3"):
        render(**two, portrait_2=faces[1], portrait_3=faces[0])
    with pytest.raises(ValueError, match="Faces 1 and 2 are the same face"):
        render(**two, portrait_2=faces[0])
    with pytest.raises(ValueError, match="of another picture"):
        render(**two, portrait_2=encoded[0][0])


def test_cancel_stops_it(run, faces):
    import folder_paths
    from comfy import model_management

    model_management.interrupt_current_processing(True)
    with pytest.raises(model_management.InterruptProcessingException):
        run(
            "VASARenderDialogue",
            portrait_1=faces[0], motion_1=still(30), portrait_2=faces[1], motion_2=still(30),
        )  # fmt: skip
    assert not list(Path(folder_paths.get_temp_directory()).rglob("*partial*"))


def test_memory_is_asked_for_before_it_starts(run, faces, monkeypatch):
    from comfy import model_management

    monkeypatch.setattr(model_management, "get_free_memory", lambda *_: 2**20)
    with pytest.raises(ValueError, match="Rendering 2 faces of 384x192 needs"):
        run(
            "VASARenderDialogue",
            portrait_1=faces[0], motion_1=still(3), portrait_2=faces[1], motion_2=still(3),
        )  # fmt: skip


def test_encode_gives_where_frames_may_differ(run, faces, model, pair):
    _, _, (mask,), (reach,) = run("VASAEncodePortrait", model=model, image=pair, face=1)
    assert reach.shape == mask.shape == pair.shape[:3]
    assert (mask[reach == 0] == 0).all() and ((reach > 0) & (reach < 1)).any()
