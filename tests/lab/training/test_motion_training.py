"""The training of the motion model, on made-up clips."""

from argparse import Namespace

import numpy as np
import pytest
import torch

from vasa_core.audio.features import FEATURE_SIZE
from vasa_core.face.basis import FaceBasis
from vasa_core.lab.training.motion import distil, train
from vasa_core.lab.training.motion.actions import face_actions
from vasa_core.lab.training.motion.data import TalkingClip, blinked, mirror_matrix
from vasa_core.lab.training.motion.distil import two_steps
from vasa_core.lab.training.motion.windows import BLINK, GAZE, LIPS, WindowSource, head_speed
from vasa_core.motion.model import QUICK_STEPS, read_model, save_model
from vasa_core.motion.vectorize import POSE_SIZE
from vasa_core.types import AudioFeatures


def clip(name, person, frames=90, sound=True):
    generator = torch.Generator().manual_seed(len(name) * frames)
    motion = torch.randn(frames, 30, generator=generator).cumsum(0) / 10
    motion = motion - motion.median(0).values
    motion[:, POSE_SIZE - 1] /= 20
    motion[:, BLINK] = blinked(motion[:, BLINK].numpy()) if frames < 60 else 0.1
    motion[40:45, BLINK] = 1.0
    heard = torch.randn(frames, 3, generator=generator) if sound else None
    return TalkingClip(name, person, "A", motion.float(), heard)


@pytest.fixture(scope="module")
def clips():
    return [
        clip("a", "grid_s1"),
        clip("web", "web", 150),
        clip("silent", "silent", 120, sound=False),
        clip("elo_T1_1", "elo_T1", 100),
    ]


@pytest.fixture(scope="module")
def basis():
    return FaceBasis.load()


def test_a_window_is_described_by_its_signals(clips, basis):
    source = WindowSource(clips, mirror_matrix(basis), 60, 10, seed=0)
    windows = [source.draw() for _ in range(50)]
    for window in windows:
        assert window.motion.shape == (60, 30) and window.heard.shape == (60, 15)
        gaze = window.motion[10:, GAZE].mean(0)
        assert np.allclose(window.signals["gaze"] * 10, gaze)
        size = np.exp(window.motion[10:, POSE_SIZE - 1].mean())
        assert np.exp(window.signals["distance"][0]) == pytest.approx(1 / size)
    assert any(not w.sound_known for w in windows) and any(w.sound_known for w in windows)
    silent = [w for w in windows if (w.heard[:, 3:] == 0).all()]
    assert silent and all((w.motion[:, LIPS] == 0).all() for w in silent)
    assert head_speed(windows[0].motion) > 0


def test_the_mirror_of_the_mirror_is_the_face(basis):
    matrix = mirror_matrix(basis)
    motion = torch.randn(5, 30, generator=torch.Generator().manual_seed(0))
    mirrored = motion @ matrix
    assert torch.allclose(mirrored[:, 0], -motion[:, 0])  # yaw
    assert torch.allclose(mirrored[:, 1], motion[:, 1])  # pitch
    assert torch.allclose(mirrored[:, BLINK], motion[:, BLINK].flip(1))
    assert torch.allclose(mirrored @ matrix, motion, atol=0.05)


def test_blinks_close_and_long_closures_open():
    closure = np.zeros((200, 2))
    closure[20:28] = np.array([0.2, 0.7, 0.6, 0.4, 0.3, 0.2, 0.15, 0.13])[:, None]
    closure[100:160] = 0.9
    made = blinked(closure)
    assert made[20:28].max() > 0.95
    assert made[:15].max() < 0.05 and made[120:140].max() < 0.35


def test_emotions_keep_the_lips_as_open_as_they_were(basis):
    actions = face_actions(basis)
    gap = actions.emotions[:, actions.parts["lips"]] @ actions.gap
    assert gap.abs().max() < 0.005
    assert float(actions.opening @ actions.gap) == pytest.approx(1, abs=1e-4)


@pytest.fixture
def arguments(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "load_talking", lambda data, encoder: clips)
    monkeypatch.setattr(train, "STATISTICS_WINDOWS", 50)
    return Namespace(
        data="none", out=str(tmp_path), preset="embedded", device="cpu", steps=2, batch=4, lr=1e-3,
        every=2, seed=0, resume=False,
    )  # fmt: skip


def test_training_runs_saves_and_resumes(arguments, tmp_path):
    args = arguments
    train.Trainer(args).run()
    model = read_model(tmp_path / "mesh_motion.safetensors")
    assert model.space == "mesh" and set(model.defaults) == set(train.SIGNALS)
    args.resume, args.steps = True, 3
    again = train.Trainer(args)
    assert again.step == 2
    again.run()
    assert again.step == 3


def test_one_step_of_the_target_is_two_of_the_teacher(arguments):
    trainer = train.Trainer(arguments)
    network, batch = trainer.network.eval(), trainer.batches.draw(4)
    torch.nn.init.normal_(network.head.weight, std=0.1)
    start, middle, end = 499, 374, 249
    times = torch.tensor([[start, middle, end]]).expand(4, -1)
    noisy = network.schedule.noised(batch.clean, torch.randn_like(batch.clean), times[:, 0])
    target = two_steps(network, batch, {}, noisy, times)

    def teacher(x, time):
        return network(x, time, batch.conditions)

    def step(denoise, x, here, there):
        """One DDIM step, as ``sampling.ddim`` takes it."""
        one, two = network.schedule.alphas_cumprod[here], network.schedule.alphas_cumprod[there]
        clean = denoise(x, torch.full((len(x),), here))
        noise = (x - one.sqrt() * clean) / (1 - one).sqrt()
        return two.sqrt() * clean + (1 - two).sqrt() * noise

    twice = step(teacher, step(teacher, noisy, start, middle), middle, end)
    once = step(lambda x, time: target, noisy, start, end)
    assert torch.allclose(once, twice, atol=1e-4)


def test_a_distilled_model_samples_quickly_and_is_kept(arguments, tmp_path):
    trainer = train.Trainer(arguments)
    distil.distil(trainer.model, trainer.batches, arguments)
    path = tmp_path / "quick.safetensors"
    save_model(path, trainer.model)
    model = read_model(path)
    assert model.network_for(QUICK_STEPS) is model.quick
    assert model.network_for(QUICK_STEPS + 1) is model.network
    for steps, same in ((None, True), (QUICK_STEPS, True), (10, False)):
        sound = AudioFeatures(
            torch.rand(60, FEATURE_SIZE), model.encoder_name, model.fps, 60 / model.fps
        )
        own = model.sample(sound, steps=QUICK_STEPS)
        assert torch.equal(model.sample(sound, steps=steps).rotation, own.rotation) == same


def test_the_still_headed_speaker_sways_as_others_do(clips, basis):
    alone = WindowSource(clips[:1], mirror_matrix(basis), 60, 10, seed=0)
    assert not alone.sway(1.0).any()
    source = WindowSource(clips, mirror_matrix(basis), 60, 10, seed=0)
    sway = source.sway(1.0)
    assert sway.shape == (60, POSE_SIZE) and sway.std() > 0
    assert np.abs(np.diff(sway, 2, axis=0)).max() < 0.1 * np.abs(sway).max()  # and slowly
