"""The renderer's parts, each by what it promises."""

import pytest
import torch

from vasa_core.face.basis import CODE_SIZE, PARTS, FaceBasis
from vasa_core.face.geometry import rotation_angles, rotation_matrix
from vasa_core.spaces.curves import piecewise_linear
from vasa_core.spaces.mesh.renderer.geometry.lattice import cell_centres
from vasa_core.spaces.mesh.renderer.geometry.openings import cut_mouth
from vasa_core.spaces.mesh.renderer.geometry.portrait_geometry import portrait_geometry
from vasa_core.spaces.mesh.renderer.geometry.pose import head_motion, limited_rotation
from vasa_core.spaces.mesh.renderer.geometry.texture import fill, sharp_texture
from vasa_core.spaces.mesh.renderer.layers.eyes import lid_closure
from vasa_core.spaces.mesh.renderer.layers.matte import head_matte
from vasa_core.spaces.mesh.renderer.prepare import prepare
from vasa_core.spaces.mesh.renderer.render import blendshape_weights

SIZE, UNIT = 240, 60.0


@pytest.fixture(scope="module")
def basis():
    return FaceBasis.load()


@pytest.fixture(scope="module")
def landmarks(basis):
    return basis.canonical * UNIT + torch.tensor([SIZE / 2, 0.42 * SIZE, 0.0])


@pytest.fixture(scope="module")
def picture(landmarks):
    """A bright head with dark hair before a blue wall."""
    y, x = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    centre = landmarks[:, :2].mean(0)
    across, down = (x - centre[0]) / UNIT, (y - centre[1]) / UNIT
    colours = torch.tensor([0.2, 0.3, 0.6]).view(3, 1, 1).expand(3, SIZE, SIZE)
    body = (down > 0.9) & (across.abs() < 0.35 + 1.2 * (down - 1.2).clamp(min=0))
    for inside, colour in (
        (body, (0.7, 0.5, 0.4)),
        (torch.hypot(across / 0.95, (down + 0.15) / 1.3) < 1, (0.15, 0.1, 0.08)),
        (torch.hypot(across / 0.75, (down - 0.05) / 1.05) < 1, (0.8, 0.6, 0.5)),
    ):
        colours = torch.where(inside, torch.tensor(colour).view(3, 1, 1), colours)
    noise = torch.randn(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    return (colours + 0.01 * noise).clamp(0, 1)[None]


@pytest.fixture(scope="module")
def geometry(picture, landmarks, basis):
    return portrait_geometry(picture, basis.measure(landmarks), basis)


def test_both_sides_of_a_cut_agree_away_from_it(geometry):
    points = torch.rand(400, 2, generator=torch.Generator().manual_seed(1)) * SIZE
    lift = geometry.mouth.lifted(points[None])[0] + geometry.eyes.lifted(points[None])[0].sum(0)
    upper, lower = (
        geometry.surface.displace(points, side, geometry.blendshapes[:3]) for side in (1, -1)
    )
    away = lift[0] == 0
    assert away.sum() > 100
    assert torch.allclose(upper[..., away], lower[..., away], atol=1e-4)
    assert (upper - lower)[..., ~away].abs().max() > 0.1


def test_fields_pass_through_the_vertices(geometry):
    nose = geometry.landmarks[[4, 5, 50, 280], :2]
    found = geometry.surface.displace(nose, 1, geometry.blendshapes[:2])
    wanted = geometry.blendshapes[:2][:, [4, 5, 50, 280]].permute(0, 2, 1)
    assert (found - wanted).abs().max() < 0.1  # pixels per standard deviation


def test_an_opening_knows_its_contours(landmarks):
    mouth = cut_mouth(landmarks, UNIT)
    upper, lower = mouth.covers(landmarks[None, [13, 14, 0, 17], :2], 0.9)
    assert torch.allclose(upper[0, [0, 2]], torch.tensor([0.5, 1.0]), atol=0.05)
    assert torch.allclose(lower[0, [1, 3]], torch.tensor([0.5, 1.0]), atol=0.05)
    middle = landmarks[[13, 14], :2].mean(0)[None, None]
    assert mouth.lifted(middle)[0] > 0.9 * mouth.lift


def test_inversion_finds_the_source(geometry):
    low, size = torch.zeros(1, 2), torch.tensor([float(SIZE), float(SIZE)])
    lattice = geometry.lattice(low, size, 3.0, (1,))
    still = torch.zeros(1, 3)
    motion = head_motion(
        still + 4, still[:, :2] + 0.05, torch.ones(1), geometry.pose.rotation[0], torch.tensor(UNIT)
    )
    weights = torch.zeros(1, geometry.blendshapes.shape[0])
    weights[0, 0] = 2.0
    displacement = lattice.displacement(weights, motion)
    target = cell_centres(low[0], size, *lattice.rest.shape[-2:])[None, None, None]
    offset = lattice.invert(displacement, target)
    there = lattice._look_up(
        displacement[0, 0] / (SIZE / 2), ((target + offset)[0, 0] / SIZE * 2 - 1)
    )
    residual = (offset[0, 0] + there * (SIZE / 2)).norm(dim=1)
    assert residual.mean() < 0.03 and residual.flatten().quantile(0.99) < 0.3  # pixels


def test_the_total_turn_is_limited():
    own = rotation_matrix(torch.tensor([25.0, 0.0, 0.0]))
    offsets = torch.tensor([[2.0, 0.0, 0.0], [20.0, 0.0, 0.0], [-12.0, 0.0, 0.0]])
    turned = rotation_angles(limited_rotation(offsets, own) @ own)[:, 0] - 25
    assert torch.allclose(turned[[0, 2]], offsets[[0, 2], 0], atol=0.1)
    assert turned[1] <= 5.1


def test_lids_follow_blinks_and_gaze():
    blink, gaze = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 0.0]])
    assert torch.equal(lid_closure(blink, gaze), blink)
    down, up = (lid_closure(0 * blink, torch.tensor([[0.0, phi]])) for phi in (-15.0, 15.0))
    assert (down > 0.1).all() and (up < -0.1).all()
    assert lid_closure(blink + 1, gaze).max() <= 1
    assert lid_closure(blink - 5, gaze).min() > -0.5


def test_lips_do_not_pass_through_each_other(picture, landmarks, basis):
    appearance = prepare(picture, basis.measure(landmarks), basis)
    gap = appearance.lip_gap
    codes = torch.zeros(40, CODE_SIZE)
    codes[:, PARTS["lips"]] = 2 * torch.randn(40, 12, generator=torch.Generator().manual_seed(2))
    weights = blendshape_weights(appearance, codes)
    assert (gap.rest + weights @ gap.slopes).min() > -0.03 * UNIT
    assert weights[:, -1].min() == 0  # and lips that are apart are left alone


def test_the_matte_tells_head_from_wall(geometry, landmarks):
    matte = head_matte(geometry)[0, 0]
    region = geometry.region
    x, y = (landmarks[10, :2] - torch.tensor([region.left, region.top])).long().tolist()
    assert matte[y - 8, x] > 0.95  # hair
    assert matte[y + 40, x] == 1  # face
    assert matte[5, 5] < 0.05 and matte[5, -5] < 0.05  # wall


def test_filling_is_exact_where_known():
    colours = torch.rand(1, 3, 37, 50, generator=torch.Generator().manual_seed(3))
    known = (torch.rand(1, 1, 37, 50, generator=torch.Generator().manual_seed(4)) > 0.6).float()
    filled = fill(colours, known)
    assert torch.allclose(filled * known, colours * known)
    assert filled.min() >= 0 and filled.max() <= 1
    flat = fill(torch.full((1, 3, 20, 21), 0.3), torch.eye(21)[:20][None, None])
    assert torch.allclose(flat, torch.full_like(flat, 0.3), atol=1e-5)


def test_a_sharp_texture_is_exact_at_pixels():
    picture = torch.rand(1, 3, 12, 17, generator=torch.Generator().manual_seed(5))
    texture = sharp_texture(picture, torch.tensor([[4.0, 7.0]]))
    points = cell_centres(torch.tensor([4.0, 7.0]), torch.tensor([17.0, 12.0]), 12, 17)[None, None]
    assert torch.allclose(texture.sample(points)[0], picture, atol=1e-4)


def test_interpolation_sorts_its_knots():
    x = torch.tensor([-1.0, 0.5, 2.0, 9.0])
    found = piecewise_linear(x, torch.tensor([2.0, 0.0, 1.0]), torch.tensor([4.0, 0.0, 1.0]))
    assert torch.allclose(found, torch.tensor([0.0, 0.5, 4.0, 4.0]))
