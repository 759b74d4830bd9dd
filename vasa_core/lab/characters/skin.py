"""Skin: light on the face's relief, the neck under it, and the ears at its sides."""

from dataclasses import dataclass

import numpy as np

from ...face import topology
from .canvas import Canvas, blurred, colour, rgb, spline
from .head import Head

KEY = np.array([-0.55, -0.50, -0.67])  # from where the main light comes: left, above, in front
FILL = np.array([0.85, 0.05, -0.52])


@dataclass(frozen=True)
class Skin:
    """The colours of one skin, from its shadow to its light."""

    shadow: str
    middle: str
    light: str
    blush: str = "#e0705c"
    fill: str = "#7f93b8"
    gloss: float = 0.22
    grain: float = 0.018


def ramp(t: np.ndarray | np.float32, skin: Skin) -> np.ndarray:
    """Brightness (...) 0..1 as skin colour (..., 3)."""
    stops = np.stack([colour(c) for c in (skin.shadow, skin.middle, skin.light)])
    at = (0.0, 0.55, 1.0)
    return np.stack([np.interp(t, at, stops[:, k]) for k in range(3)], -1).astype(np.float32)


def face_mask(canvas: Canvas, head: Head) -> np.ndarray:
    """The face's oval and the forehead above it, up to the crown."""
    oval = canvas.shape(spline(head[topology.OVAL], closed=True))
    crown = head.place([[0, 0.02, -0.1]])[0]
    both = np.maximum(oval, canvas.ellipse(crown, (0.745, 0.95), turn=head.roll))
    smooth = canvas.blur(both, 0.07)  # rounds what the few vertices leave angular
    return np.clip((smooth - 0.5) * 0.07 * canvas.unit + 0.5, 0, 1)


def paint_face(canvas: Canvas, head: Head, skin: Skin, rng: np.random.Generator) -> np.ndarray:
    """Light the relief; returns the mask painted, (H, W)."""
    depth = blurred(head.relief(canvas), 0.012 * canvas.unit)
    inner = canvas.ellipse(head.at(5) + (0, 0.05), (0.5, 0.95), soft=0.9)
    depth += (1 - inner) * (canvas.blur(depth, 0.07) - depth)  # few vertices at the sides
    slope_y, slope_x = np.gradient(depth, 1 / canvas.unit)
    normal = np.stack([slope_x, slope_y, -np.ones_like(depth)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    key = normal @ (KEY / np.linalg.norm(KEY))
    wrapped = np.clip((key + 0.45) / 1.45, 0, 1)
    cavity = sum(np.clip(depth - canvas.blur(depth, s), 0, 0.06) * k for s, k in CAVITIES)
    tone = wrapped**1.15 * np.clip(1 - cavity, 0.45, 1) * 1.02
    tone += blurred(rng.standard_normal(depth.shape).astype(np.float32), 1.6) * skin.grain * 2.5
    tone += blurred(rng.standard_normal(depth.shape).astype(np.float32), 16) * skin.grain * 8
    mask = face_mask(canvas, head)
    canvas.lay(ramp(tone, skin), mask)
    half = KEY / np.linalg.norm(KEY) + np.array([0, 0, -1])
    shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 26
    canvas.glow(rgb(1.0, 0.94, 0.86), mask * shine, skin.gloss)
    bounce = np.clip(normal @ (FILL / np.linalg.norm(FILL)), 0, 1) ** 2.2
    canvas.glow(colour(skin.fill), mask * bounce, 0.20)
    flush(canvas, head, skin, mask)
    return mask


CAVITIES = ((0.05, 9.0), (0.14, 2.6))  # how wide a hollow, how dark


def flush(canvas: Canvas, head: Head, skin: Skin, mask: np.ndarray) -> None:
    """Blood near the surface: cheeks, nose tip, chin."""
    red = colour(skin.blush)
    places = ((50, 0.26, 0.20, 0.5), (280, 0.26, 0.20, 0.5), (4, 0.17, 0.13, 0.4))
    for vertex, rx, ry, alpha in (*places, (199, 0.2, 0.12, 0.2), (9, 0.2, 0.12, 0.12)):
        spot = canvas.ellipse(head.at(vertex), (rx, ry), soft=1.0)
        canvas.shade(red / red.max(), spot * mask, alpha * 0.42)


def paint_neck(canvas: Canvas, head: Head, skin: Skin, width: float, clavicle: float = 0.4):
    """Neck and collar bones, before the face goes on top."""
    w = width
    left = [(-w, 0.7), (-w, 1.4), (-w - 0.02, 1.55), (-w - 0.14, 1.74), (-0.85, 1.92), (-1.0, 2.7)]
    right = [(-x, y) for x, y in reversed(left)]
    outline = np.concatenate([spline(left), spline(right)])
    mask = canvas.shape(outline, 0.006)
    across = canvas.x / (w * 1.12)
    tone = 0.60 - 0.30 * across - 0.30 * across**2 + 0 * canvas.y
    tone = np.where(np.abs(across) < 1.2, tone, 0.60 - 0.25 * np.sign(across)).astype(np.float32)
    tone = canvas.blur(tone, 0.1)
    bones = [
        canvas.line([(s * 0.10, 1.88), (s * 0.3, 1.85), (s * 0.95, 1.76)], (0.02, 0.05, 0.0), 0.03)
        for s in (-1, 1)
    ]
    cords = [
        canvas.line([(s * w * 0.85, 1.3), (s * 0.10, 1.87)], (0.0, 0.07, 0.03), 0.04)
        for s in (-1, 1)
    ]
    pit = canvas.ellipse((0, 1.88), (0.10, 0.07), soft=1.0)
    tone = tone + clavicle * (
        0.35 * bones[0] + 0.3 * bones[1] + 0.2 * cords[0] - 0.22 * cords[1] - 0.4 * pit
    )
    canvas.lay(ramp(tone.clip(0, 1), skin), mask)
    oval = canvas.shape(spline(head[topology.OVAL], closed=True))
    cast = canvas.blur(canvas.shifted(oval, 0.10, 0.26), 0.07)
    canvas.shade(colour(skin.shadow) * 0.9 + 0.08, mask * cast, 0.72)
    return mask


def paint_ear(canvas: Canvas, head: Head, skin: Skin, side: int) -> None:
    """One ear behind the cheek; side -1 is the left of the picture."""
    rim = [
        (0.70, 0.05),
        (0.79, -0.02),
        (0.875, 0.02),
        (0.885, 0.17),
        (0.85, 0.36),
        (0.81, 0.50),
        (0.755, 0.545),
        (0.70, 0.48),
    ]
    outline = spline(head.place([(side * x, y, 0.62) for x, y in rim])[:, :2], closed=True)
    mask = canvas.shape(outline, 0.004)
    lit = 0.54 if side < 0 else 0.24
    canvas.lay(ramp(np.float32(lit), skin), mask)
    red = colour(skin.blush)
    canvas.shade(red / red.max(), mask, 0.25)
    inner = head.place(
        [
            (side * x, y, 0.62)
            for x, y in (
                (0.845, 0.08),
                (0.80, 0.05),
                (0.77, 0.14),
                (0.82, 0.22),
                (0.80, 0.33),
                (0.76, 0.4),
            )
        ]
    )[:, :2]
    fold = canvas.line(inner, (0.01, 0.05, 0.03), 0.014)
    canvas.shade(colour(skin.shadow), mask * fold, 0.75)
    edge = mask * (1 - canvas.blur(mask, 0.03))
    canvas.glow(colour(skin.light), edge, 0.5 if side < 0 else 0.2)
