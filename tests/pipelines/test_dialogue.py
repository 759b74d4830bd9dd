from dataclasses import replace
from fractions import Fraction

import av
import pytest
import torch
from lips import opening

import vasa_core
from vasa_core.assets import PORTRAITS
from vasa_core.audio.reader import read_audio, stream_audio
from vasa_core.errors import CancelledError, InputError
from vasa_core.motion.editing import still
from vasa_core.pipelines.dialogue import dialogue, equally_long
from vasa_core.render.video import VideoReader


@pytest.fixture(scope="module")
def pair():
    """Two people side by side."""
    people = [vasa_core.read_image(PORTRAITS[name], 192) for name in ("mira", "tomas")]
    return torch.cat(people, 3)


@pytest.fixture(scope="module")
def portraits(space, pair):
    both = [space.encode(pair, face) for face in (0, 1)]
    return sorted(both, key=lambda portrait: portrait.landmarks[:, 0].mean())


@pytest.fixture(scope="module")
def voices(tmp_path_factory, speech_path):
    """1 s at 16 kHz, mono, and 0.8 s at 22.05 kHz, stereo."""
    folder, (speech, rate) = tmp_path_factory.mktemp("voices"), read_audio(speech_path)
    paths = []
    for name, sound, layout, at in (
        ("one.wav", speech[8000:24000], "mono", rate),
        ("two.wav", speech[24000:41640], "stereo", 22050),
    ):
        paths.append(folder / name)
        samples = sound.repeat(2 if layout == "stereo" else 1, 1).T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray((samples * 32767).short().numpy(), "s16", layout)
        frame.sample_rate = at
        with av.open(str(paths[-1]), "w") as out:
            stream = out.add_stream("pcm_s16le", rate=at, layout=layout)
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return paths


def test_two_speak_one_after_the_other(tmp_path, space, model, portraits, voices):
    out = tmp_path / "talk.mp4"
    written = dialogue(
        portraits, voices, out, space=space, model=model, pause=0.4, look=15.0, workers=2
    )
    assert written.frames == 55 and written.fps == 25  # 1 s, 0.4 s, 0.8 s
    frames = torch.stack(list(VideoReader(out)))
    assert frames.shape == (55, 3, 192, 384)
    first, second = (opening(space, half) for half in frames[::2].split(192, 3))
    assert first[2:13].std() > 2 * first[19:].std()
    assert second[19:].std() > 2 * second[2:13].std()
    with av.open(str(out)) as container:
        assert container.metadata["ai_generated"] == "true"
        sound = container.streams.audio[0]
        assert sound.rate == 22050 and sound.channels == 2
    heard = torch.cat(list(stream_audio(out)))
    assert len(heard) >= 2.2 * 22050
    levels = [heard[int(a * 22050) : int(b * 22050)].std() for a, b in ((0.1, 0.9), (1.1, 1.3))]
    assert levels[0] > 20 * levels[1]


def test_together_all_speak_at_once(tmp_path, space, model, portraits, voices):
    out = tmp_path / "both.mp4"
    written = dialogue(
        portraits, voices, out, space=space, model=model, mode="together", fps=Fraction(30)
    )
    assert written.frames == 30


def test_a_face_without_a_sound_listens(tmp_path, space, model, portraits, voices):
    out = tmp_path / "one.mp4"
    written = dialogue(portraits, voices[:1], out, space=space, model=model)
    frames = torch.stack(list(VideoReader(out)))
    assert written.frames == len(frames) == 25
    speaker, listener = (opening(space, half) for half in frames[::2].split(192, 3))
    assert listener.std() < 0.3 * speaker.std()
    assert (frames[-1] - frames[0])[..., 192:].abs().max() > 0.02  # but is alive


def test_the_sounds_keep_to_their_faces_and_seeds(tmp_path, space, model, portraits, voices):
    def frames(name, order, seed=0):
        chosen = [portraits[i] for i in order]
        dialogue(chosen, voices, tmp_path / name, space=space, model=model, seed=seed)
        return torch.stack(list(VideoReader(tmp_path / name)))

    one, again, other = frames("a.mp4", (0, 1)), frames("b.mp4", (0, 1)), frames("c.mp4", (1, 0))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_a_cancel_leaves_nothing_behind(tmp_path, space, model, portraits, voices):
    def cancel(done, total):
        assert total == 55
        if done >= 8:
            raise CancelledError

    with pytest.raises(CancelledError):
        dialogue(
            portraits, voices, tmp_path / "x.mp4",
            space=space, model=model, workers=2, progress=cancel,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_refused(tmp_path, space, model, portraits, voices, tiny_space):
    def run(faces=portraits, sounds=voices, space=space, **options):
        dialogue(faces, sounds, tmp_path / "x.mp4", space=space, model=model, **options)

    with pytest.raises(InputError, match="3 sounds for 2 faces"):
        run(sounds=[*voices, voices[0]])
    with pytest.raises(InputError, match="0 sounds"):
        run(sounds=[])
    with pytest.raises(InputError, match="mesh faces, but the face space is implicit"):
        run(space=tiny_space)
    with pytest.raises(InputError, match="same face"):
        run(faces=[portraits[0]] * 2)
    with pytest.raises(InputError, match="pause"):
        run(pause=-1)
    assert list(tmp_path.iterdir()) == []


def test_motions_are_made_equally_long_and_end_at_rest():
    short, long = still("mesh", 10), still("mesh", 40, Fraction(25, 2))
    short = replace(short, rotation=torch.full((10, 3), 5.0))
    one, other = equally_long([short, long])
    assert len(one) == len(other) == 80 and one.fps == other.fps == 25
    assert (one.rotation[:10] == 5).all() and (one.rotation[-20:] == 0).all()
    assert one.rotation.diff(dim=0).abs().max() < 3
    camera = replace(short, reference="camera")
    assert (equally_long([camera, long])[0].rotation == 5).all()
