"""The working crop, and putting it back."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from vasa_core.spaces.implicit.crop import (
    crop_image,
    crop_square,
    face_points,
    network_input,
    to_crop,
    upright_square,
)
from vasa_core.spaces.implicit.paste import paste, paste_place, picture_mask
from vasa_core.types import CropTransform

PIPELINE = "lp_pipeline_kp"
PIXEL = 0.5  # LivePortrait counts pixels from their middles


@pytest.fixture
def square(goldens):
    points = goldens.tensor(PIPELINE, "lmk106") + PIXEL
    eyes = (points[[33, 35, 40, 39]].mean(0) + points[[87, 89, 94, 93]].mean(0)) / 2
    return crop_square(points, eyes, points[[52, 61]].mean(0))


def test_the_crop_lies_where_liveportrait_has_it(goldens, square):
    angle = torch.atan2(square.right[1], square.right[0])
    found = torch.stack([*(square.centre - PIXEL), square.side, square.side, angle])
    goldens.check(PIPELINE, "crop_rect", found, 1e-3)
    transform = square.transform()
    matrix = transform.matrix
    corner = matrix[:, 2] + matrix[:, :2].sum(1) * PIXEL - PIXEL
    theirs = torch.cat([matrix[:, :2], corner[:, None]], 1)
    whole = torch.cat([theirs, torch.tensor([[0.0, 0, 1]])])
    goldens.check(PIPELINE, "M_c2o", whole, 1e-3)
    goldens.check(PIPELINE, "M_o2c", torch.linalg.inv(whole), 1e-3)
    points = to_crop(goldens.tensor(PIPELINE, "lmk106") + PIXEL, transform) - PIXEL
    goldens.check(PIPELINE, "pt_crop", points, 1e-3)


def test_the_driving_crop(goldens):
    points = goldens.tensor(PIPELINE, "lmk203") + PIXEL
    eyes = (points[[0, 6, 12, 18]].mean(0) + points[[24, 30, 36, 42]].mean(0)) / 2
    square = upright_square(points, eyes, points[[48, 66]].mean(0))
    half = torch.tensor([[-1.0, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    goldens.check(PIPELINE, "drv_bbox", square.centre - PIXEL + half * square.side, 1e-3)


def test_its_pixels(goldens, need, square):
    need(PIPELINE, "source_u8", "img_crop_down")
    crop = crop_image(goldens.picture(PIPELINE, "source_u8"), square.transform())
    levels = crop[0].movedim(0, -1) * 255
    goldens.check(PIPELINE, "img_crop_down", levels[::4, ::4], 2.0, 0)
    goldens.check(PIPELINE, "img256_u8", network_input(crop)[0].movedim(0, -1) * 255, 2.0, 0)


def test_pasting(goldens, need, square):
    """With LivePortrait's mask, where it was stored, on the frame that it painted."""
    need(PIPELINE, "source_u8")
    need("lp_e2e", "pasted1_u8", "mask_ori_down", "frame1_u8_down")
    picture = goldens.picture(PIPELINE, "source_u8")
    place = paste_place(square.transform(), *picture.shape[-2:])
    theirs = torch.zeros(picture.shape[-2:])
    theirs[::4, ::4] = goldens.tensor("lp_e2e", "mask_ori_down")[..., 0]
    box = theirs[place.top : place.bottom, place.left : place.right]
    painted = goldens.picture("lp_e2e", "frame1_u8_down")
    painted = torch.nn.functional.interpolate(painted, (512, 512), mode="bilinear")
    frame = paste(picture, painted, replace(place, mask=box[None, None]))[0].movedim(0, -1) * 255
    expected = goldens.tensor("lp_e2e", "pasted1_u8").float()
    outside = theirs == 0
    stored = torch.zeros_like(outside)
    stored[::4, ::4] = True
    assert_close(frame[outside & stored], expected[outside & stored], atol=1.0, rtol=0)
    inside = frame[theirs > 0.99] - expected[theirs > 0.99]  # a quarter of the frame's pixels
    assert inside.abs().mean() < 40


def crop_at(left, top, side, degrees, size=64):
    turn = torch.deg2rad(torch.tensor(float(degrees)))
    axes = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()]).view(2, 2) * side / size
    return CropTransform(torch.cat([axes, torch.tensor([[left], [top]])], 1), size)


@pytest.mark.parametrize("degrees", [0, 17, -160])
def test_a_smooth_picture_survives_crop_and_paste(degrees):
    y, x = torch.meshgrid(torch.linspace(0, 1, 90), torch.linspace(0, 1, 120), indexing="ij")
    picture = torch.stack([x, y, (x + y) / 2])[None]
    transform = crop_at(70.0, 50.0, 64.0, degrees)
    place = paste_place(transform, 90, 120)
    frame = paste(picture, crop_image(picture, transform), place)
    mask = picture_mask(place, 90, 120)[0]
    assert torch.equal(frame[..., mask == 0], picture[..., mask == 0])
    assert_close(frame, picture, atol=0.02, rtol=0)
    assert mask.max() == 1 and ((mask > 0) & (mask < 1)).any()


def test_the_mask_hides_the_border_of_the_crop():
    transform = crop_at(10.0, 10.0, 64.0, 0)
    frame = paste(
        torch.zeros(1, 3, 90, 120), torch.ones(2, 3, 64, 64), paste_place(transform, 90, 120)
    )
    assert frame.shape == (2, 3, 90, 120)
    step = (frame[..., 1:] - frame[..., :-1]).abs().max()
    assert frame.max() == 1 and step < 0.35  # a soft edge, no jump


def test_a_crop_beyond_the_picture_is_cut_off():
    picture = torch.rand(1, 3, 50, 60)
    transform = crop_at(-20.0, 30.0, 64.0, 5)
    place = paste_place(transform, 50, 60)
    assert 0 <= place.left < place.right <= 60 and 0 <= place.top < place.bottom <= 50
    assert crop_image(picture, transform).shape == (1, 3, 64, 64)
    assert paste(picture, torch.rand(1, 3, 64, 64), place).isfinite().all()


def test_a_large_face_does_not_alias(portrait_path, space):
    stripes = (torch.arange(2000) % 2).float().expand(1, 3, 2000, -1)
    crop = crop_image(stripes, crop_at(0.0, 0.0, 2000.0, 0, size=256))
    assert (crop[..., 4:-4, 4:-4] - 0.5).abs().max() < 0.1


def test_our_own_points_make_a_crop_like_theirs(portrait):
    points, eyes, lips = face_points(portrait.landmarks)
    square = crop_square(points, eyes, lips)
    crop = to_crop(portrait.landmarks, square.transform())
    assert_close(crop[[33, 263], 1].mean(), torch.tensor(235.0), atol=25, rtol=0)  # eyes level
    width = (crop[33] - crop[263])[:2].norm()
    assert 100 < width < 170
