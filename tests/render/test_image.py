import numpy as np
import pytest
import torch
from PIL import Image

from vasa_core.errors import InputError
from vasa_core.provenance.label import NOTICE, SOURCE_TYPE
from vasa_core.render.image import SUFFIXES, read_image, shrink, write_image


@pytest.fixture
def gradient(rng):
    x = np.linspace(0, 255, 96)
    return np.stack([x[None].repeat(80, 0), x[::-1][None].repeat(80, 0), np.full((80, 96), 90)], -1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr", "HSV"])
def test_every_mode_becomes_rgb(tmp_path, gradient, mode):
    path = tmp_path / ("x.tif" if mode in ("CMYK", "YCbCr", "HSV") else "x.png")
    picture = Image.fromarray(gradient.astype(np.uint8)).convert(mode)
    if mode == "HSV":  # no file format stores it
        picture = picture.convert("RGB")
    picture.save(path)
    image = read_image(path)
    assert image.shape == (1, 3, 80, 96)
    assert image.dtype == torch.float32 and image.min() >= 0 and image.max() <= 1
    assert image.std() > 0.05


def test_sixteen_bit_gray_keeps_its_range(tmp_path):
    values = np.linspace(0, 65535, 70 * 70).reshape(70, 70).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "x.png")
    image = read_image(tmp_path / "x.png")
    assert image.min() < 0.01 and image.max() > 0.99 and abs(image.mean() - 0.5) < 0.01


def test_transparency_lies_over_white(tmp_path):
    Image.new("RGBA", (70, 70), (0, 0, 0, 0)).save(tmp_path / "x.png")
    assert torch.equal(read_image(tmp_path / "x.png"), torch.ones(1, 3, 70, 70))


def test_exif_orientation_is_applied(tmp_path):
    picture = Image.new("RGB", (100, 70))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "x.jpg", exif=exif)
    assert read_image(tmp_path / "x.jpg").shape == (1, 3, 100, 70)


def test_longest_shrinks_and_never_enlarges(tmp_path):
    Image.new("RGB", (400, 200)).save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png", 200).shape == (1, 3, 100, 200)
    assert read_image(tmp_path / "x.png", 4000).shape == (1, 3, 200, 400)


def test_bad_files_give_one_sentence(tmp_path):
    with pytest.raises(InputError, match="No image at"):
        read_image(tmp_path / "missing.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(InputError, match="not a readable image"):
        read_image(tmp_path / "empty.png")
    Image.new("RGB", (300, 300), "red").save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="not a readable image"):
        read_image(tmp_path / "cut.png")
    Image.new("RGB", (20, 300)).save(tmp_path / "thin.png")
    with pytest.raises(InputError, match="20x300"):
        read_image(tmp_path / "thin.png")


def test_shrinking_keeps_the_shape_and_never_enlarges():
    images = torch.rand(2, 3, 40, 100)
    assert shrink(images, 50).shape == (2, 3, 20, 50)
    assert shrink(images, 100) is images and shrink(images, 500) is images


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_says_that_it_is_ai_generated(tmp_path, suffix):
    image = torch.linspace(0, 1, 64).expand(3, 80, 64)
    write_image(tmp_path / f"made{suffix}", image)
    with Image.open(tmp_path / f"made{suffix}") as made:
        comment = made.info["comment"]
        said = comment.decode() if isinstance(comment, bytes) else comment + str(made.text)
    assert NOTICE in said and SOURCE_TYPE in said
    assert (read_image(tmp_path / f"made{suffix}")[0] - image).abs().max() < 0.02
    assert [path.name for path in tmp_path.iterdir()] == [f"made{suffix}"]
