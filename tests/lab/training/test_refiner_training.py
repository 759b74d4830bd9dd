"""The refiner's training: pairs of a still, their styles, and the distance that is made small."""

import numpy as np
import pytest
import torch
from conftest import ASSETS
from PIL import Image

from vasa_core.face.basis import FaceBasis
from vasa_core.face.encoder import FaceEncoder
from vasa_core.lab.training.refiner.augment import drawn, plain
from vasa_core.lab.training.refiner.material import Still
from vasa_core.lab.training.refiner.pairs import closed, observe, parts_of, reenacted, stacked
from vasa_core.lab.training.refiner.train import ASIDE, SHARES, distance, odds, refined
from vasa_core.spaces.mesh.renderer.refiner import Refiner

SIDE = 256


@pytest.fixture(scope="module")
def still():
    picture = Image.open(ASSETS / "ada.jpg").convert("RGB").resize((SIDE, SIDE))
    image = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
    return Still("ada", "art", image, FaceEncoder.load().landmarks(image)[0][0])


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
    batch = drawn(pairs, index, generator)
    assert batch["part"].shape == (8, 10, 72, 72) and batch["palette"].shape == (8, 3, 3)
    away = batch["part"][:, 6:7] < 1e-3
    error = ((batch["part"][:, 3:6] - batch["truth"]).abs() * away).amax((1, 2, 3))
    assert (error < 0.25).all()
    styles = batch["truth"].mean((2, 3))
    assert styles.std(0).amin() > 0.01


def test_the_distance_of_the_truth_is_zero(pairs):
    net = Refiner()
    batch = plain(pairs, torch.zeros(2, dtype=torch.long))
    assert distance(net, batch["truth"], batch) == 0
    assert distance(net, batch["truth"] + 0.1, batch) > 0.05
    assert torch.equal(refined(net, batch), batch["part"][:, :3])  # untrained, it does nothing


def test_people_of_a_kind_are_drawn_alike(pairs):
    assert odds(pairs).tolist() == pytest.approx([SHARES["art"]])
