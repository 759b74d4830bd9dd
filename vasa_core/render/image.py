"""Image files to tensors (any mode, any size, upright), and tensors to labelled files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from ..errors import InputError
from ..provenance.label import label
from ..provenance.whole import written_whole

SUFFIXES = (".png", ".jpg", ".jpeg")  # that are written
JPEG_QUALITY = 90
SMALLEST, LARGEST = 64, 8192  # pixels, shorter and longer side


def read_image(path: Path | str, longest: int | None = None) -> Tensor:
    """Read an image file, turned as its EXIF tag says, with transparency over white.

    Args:
        path: The file, in any format that Pillow reads.
        longest: Shrinks the picture (Lanczos) until its longer side has at most this many pixels.

    Returns:
        The picture, (1, 3, H, W), 0..1.

    Raises:
        InputError: If the file is missing or damaged, or the picture is smaller than 64 or larger
            than 8192 pixels a side.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"No image at {path}.")
    try:
        with Image.open(path) as file:
            check_size(*file.size)
            picture = to_rgb(ImageOps.exif_transpose(file))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path.name} is not a readable image ({error}).") from error
    if longest is not None and max(picture.size) > longest:
        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
        check_size(*picture.size)
    pixels = torch.from_numpy(np.array(picture))
    return rearrange(pixels, "h w c -> 1 c h w").float() / 255


def write_image(path: Path | str, image: Tensor) -> None:
    """Write an image, (3, H, W) or (1, 3, H, W) and 0..1, labelled as AI-generated.

    The path ends in one of ``SUFFIXES``. Nothing half-written is left.
    """
    path, options = Path(path), {}
    if path.suffix.lower() == ".png":
        options["pnginfo"] = PngInfo()
        for name, text in label().items():
            options["pnginfo"].add_text(name, text)
    else:
        options |= {"quality": JPEG_QUALITY, "subsampling": 0}
        options["comment"] = "; ".join(f"{name}: {text}" for name, text in label().items())
    with written_whole(path) as partial:
        to_picture(image).save(partial, **options)


def to_picture(image: Tensor) -> Image.Image:
    """(3, H, W) or (1, 3, H, W), 0..1, to a PIL picture."""
    pixels = image.reshape(image.shape[-3:]).detach().clamp(0, 1).mul(255).round().byte()
    return Image.fromarray(rearrange(pixels, "c h w -> h w c").cpu().numpy())


def shrink(images: Tensor, longest: int) -> Tensor:
    """(B, C, H, W) images whose longer side has ``longest`` pixels at most."""
    factor = longest / max(images.shape[-2:])
    if factor >= 1:
        return images
    size = [max(1, round(side * factor)) for side in images.shape[-2:]]
    return F.interpolate(images, size, mode="bilinear", antialias=True).clamp(0, 1)


def check_size(width: int, height: int) -> None:
    """InputError unless a picture of this size can hold a face that we can work with."""
    if min(width, height) < SMALLEST:
        raise InputError(f"The image is {width}x{height}; at least {SMALLEST} px a side is needed.")
    if max(width, height) > LARGEST:
        raise InputError(f"The image is {width}x{height}; at most {LARGEST} px a side works here.")


def to_rgb(picture: Image.Image) -> Image.Image:
    """Any PIL mode to RGB; 16-bit gray keeps its range, transparency lies over white."""
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if values.max() > 255 else 255.0
        return Image.fromarray((values / top * 255).clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")
