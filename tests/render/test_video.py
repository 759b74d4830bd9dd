from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from vasa_core.errors import InputError
from vasa_core.render.video import VideoReader, VideoWriter


def moving_square(frames: int, height: int = 96, width: int = 128) -> torch.Tensor:
    video = torch.full((frames, 3, height, width), 0.2)
    for t in range(frames):
        video[t, 0, 20:60, 10 + t : 50 + t] = 0.9
    return video


def test_frames_come_back_with_their_colours(tmp_path):
    video = moving_square(12)
    with VideoWriter(tmp_path / "x.mp4", Fraction(30000, 1001)) as writer:
        writer.write(video[:5])
        writer.write(video[5:])
    reader = VideoReader(tmp_path / "x.mp4")
    back = torch.stack(list(reader))
    assert reader.fps == Fraction(30000, 1001) and back.shape == video.shape
    assert (back - video).abs().mean() < 0.02
    assert torch.allclose(back.mean((0, 2, 3)), video.mean((0, 2, 3)), atol=0.01)


def test_the_file_says_that_it_is_generated(tmp_path):
    with VideoWriter(tmp_path / "x.mp4", Fraction(25)) as writer:
        writer.write(moving_square(2))
    with av.open(str(tmp_path / "x.mp4")) as container:
        assert "AI-generated" in container.metadata["comment"]
        assert container.metadata["ai_generated"] == "true"
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


def test_odd_sizes_are_filled_up(tmp_path):
    with VideoWriter(tmp_path / "x.mp4", Fraction(25)) as writer:
        writer.write(moving_square(3, 97, 129))
    assert next(iter(VideoReader(tmp_path / "x.mp4"))).shape == (3, 98, 130)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_the_sound_is_whole(tmp_path, speech_path, suffix):
    with VideoWriter(tmp_path / f"x.{suffix}", Fraction(25), speech_path) as writer:
        for _ in range(13):
            writer.write(moving_square(17, 64, 64))
    with av.open(str(tmp_path / f"x.{suffix}")) as container:
        sound = np.concatenate([f.to_ndarray().mean(0) for f in container.decode(audio=0)])
    with av.open(str(speech_path)) as container:
        source = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)]) / 32768
    assert len(sound) >= len(source)
    start = len(sound) - len(source) if len(sound) - len(source) < 1025 else 1024
    shifts = [np.corrcoef(sound[s : s + 100_000], source[:100_000])[0, 1] for s in (0, start)]
    assert max(shifts) > 0.95


def test_strange_sound_is_carried_over(tmp_path, rng):
    samples = rng.standard_normal((3, 30_000)).astype(np.float32) * 0.1
    samples[:, 500:700] = np.nan
    samples[0, 900] = np.inf
    with av.open(str(tmp_path / "strange.wav"), "w") as out:
        stream = out.add_stream("pcm_f32le", rate=37_000, layout="3.0")
        frame = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1).copy(), "flt", "3.0")
        frame.sample_rate = 37_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with VideoWriter(tmp_path / "x.mp4", Fraction(25), tmp_path / "strange.wav") as writer:
        writer.write(moving_square(21, 64, 64))
    with av.open(str(tmp_path / "x.mp4")) as container:
        sound = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], 1)
    assert sound.shape[0] == 2 and sound.shape[1] >= 30_000 * 48 // 37
    assert np.isfinite(sound).all() and 0.03 < sound[:, 5000:].std() < 0.3


def test_nothing_is_left_behind_after_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), VideoWriter(tmp_path / "x.mp4", 25) as writer:
        writer.write(moving_square(2))
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_survives_a_failed_run(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"older")
    with pytest.raises(InputError, match="no frames"), VideoWriter(tmp_path / "x.mp4", 25):
        pass
    assert (tmp_path / "x.mp4").read_bytes() == b"older"


def test_bad_paths_give_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"must end in one of \.mp4"):
        VideoWriter(tmp_path / "x.webm", 25)
    with pytest.raises(InputError, match="does not exist"):
        VideoWriter(tmp_path / "nowhere" / "x.mp4", 25)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        VideoWriter(tmp_path / "folder.mp4", 25)
    with pytest.raises(InputError, match="No video at"):
        VideoReader(tmp_path / "x.mp4")
    (tmp_path / "x.mp4").write_bytes(b"not a video")
    with pytest.raises(InputError, match="not a readable video"):
        VideoReader(tmp_path / "x.mp4")
