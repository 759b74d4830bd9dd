"""Faces that are not upright: found on any side, and moved along their own axes."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F

import vasa_core
from vasa_core.assets import PORTRAITS
from vasa_core.face.basis import FaceBasis
from vasa_core.face.framing import make_frames, to_image, turned_back
from vasa_core.face.geometry import rotation_angles, rotation_matrix
from vasa_core.motion.editing import still
from vasa_core.spaces.mesh.renderer.geometry.pose import head_motion
from vasa_core.spaces.mesh.tracking import (
    motion_from_landmarks,
    placed_motion,
    pose_of,
    relative_motion,
)


@pytest.fixture(scope="module", params=["astronaut", "mira"])
def photo(request):
    return vasa_core.read_image(PORTRAITS[request.param], 288)


def tilted(image, degrees):
    """An image turned clockwise as seen, and the matrix that turns its points along."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    back = torch.tensor([[[cos, sin, 0], [-sin, cos, 0]]])
    grid = F.affine_grid(back, image.shape, align_corners=False)
    turned = F.grid_sample(image, grid, padding_mode="border", align_corners=False)
    return turned, torch.tensor([[cos, -sin], [sin, cos]])


@pytest.mark.parametrize("degrees", [60, 90, 135, 180, 240, 270])
def test_a_face_is_found_however_it_lies(space, photo, degrees):
    upright = space.landmarks(photo)[0]
    turned, matrix = tilted(photo, degrees)
    found = space.landmarks(turned)[0]
    middle = photo.shape[-1] / 2
    expected = (upright[:, :2] - middle) @ matrix.T + middle
    unit = (upright[33] - upright[263]).norm()
    assert ((found[:, :2] - expected).norm(dim=1).mean() / unit) < 0.05
    assert len(space.encoder.detect(turned)) == 1


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_frames_of_a_turned_picture_are_mapped_back(quarters):
    height, width = 5, 8
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    turned = torch.stack([x, y]).rot90(quarters, (1, 2))
    for row, column in ((0, 0), (2, 3), (4, 4)):
        frame = make_frames(
            torch.tensor([[column + 0.5, row + 0.5]]), torch.tensor([2.0]), torch.tensor([0.3])
        )
        back = turned_back(frame, quarters, height, width)
        assert torch.allclose(back[0, :, 2], turned[:, row, column])
        sides = to_image(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), back)[0] - back[0, :, 2]
        assert torch.allclose(sides.norm(dim=1), torch.tensor([2.0, 2.0]))
        assert torch.linalg.det(sides) > 0  # not mirrored


def test_a_sure_face_is_looked_for_once(space, photo, monkeypatch):
    encoder, looked = space.encoder, []
    search = encoder._search
    monkeypatch.setattr(encoder, "_search", lambda *a: looked.append(a) or search(*a))
    encoder.detect(photo)
    assert len(looked) == 1
    encoder.detect(tilted(photo, 180)[0])
    assert len(looked) == 5


def posed(**changes):
    motion = replace(still("mesh"), **changes)
    motion.dynamics[:, 0], motion.dynamics[:, 22] = 1.5, 8.0
    return motion


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_picture_moves_like_the_upright_one(space, photo, quarters):
    motion = posed(
        rotation=torch.tensor([[12.0, -9.0, 20.0]]),
        translation=torch.tensor([[0.1, -0.06]]),
        scale=torch.tensor([1.05]),
    )
    upright = next(space.render(space.encode(photo), motion))
    lying = space.encode(photo.rot90(quarters, (-2, -1)).contiguous())
    turned = next(space.render(lying, motion)).rot90(-quarters, (-2, -1))
    assert (upright - photo).abs().mean() > 0.02
    assert (turned - upright).abs().mean() < 0.001


def test_a_tilted_head_is_as_free_as_a_level_one():
    offsets = torch.tensor([[3.0, -2.0, 24.0], [-15.0, 12.0, -24.0]])
    place, scale, unit = torch.tensor([[0.1, 0.2], [0.3, -0.5]]), torch.ones(2), torch.tensor(50.0)
    own = rotation_matrix(torch.tensor([8.0, -4.0, 0.0]))
    level = head_motion(offsets, place, scale, own, unit)
    for roll in (25.0, -80.0, 170.0):
        turn = rotation_matrix(torch.tensor([0.0, 0.0, roll]))
        tilted = head_motion(offsets, place, scale, turn @ own, unit)
        expected = turn[:2, :2] @ level.matrix @ turn.T
        assert torch.allclose(tilted.matrix, expected, atol=1e-4)
        assert torch.allclose(tilted.shift, level.shift @ turn[:2, :2].T, atol=1e-3)


def filmed(angles):
    """The "camera" motion of a head in these poses (T, 3)."""
    faces = 80 * FaceBasis.load().canonical @ rotation_matrix(angles).mT + 200
    return motion_from_landmarks(faces, FaceBasis.load(), Fraction(25))


@pytest.mark.parametrize("roll", [0.0, 20.0, -95.0])
def test_what_a_tilted_head_did_is_played_on_it_again(roll):
    angles = torch.tensor([[5.0, 3.0, roll], [12.0, -6.0, roll + 9]])
    video = filmed(angles)
    offsets = relative_motion(video)
    own = pose_of(video[:1]).rotation[0]
    motion = head_motion(
        offsets.rotation, offsets.translation, offsets.scale, own, torch.tensor(1.0)
    )
    moved = motion.matrix @ own
    assert torch.allclose(moved, rotation_matrix(angles)[:, :2], atol=0.02)


@pytest.mark.parametrize("lying", [0.0, 90.0, 180.0])
def test_an_absolute_motion_is_turned_with_the_portrait(space, photo, lying):
    portrait = space.encode(photo)
    angles = portrait.pose.rotation + torch.tensor([0.0, 0.0, lying])
    portrait = replace(portrait, pose=replace(portrait.pose, rotation=angles))
    video = filmed(torch.tensor([[4.0, 2.0, 1.0], [9.0, -5.0, 6.0]]))
    placed = placed_motion(portrait, video, video[:1])
    own, roll = rotation_matrix(angles[0]), rotation_matrix(angles[0] * torch.tensor([0, 0, 1]))
    seen = rotation_angles(roll @ rotation_matrix(placed.rotation) @ roll.T @ own)
    assert torch.allclose(seen[:, :2], video.rotation[:, :2], atol=0.05)
    apart = (seen[:, 2] - video.rotation[:, 2] - lying + 180) % 360 - 180
    assert apart.abs().max() < 0.05
