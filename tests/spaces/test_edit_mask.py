"""Where frames may differ from the picture: soft-edged, and outside of it nothing ever changes."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

import vasa_core
from vasa_core.assets import PORTRAITS
from vasa_core.lab.evaluation.control import changes
from vasa_core.motion.editing import still
from vasa_core.spaces.mesh.renderer.geometry import region


@pytest.fixture(scope="module")
def mira():
    return vasa_core.read_image(PORTRAITS["mira"], 384)


def textured(height, width):
    """Fine noise, in which the slightest blur shows."""
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def scaled(image, side):
    return F.interpolate(image, (side, side), mode="bicubic", antialias=True).clamp(0, 1)


def tilted(image, degrees):
    """An image turned clockwise as seen, its border repeated."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    grid = F.affine_grid(torch.tensor([[[cos, sin, 0], [-sin, cos, 0]]]), image.shape, False)
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False)


def moving(space, frames=5):
    """A slow turn of a speaking head."""
    time = torch.linspace(0, 1, frames)
    motion = still(space, frames)
    dynamics = motion.dynamics.clone()
    dynamics[:, 0] = 0.5 * time
    rotation = torch.stack([5 + time, 2 - time, 3 * time], 1)
    return replace(motion, rotation=rotation, dynamics=dynamics)


def frames_and_edit_mask(space, image, count=5):
    """What is rendered of a moving portrait, and where it may differ, once that is sure."""
    portrait = space.encode(image)
    mask = space.edit_mask(portrait)
    assert mask.shape == (1, *image.shape[-2:]) and mask.min() >= 0 and mask.max() == 1
    frames = torch.cat(list(space.render(portrait, moving(space.name, count))))
    outside = mask[0] == 0
    assert torch.equal(frames[..., outside], image[..., outside].expand(len(frames), -1, -1))
    face = portrait.landmarks[:, :2].round().long()
    height, width = image.shape[-2:]
    seen = ((face >= 0) & (face < face.new_tensor([width, height]))).all(1)
    assert (mask[0][face[seen, 1], face[seen, 0]] == 1).all()
    return frames, mask[0]


def is_calm(frames, mask):
    """Whether the soft edge changes from frame to frame no more than what lies within."""
    edge, inside = changes(frames, mask)
    return edge.mean() <= inside.mean() and edge.max() <= inside.max()


@pytest.mark.parametrize("side", [64, 384])
@pytest.mark.parametrize("degrees", [0, 30, 90, 180, 270])
def test_outside_nothing_changes_however_the_face_is_turned(space, mira, side, degrees):
    frames, mask = frames_and_edit_mask(space, tilted(scaled(mira, side), degrees))
    assert is_calm(frames, mask)


@pytest.mark.parametrize("corner", [(0, 0.45), (0.2, 0), (0, -0.35), (-0.25, 0.3)])
def test_a_face_partly_outside_the_picture(space, mira, corner):
    """Half a face is enough, at any side of the picture."""
    down, across = (round(share * 384) for share in corner)
    rows, columns = slice(max(0, down), 384 + min(0, down)), slice(max(0, across), 384)
    cropped = mira[..., rows, columns.start : 384 + min(0, across)]
    frames, mask = frames_and_edit_mask(space, cropped)
    assert is_calm(frames, mask)


def test_a_small_head_in_a_picture_of_4096(space, mira):
    image = textured(4096, 4096)
    image[..., 3000:3640, 700:1340] = scaled(mira, 640)
    frames, mask = frames_and_edit_mask(space, image, count=2)
    assert is_calm(frames, mask) and (mask > 0).float().mean() < 0.05


def test_a_big_head_is_enlarged_but_not_what_is_around_it(space, mira, monkeypatch):
    monkeypatch.setattr(region, "MAX_PIXELS", 700 * 700)  # or it takes a picture of 2400
    image = scaled(mira, 1100)
    image = (image + 0.1 * (textured(1100, 1100) - 0.5)).clamp(0, 1)
    portrait = space.encode(image)
    assert portrait.appearance.compositor.detail is not None
    frames, mask = frames_and_edit_mask(space, image)
    assert is_calm(frames, mask)
    mattes = torch.cat(list(space.render(portrait, moving("mesh"), alpha=True)))[:, 3]
    wall = (mask == 1) & (mattes.amax(0) + space.matte(portrait)[0] < 0.01)
    wall = -F.max_pool2d(-wall[None].float(), 21, 1, 10)[0] > 0  # clear of the head's fringe
    assert wall.float().mean() > 0.05
    assert (frames - image).abs()[..., wall].max() < 0.01  # as sharp as it was


def test_the_edge_grows_with_the_face(space, mira):
    widths = []
    for side in (192, 384):
        _, mask = frames_and_edit_mask(space, scaled(mira, side))
        widths.append(float(((mask > 0) & (mask < 1)).sum()) / side**2)
    assert widths[0] == pytest.approx(widths[1], rel=0.1) and widths[0] > 0.02


@pytest.mark.parametrize("degrees", [0, 90, 200])
def test_painted_crops_too(tiny_space, mira, degrees):
    image = tilted(scaled(mira, 256), degrees)
    image = F.pad(image, (100, 160, 40, 200), value=0.4)
    _, mask = frames_and_edit_mask(tiny_space, image)
    assert torch.equal(mask, tiny_space.matte(tiny_space.encode(image))[0])
