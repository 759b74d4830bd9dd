"""Track motion and Dub video on a short film that the test renders itself, without a server."""

import gc
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import pytest
import torch
from lips import opening

pytestmark = pytest.mark.comfyui

FRAMES = 14  # of the film, 25 a second
UPPER, LOWER = (151, 145, 374), (13, 14)  # landmarks: forehead and lids; lips


@pytest.fixture(scope="module")
def played(run):
    """What the face in the film does: a part of the sample motion, its head turned further."""
    from dataclasses import replace

    motion = run("VASALoadMotion", file="sample motion (embedded)")[0][40 : 40 + FRAMES]
    turn = torch.linspace(0, 6, FRAMES)[:, None] * torch.tensor([1.0, 0.3, 0.0])
    return replace(motion, rotation=motion.rotation - motion.rotation[:1] + turn)


@pytest.fixture(scope="module")
def sound(sample):
    """0.56 s of speech, in stereo: the right channel is softer."""
    waveform = sample[1]["waveform"][..., 8000 : 8000 + 16000 * FRAMES // 25]
    return {"waveform": torch.cat([waveform, 0.5 * waveform], 1), "sample_rate": 16000}


@pytest.fixture(scope="module")
def film(run, encoded, played, sound):
    """A VIDEO of the sample portrait, a file with sound."""
    portrait = encoded[0][0]
    return run("VASARenderVideo", portrait=portrait, motion=played, audio=sound, size="source")[0]


@pytest.fixture(scope="module")
def pictures(film):
    """Its frames as an IMAGE batch."""
    return film.get_components().images


@pytest.fixture(scope="module")
def track(run, model):
    """Call Track motion with its default values, but for those that are given."""

    def call(**given):
        usual = {"model": model, "images_fps": 25.0, "face": 1, "mode": "relative"}
        return run("VASATrackMotion", **{**usual, **given})

    return call


@pytest.fixture(scope="module")
def dub(run, model):
    """Call Dub video likewise."""

    def call(**given):
        return run("VASADubVideo", **{"model": model, "face": 1, "seed": 0, "lips": 1.0, **given})

    return call


def in_memory(images, audio=None):
    """A VIDEO as Create Video makes it."""
    from comfy_api.latest import InputImpl, Types

    parts = Types.VideoComponents(images=images, audio=audio, frame_rate=Fraction(25))
    return InputImpl.VideoFromComponents(parts)


@pytest.fixture(scope="module")
def clip(pictures):
    """Its first five frames, held in memory and silent."""
    return in_memory(pictures[:5])


def without_face(images, *numbers):
    """The images with some of them gray."""
    images = images.clone()
    images[list(numbers)] = 0.5
    return images


def decoded(video):
    """(T, 3, H, W) frames of a video file."""
    from vasa_core.render.video import VideoReader

    return torch.stack(list(VideoReader(video.get_stream_source())))


def together(one, other):
    """How well two curves agree, at most 1."""
    return torch.corrcoef(torch.stack([one, other]))[0, 1].item()


def temp_files():
    import folder_paths

    return {path for path in Path(folder_paths.get_temp_directory()).rglob("*") if path.is_file()}


def test_a_video_becomes_the_motion_that_is_in_it(track, film, played):
    motion, _, missed = track(video=film)
    assert len(motion) == FRAMES and motion.fps == 25 and missed == 0
    assert motion.space == "mesh" and motion.reference == "portrait"
    for axis in (0, 1):
        assert together(motion.rotation[:, axis], played.rotation[:, axis]) > 0.95
    loudest = played.dynamics[:, :12].std(0).argmax()
    assert together(motion.dynamics[:, loudest], played.dynamics[:, loudest]) > 0.8


def test_relative_motion_starts_at_the_portraits_own_pose(track, film, encoded):
    motion = track(video=film)[0]
    assert motion.rotation[0].abs().max() < 1e-3 and motion.translation[0].abs().max() < 1e-4
    assert motion.scale[0] == pytest.approx(1, abs=1e-5)
    absolute = track(video=film, mode="absolute")[0]
    assert absolute.reference == "camera"
    own = encoded[0][0].portrait.pose.rotation[0]
    assert (absolute.rotation[0] - own).abs().max() < 3  # the film starts as the picture is
    assert together(absolute.rotation[:, 0], motion.rotation[:, 0]) > 0.99


def test_a_tracked_motion_plays_on_another_portrait(run, model, track, film):
    image = run("VASASamplePortraitAndSpeech", portrait="mira")[0]
    small = torch.nn.functional.interpolate(image.movedim(-1, 1), (192, 192), mode="area")
    image = small.movedim(1, -1)
    portrait = run("VASAEncodePortrait", model=model, image=image, face=1)[0][0]
    for mode in ("relative", "absolute"):
        motion = track(video=film, mode=mode)[0]
        frames, _, fps = run(
            "VASARenderFrames", portrait=portrait, motion=motion[[0, FRAMES - 1]], size="source"
        )
        assert fps == 25 and (frames[1] - image[0]).abs().max() > 0.1


def test_a_video_in_memory_and_images_give_the_same(track, film, pictures):
    motion = track(video=film)[0]
    from comfy_api.latest import InputImpl

    data = BytesIO(Path(film.get_stream_source()).read_bytes())
    again, audio, _ = track(video=InputImpl.VideoFromFile(data))
    assert torch.equal(again.rotation, motion.rotation)
    assert torch.equal(again.dynamics, motion.dynamics) and audio["waveform"].shape[1] == 2
    from_images, silence, missed = track(images=pictures)
    assert torch.allclose(from_images.rotation, motion.rotation, atol=0.2) and missed == 0
    assert silence["waveform"].shape == (1, 1, 16000 * FRAMES // 25)
    assert not silence["waveform"].any()


def test_images_have_the_rate_that_is_said(track, pictures):
    motion, silence, _ = track(images=pictures[:5], images_fps=29.97)
    assert motion.fps == Fraction(30000, 1001) and len(motion) == 5
    assert silence["waveform"].shape[-1] == round(Fraction(5 * 1001, 30000) * 16000)
    gray = pictures[:2].mean(-1, keepdim=True)
    assert len(track(images=gray)[0]) == 2


def test_the_sound_is_carried_over_as_it_is(track, film, sound):
    audio = track(video=film)[1]
    heard, wanted = audio["waveform"][0], sound["waveform"][0]
    assert audio["sample_rate"] == 16000 and len(heard) == 2
    assert abs(heard.shape[1] - wanted.shape[1]) < 2200  # a block of AAC more or less
    length = min(heard.shape[1], wanted.shape[1])
    best = max(
        together(heard[0, shift : length - 2048 + shift], wanted[0, : length - 2048])
        for shift in (0, 1024, 2048)
    )
    assert best > 0.95
    assert heard[1].std() == pytest.approx(0.5 * heard[0].std().item(), rel=0.1)


def test_a_video_without_sound_gives_silence_of_its_length(run, track, encoded, played):
    mute = run("VASARenderVideo", portrait=encoded[0][0], motion=played[:5], size="source")[0]
    motion, audio, _ = track(video=mute)
    assert len(motion) == 5
    assert audio["waveform"].shape == (1, 1, 3200) and not audio["waveform"].any()


def test_frames_without_a_face_are_counted_and_hold_the_one_before(track, pictures):
    motion, _, missed = track(images=without_face(pictures, 0, 5, 6))
    assert missed == 3 and len(motion) == FRAMES
    for name in ("rotation", "dynamics"):
        rows = getattr(motion, name)
        assert torch.equal(rows[0], rows[1])  # the first ones hold what comes after
        assert torch.equal(rows[5], rows[4]) and torch.equal(rows[6], rows[4])
        assert not torch.equal(rows[7], rows[6])


def test_the_second_face_is_tracked_when_asked(track, pictures):
    stays = pictures[:1].expand(FRAMES, -1, -1, -1).movedim(-1, 1)
    small = torch.nn.functional.interpolate(stays, scale_factor=0.75, mode="area")
    small = torch.nn.functional.pad(small, (0, 0, 0, 64), value=0.5).movedim(1, -1)
    both = torch.cat([pictures, small], 2)
    moving, still = (track(images=both, face=face)[0] for face in (1, 2))
    assert moving.rotation[-1, 0] > 2 and still.rotation.abs().max() < 0.5


def test_track_says_what_it_needs(track, film, pictures, tmp_path):
    from comfy_api.latest import InputImpl

    for both in ({}, {"video": film, "images": pictures}):
        with pytest.raises(ValueError, match="needs a video or images: connect one of the two"):
            track(**both)
    with pytest.raises(ValueError, match="No face in any of the 3 frames"):
        track(images=torch.full((3, 128, 128, 3), 0.5))
    with pytest.raises(ValueError, match="8320x64; at most 8192"):
        track(images=torch.zeros(1, 64, 8320, 3))
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    with pytest.raises(ValueError, match=r"notes\.mp4 is not a readable video"):
        track(video=InputImpl.VideoFromFile(str(text)))
    song = tmp_path / "song.wav"
    with av.open(str(song), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        block = av.AudioFrame.from_ndarray(torch.zeros(1, 800).short().numpy(), "s16", "mono")
        block.sample_rate = 8000
        out.mux([*stream.encode(block), *stream.encode(None)])
    with pytest.raises(ValueError, match=r"song\.wav has no video stream"):
        track(video=InputImpl.VideoFromFile(str(song)))


def test_a_choice_that_there_is_not_is_refused(nodes):
    validate = nodes["VASATrackMotion"].validate_inputs
    assert "none of: relative, absolute" in validate(mode="sideways")
    assert validate(mode="absolute") is True and validate(mode=None) is True


def test_a_dubbed_video_is_as_long_as_the_sound_and_has_it(dub, film, sample):
    long = {**sample[1], "waveform": sample[1]["waveform"][..., :12960]}  # 0.81 s
    video, missed = dub(video=film, audio=long)
    assert missed == 0
    with av.open(video.get_stream_source()) as container:
        assert container.metadata["ai_generated"] == "true"
        assert container.streams.video[0].average_rate == 25
        heard = torch.cat([torch.from_numpy(f.to_ndarray()) for f in container.decode(audio=0)], 1)
    assert 12960 <= heard.shape[1] < 12960 + 3000 and heard.std() > 0.01
    made, before = decoded(video), decoded(film)
    assert made.shape == (21, *before.shape[1:])  # ceil(0.81 * 25)
    order = [*range(FRAMES), *range(FRAMES - 2, FRAMES - 2 - 7, -1)]  # to and fro
    change = (made - before[order]).abs().mean(1)  # (T, H, W), with what the encoder changes
    points = encoded_points(before)
    upper = slice(None, int(points[list(UPPER), 1].max()))
    x, y = points[list(LOWER)].mean(0).int().tolist()
    mouth = (..., slice(y - 12, y + 12), slice(x - 16, x + 16))
    assert change[:, upper].mean() < 0.015 and change[mouth].mean() > 2 * change[:, upper].mean()


def encoded_points(frames):
    """(478, 2) landmarks in the middle of a film."""
    import vasa_core

    middle = frames[len(frames) // 2][None]
    return vasa_core.load_space("mesh").landmarks(middle)[0, :, :2]


def test_the_lips_follow_seed_and_strength(space, dub, pictures, sample):
    audio = {**sample[1], "waveform": sample[1]["waveform"][..., 20480:21760]}  # a vowel

    def made(**given):
        return decoded(dub(video=in_memory(pictures[:2]), audio=audio, **given)[0])

    usual, again, other = made(), made(), made(seed=1)
    assert torch.equal(usual, again) and not torch.equal(usual, other)
    still, usual, twice = (
        opening(space, frames) for frames in (made(lips=0.0), usual, made(lips=2.0))
    )
    assert still.max() < usual.max() - 0.02 < usual.max() < twice.max() - 0.03


def test_after_a_shorter_sound_the_video_goes_on(space, dub, clip, sample):
    short = {**sample[1], "waveform": sample[1]["waveform"][..., 8000:9280]}  # 2 frames
    video, _ = dub(video=clip, audio=short)
    made = opening(space, decoded(video))
    assert len(made) == 5 and made[-1] < made[0] - 0.02  # the lips come to rest


def test_frames_without_a_face_stay_as_filmed(dub, pictures, sound):
    video, missed = dub(video=in_memory(without_face(pictures[:6], 2, 3), sound), audio=sound)
    made = decoded(video)
    assert missed == 2 and len(made) == FRAMES  # as long as the sound
    assert (made[2:4] - 0.5).abs().max() < 0.05 and (made[4] - 0.5).abs().max() > 0.3


def test_dub_shows_its_video_and_hands_on_errors(run, model, dub, clip, pictures, sample):
    import folder_paths

    sound = {**sample[1], "waveform": sample[1]["waveform"][..., :1280]}
    values = {"model": model, "face": 1, "seed": 0, "lips": 1.0}
    shown = run("VASADubVideo", ui=True, video=clip, audio=sound, **values)
    (entry,) = shown.as_dict()["images"]
    folder = Path(folder_paths.get_temp_directory())
    assert (folder / entry["subfolder"] / entry["filename"]).is_file()
    with pytest.raises(ValueError, match="No face in any of the 2 frames"):
        dub(video=in_memory(without_face(pictures[:2], 0, 1)), audio=sound)
    empty = {**sound, "waveform": sound["waveform"][..., :0]}
    with pytest.raises(ValueError, match="The sound is empty"):
        dub(video=clip, audio=empty)


@pytest.mark.parametrize("after", [3, FRAMES + 3])
def test_cancel_stops_dubbing_and_leaves_nothing_half_written(dub, film, sound, monkeypatch, after):
    """In the frames that are tracked, and in those that are redrawn."""
    from comfy import model_management

    before, asked = temp_files(), []
    check = model_management.throw_exception_if_processing_interrupted

    def cancelled():
        asked.append(1)
        if len(asked) == after:
            model_management.interrupt_current_processing(True)
        check()

    monkeypatch.setattr(model_management, "throw_exception_if_processing_interrupted", cancelled)
    with pytest.raises(model_management.InterruptProcessingException):
        dub(video=film, audio=sound)
    gc.collect()
    assert len(asked) == after and temp_files() == before


def test_cancel_stops_tracking(track, film):
    from comfy import model_management

    model_management.interrupt_current_processing(True)
    with pytest.raises(model_management.InterruptProcessingException):
        track(video=film)


def test_progress_counts_both_passes(dub, clip, sample, monkeypatch):
    from vasa_pack.nodes import video

    steps = []

    class Counting(video.Reporter):
        def __call__(self, done, total):
            steps.append((done, total))
            super().__call__(done, total)

    monkeypatch.setattr(video, "Reporter", Counting)
    audio = {**sample[1], "waveform": sample[1]["waveform"][..., :4480]}  # 7 frames
    dub(video=clip, audio=audio)
    assert {total for _, total in steps} == {5 + 7}
    assert steps == sorted(steps) and steps[0][0] == 1 and steps[-1][0] == 12


def test_photoreal_lips_are_put_into_a_video(dub, track, ditto, pictures, sound, monkeypatch):
    import vasa_core.pipelines.dub

    # the stand-in model is of the library that tests import, not of the pack's own copy
    monkeypatch.setattr("vasa_pack.nodes.video.dub", vasa_core.pipelines.dub.dub)
    film = in_memory(pictures[:3])
    motion = track(model=ditto, video=film)[0]
    assert motion.space == "implicit" and motion.reference == "portrait" and len(motion) == 3
    assert motion.dynamics[0].abs().max() < 1e-4  # it starts with the portrait's own face
    short = {**sound, "waveform": sound["waveform"][..., :1280]}
    video, missed = dub(model=ditto, video=film, audio=short)
    made, before = decoded(video), pictures[:3].movedim(-1, 1)
    assert missed == 0 and made.shape == before.shape
    change = (made - before).abs().mean(1)
    x, y = encoded_points(before)[list(LOWER)].mean(0).int().tolist()
    assert change[:, y - 4 : y + 4, x - 8 : x + 8].mean() > 0.02  # random networks paint anything
    assert change[:, :60].mean() < 0.015


def test_a_video_that_a_newer_comfyui_has_cut_is_taken_as_cut(track, film, clip):
    from comfy_api.latest import InputImpl

    class Cut(InputImpl.VideoFromFile):
        """As Video Slice makes it: its source is still the whole file."""

        def get_active_trim_window(self):
            return 0.0, 0.2

        def save_to(self, path, **_):
            clip.save_to(path)

    assert len(track(video=Cut(film.get_stream_source()))[0]) == 5
