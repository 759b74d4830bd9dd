"""The shipped face encoder on the shipped portrait, and on pictures without a face."""

import math

import pytest
import torch
import torch.nn.functional as F

import vasa_core
from vasa_core.errors import NoFaceError
from vasa_core.face import topology as mesh
from vasa_core.face.encoder import FaceEncoder
from vasa_core.face.tracking import smooth_track


@pytest.fixture(scope="module")
def encoder():
    return FaceEncoder.load()


@pytest.fixture(scope="module")
def photo(portrait_path):
    return vasa_core.read_image(portrait_path, 384)


@pytest.fixture(scope="module")
def points(encoder, photo):
    return encoder.landmarks(photo)[0][0]


def unit(points):
    across = points[mesh.RIGHT_EYE_OUTER] - points[mesh.LEFT_EYE_OUTER]
    return float(torch.linalg.vector_norm(across[:2]))


def distance(a, b):
    return float(torch.linalg.vector_norm(a[:, :2] - b[:, :2], dim=-1).mean()) / unit(b)


def test_points_make_a_face(points, photo):
    assert points.shape == (mesh.VERTICES, 3)
    assert (points[:, 0] > 0).all() and (points[:, 0] < photo.shape[-1]).all()
    eyes, nose, chin = points[[33, 263]].mean(0), points[1], points[mesh.CHIN]
    assert eyes[1] < nose[1] < chin[1]
    assert points[mesh.RIGHT_EYE_OUTER, 0] < points[mesh.LEFT_EYE_OUTER, 0]
    assert nose[2] < eyes[2]  # nearer is smaller
    for iris, outer, inner in ((468, 33, 133), (473, 263, 362)):
        along = (points[iris] - points[outer])[0] / (points[inner] - points[outer])[0]
        assert 0.2 < float(along) < 0.8


def test_one_face_with_its_box(encoder, photo, points):
    faces = encoder.detect(photo)
    assert len(faces) == 1
    x, y, side, roll = faces.boxes[0].tolist()
    assert math.dist((x, y), points[:, :2].mean(0).tolist()) < 0.3 * side
    assert 2.0 < side / unit(points) < 3.2
    assert abs(roll) < 15


def test_same_again(encoder, photo, points):
    assert torch.allclose(encoder.landmarks(photo)[0][0], points, atol=0.01)


@pytest.mark.parametrize("scale", [0.4, 2.5])
def test_scales_with_the_picture(encoder, photo, points, scale):
    other = F.interpolate(photo, scale_factor=scale, mode="bilinear", antialias=True)
    found = encoder.landmarks(other.clamp(0, 1))[0][0]
    ratio = torch.tensor([other.shape[-1] / photo.shape[-1], other.shape[-2] / photo.shape[-2], 1])
    assert distance(found / ratio, points) < 0.03


@pytest.mark.parametrize("degrees", [-40, 25])
def test_turns_with_the_picture(encoder, photo, points, degrees):
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    height, width = photo.shape[-2:]
    back = torch.tensor([[cos, sin * height / width, 0], [-sin * width / height, cos, 0]])
    grid = F.affine_grid(back[None], photo.shape, align_corners=False)
    turned = F.grid_sample(photo, grid, padding_mode="border", align_corners=False)
    found = encoder.landmarks(turned)[0][0]
    centre = torch.tensor([width / 2, height / 2])
    turn = torch.tensor([[cos, -sin], [sin, cos]])
    expected = (points[:, :2] - centre) @ turn.mT + centre
    assert distance(found, expected) < 0.04


def test_moves_with_the_picture(encoder, photo, points):
    moved = F.pad(photo, (90, 10, 40, 120), value=0.4)
    found = encoder.landmarks(moved)[0][0]
    assert distance(found - torch.tensor([90.0, 40, 0]), points) < 0.03


def test_grey_picture(encoder, photo, points):
    grey = photo.mean(1, keepdim=True).expand_as(photo)
    assert distance(encoder.landmarks(grey)[0][0], points) < 0.04


def test_tiny_and_huge(encoder, photo):
    tiny = F.interpolate(photo, size=(64, 64), mode="bilinear", antialias=True)
    assert encoder.landmarks(tiny)[0].shape == (1, mesh.VERTICES, 3)
    huge = F.interpolate(photo, size=(3000, 3000), mode="bilinear")
    assert distance(encoder.landmarks(huge)[0][0], encoder.landmarks(photo)[0][0]) >= 0


def test_several_faces_largest_first(encoder, photo):
    small = F.interpolate(photo, scale_factor=0.5, mode="bilinear", antialias=True)
    small = F.pad(small, (0, 0, 0, photo.shape[-2] - small.shape[-2]), value=0.5)
    faces = encoder.detect(torch.cat([small, photo], -1))
    assert len(faces) == 2
    assert faces.boxes[0, 2] > 1.5 * faces.boxes[1, 2]
    assert faces.boxes[0, 0] > faces.boxes[1, 0]
    assert len(encoder.detect(torch.cat([small, photo], -1), max_faces=1)) == 1


def test_pictures_without_a_face(encoder):
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 3, 200, 300, generator=generator)
    blank = torch.full((1, 3, 480, 640), 0.7)
    gradient = torch.linspace(0, 1, 256).expand(1, 3, 256, 256)
    for picture in (noise, blank, gradient, blank[..., :64, :64]):
        with pytest.raises(NoFaceError, match=r"No face in this \d+x\d+ image"):
            encoder.detect(picture)


def test_tracking_a_moving_face(encoder, photo, points):
    shifts = [0, 3, 6, 9, 12, 12, 12, 12]
    frames = [torch.roll(photo, s, -1)[0] for s in shifts]
    track, found = encoder.track(iter(frames))
    assert found.all()
    assert track.shape == (len(shifts), mesh.VERTICES, 3)
    assert distance(track[-1] - torch.tensor([12.0, 0, 0]), points) < 0.03


def test_tracking_over_a_gap(encoder, photo):
    empty = torch.full_like(photo, 0.3)[0]
    track, found = encoder.track([empty, photo[0], empty, photo[0]])
    assert found.tolist() == [False, True, False, True]
    assert torch.equal(track[0], track[1])
    assert torch.equal(track[2], track[1])
    with pytest.raises(NoFaceError, match="any of the 2 frames"):
        encoder.track([empty, empty])


def test_a_cut_is_not_smoothed(encoder, photo):
    moved = torch.roll(photo, photo.shape[-1] // 3, -1)
    track, _ = encoder.track([photo[0], photo[0], moved[0]])
    assert distance(track[-1], encoder.landmarks(moved)[0][0]) < 0.03


def test_smoothing_takes_noise_away_and_comes_neither_late_nor_early():
    time = torch.arange(200) / 25
    face = torch.randn(478, 3, generator=torch.Generator().manual_seed(0))
    face[[33, 263]] = torch.tensor([[-0.5, 0, 0], [0.5, 0, 0]])
    moved = 0.1 * torch.sin(2 * torch.pi * 2.0 * time)[:, None, None]  # twice a second
    noise = 0.004 * torch.randn(200, 478, 3, generator=torch.Generator().manual_seed(1))
    clean = 100 * (face + moved)
    smooth = smooth_track(clean + 100 * noise)
    resting = smooth_track(100 * (face + noise)) - 100 * face
    assert resting.std() < 0.75 * (100 * noise).std()
    swing = (smooth - 100 * face).mean((1, 2))

    def agreement(lag):
        return torch.corrcoef(torch.stack([swing[5:-5], moved.roll(lag)[5:-5, 0, 0]]))[0, 1]

    assert max(range(-3, 4), key=agreement) == 0
    assert abs(float(agreement(1) - agreement(-1))) < 0.02


def test_the_same_face_is_followed_while_another_one_grows(encoder, photo):
    width = photo.shape[-1]

    def scene(left, right):
        frame = torch.full((3, width, 2 * width), 0.5)
        for place, size in ((0, left), (width, right)):
            small = torch.nn.functional.interpolate(photo, (size, size), mode="area")[0]
            frame[:, :size, place : place + size] = small
        return frame

    empty = torch.full_like(scene(width, width), 0.3)
    big, small = width, int(0.6 * width)
    frames = [scene(big, small), empty, scene(small, big)]
    first, found = encoder.track(frames)
    assert found.tolist() == [True, False, True]
    assert (first[2, :, 0] < width).all()
    second, _ = encoder.track(frames, face=1)
    assert (second[:, :, 0] > width).all()
    with pytest.raises(NoFaceError, match="Face 3 was asked for; none of the 3 frames"):
        encoder.track(frames, face=2)
