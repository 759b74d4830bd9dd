"""The sample characters: what ships is a face to our own network, and the drawing code makes it."""

import numpy as np
import pytest
import torch
from PIL import Image

import vasa_core
from vasa_core.face import topology
from vasa_core.lab.characters.canvas import OVERSAMPLE, Canvas, blurred, spline
from vasa_core.lab.characters.face import paint_features
from vasa_core.lab.characters.features import Makeup
from vasa_core.lab.characters.head import Bulge, Head
from vasa_core.lab.characters.skin import Skin, paint_face, paint_neck

NAMES = ("mira", "tomas", "ada")


@pytest.mark.parametrize("name", NAMES)
def test_the_encoder_finds_a_neutral_upright_face(name, space, portrait_path):
    path = portrait_path.with_name(f"{name}.jpg")
    portrait = space.encode(vasa_core.read_image(path))
    points = portrait.landmarks
    span = (points[263] - points[33]).norm()
    assert portrait.faces == 1
    assert portrait.pose.rotation.abs().max() < 8  # degrees
    assert (points[14] - points[13]).norm() / span < 0.05  # lips closed: the mean face has 0.03
    for upper, lower in ((159, 145), (386, 374)):
        assert (points[lower] - points[upper]).norm() / span > 0.09  # eyes open
    assert 0.38 < (points[152, 1] - points[10, 1]) / 640 < 0.48


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_small_squares(name, portrait_path):
    path = portrait_path.with_name(f"{name}.jpg")
    assert Image.open(path).size == (640, 640)
    assert path.stat().st_size < 120_000


def test_our_network_sees_the_features_where_they_were_drawn(space):
    rng, canvas, head = np.random.default_rng(0), Canvas(256), Head((), yaw=3, roll=2)
    skin, look = Skin("#8f4a38", "#e3ad8e", "#fbe3cf"), Makeup("#5c8a55", "#6b3a22", "#c0595a")
    canvas.rgb[:] = 0.4
    paint_neck(canvas, head, skin, 0.42)
    paint_face(canvas, head, skin, rng)
    paint_features(canvas, head, skin, look, rng)
    image = torch.from_numpy(np.asarray(canvas.picture(), np.float32) / 255)
    seen = space.encode(image.permute(2, 0, 1)[None]).landmarks.numpy()[:, :2]
    drawn = canvas.pixels(head.points) / OVERSAMPLE
    span = np.linalg.norm(drawn[263] - drawn[33])
    for part in (topology.LIPS, topology.LIDS, topology.IRISES):
        ids = list(part)
        assert np.linalg.norm(seen[ids] - drawn[ids], axis=1).mean() / span < 0.06


def test_a_bulge_moves_both_sides_alike_and_leaves_far_points():
    points = np.array([[0.3, 0.0, 0.1], [-0.3, 0.0, 0.1], [0.3, 5.0, 0.1]], np.float32)
    moved = Bulge((0.35, 0.0), (0.1, 0.1), shift=(0.02, 0.01))(points)
    assert moved[0, 0] + moved[1, 0] == pytest.approx(0, abs=1e-6)
    assert moved[0, 0] > 0.305
    assert moved[2] == pytest.approx(points[2])


def test_the_relief_passes_through_the_face():
    head, canvas = Head((), yaw=0, roll=0), Canvas(64)
    depth = head.relief(canvas)
    col, row = canvas.pixels(head.at(4)).astype(int)
    assert depth[row, col] == pytest.approx(head.points[4, 2], abs=0.04)


def test_curves_pass_through_their_points_and_blur_keeps_the_mean():
    points = np.array([[0, 0], [1, 2], [3, 1]], np.float32)
    curve = spline(points)
    assert all(np.abs(curve - p).sum(1).min() < 1e-5 for p in points)
    noise = np.random.default_rng(0).random((80, 80)).astype(np.float32)
    assert blurred(noise, 6.0).mean() == pytest.approx(noise.mean(), abs=0.01)
    assert blurred(noise, 6.0).std() < noise.std() / 5
