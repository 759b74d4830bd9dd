"""Dubbing: other lips, and nothing else."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from lips import opening

import vasa_core
from vasa_core.errors import CancelledError, InputError
from vasa_core.motion.editing import still
from vasa_core.pipelines.dub import coming_to_rest, dub
from vasa_core.render.video import VideoReader, VideoWriter, swing
from vasa_core.types import PARTS

FPS = Fraction(25)
LIPS = PARTS["mesh"]["lips"]


@pytest.fixture(scope="module")
def talking(space, model, portrait_path):
    """Frames of a small portrait that speaks, turns and blinks, and how it is dubbed."""
    portrait = space.encode(vasa_core.read_image(portrait_path, 256))
    motion = still("mesh", 8)
    wave = torch.linspace(0, 6.0, 8).sin()
    motion = replace(motion, rotation=torch.stack([6 * wave, 3 * wave, wave], 1))
    motion.dynamics[:, LIPS] = (2 * wave[:, None]).clamp(min=0) * model.actions.opening * 0.1
    return torch.cat(list(space.render(portrait, motion)))


def test_only_the_lips_change_and_they_do_what_is_asked(space, model, talking):
    seen = space.track(talking, FPS)
    asked = still("mesh", 8)
    gap = torch.tensor([0, 0.05, 0.1, 0.15, 0.1, 0.05, 0.0, 0.0])
    asked.dynamics[:, LIPS] = gap[:, None] * model.actions.opening
    asked.dynamics[:, LIPS.stop :] = 3.0  # neither brows nor lids nor eyes are dubbed
    made = torch.cat(list(space.dub(talking, seen, replace(asked, rotation=asked.rotation + 9))))
    assert made.shape == talking.shape
    measured = opening(space, made)
    assert torch.corrcoef(torch.stack([measured, gap]))[0, 1] > 0.9
    assert measured[[0, 6, 7]].max() < measured.min() + 0.01 and measured[3] > 3 * measured[0]
    for frame, before, points in zip(made, talking, seen.landmarks, strict=True):
        eyes = int(points[[145, 374], 1].min()) - 6  # the head tilts a little
        assert torch.equal(frame[:, :eyes], before[:, :eyes])
        assert torch.equal(frame[:, -4:], before[:, -4:])


def test_the_videos_own_lips_give_the_video_back(space, talking):
    seen = space.track(talking, FPS)
    own = replace(seen.motion, reference="portrait")
    made = torch.cat(list(space.dub(talking, seen, own)))
    assert (made - talking).abs().mean() < 0.002
    assert (
        opening(space, made) - opening(space, talking)
    ).abs().max() < 0.03  # tracked lips are taken a fifth wider


def test_frames_without_the_face_stay_as_they_are(space, talking):
    empty = torch.full_like(talking[0], 0.3)
    frames = [talking[0], empty, talking[1]]
    seen = space.track(frames, FPS)
    assert seen.found.tolist() == [True, False, True]
    made = list(space.dub(frames, seen, still("mesh", 3)))
    assert torch.equal(made[1][0], empty) and len(made) == 3


def test_foreign_and_absolute_motion_is_refused(space, talking):
    seen = space.track(talking[:1], FPS)
    for wrong in (still("implicit"), replace(still("mesh"), reference="camera")):
        with pytest.raises(InputError, match="motion of mesh faces is needed, relative"):
            next(space.dub(talking[:1], seen, wrong))


@pytest.mark.parametrize(("frames", "total"), [(3, 10), (1, 4), (2, 5), (5, 3)])
def test_a_video_swings_to_and_fro(tmp_path, frames, total):
    path = tmp_path / "bars.mp4"
    with VideoWriter(path, FPS) as writer:
        for shade in range(frames):
            writer.write(torch.full((1, 3, 32, 48), 0.1 + 0.15 * shade))
    shown = [float(frame.mean()) for frame in VideoReader(path).swinging(frames, total)]
    order = swing(frames, total)
    assert len(shown) == len(order) == total
    assert [round((value - 0.1) / 0.15) for value in shown] == order.tolist()
    assert order[:frames].tolist() == list(range(min(frames, total)))
    assert total == 1 or frames == 1 or order.diff().abs().eq(1).all()


def test_backwards_a_file_is_read_in_pieces(tmp_path, monkeypatch):
    from vasa_core.render import video

    path = tmp_path / "bars.mp4"
    with VideoWriter(path, FPS) as writer:
        for shade in range(6):
            writer.write(torch.full((1, 3, 32, 32), 0.1 + 0.15 * shade))
    monkeypatch.setattr(video, "HELD_BYTES", 2 * 3 * 32 * 32)
    shown = [round((float(f.mean()) - 0.1) / 0.15) for f in VideoReader(path).swinging(6, 11)]
    assert shown == [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0]


def test_motion_comes_to_rest_after_the_sound(model):
    spoken = replace(still("mesh", 10), rotation=torch.full((10, 3), 4.0))
    pieces = list(coming_to_rest([spoken[:6], spoken[6:]], 30))
    assert sum(map(len, pieces)) == 30
    after = pieces[-1].rotation[:, 0]
    assert (after.diff() <= 0).all() and after[0] < 4 and not after[5:].any()
    assert [len(piece) for piece in coming_to_rest([spoken], 10)] == [10]


@pytest.fixture
def film(tmp_path, talking):
    path = tmp_path / "talking.mp4"
    with VideoWriter(path, FPS) as writer:
        writer.write(talking[:4])
    return path


def test_a_file_is_dubbed_as_long_as_the_sound(tmp_path, film, speech_path, space, model):
    short = tmp_path / "short.wav"
    cut_sound(speech_path, short, 0.5)
    out, seen_progress = tmp_path / "dubbed.mp4", []
    written, seen = dub(
        film, short, out, space=space, model=model, workers=2,
        progress=lambda *step: seen_progress.append(step),
    )  # fmt: skip
    assert written.frames == 13 == len(list(VideoReader(out))) and seen.missed == 0
    assert seen_progress[0] == (1, 17) and seen_progress[-1] == (17, 17)
    first = next(iter(VideoReader(out)))
    assert first.shape == next(iter(VideoReader(film))).shape


def test_a_cancel_leaves_nothing_behind(tmp_path, film, speech_path, space, model):
    def stop(done, total):
        if done > 4:  # all of it is tracked, one frame is written
            raise CancelledError

    out = tmp_path / "dubbed.mp4"
    with pytest.raises(CancelledError):
        dub(film, speech_path, out, space=space, model=model, progress=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["talking.mp4"]


def cut_sound(source, target, seconds):
    import av

    with av.open(str(source)) as read, av.open(str(target), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16000, layout="mono")
        resampler = av.AudioResampler("s16", "mono", 16000)
        left = int(16000 * seconds)
        for frame in read.decode(audio=0):
            for part in resampler.resample(frame):
                samples = part.to_ndarray()[:, :left]
                left -= samples.shape[1]
                if samples.size:
                    piece = av.AudioFrame.from_ndarray(samples.copy(), "s16", "mono")
                    piece.rate = 16000
                    out.mux(stream.encode(piece))
        out.mux(stream.encode(None))


def test_photoreal_lips_are_put_into_the_frames(tiny_space, portrait_path):
    frames = vasa_core.read_image(portrait_path, 192).repeat(2, 1, 1, 1)
    seen = tiny_space.track(frames, FPS)
    asked = still("implicit", 2)
    asked.dynamics[1, :18] = 0.02
    made = torch.cat(list(tiny_space.dub(frames, seen, asked)))
    assert made.shape == frames.shape
    changed, points = (made - frames).abs().amax(1), seen.landmarks[0, :, :2]
    mouth = points[[61, 291]].mean(0).long()
    assert changed[:, mouth[1], mouth[0]].min() > 0.01  # random networks paint anything
    assert not changed[:, : int(points[[145, 374], 1].min())].any()
    assert not torch.equal(made[0], made[1])
