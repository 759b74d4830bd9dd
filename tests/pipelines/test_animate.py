import math
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

import vasa_core
from vasa_core.audio.reader import waveform_frames
from vasa_core.errors import CancelledError, InputError
from vasa_core.motion.editing import still
from vasa_core.pipelines.animate import audio_features_of, render_video
from vasa_core.render.video import VideoReader


@pytest.fixture(scope="module")
def short_speech(tmp_path_factory, speech_path):
    """1.3 s out of the sample speech, at an odd rate: 28,683 samples at 22,050 Hz."""
    path = tmp_path_factory.mktemp("sound") / "short.wav"
    resampler = av.AudioResampler("s16", "mono", 22050)
    with av.open(str(speech_path)) as source:
        frames = [f for frame in source.decode(audio=0) for f in resampler.resample(frame)]
    samples = np.concatenate([f.to_ndarray()[0] for f in frames])[4000:32683]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=22050, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.rate = 22050
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path, len(samples), 22050


def frames_of(path) -> torch.Tensor:
    return torch.stack(list(VideoReader(path)))


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(24)])
def test_the_video_covers_the_sound(tmp_path, space, model, portrait, short_speech, fps):
    path, samples, rate = short_speech
    written = vasa_core.animate(
        portrait, path, tmp_path / "talk.mp4", space=space, model=model, fps=fps
    )
    assert written.frames == math.ceil(samples * fps / rate)
    assert frames_of(tmp_path / "talk.mp4").shape == (written.frames, 3, 256, 256)
    with av.open(str(tmp_path / "talk.mp4")) as container:
        sound = sum(frame.samples for frame in container.decode(audio=0))
    assert sound >= samples
    assert [p.name for p in tmp_path.iterdir()] == ["talk.mp4"]


def test_the_portrait_talks(tmp_path, space, model, portrait, short_speech):
    vasa_core.animate(portrait, short_speech[0], tmp_path / "a.mp4", space=space, model=model)
    video = frames_of(tmp_path / "a.mp4")
    change = (video[1:] - video[:-1]).abs().mean((0, 1))
    x0, y0 = portrait.landmarks[:468, :2].amin(0).int().tolist()
    x1, y1 = portrait.landmarks[:468, :2].amax(0).int().tolist()
    inside = change[y0:y1, x0:x1].mean()
    assert inside > 5 * change[-20:].mean()  # the face moves, the space suit does not
    assert inside > 0.002


def test_same_seed_same_motion_other_seed_other_motion(model, short_speech):
    features = list(audio_features_of(short_speech[0], model)[0])
    first, again, other = (
        vasa_core.Motion.concat(model.stream(features, seed=seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first.dynamics, again.dynamics)
    assert torch.equal(first.rotation, again.rotation)
    assert not torch.allclose(first.rotation, other.rotation)


def test_a_sound_file_is_decoded_twice_for_features(monkeypatch, model, short_speech):
    from vasa_core.audio import reader

    decoded = []

    def counting(path):
        decoded.append(path)
        return whole(path)

    whole = reader.sound_frames
    monkeypatch.setattr(reader, "sound_frames", counting)
    features, duration = audio_features_of(short_speech[0], model)
    pieces = list(features)
    assert len(decoded) == 2
    assert duration == Fraction(*short_speech[1:]) == sum(piece.duration for piece in pieces)
    waveform, rate = reader.read_audio(short_speech[0])
    assert len(decoded) == 3
    whole_features = model.features(waveform, rate).features
    torch.testing.assert_close(torch.cat([p.features for p in pieces]), whole_features)


def test_a_model_that_measures_no_level_still_learns_the_length(short_speech):
    from types import SimpleNamespace

    from vasa_core.audio.waveform import WaveformEncoder

    model = SimpleNamespace(encoder=WaveformEncoder())
    assert audio_features_of(short_speech[0], model)[1] == Fraction(*short_speech[1:])


def test_motion_in_no_pieces_is_refused(tmp_path, space, portrait):
    with pytest.raises(InputError, match="empty"):
        render_video(portrait, iter([]), tmp_path / "x.mp4", space=space)
    assert list(tmp_path.iterdir()) == []


def test_a_cancel_leaves_nothing_behind(tmp_path, space, model, portrait, short_speech):
    def cancel(done, total):
        if done >= 8:
            raise CancelledError

    with pytest.raises(CancelledError):
        vasa_core.animate(
            portrait, short_speech[0], tmp_path / "x.mp4",
            space=space, model=model, workers=2, progress=cancel,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_a_video_can_be_small_silent_and_watched(tmp_path, space, portrait):
    motion = still("mesh", 20)
    waveform = torch.rand(1, 16000)
    seen = []
    render_video(
        portrait, motion, tmp_path / "x.mp4",
        space=space, audio=waveform_frames(waveform, 16000), view="crop", longest=96,
        preview=seen.append,
    )  # fmt: skip
    with av.open(str(tmp_path / "x.mp4")) as container:
        assert container.streams.video[0].width == container.streams.video[0].height == 96
        assert container.streams.audio[0].rate == 16000
    assert len(seen) == 3 and seen[0].shape == (3, 96, 96)
    render_video(portrait, iter([motion]), tmp_path / "silent.mp4", space=space)
    with av.open(str(tmp_path / "silent.mp4")) as container:
        assert not container.streams.audio


def test_workers_do_not_change_the_frames(space, portrait):
    motion = still("mesh", 20)
    motion.rotation[:, 0] = torch.linspace(-5, 5, 20)
    one = torch.cat(list(space.render(portrait, motion, chunk=8, workers=1)))
    three = torch.cat(list(space.render(portrait, motion, chunk=8, workers=3)))
    assert torch.equal(one, three)


def test_motion_of_another_space_is_refused(tmp_path, space, portrait):
    from dataclasses import replace

    motion = replace(still("mesh", 4), space="implicit")
    with pytest.raises(InputError, match="implicit"):
        render_video(portrait, motion, tmp_path / "x.mp4", space=space)
    assert list(tmp_path.iterdir()) == []
