"""The motion model as a whole: a tiny random one for the logic, the shipped one for behaviour."""

from fractions import Fraction

import pytest
import torch

from vasa_core.errors import CancelledError, InputError
from vasa_core.face.basis import FaceBasis
from vasa_core.motion.controls import FaceActions
from vasa_core.motion.model import (
    AudioConditioning,
    MotionDiffusion,
    closed_lids,
    load_mesh_motion,
    read_model,
    save_model,
)
from vasa_core.motion.transformer import MotionTransformer, MotionTransformerConfig
from vasa_core.motion.vectorize import MotionScaler
from vasa_core.types import EMOTIONS, AudioFeatures, Controls, Motion

FPS = Fraction(25)
PARTS = {"lips": slice(0, 2), "expression": slice(2, 3), "blink": slice(3, 5), "gaze": slice(5, 7)}
NAMES = ("rotation", "translation", "scale", "dynamics")


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    config = MotionTransformerConfig(
        13, 3, {"gaze": 2, "distance": 1}, window=10, past=4, layers=1, width=16, heads=2
    )
    network = MotionTransformer(config).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    prior = torch.tensor([-1] * 6 + [1, 2] + [-1] * 5)
    conditioning = AudioConditioning(
        "test", torch.tensor([0, 2, 3]), torch.zeros(3), torch.ones(3), prior, bilabial=4
    )
    actions = FaceActions(
        PARTS,
        torch.zeros(5, 7),
        torch.zeros(5),
        torch.tensor([50.0, 0.0]),
        torch.tensor([0.02, 0.0]),
    )
    scaler = MotionScaler(torch.zeros(13), 0.1 * torch.ones(13))
    return MotionDiffusion(network, scaler, conditioning, actions, space="mesh", fps=FPS)


def sound(frames, cuts=()):
    torch.manual_seed(frames)
    rows = torch.rand(frames, 5)
    edges = [0, *cuts, frames]
    pieces = [
        AudioFeatures(rows[a:b], "test", FPS, (b - a) / FPS)
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    return pieces if cuts else pieces[0]


def same(one, other):
    return all(torch.allclose(getattr(one, n), getattr(other, n), atol=1e-5) for n in NAMES)


@pytest.mark.parametrize("frames", [1, 9, 10, 11, 37])
def test_as_many_frames_as_rows(tiny, frames):
    motion = tiny.sample(sound(frames))
    assert len(motion) == frames
    assert (motion.space, motion.fps, motion.reference) == ("mesh", FPS, "portrait")


def test_the_seed_decides_and_nothing_else(tiny):
    assert same(tiny.sample(sound(25), seed=3), tiny.sample(sound(25), seed=3))
    assert not same(tiny.sample(sound(25), seed=3), tiny.sample(sound(25), seed=4))


def test_pieces_of_sound_make_no_difference(tiny):
    whole = tiny.sample(sound(37), seed=1)
    assert same(whole, Motion.concat(tiny.stream(sound(37, (1, 2, 15, 15, 36)), seed=1)))


def test_windows_come_one_by_one(tiny):
    asked = []

    def pieces():
        for piece in sound(37, (10, 20, 30)):
            asked.append(piece)
            yield piece

    first = next(tiny.stream(pieces()))
    assert len(first) == 10 and len(asked) == 1


def test_progress_counts_steps_and_may_stop(tiny):
    seen = []
    tiny.sample(sound(25), steps=4, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 12) for i in range(1, 13)]

    def stop(done, total):
        raise CancelledError

    with pytest.raises(CancelledError):
        tiny.sample(sound(25), progress=stop)


def test_blinks_reach_the_other_lid():
    closure = torch.tensor([-0.2, 0.1, 0.2, 0.73, 1.0])
    assert torch.allclose(closed_lids(closure), torch.tensor([-0.2, 0.1, 0.2, 0.995, 1.0]))


def test_guidance_is_used(tiny):
    assert not same(tiny.sample(sound(25), cfg=0.0), tiny.sample(sound(25), cfg=2.0))


def test_bad_input_is_named(tiny):
    foreign = AudioFeatures(torch.zeros(5, 5), "other", FPS, Fraction(1, 5))
    with pytest.raises(InputError, match="other"):
        tiny.sample(foreign)
    with pytest.raises(InputError, match="empty"):
        tiny.sample(sound(0))
    with pytest.raises(InputError, match="steps"):
        tiny.sample(sound(5), steps=0)
    with pytest.raises(InputError, match="no motion model"):
        load_mesh_motion(weights="nowhere.safetensors")


def test_save_and_read(tiny, tmp_path):
    save_model(tmp_path / "m.safetensors", tiny)
    read = read_model(tmp_path / "m.safetensors")
    assert read.network.config == tiny.network.config
    close, again = tiny.sample(sound(25)), read.sample(sound(25))
    assert torch.allclose(close.dynamics, again.dynamics, atol=0.01)  # float16 on disk


@pytest.fixture(scope="module")
def basis():
    return FaceBasis.load()


def lip_gap(motion, basis):
    """(T,) eye distances, 0 for closed lips."""
    return basis.displacement(motion.dynamics)[:, [13, 14], 1].diff(dim=1).squeeze(1)


def speechlike(seconds=8):
    """Syllables: a buzz of 120 Hz through moving resonances, four times a second."""
    time = torch.arange(seconds * 16000) / 16000
    buzz = sum(torch.sin(2 * torch.pi * 120 * k * time) / k for k in range(1, 30))
    vowel = torch.sin(2 * torch.pi * 700 * time) * (torch.sin(2 * torch.pi * 2 * time) > 0)
    return 0.1 * (buzz + vowel) * torch.sin(2 * torch.pi * 2 * time).clamp(min=0)


def test_silence_closes_the_lips_and_lives(model, basis):
    motion = model.sample(model.features(torch.zeros(60 * 16000), 16000), seed=1)
    assert lip_gap(motion, basis).quantile(0.95) < 0.02
    shut = motion.dynamics[:, 20:22].mean(1) > 0.5
    assert 4 <= (shut[1:] & ~shut[:-1]).sum() <= 40
    assert motion.rotation.diff(dim=0).abs().mean() > 0.01


def test_speech_moves_the_lips_and_the_head(model, basis):
    motion = model.sample(model.features(speechlike(), 16000), seed=1)
    assert lip_gap(motion, basis).std() > 0.01
    assert motion.rotation.diff(dim=0).abs().mean() > 0.05
    assert motion.rotation.abs().max() < 30


def test_gaze_and_distance_follow(model):
    features = model.features(speechlike(), 16000)
    controls = Controls(gaze=torch.tensor([15.0, -5.0]), distance=torch.tensor(1.5))
    motion = model.sample(features, controls, seed=2)
    assert torch.allclose(motion.dynamics[:, 22:].mean(0), torch.tensor([15.0, -5.0]), atol=2)
    assert motion.scale.log().mean().exp() == pytest.approx(1 / 1.5, rel=0.03)


def test_a_smile_widens_and_lifts_the_corners(model, basis):
    happy = model.actions.emotions[EMOTIONS.index("happy")][None]
    move = basis.displacement(happy)[0]
    assert move[291, 0] > 0.02 and move[61, 0] < -0.02  # outwards
    assert move[291, 1] < -0.02 and move[61, 1] < -0.02  # up
    assert abs(move[14, 1] - move[13, 1]) < 0.005  # as open as before
