"""The face encoder's training data and schedule, on a few synthetic faces."""

import pytest
import torch
from safetensors.torch import load_file

from vasa_core.face import topology as mesh
from vasa_core.face.detector import Detector
from vasa_core.face.encoder import FaceEncoder
from vasa_core.face.framing import crop_grid, fit_frames, make_frames
from vasa_core.face.storage import WEIGHTS, read_landmark_net
from vasa_core.face.topology import mirror_index
from vasa_core.lab.data.faces import load_faces
from vasa_core.lab.recipe import recipes_of
from vasa_core.lab.training.face import train, train_landmarks, train_parts
from vasa_core.lab.training.face.augment import CROP_SIDE, restyle, training_crops
from vasa_core.lab.training.face.glasses import put_on_glasses
from vasa_core.lab.training.face.repose import ShapeBank, mean_shape, mouth_height, warp
from vasa_core.lab.training.face.train_detector import (
    DetectorRecipe,
    PasteBank,
    composites,
    detector_loss,
    targets,
    train_detector,
)


@pytest.fixture(scope="module")
def points():
    """Six faces in 256 px pictures: the mean face, stretched a little."""
    face = read_landmark_net(WEIGHTS / "face_landmarks.safetensors")
    generator = torch.Generator().manual_seed(0)
    stretch = 1 + 0.05 * torch.randn(6, 1, 3, generator=generator)
    return face.mean * stretch * 77 + torch.tensor([128.0, 128.0, 0.0])


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 255, (6, 3, 256, 256), dtype=torch.uint8)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


def test_mean_shape_is_upright_and_symmetric(points):
    mean = mean_shape(points)
    eyes = mean[mesh.LEFT_EYE_OUTER] - mean[mesh.RIGHT_EYE_OUTER]
    assert eyes.tolist() == pytest.approx([1, 0, 0], abs=1e-4)
    mirrored = mean[mirror_index()] * torch.tensor([-1.0, 1, 1])
    assert torch.allclose(mirrored, mean, atol=2e-3)


def test_warp_carries_the_controls(points):
    before, after = points[:1], points[1:2] + torch.tensor([3.0, -2.0, 0.0])
    lips = list(mesh.LIP_UPPER_OUTER)
    read = warp(after[:, lips, :2][:, None], before, after, 256)
    assert (read[0, 0] - before[0, lips, :2]).norm(dim=-1).max() < 1.0
    corner = torch.zeros(1, 1, 1, 2)
    assert warp(corner, before, after, 256).abs().max() < 8


def test_reposing_keeps_lids_and_lips_in_order(points, generator):
    expressions = 0.02 * torch.randn(4, mesh.VERTICES, 3, generator=generator)
    bank = ShapeBank.build(points, expressions)
    moved = bank.repose(torch.zeros(16, dtype=torch.long), generator)
    assert moved.shape == (16, mesh.VERTICES, 3)
    level = fit_frames(moved, bank.mean)
    assert torch.isfinite(level).all()
    assert (moved - points[:1]).norm(dim=-1).mean() > 1


def test_mouth_height_runs_from_lip_to_lip(points):
    face = points[:1].clone()
    face[:, list(mesh.LIP_LOWER_INNER[1:-1]), 1] += 20
    place = torch.stack([face[0, 13, :2], face[0, 14, :2], face[0, 13:15, :2].mean(0)])
    depth = mouth_height(place[None, None], face)[0, 0]
    assert depth.tolist() == pytest.approx([0, 1, 0.5], abs=0.05)


def test_training_crops_hold_their_points(points, images, generator):
    bank = ShapeBank.build(points, torch.zeros(2, mesh.VERTICES, 3))
    crops, wanted = training_crops(images, points, bank, torch.arange(6), 112, generator)
    assert crops.shape == (6, 3, 112, 112)
    assert 0 <= float(crops.min()) <= float(crops.max()) <= 1
    assert (wanted[..., :2].abs() < 1.3).all()
    again = torch.Generator().manual_seed(3)
    assert torch.equal(training_crops(images, points, bank, torch.arange(6), 112, again)[0], crops)


def test_glasses_are_drawn_around_the_eyes(points, generator):
    frames = make_frames(torch.tensor([[128.0, 128.0]]), torch.tensor([100.0]), torch.zeros(1))
    positions = crop_grid(frames, 64, 64)
    plain = torch.full((1, 3, 64, 64), 0.5)
    drawn = put_on_glasses(plain, positions, points[:1], generator, share=1.0)
    changed = (drawn != plain).any(1)[0]
    assert changed.any()
    assert not changed[45:].any()  # below the nose


def test_restyle_keeps_shape_and_range(generator):
    styled = restyle(torch.rand(12, 3, 48, 64, generator=generator), generator)
    assert styled.shape == (12, 3, 48, 64)
    assert 0 <= float(styled.min()) <= float(styled.max()) <= 1


def test_a_few_steps_on_one_batch_of_composites_teach_the_detector(points, images, generator):
    torch.manual_seed(0)
    frames = fit_frames(points, mean_shape(points) * (2 / CROP_SIDE))
    bank = PasteBank(images, frames, torch.ones(6))
    canvas, placed, present = composites(bank, images, 4, generator)
    maps, weight = targets(placed, present)
    assert canvas.shape == (4, 3, 192, 192)
    assert maps.shape == (4, 6, 24, 24)
    assert int((maps[:, 0] > 0.999).sum()) == int(present.sum())
    net, losses = Detector(), []
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3)
    for _ in range(5):
        loss = detector_loss(net(canvas), maps, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_the_command_trains_a_face_encoder(second_device, corpus, tmp_path, monkeypatch):
    """Detector, landmarks and parts, two steps each, to files that the encoder reads."""
    monkeypatch.setattr(train_landmarks, "EXAMINED", 2)
    monkeypatch.setattr(train_parts, "EXAMINED", 2)
    places = {"data": corpus, "work": tmp_path / "work", "out": tmp_path / "run"}
    command = [text for name, path in places.items() for text in (f"--{name}", str(path))]
    for name in train.RECIPES:
        command += [f"--{name}-steps", "2", f"--{name}-batch", "2"]
    train.main([*command, "--detector-validation-canvases", "4"])
    out = places["out"]
    encoder = FaceEncoder.load(folder=out)
    assert all(torch.isfinite(value).all() for value in encoder.parameters())
    recipes = recipes_of(out / "face_landmarks.safetensors")
    assert {name: recipe["steps"] for name, recipe in recipes.items()} == dict.fromkeys(recipes, 2)
    columns = {"detector": "found", "landmarks": "real_lips", "parts": "held_out_eye"}
    for name, column in columns.items():
        header, last = (out / name / "metrics.csv").read_text().splitlines()
        assert column in header.split(",") and last.startswith("2,")
    kept = {path.name for path in places["work"].iterdir()}
    assert kept == {"faces.pt", "expressions.pt", "hard_negatives.pt"}
    written = load_file(out / "face_landmarks.safetensors")
    train.main([*command, "--detector-validation-canvases", "4"])  # finished: nothing is trained
    again = load_file(out / "face_landmarks.safetensors")
    assert all(torch.equal(value, again[name]) for name, value in written.items())


def test_every_network_of_the_face_encoder_moves(corpus, tmp_path):
    faces = load_faces(corpus, tmp_path)
    torch.manual_seed(0)
    before = Detector()
    recipe = DetectorRecipe(steps=2, batch=2, validation_canvases=2, ema=0.0)
    after = train_detector(faces, tmp_path / "detector", recipe)
    for (name, one), other in zip(before.named_parameters(), after.parameters(), strict=True):
        assert not torch.equal(one, other), name
