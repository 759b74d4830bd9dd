"""The project's icon and banner: flat shapes, and the characters as the product animates them."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ... import load_space, read_image
from ...assets import MOTION
from ...motion.files import load_motion

ASSETS = MOTION.parent
FINE = 4  # drawn this much larger, for smooth edges
NIGHT, SEA, FOAM, SAND = (18, 38, 52), (31, 92, 104), (126, 224, 205), (255, 214, 170)
CORAL, HAIR = (224, 82, 74), (122, 50, 34)
BARS = (0.16, 0.34, 0.24, 0.55, 0.85, 1.0, 0.85, 0.55, 0.24, 0.34, 0.16)  # a spoken sound
BANNER_FRAMES = {"mira": 54, "tomas": 99, "ada": 189}  # each with its mouth open
FONT = "DejaVuSans{}.ttf"


def gradient(size: tuple[int, int], top, bottom) -> Image.Image:
    """A picture of (width, height) from one colour down to another, slightly aslant."""
    width, height = size
    t = np.linspace(0, 1, height)[:, None] * 0.8 + np.linspace(0, 1, width)[None, :] * 0.2
    rgb = np.array(top) * (1 - t[..., None]) + np.array(bottom) * t[..., None]
    return Image.fromarray(rgb.astype(np.uint8))


def rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """A mask of (width, height) with round corners."""
    mask = Image.new("L", (size[0] * FINE, size[1] * FINE))
    box = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius * FINE, fill=255)
    return mask.resize(size, Image.Resampling.LANCZOS)


def bars(draw: ImageDraw.ImageDraw, centre, pitch: float, height: float, tint) -> None:
    """The sound as upright bars around ``centre``; ``tint(k)`` colours the k-th from the middle."""
    for k, level in enumerate(BARS):
        x, half = centre[0] + (k - len(BARS) // 2) * pitch, height * level / 2
        box = (x - pitch * 0.3, centre[1] - half, x + pitch * 0.3, centre[1] + half)
        draw.rounded_rectangle(box, pitch * 0.3, fill=tint(k - len(BARS) // 2))


def icon(side: int = 400) -> Image.Image:
    """A speaking face and the sound that leaves it, (side, side), corners transparent."""
    s = side * FINE / 400
    page = gradient((side * FINE, side * FINE), SEA, NIGHT)
    draw = ImageDraw.Draw(page)

    def oval(x, y, rx, ry, fill):
        draw.ellipse([v * s for v in (x - rx, y - ry, x + rx, y + ry)], fill=fill)

    def block(box, radius, fill):
        draw.rounded_rectangle([v * s for v in box], radius * s, fill=fill)

    oval(160, 164, 122, 124, HAIR)
    block((38, 160, 282, 316), 52, HAIR)
    block((124, 300, 196, 420), 30, (226, 168, 124))
    oval(160, 428, 138, 66, FOAM)
    oval(160, 214, 98, 128, SAND)
    draw.chord([v * s for v in (58, 44, 262, 190)], 180, 330, fill=HAIR)
    for x in (118, 204):
        oval(x, 196, 14, 19, NIGHT)
        oval(x + 5, 189, 5, 6, (255, 255, 255))
    mouth = [v * s for v in (114, 226, 208, 318)]
    draw.chord(mouth, 0, 180, fill=(122, 30, 40))
    block((128, 272, 194, 284), 5, (255, 255, 255))
    oval(161, 307, 24, 9, CORAL)
    for x, half in ((304, 26), (336, 62), (368, 36)):
        block((x - 10, 266 - half, x + 10, 266 + half), 10, FOAM)
    page = page.resize((side, side), Image.Resampling.LANCZOS)
    page.putalpha(rounded((side, side), side // 5))
    return page


def speaking(name: str, frame: int) -> Image.Image:
    """One frame of a sample character saying the sample sentence, by the embedded renderer."""
    space = load_space("mesh")
    portrait = space.encode(read_image(ASSETS / f"{name}.jpg"))
    motion = load_motion(MOTION)[frame : frame + 1]
    pixels = next(iter(space.render(portrait, motion)))[0].permute(1, 2, 0).numpy()
    return Image.fromarray((pixels.clip(0, 1) * 255 + 0.5).astype(np.uint8))


def banner(size: tuple[int, int] = (1680, 720)) -> Image.Image:
    """The three characters speaking, the name and what it does, 21:9."""
    page = gradient(size, (24, 66, 78), (12, 24, 36))
    draw = ImageDraw.Draw(page)
    panel, top, left = (350, 580), 70, 560
    for k, (name, frame) in enumerate(BANNER_FRAMES.items()):
        picture = speaking(name, frame)
        scale = panel[1] / 600  # cut a little off above and below, the rest at the sides
        grown = picture.resize([round(v * scale) for v in picture.size], Image.Resampling.LANCZOS)
        box = ((grown.width - panel[0]) // 2, grown.height - panel[1])
        crop = grown.crop((*box, box[0] + panel[0], box[1] + panel[1]))
        page.paste(crop, (left + k * (panel[0] + 18), top), rounded(panel, 28))
    draw.text((70, 200), "VASA open", (255, 255, 255), ImageFont.truetype(FONT.format("-Bold"), 74))
    line = "One portrait and one voice\nclip in, a talking face out"
    draw.text((72, 312), line, (190, 226, 222), ImageFont.truetype(FONT.format(""), 29), spacing=12)
    wave = Image.new("RGBA", (500 * FINE, 130 * FINE))
    bars(ImageDraw.Draw(wave), (264 * FINE, 65 * FINE), 34 * FINE, 120 * FINE,
         lambda k: (*(CORAL if abs(k) < 4 else FOAM), 255))  # fmt: skip
    wave = wave.resize((wave.width // FINE, wave.height // FINE), Image.Resampling.LANCZOS)
    page.paste(wave, (0, 430), wave)
    return page


def save(out: Path) -> None:
    """Write ``icon.png`` and ``banner.png``; the banner in 256 colours, which halves it."""
    icon().save(out / "icon.png", optimize=True)
    full = banner()
    palette = full.quantize(256, kmeans=3)
    full.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(
        out / "banner.png", optimize=True
    )
