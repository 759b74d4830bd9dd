"""Keypoints on their way from a driving motion to the warping network."""

import pytest
import torch
from torch.testing import assert_close

from vasa_core.spaces.implicit.driving import (
    Driving,
    KeypointDriver,
    absolute,
    closed_lips,
    driven,
    from_image,
    hull_volume,
    only,
    relative,
)
from vasa_core.spaces.implicit.keypoints import FaceState, bins_to_degrees, head_rotation
from vasa_core.spaces.implicit.load import filled, stitching_tensors
from vasa_core.spaces.implicit.networks.stitching import StitchingRetargeting
from vasa_core.spaces.implicit.ratios import eye_ratios, lip_ratio

ATOL = 2e-5
PIPELINE = "lp_pipeline_kp"


@pytest.fixture(scope="module")
def networks(goldens):
    tensors = goldens.weights("liveportrait_stitching_retargeting_module")
    network = filled(StitchingRetargeting, stitching_tensors(tensors))
    return network.train(False).requires_grad_(False)


def test_the_camera(goldens):
    name = "lp_camera_stitch"
    angles = (goldens.tensor(name, key)[:, 0] for key in ("pitch", "yaw", "roll"))
    rotation = head_rotation(*angles)
    goldens.check(name, "R", rotation.mT, ATOL)
    state = FaceState(rotation, *(goldens.tensor(name, key) for key in ("exp", "scale", "t")))
    goldens.check(name, "x", state.points(goldens.tensor(name, "kp")), ATOL)
    goldens.check(name, "degrees", bins_to_degrees(goldens.tensor(name, "bins")), 2e-4)


@pytest.fixture(scope="module")
def source(goldens):
    angles = (goldens.tensor(PIPELINE, f"src_{key}")[:, 0] for key in ("pitch", "yaw", "roll"))
    rest = (goldens.tensor(PIPELINE, f"src_{key}") for key in ("exp", "scale", "t"))
    return FaceState(head_rotation(*angles), *rest)


@pytest.fixture(scope="module")
def driver(goldens):
    rotation = goldens.tensor(PIPELINE, "drv_R").mT
    return FaceState(
        rotation, *(goldens.tensor(PIPELINE, f"drv_{k}") for k in ("exp", "scale", "t"))
    )


@pytest.fixture(scope="module")
def move(goldens, networks, source):
    """Offsets to driven keypoints, with options."""
    canonical = goldens.tensor(PIPELINE, "src_kp")

    def moved(offsets, change=None, **options):
        driving = Driving(**options)
        return KeypointDriver(canonical, source, networks, driving, offsets[:1], change)(offsets)

    return moved


def ratios(goldens, *pairs):
    """(1, n) distances over distances between numbered points of the crop."""
    points, matrix = goldens.tensor(PIPELINE, "lmk203"), goldens.tensor(PIPELINE, "M_o2c")
    points = points @ matrix[:2, :2].T + matrix[:2, 2]

    def distance(pair):
        return (points[pair[0]] - points[pair[1]]).norm()

    return torch.stack([distance(gap) / (distance(width) + 1e-6) for gap, width in pairs])[None]


def test_the_portrait_as_it_is(goldens, source):
    goldens.check(PIPELINE, "x_s", source.points(goldens.tensor(PIPELINE, "src_kp")), ATOL)


def test_relative_motion(goldens, move, driver):
    offsets = relative(driver, driver[:1])
    goldens.check(PIPELINE, "xd_default", move(offsets, friendly=True), ATOL)
    goldens.check(PIPELINE, "xd_pose_friendly", move(offsets), ATOL)
    goldens.check(PIPELINE, "xd_no_stitch", move(offsets, stitching=False), ATOL)
    goldens.check(PIPELINE, "xd_multiplier", move(offsets, multiplier=1.7), ATOL)
    for region in ("exp", "pose", "lip", "eyes"):
        goldens.check(PIPELINE, f"xd_region_{region}", move(only(offsets, region)), ATOL)


def test_absolute_motion(goldens, move, driver, source):
    offsets = absolute(driver, source)
    goldens.check(PIPELINE, "xd_absolute", move(offsets), ATOL)
    goldens.check(PIPELINE, "xd_abs_region_exp", move(only(offsets, "exp")), ATOL)
    goldens.check(PIPELINE, "xd_image_driven_abs", move(offsets[:1]), ATOL)


def test_one_driving_picture(goldens, move, driver):
    offsets = from_image(driver[:1], goldens.tensor(PIPELINE, "lip_array"))
    goldens.check(PIPELINE, "xd_image_driven", move(offsets), ATOL)


def test_lips_closed_before_they_speak(goldens, move, driver, source, networks):
    points = source.points(goldens.tensor(PIPELINE, "src_kp"))
    change = closed_lips(networks, points, ratios(goldens, ((90, 102), (48, 66))))
    offsets = relative(driver, driver[:1])
    goldens.check(PIPELINE, "xd_norm_lip", move(offsets, change), ATOL)
    moved = move(offsets, change, stitching=False)
    goldens.check(PIPELINE, "xd_norm_lip_no_stitch", moved, ATOL)
    assert not closed_lips(networks, points, torch.tensor([[0.02]])).any()


def test_retargeting(goldens, driver, source, networks):
    canonical = goldens.tensor(PIPELINE, "src_kp")
    moving = KeypointDriver(canonical, source, networks, Driving())
    points = moving.points.expand(len(driver.scale), -1, -1)
    rows = len(points)
    lip = ratios(goldens, ((90, 102), (48, 66))).expand(rows, -1)
    eyes = ratios(goldens, ((6, 18), (0, 12)), ((30, 42), (24, 36))).expand(rows, -1)
    changes = (
        networks.eyes(points, eyes, goldens.tensor(PIPELINE, "c_eyes")[:, :1]),
        networks.lips(points, lip, goldens.tensor(PIPELINE, "c_lip")),
    )
    goldens.check(PIPELINE, "xd_retarget_eye_lip", moving.retarget(points, *changes), ATOL)
    moved = driven(canonical, source, absolute(driver, source))
    goldens.check(PIPELINE, "xd_retarget_eye_lip_abs", moving.retarget(moved, *changes), ATOL)


def test_hull_volume():
    scipy = pytest.importorskip("scipy.spatial")
    points = torch.randn(4, 21, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.tensor([scipy.ConvexHull(p.numpy()).volume for p in points])
    assert_close(hull_volume(points), expected.float(), rtol=1e-4, atol=0)
    cube = torch.tensor([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1.0)])
    corner = cube[[0, 1, 2, 4]]  # a tetrahedron
    assert_close(hull_volume(corner[None]), torch.tensor([1 / 6]))


def test_no_motion_is_no_change(driver, source, move):
    still = relative(driver[:1], driver[:1])
    points = move(still, stitching=False)
    assert_close(points, move(only(relative(driver, driver[:1]), "eyes"), stitching=False)[:1])
    assert_close(points, move(still, stitching=False, multiplier=3.0))


def test_openings_of_our_own_face_points(portrait):
    """The sample portrait smiles with open lips and eyes; nearer lids and lips count as less."""
    points = portrait.landmarks[None].clone()
    lips, eyes = lip_ratio(points), eye_ratios(points)
    assert 0.03 < lips < 0.4 and (eyes > 0.15).all() and (eyes < 0.6).all()
    points[:, 14], points[:, 145] = points[:, 13], points[:, 159]
    assert lip_ratio(points) == 0 and eye_ratios(points)[0, 0] == 0
    assert eye_ratios(points)[0, 1] == eyes[0, 1]
