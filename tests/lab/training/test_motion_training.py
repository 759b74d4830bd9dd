"""The training of the motion model, on made-up clips."""

import copy
import csv
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import ROOT

from vasa_core.audio.features import FEATURE_SIZE
from vasa_core.face.basis import FaceBasis
from vasa_core.lab.recipe import recipes_of
from vasa_core.lab.training.motion import actions, distil, train
from vasa_core.lab.training.motion.actions import face_actions
from vasa_core.lab.training.motion.batches import Batches
from vasa_core.lab.training.motion.calibrate import MOST, calibrate
from vasa_core.lab.training.motion.data import TalkingClip, mirror_matrix, sharpened_blinks
from vasa_core.lab.training.motion.distil import two_steps
from vasa_core.lab.training.motion.windows import (
    BLINK,
    GAZE,
    LIPS,
    TALKING,
    WindowSource,
    head_speed,
)
from vasa_core.motion.model import QUICK_STEPS, read_model
from vasa_core.motion.vectorize import POSE_SIZE
from vasa_core.types import AudioFeatures


def clip(name, person, frames=90, sound=True, **kind):
    generator = torch.Generator().manual_seed(len(name) * frames)
    motion = torch.randn(frames, 30, generator=generator).cumsum(0) / 10
    motion = motion - motion.median(0).values
    motion[:, POSE_SIZE - 1] /= 20
    motion[:, BLINK] = sharpened_blinks(motion[:, BLINK].numpy()) if frames < 60 else 0.1
    motion[40:45, BLINK] = 1.0
    sound = torch.randn(frames, 3, generator=generator) if sound else None
    return TalkingClip(name, person, "A", motion.float(), sound, **kind)


@pytest.fixture(scope="module")
def clips():
    return [
        clip("a", "reader", still=True),
        clip("web", "web", 150),
        clip("silent", "silent", 120, sound=False),
        clip("kept", "kept", 100, held_out=True),
    ]


@pytest.fixture(scope="module")
def basis():
    return FaceBasis.load()


def test_a_window_is_described_by_its_signals(clips, basis):
    source, rng = WindowSource(clips, mirror_matrix(basis), 60, 10), np.random.default_rng(0)
    windows = [source.draw(rng) for _ in range(50)]
    for window in windows:
        assert window.motion.shape == (60, 30) and window.audio.shape == (60, 15)
        gaze = window.motion[10:, GAZE].mean(0)
        assert np.allclose(window.signals["gaze"] * 10, gaze)
        size = np.exp(window.motion[10:, POSE_SIZE - 1].mean())
        assert np.exp(window.signals["distance"][0]) == pytest.approx(1 / size)
    assert any(not w.sound_known for w in windows) and any(w.sound_known for w in windows)
    silent = [w for w in windows if (w.audio[:, 3:] == 0).all()]
    assert silent and all((w.motion[:, LIPS] == 0).all() for w in silent)
    for window in (w for w in windows if (w.audio[:, 3:] != 0).any()):
        speed = max(head_speed(window.motion), 0.1 * TALKING)
        assert np.exp(window.signals["activity"][0]) * TALKING == pytest.approx(speed)


def test_head_speed_is_the_mean_change_of_the_angles():
    motion = np.zeros((5, 30))
    motion[:, 0] = [0, 1, 2, 3, 4]
    motion[:, 3] = [0, 9, 0, 9, 0]  # place and size are no turning
    assert head_speed(motion) == pytest.approx(1 / 3)


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
    made = sharpened_blinks(closure)
    assert made[20:28].max() > 0.95
    assert made[:15].max() < 0.05 and made[120:140].max() < 0.35


def test_emotions_keep_the_lips_as_open_as_they_were(basis):
    actions = face_actions(basis)
    gap = actions.emotions[:, actions.parts["lips"]] @ actions.gap
    assert gap.abs().max() < 0.005
    assert float(actions.opening @ actions.gap) == pytest.approx(1, abs=1e-4)


RECIPE = train.MotionRecipe(steps=2, batch=4, checkpoint_every=2, statistics_windows=50)


@pytest.fixture(autouse=True)
def short_validation(monkeypatch):
    monkeypatch.setattr(train, "VALIDATION", (1, 4))


@pytest.fixture(scope="module")
def untrained(clips, basis):
    """A model with the statistics of the clips, and batches for it."""
    torch.manual_seed(0)
    source = train.window_source(clips, basis)
    model = train.build(RECIPE, source, basis)
    return model, Batches(source, model.scaler, model.conditioning, model.network.whitening)


def test_training_writes_a_model_and_is_prolonged(clips, tmp_path):
    model = train.train(clips, tmp_path, RECIPE)
    kept = read_model(tmp_path / train.WEIGHTS)
    assert kept.space == "mesh" and set(kept.defaults) == set(train.SIGNALS)
    assert train.MotionRecipe(**recipes_of(tmp_path / train.WEIGHTS)["motion"]) == RECIPE
    before = {k: v.clone() for k, v in model.network.state_dict().items()}
    longer = train.train(clips, tmp_path, replace(RECIPE, steps=3))
    moved = [k for k, v in longer.network.state_dict().items() if not torch.equal(v, before[k])]
    assert moved and all(torch.isfinite(v).all() for v in longer.network.state_dict().values())
    rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "2", "3"]
    assert "held_out" in rows[0]


def test_a_few_steps_on_one_batch_reduce_the_loss(untrained):
    model, batches = untrained
    network, batch = copy.deepcopy(model.network).train(), batches.draw(8, np.random.default_rng(0))
    optimizer, losses = torch.optim.AdamW(network.parameters(), 1e-3), []
    for _ in range(6):
        torch.manual_seed(0)
        loss = train.loss_of(network, batch, drops=False)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_one_step_of_the_target_is_two_of_the_teacher(untrained):
    model, batches = untrained
    network, batch = copy.deepcopy(model.network).eval(), batches.draw(4, np.random.default_rng(0))
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


def test_calibration_gives_samples_the_spread_of_real_windows(untrained):
    model, batches = untrained
    network = copy.deepcopy(model.network)
    calibrate(network, batches, 4, 50, seed=0)
    gain = network.whitening.gain
    assert torch.isfinite(gain).all() and gain.min() >= 1 / MOST and gain.max() <= MOST
    assert not torch.equal(gain, torch.ones_like(gain))


def test_the_commands_train_and_distil_a_model_that_samples_quickly(
    second_device, corpus, tmp_path, monkeypatch
):
    monkeypatch.setattr(distil, "FIRST_STEPS", 16)
    data = ["--data", str(corpus), "--out", str(tmp_path)]
    train.main([*data, "--steps", "2", "--batch", "2", "--statistics-windows", "30"])
    distil.main([*data, "--steps", "2", "--batch", "2", "--calibration-windows", "10"])
    path = tmp_path / train.WEIGHTS
    model = read_model(path)
    assert set(recipes_of(path)) == {"motion", "distillation"}
    assert {p.name for p in tmp_path.glob("distil_*")} == {"distil_8", "distil_4"}
    first = dict(model.network.named_parameters())
    assert any(not torch.equal(v, first[k]) for k, v in model.quick.named_parameters())
    assert model.network_for(QUICK_STEPS) is model.quick
    assert model.network_for(QUICK_STEPS + 1) is model.network
    sound = AudioFeatures(
        torch.rand(60, FEATURE_SIZE), model.encoder_name, model.fps, 60 / model.fps
    )
    own = model.sample(sound, steps=QUICK_STEPS)
    assert torch.isfinite(own.dynamics).all()
    for steps, same in ((None, True), (10, False)):
        assert torch.equal(model.sample(sound, steps=steps).rotation, own.rotation) == same


@pytest.mark.skipif(sys.platform != "linux", reason="names the loopback device of Linux")
def test_accelerate_launch_spreads_a_training_over_two_processes(corpus, tmp_path):
    """As on a machine with GPUs, but gloo and the CPU: one network, written by one process."""
    command = [
        *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"),
        *("--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no"),
        *("--dynamo_backend", "no", "--main_process_port", "0"),
        *("-m", "vasa_core.lab.training.motion.train", "--data", str(corpus)),
        *("--out", str(tmp_path), "--steps", "2", "--batch", "2", "--statistics-windows", "30"),
    ]
    environment = os.environ | {
        "ACCELERATE_USE_CPU": "true", "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("clips train") == 1  # the other process keeps quiet
    assert len(list(tmp_path.glob("events.*"))) == 1
    assert read_model(tmp_path / train.WEIGHTS).space == "mesh"
    (row,) = csv.DictReader((tmp_path / "metrics.csv").open())
    assert row["step"] == "2" and np.isfinite(float(row["held_out"]))


def test_the_emotions_of_the_shipped_model_are_those_of_the_designs(tmp_path, monkeypatch):
    shipped = actions.WEIGHTS
    copied = tmp_path / shipped.name
    shutil.copy(shipped, copied)
    monkeypatch.setattr(actions, "WEIGHTS", copied)
    monkeypatch.setitem(actions.JAW, "surprised", 0.2)
    actions.main()
    before, after = read_model(shipped), read_model(copied)
    assert torch.equal(before.actions.emotions, after.actions.emotions)
    assert after.actions.emotion_opening.max() == pytest.approx(0.2)
    assert before.actions.emotion_opening.max() == pytest.approx(0.07)


def test_the_still_headed_speaker_sways_as_others_do(clips, basis):
    rng = np.random.default_rng(0)
    alone = WindowSource(clips[:1], mirror_matrix(basis), 60, 10)
    assert not alone.sway(1.0, rng).any()
    source = WindowSource(clips, mirror_matrix(basis), 60, 10)
    sway = source.sway(1.0, rng)
    assert sway.shape == (60, POSE_SIZE) and sway.std() > 0
    assert np.abs(np.diff(sway, 2, axis=0)).max() < 0.1 * np.abs(sway).max()  # and slowly
