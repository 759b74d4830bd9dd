"""The sample characters: what ships is a face to our own network, and the drawing code makes it."""

import numpy as np
import pytest
from PIL import Image

import vasa_core
from vasa_core.training.characters.canvas import Canvas, blurred, spline
from vasa_core.training.characters.head import Bulge, Head
from vasa_core.training.characters.mira import mira

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


def test_a_small_drawing_is_the_picture_that_ships(portrait_path):
    """The code still draws what was committed: compare colours over wide areas."""
    drawn = np.asarray(mira(96).picture().resize((12, 12), Image.Resampling.BOX), float)
    shipped = Image.open(portrait_path.with_name("mira.jpg")).resize((12, 12), Image.Resampling.BOX)
    assert np.abs(drawn - np.asarray(shipped, float)).mean() < 8  # of 255; a blank page gives > 50


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
