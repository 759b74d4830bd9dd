"""Crops of faces, resized as OpenCV did it for the founders."""

import io

import numpy as np
import pytest
from PIL import Image

from vasa_core.assets import PORTRAITS
from vasa_core.lab.data.making import CROP, make
from vasa_core.lab.data.resize import resize_square

PIXELS = np.repeat((np.arange(25).reshape(5, 5, 1) ** 2 * 7 % 256).astype(np.uint8), 3, axis=2)
BY_OPENCV = {  # cv2.resize of PIXELS, by INTER_AREA and INTER_CUBIC
    3: [[84, 75, 99], [132, 180, 138], [99, 111, 186]],
    7: [
        [0, 0, 0, 23, 40, 83, 121],
        [95, 152, 139, 46, 118, 123, 70],
        [202, 234, 210, 134, 190, 141, 42],
        [197, 108, 113, 240, 195, 122, 87],
        [60, 5, 74, 255, 238, 200, 192],
        [116, 27, 27, 158, 180, 203, 227],
        [255, 114, 0, 47, 87, 151, 196],
    ],
}


@pytest.mark.parametrize("side", BY_OPENCV)
def test_squares_are_resized_as_opencv_does(side):
    resized = resize_square(PIXELS, side)
    assert resized.dtype == np.uint8
    assert np.array_equal(resized, np.repeat(np.array(BY_OPENCV[side])[..., None], 3, axis=2))


def test_the_same_side_changes_nothing():
    assert np.array_equal(resize_square(PIXELS, 5), PIXELS)


@pytest.mark.parametrize("side", [180, 256, 512])
def test_a_crop_holds_the_pixels_of_its_box(side, tmp_path):
    picture = Image.open(PORTRAITS["mira"]).convert("RGB")
    stored = io.BytesIO()
    picture.save(stored, "PNG")
    entry = {"file": "train/f0.jpg", "path": "mira.png", "crop_xy_side": [20, 30, side]}
    make(entry, {"mira.png": stored.getvalue()}.__getitem__, tmp_path / "faces")
    crop = Image.open(tmp_path / "faces/train/f0.jpg")
    assert crop.size == (CROP, CROP)
    asked = resize_square(np.asarray(picture)[30 : 30 + side, 20 : 20 + side], CROP)
    made, asked = (np.asarray(p.convert("L"), float) for p in (crop, Image.fromarray(asked)))
    assert np.abs(made - asked).mean() < 1.5  # JPEG
