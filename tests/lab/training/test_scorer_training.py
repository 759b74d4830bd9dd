"""The scorers of sound and movement, trained for two steps on a toy corpus."""

from functools import partial

import numpy as np
import pytest
import torch

from vasa_core.lab.recipe import recipes_of
from vasa_core.lab.scorers.alignment import alignment, load_alignment
from vasa_core.lab.scorers.sync import load_sync, sync_net, sync_of
from vasa_core.lab.training.articulation import train as articulation
from vasa_core.lab.training.articulation.crops import CropSampler
from vasa_core.lab.training.motion.windows import head_speed
from vasa_core.lab.training.scorers import train_alignment, train_sync
from vasa_core.lab.training.scorers.contrast import contrastive_loss


def test_the_contrastive_loss_is_least_for_what_belongs_together():
    torch.manual_seed(0)
    net, weight = sync_net(), torch.ones(3, 60)
    sound = torch.nn.functional.normalize(torch.randn(3, 60, 64), dim=-1)
    own = contrastive_loss(net, sound, sound, weight)
    assert own < contrastive_loss(net, sound, sound.roll(6, 1), weight)
    assert own < contrastive_loss(net, sound, sound.roll(1, 0), weight)


def test_a_few_steps_on_one_batch_reduce_the_loss():
    torch.manual_seed(0)
    net, rng = sync_net().eval(), np.random.default_rng(0)
    mel, weight = torch.randn(4, 300, 40), torch.ones(4, 75)
    lips = torch.as_tensor(rng.standard_normal((4, 75, 12))).float()
    optimizer, losses = torch.optim.AdamW(net.parameters(), 2e-3), []
    for _ in range(6):
        loss = contrastive_loss(net, *net.embed(mel, lips), weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.1


def test_lips_that_rest_do_not_count():
    lips = torch.zeros(1, 40, 12)
    lips[0, 25:, 0] = torch.arange(15) % 3
    opening = torch.zeros(12)
    opening[0] = 0.1
    active = train_sync.activity(lips, opening)[0]
    assert not active[:15].any() and active[28:].all()


def test_unlikely_heads_are_much_slower_or_faster_than_any():
    rng = np.random.default_rng(0)
    poses = torch.as_tensor(rng.standard_normal((20, 75, 6))).float()
    speeds = np.array([head_speed(pose) for pose in train_alignment.unlikely(poses, rng)])
    slow, fast = train_alignment.UNLIKELY
    inside = [(low * 0.99 < speeds) & (speeds < high * 1.01) for low, high in (slow, fast)]
    assert (inside[0] | inside[1]).all() and inside[0].any() and inside[1].any()


def test_the_command_trains_an_alignment_scorer(second_device, corpus, tmp_path):
    command = ["--data", str(corpus), "--out", str(tmp_path)]
    train_alignment.main([*command, "--steps", "2", "--batch", "4"])
    path = tmp_path / "alignment.safetensors"
    net = load_alignment(path)
    assert -1 <= alignment(net, torch.randn(80, 43), torch.randn(80, 6)) <= 1
    assert recipes_of(path)["alignment"]["steps"] == 2
    header, row = (tmp_path / "metrics.csv").read_text().splitlines()
    assert {"loss", "held_out", "others"} <= set(header.split(","))
    assert np.isfinite([float(value) for value in row.split(",")]).all()


def test_the_command_trains_a_sync_scorer(
    second_device, corpus, tmp_path, speech_programs, monkeypatch, speech
):
    monkeypatch.setattr(articulation, "MINUTES", {"synthetic": 0.05, "joined": 0.05})
    monkeypatch.setattr(train_sync, "CropSampler", partial(CropSampler, bank=2))
    command = ["--data", str(corpus), "--work", str(tmp_path / "work"), "--out", str(tmp_path)]
    train_sync.main([*command, "--steps", "2", "--batch", "2", "--teacher-steps", "2"])
    path = tmp_path / "sync.safetensors"
    sound = torch.as_tensor(speech[:64000]).float() / 32768
    sync = sync_of(load_sync(path), sound, 16000, torch.randn(100, 12))
    assert torch.isfinite(sync.curve).all()
    assert recipes_of(path)["sync"]["schedule"] == "one-cycle"
    header, row = (tmp_path / "metrics.csv").read_text().splitlines()
    found = dict(zip(header.split(","), map(float, row.split(",")), strict=True))
    assert np.isfinite(list(found.values())).all()
    assert found["confidence"] > 0 and 0 <= found["offset_within_1"] <= 1
    assert found["loss"] == pytest.approx(5, abs=3)
