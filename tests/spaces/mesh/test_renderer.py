"""The renderer on a smooth synthetic face: the canonical mesh over a patterned picture."""

import pytest
import torch

from vasa_core.face.basis import CODE_SIZE, PARTS, FaceBasis
from vasa_core.face.geometry import rotation_matrix
from vasa_core.face.topology import LIDS, LIP_LOWER_INNER, LIP_UPPER_INNER
from vasa_core.spaces.mesh.renderer.geometry.blendshapes import own_expression
from vasa_core.spaces.mesh.renderer.prepare import prepare
from vasa_core.spaces.mesh.renderer.render import render, render_region
from vasa_core.types import move

SIZE, UNIT = 320, 80.0


@pytest.fixture(scope="module")
def basis():
    return FaceBasis.load()


def _landmarks(basis, turn=(0.0, 0.0, 0.0)):
    face = basis.canonical.clone()
    above, below = list(LIP_UPPER_INNER), list(LIP_LOWER_INNER)  # the mean face's lips are apart
    face[above] = face[below] = (face[above] + face[below]) / 2
    face = face @ rotation_matrix(torch.tensor(turn)).T * UNIT
    return face + torch.tensor([SIZE / 2, 0.4 * SIZE, 0.0])


def _picture(landmarks, height=SIZE, width=SIZE):
    """Waves whose colour tells the place, darker outside of the face."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    waves = torch.stack([(x / 23).sin(), (y / 19).sin(), ((x + y) / 29).cos()]) * 0.2 + 0.5
    centre = landmarks[:, :2].mean(0)
    head = torch.hypot((x - centre[0]) / (1.0 * UNIT), (y - centre[1]) / (1.25 * UNIT)) < 1
    return torch.where(head, waves, 0.4 * waves)[None]


@pytest.fixture(scope="module")
def face(basis):
    landmarks = _landmarks(basis)
    return prepare(_picture(landmarks), basis.measure(landmarks), basis), landmarks


def _motion(frames=1, seed=0, size=1.0):
    noise = torch.Generator().manual_seed(seed)
    draw = [torch.randn(frames, n, generator=noise) for n in (3, 2, 1, CODE_SIZE)]
    dynamics = draw[3] * size
    dynamics[:, PARTS["blink"]] = dynamics[:, PARTS["blink"]].abs().clamp(max=1)
    return (
        4 * size * draw[0],
        0.05 * size * draw[1],
        1 + 0.03 * size * draw[2][:, 0],
        dynamics,
    )


def _still(frames=1):
    return (
        torch.zeros(frames, 3),
        torch.zeros(frames, 2),
        torch.ones(frames),
        torch.zeros(frames, 24),
    )


def test_no_motion_shows_the_portrait(face):
    appearance, _ = face
    frames = render(appearance, *_still())
    assert frames.shape == (1, 3, SIZE, SIZE)
    assert (frames - appearance.image).abs().max() < 1 / 255


def test_open_lips_close_at_zero_and_stay_at_the_own_code(basis):
    landmarks = _landmarks(basis)
    code = torch.zeros(1, CODE_SIZE)
    code[0, 0] = 3.0
    landmarks[:468] += UNIT * basis.displacement(code)[0, :468]
    image = _picture(landmarks)
    appearance = prepare(image, basis.measure(landmarks), basis)
    own = own_expression(basis.measure(landmarks), basis)
    assert own[PARTS["lips"]].norm() > 1 and own[12:].abs().max() == 0
    rotation, translation, scale, dynamics = _still()
    kept = render(appearance, rotation, translation, scale, dynamics + own)
    closed = render(appearance, rotation, translation, scale, dynamics)
    assert (kept - image).abs().max() < 1 / 255
    assert (closed - image).abs().max() > 0.05


def test_outside_the_region_nothing_changes(basis):
    landmarks = _landmarks(basis) + torch.tensor([200.0, 260.0, 0.0])
    image = _picture(landmarks, 2 * SIZE + 151, 2 * SIZE + 90)
    appearance = prepare(image, basis.measure(landmarks), basis)
    region = appearance.region
    frames = render(appearance, *_motion(3))
    outside = torch.ones(image.shape[-2:], dtype=torch.bool)
    outside[region.top : region.bottom, region.left : region.right] = False
    assert outside.float().mean() > 0.2
    assert torch.equal(frames[..., outside], image.expand_as(frames)[..., outside])
    # and the region's own edge joins the rest
    change = (frames - image)[..., region.top : region.bottom, region.left : region.right].abs()
    assert change[..., :2].max() < 0.01 and change[..., -2:].max() < 0.01
    assert change[..., :2, :].max() < 0.01 and change[..., -2:, :].max() < 0.01


@pytest.mark.parametrize("turn", [(8.0, 0.0, 0.0), (0.0, -6.0, 0.0), (0.0, 0.0, 9.0)])
def test_vertices_move_to_where_the_pose_says(basis, turn):
    landmarks = _landmarks(basis)
    places = torch.arange(SIZE) + 0.5
    x, y = torch.meshgrid(places, places, indexing="xy")
    image = torch.stack([x / SIZE, y / SIZE, 0 * x])[None]  # colour = place
    appearance = prepare(image, basis.measure(landmarks), basis)
    # a picture that is one big gradient has no head apart from its background
    rotation, translation, scale, dynamics = _still()
    rotation = torch.tensor([turn])
    translation = torch.tensor([[0.06, -0.04]])
    frame = render(appearance, rotation, translation, scale, dynamics)[0]
    origin = landmarks[168] - UNIT * basis.canonical[168]
    seen = (landmarks - origin) @ rotation_matrix(rotation[0]).T + origin
    seen[:, :2] += translation * UNIT
    for vertex in (4, 1, 6, 151, 50, 280):  # nose, forehead, cheeks
        column, row = seen[vertex, :2].floor().long().tolist()
        found = frame[:2, row, column] * SIZE - torch.tensor([column + 0.5, row + 0.5])
        wanted = landmarks[vertex, :2] - seen[vertex, :2]
        assert (found - wanted).norm() < 0.02 * UNIT, vertex


def test_a_blink_changes_the_eyes_only(face):
    appearance, landmarks = face
    dynamics = torch.zeros(1, CODE_SIZE)
    dynamics[:, PARTS["blink"]] = 1.0
    change = (render(appearance, *_still()[:3], dynamics) - appearance.image)[0].abs().amax(0)
    near = torch.zeros_like(change, dtype=torch.bool)
    for vertex in LIDS:
        x, y = landmarks[vertex, :2].long().tolist()
        reach = int(0.3 * UNIT)
        near[y - reach : y + reach, x - reach : x + reach] = True
    assert change[near].max() > 0.05
    assert change[~near].max() < 0.02


def test_gaze_moves_the_irises_only(face):
    appearance, _ = face
    dynamics = torch.zeros(1, CODE_SIZE)
    dynamics[:, PARTS["gaze"]] = torch.tensor([15.0, 0.0])
    change = (render(appearance, *_still()[:3], dynamics) - appearance.image)[0].abs().amax(0)
    assert change.max() > 0.02
    assert (change > 0.01).float().mean() < 0.01


def test_small_steps_make_small_changes(face):
    appearance, _ = face
    start = _motion(1, seed=3)
    frames = torch.cat([render(appearance, *(p * (1 + s) for p in start)) for s in (0, 1e-3, 2e-3)])
    steps = (frames[1:] - frames[:-1]).abs()
    assert steps.mean() < 1e-3
    assert (frames[2] - 2 * frames[1] + frames[0]).abs().mean() < 2 * steps.mean()
    assert steps.max() < 0.1


def test_a_batch_is_its_frames(face):
    appearance, _ = face
    motion = _motion(3, seed=1)
    together = render(appearance, *motion)
    apart = torch.cat([render(appearance, *(p[i : i + 1] for p in motion)) for i in range(3)])
    assert torch.allclose(together, apart, atol=2e-3)


def test_extreme_motion_stays_a_picture(face):
    appearance, _ = face
    frames = render(appearance, *_motion(4, seed=2, size=12.0))
    assert torch.isfinite(frames).all()
    assert frames.min() >= 0 and frames.max() <= 1


def test_turning_further_away_is_held_back(basis):
    turned = _landmarks(basis, (25.0, 0.0, 0.0))
    appearance = prepare(_picture(turned), basis.measure(turned), basis)
    rotation, translation, scale, dynamics = _still(2)
    rotation = torch.tensor([[15.0, 0.0, 0.0], [-15.0, 0.0, 0.0]])
    change = (render(appearance, rotation, translation, scale, dynamics) - appearance.image).abs()
    away, back = change.mean((1, 2, 3))
    assert away < 0.75 * back


def test_region_alone(face):
    appearance, _ = face
    motion = _motion(2)
    part, region = render_region(appearance, *motion), appearance.region
    assert part.pixels.shape == (2, 3, region.height, region.width)
    assert part.matte.shape == (2, 1, region.height, region.width)
    frames = render(appearance, *motion)
    moves = appearance.compositor.edit_mask[0, 0] == 1
    assert moves.float().mean() > 0.5
    assert torch.equal(region.box(frames)[..., moves], part.pixels[..., moves])


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_other_precision_and_device(face, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    appearance, _ = face
    motion = _motion(1)
    moved = move(appearance, device, torch.float64)
    frames = render(moved, *(p.to(device, torch.float64) for p in motion))
    assert frames.dtype == torch.float64 and frames.device.type == device
    assert (frames.cpu() - render(appearance, *motion)).abs().mean() < 1e-3


def test_wrong_shapes_are_named(basis):
    landmarks = _landmarks(basis)
    with pytest.raises(ValueError, match=r"\(1, 3, H, W\)"):
        prepare(torch.rand(3, 64, 64), basis.measure(landmarks), basis)
    with pytest.raises(ValueError, match="478"):
        prepare(torch.rand(1, 3, 64, 64), basis.measure(landmarks[:468]), basis)
