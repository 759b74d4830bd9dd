"""The refiner's training: pairs of a still, their styles, and the distance that is made small."""

import csv

import pytest
import torch
from safetensors.torch import load_file

from vasa_core.face.basis import FaceBasis
from vasa_core.lab.recipe import recipes_of
from vasa_core.lab.training.refiner import pairs as making
from vasa_core.lab.training.refiner import splits, train
from vasa_core.lab.training.refiner.adversary import Critic, critic_loss, judgement
from vasa_core.lab.training.refiner.augment import augmented_batch, plain_batch
from vasa_core.lab.training.refiner.pairs import closed, observe, parts_of, reenacted, stacked
from vasa_core.lab.training.refiner.splits import Still
from vasa_core.lab.training.refiner.train import ASIDE, SHARES, distance, refine, sampling_weights
from vasa_core.spaces.mesh.renderer.refiner import Refiner


@pytest.fixture(scope="module")
def still(faces):
    return Still("ada", "art", *faces["ada"])


@pytest.fixture(scope="module")
def pairs(still):
    basis = FaceBasis.load()
    parts = parts_of(still.picture, still.landmarks, basis)
    motion = reenacted(still.landmarks, still.landmarks[None], basis)
    (seen,) = observe(parts, motion, still.picture)
    return stacked([seen | {"weight": 1.0, "name": "ada art"}])


def test_an_unmoved_face_is_its_own_truth(pairs):
    for pictures in (pairs.part[:, :3], pairs.part[:, 3:6]):
        assert (pictures - pairs.truth)[..., ASIDE:-ASIDE].abs().amax() < 0.02
    assert pairs.moved.amax() < 0.05


def test_closing_a_still_moves_only_its_lower_face(still):
    picture, landmarks = closed(still, FaceBasis.load())
    assert picture.shape == still.picture.shape and landmarks.shape == still.landmarks.shape
    top = int(still.landmarks[:, 1].amin())
    assert torch.equal(picture[..., :top, :], still.picture[..., :top, :])


def test_a_batch_is_in_one_style_and_its_truth_with_it(pairs):
    generator = torch.Generator().manual_seed(0)
    index = torch.zeros(8, dtype=torch.long)
    batch = augmented_batch(pairs, index, generator)
    assert batch["part"].shape == (8, 10, 72, 72) and batch["palette"].shape == (8, 3, 3)
    away = batch["part"][:, 6:7] < 1e-3
    error = ((batch["part"][:, 3:6] - batch["truth"]).abs() * away).amax((1, 2, 3))
    assert (error < 0.25).all()
    styles = batch["truth"].mean((2, 3))
    assert styles.std(0).amin() > 0.01


def test_the_distance_of_the_truth_is_zero(pairs):
    net = Refiner()
    batch = plain_batch(pairs, torch.zeros(2, dtype=torch.long))
    assert distance(net, batch["truth"], batch) == 0
    assert distance(net, batch["truth"] + 0.1, batch) > 0.05
    assert torch.equal(refine(net, batch), batch["part"][:, :3])  # untrained, it does nothing


def test_people_of_a_kind_are_drawn_alike(pairs):
    assert sampling_weights(pairs).tolist() == pytest.approx([SHARES["art"]])


def test_the_critic_learns_to_tell_the_truth_from_what_is_drawn(pairs):
    torch.manual_seed(0)
    critic, batch = Critic(), plain_batch(pairs, torch.zeros(4, dtype=torch.long))
    made, where = batch["truth"] + 0.3, torch.ones(4, 1, *batch["truth"].shape[-2:])
    optimizer = torch.optim.Adam(critic.parameters(), 2e-3, betas=(0.5, 0.99))
    losses = []
    for _ in range(8):
        loss = critic_loss(critic, made, batch, where)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    critic.eval()  # the spectral norms stay as they are
    with torch.no_grad():
        against, far = judgement(critic, made, batch, where)
        for_truth, near = judgement(critic, batch["truth"], batch, where)
    assert against > for_truth and far > 0 and near == 0


def test_the_command_gathers_pairs_and_trains_a_refiner(
    second_device, corpus, tmp_path, monkeypatch
):
    """Two steps without and two with the critic, from a clip, two stills and a wide one."""
    monkeypatch.setattr(splits, "HELD_OUT", {"photo-like": 1, "art": 1})
    for name, few in (("TARGETS", 2), ("MORE_TARGETS", 2), ("WIDE_CODES", 1)):
        monkeypatch.setattr(making, name, few)
    command = ["--data", str(corpus), "--work", str(tmp_path / "pairs"), "--out", str(tmp_path)]
    command += ["--steps", "4", "--batch", "2", "--critic-from", "0.5"]
    train.main([*command, "--report-every", "1"])
    kinds = {p.stem for p in (tmp_path / "pairs").iterdir()}
    assert {"pairs_train_clips", "pairs_train_wide", "pairs_development_stills"} <= kinds
    path = tmp_path / "refiner.safetensors"
    refiner = Refiner()
    refiner.load_state_dict(load_file(path))
    assert all(torch.isfinite(value).all() for value in refiner.parameters())
    assert refiner.drawn.weight.any()  # it starts as zero
    assert recipes_of(path)["refiner"]["critic_from"] == 0.5
    rows = list(csv.DictReader((tmp_path / "metrics.csv").open()))
    assert [bool(row["critic/loss"]) for row in rows] == [False, False, True, True]
    assert all(float(row["refiner/loss"]) > 0 for row in rows)
    kinds = {"art", "photo-like", "clip"} & rows[-1].keys()
    assert kinds and all(float(rows[-1][kind]) > 0 for kind in kinds)
