"""Soft painting on a float image: splines, feathered shapes, blends and tapered strokes.

All coordinates are in units of the mean face mesh (the eyes' outer corners are 1 apart), x to the
right and y down; the canvas knows where they lie. It is larger than the picture by ``OVERSAMPLE``,
which is what smooths the edges in the end.
"""

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch.nn import functional as F

from ...render.blur import gaussian_blur

OVERSAMPLE = 3
VIEW = 4.3  # units from edge to edge
LEFT, TOP = -2.15, -1.62  # units at the picture's corner


def colour(code: str) -> np.ndarray:
    """``"#rrggbb"`` as (3,) float 0..1."""
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255


def rgb(red: float, green: float, blue: float) -> np.ndarray:
    """A colour by its parts, 0..1, as (3,) float."""
    return np.array([red, green, blue], np.float32)


def spline(points, closed: bool = False, steps: int = 12) -> np.ndarray:
    """A Catmull-Rom curve through (n, k) points, (m, k)."""
    p = np.asarray(points, np.float32)
    p = np.concatenate([p[-1:], p, p[:2]] if closed else [2 * p[:1] - p[1:2], p, p[-1:]])
    if not closed:
        p[-1] = 2 * p[-2] - p[-3]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    cubic = (3 * b - a - 3 * c + d) * t**3 + (2 * a - 5 * b + 4 * c - d) * t**2 + (c - a) * t
    curve = (b + cubic / 2).reshape(-1, p.shape[1])
    return curve if closed else np.concatenate([curve, p[-2:-1]])


def blurred(mask: np.ndarray, sigma: float) -> np.ndarray:
    """A (H, W) or (H, W, C) array under a Gaussian of ``sigma`` pixels, edges repeated."""
    if sigma < 0.3:
        return mask
    planes = torch.from_numpy(np.atleast_3d(mask).astype(np.float32)).permute(2, 0, 1)[:, None]
    step = max(1, int(sigma / 4))
    small = F.avg_pool2d(planes, step, ceil_mode=True, count_include_pad=False)
    small = gaussian_blur(small, sigma / step)
    if step > 1:
        grown = F.interpolate(small, scale_factor=step, mode="bilinear", align_corners=False)
        small = grown[..., : mask.shape[0], : mask.shape[1]]
    out = small[:, 0].permute(1, 2, 0).numpy()
    return out if mask.ndim == 3 else out[..., 0]


class Canvas:
    """A square picture of ``side`` pixels, painted at ``OVERSAMPLE`` times that."""

    def __init__(self, side: int = 640):
        self.side = side
        self.px = side * OVERSAMPLE
        self.unit = self.px / VIEW
        self.rgb = np.zeros((self.px, self.px, 3), np.float32)
        axis = (np.arange(self.px, dtype=np.float32) + 0.5) / self.unit
        self.x, self.y = axis[None, :] + LEFT, axis[:, None] + TOP

    def pixels(self, points) -> np.ndarray:
        """Units (..., 2) as pixels of the enlarged canvas."""
        return (np.asarray(points, np.float32)[..., :2] - (LEFT, TOP)) * self.unit

    def shape(self, outline, soft: float = 0.0) -> np.ndarray:
        """The inside of a closed outline as (H, W) 0..1, feathered by ``soft`` units."""
        image = Image.new("L", (self.px, self.px))
        ImageDraw.Draw(image).polygon([tuple(p) for p in self.pixels(outline)], fill=255)
        return self.blur(np.asarray(image, np.float32) / 255, soft)

    def ellipse(self, centre, radii, soft: float = 0.0, turn: float = 0.0) -> np.ndarray:
        """A filled ellipse; ``soft`` is the share of its radius over which it fades out."""
        x, y = self.x - centre[0], self.y - centre[1]
        c, s = np.cos(turn), np.sin(turn)
        r = np.hypot((c * x + s * y) / radii[0], (c * y - s * x) / radii[1])
        edge = max(soft, 1.5 / (self.unit * min(radii)))
        t = np.clip((1 + edge / 2 - r) / edge, 0, 1) if soft < 1 else np.clip(1 - r / 1.5, 0, 1)
        return t * t * (3 - 2 * t)  # as types.smooth_rise, which is for tensors

    def line(self, points, width, soft: float = 0.0) -> np.ndarray:
        """A curve through ``points`` as a mask; ``width`` per point or one, in units."""
        return self.shape(ribbon(spline(points), width), soft)

    def blur(self, mask: np.ndarray, sigma: float) -> np.ndarray:
        """A mask under a Gaussian of ``sigma`` units."""
        return blurred(mask, sigma * self.unit)

    def shifted(self, mask: np.ndarray, dx: float, dy: float) -> np.ndarray:
        """A mask moved by units; what leaves the picture is lost."""
        step = (round(dy * self.unit), round(dx * self.unit))
        out = np.roll(mask, step, (0, 1))
        if step[0] > 0:
            out[: step[0]] = 0
        return out

    def lay(self, paint, mask: np.ndarray, alpha: float = 1.0) -> None:
        """Paint over: (3,) or (H, W, 3) colour where ``mask`` says."""
        self.rgb += (mask * alpha)[..., None] * (paint - self.rgb)

    def shade(self, tint, mask: np.ndarray, alpha: float = 1.0) -> None:
        """Multiply by a tint where ``mask`` says."""
        self.rgb *= 1 + (mask * alpha)[..., None] * (tint - 1)

    def glow(self, light, mask: np.ndarray, alpha: float = 1.0) -> None:
        """Screen a light where ``mask`` says."""
        self.rgb += (mask * alpha)[..., None] * light * (1 - self.rgb)

    def strands(self, curves, tints, widths, alpha: float = 1.0) -> None:
        """Tapered strokes, painted in order: (m, 2) curves, (3,) tints, widths in units."""
        layer = Image.fromarray((self.rgb.clip(0, 1) * 255 + 0.5).astype(np.uint8))
        draw = ImageDraw.Draw(layer, "RGBA")
        for curve, tint, width in zip(curves, tints, widths, strict=True):
            taper = width * np.sin(np.linspace(0.25, np.pi - 0.02, len(curve))) ** 0.6
            edge = self.pixels(ribbon(curve, taper))
            fill = (*(int(255 * v) for v in np.clip(tint, 0, 1)), int(255 * alpha))
            draw.polygon([tuple(p) for p in edge], fill=fill)
        after = np.asarray(layer, np.float32) / 255
        touched = np.abs(after - self.rgb).max(-1, keepdims=True) > 1 / 255
        self.rgb = np.where(touched, after, self.rgb)

    def picture(self) -> Image.Image:
        """The finished picture, ``side`` pixels square."""
        full = Image.fromarray((self.rgb.clip(0, 1) * 255 + 0.5).astype(np.uint8))
        return full.resize((self.side, self.side), Image.Resampling.LANCZOS)


def ribbon(curve: np.ndarray, width) -> np.ndarray:
    """The outline of a stroke along (m, 2) points, as wide as ``width`` (one, or interpolated)."""
    width = np.atleast_1d(np.asarray(width, np.float32))
    at = np.linspace(0, 1, len(curve))
    half = np.interp(at, np.linspace(0, 1, len(width)), width)[:, None] / 2
    run = np.gradient(curve, axis=0)
    side = np.stack([-run[:, 1], run[:, 0]], 1) / (np.linalg.norm(run, axis=1)[:, None] + 1e-9)
    return np.concatenate([curve + side * half, (curve - side * half)[::-1]])
