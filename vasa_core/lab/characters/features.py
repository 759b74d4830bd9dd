"""Eyes, brows, nose and lips, painted along the mesh's own contours."""

from dataclasses import dataclass

import numpy as np

from ...face import topology as mesh
from .canvas import Canvas, blurred, colour, rgb, spline
from .head import Head
from .skin import Skin

EYES = {
    -1: (mesh.RIGHT_LID_UPPER, mesh.RIGHT_LID_LOWER, mesh.RIGHT_CREASE, mesh.RIGHT_IRIS),
    1: (mesh.LEFT_LID_UPPER[::-1], mesh.LEFT_LID_LOWER[::-1], mesh.LEFT_CREASE, mesh.LEFT_IRIS),
}
BROWS = {-1: (70, 63, 105, 66, 107), 1: (300, 293, 334, 296, 336)}
BROW_FEET = {-1: (46, 53, 52, 65, 55), 1: (276, 283, 282, 295, 285)}


@dataclass(frozen=True)
class Makeup:
    """What a face's features are coloured with."""

    iris: str
    brow: str
    lips: str
    lash: str = "#1d1310"
    lid: str = "#8a5a4c"
    lashes: float = 1.0
    brow_hairs: int = 260
    brow_width: float = 1.0
    lip_gloss: float = 0.35
    iris_size: float = 1.0


def paint_eye(canvas: Canvas, head: Head, skin: Skin, look: Makeup, side: int, rng) -> None:
    """An eye between its lids: ball, iris, shadow of the lid, then the lids themselves."""
    upper_ids, lower_ids, creases, iris_ids = EYES[side]
    upper, lower = spline(head[upper_ids]), spline(head[lower_ids])
    opening = np.concatenate([upper, lower[::-1]])
    eye = canvas.shape(opening, 0.003)
    width = float(np.linalg.norm(upper[0] - upper[-1]))
    socket = canvas.ellipse(opening.mean(0), (width * 0.78, width * 0.5), soft=1.0)
    canvas.shade(colour(look.lid), socket, 0.30)
    canvas.lay(rgb(0.93, 0.905, 0.885), eye)
    ball = canvas.ellipse(opening.mean(0), (width * 0.62, width * 0.5), soft=0.9)
    canvas.shade(rgb(0.62, 0.52, 0.50), eye * (1 - ball), 0.8)
    paint_iris(canvas, head, look, iris_ids, eye, rng)
    cast = canvas.blur(
        canvas.shape(np.concatenate([upper - (0, 0.2), upper[::-1] + (0.004, 0.028)])), 0.018
    )
    canvas.shade(rgb(0.38, 0.30, 0.32), eye * cast, 0.85)
    duct = canvas.ellipse(upper[-1] + (side * 0.012, 0.006), (0.026, 0.018), soft=0.8)
    canvas.lay(rgb(0.80, 0.50, 0.46), duct * np.maximum(eye, 0.4), 0.75)
    rim = canvas.line(lower[4::8], (0.008, 0.026, 0.026, 0.010), 0.003)
    canvas.lay(colour(skin.middle) * (1.0, 0.88, 0.85), rim, 0.9)
    under = canvas.line(lower[4::8] + (0, 0.022), (0.0, 0.014, 0.0), 0.008)
    canvas.shade(colour(skin.shadow), under, 0.5)
    paint_lids(canvas, head, skin, look, side, upper, lower, creases, rng)


def paint_iris(canvas: Canvas, head: Head, look: Makeup, ids, eye: np.ndarray, rng) -> None:
    """Iris, pupil and the window in it, inside the eye's opening (H, W)."""
    rim = head[ids[1:]]
    centre, radius = rim.mean(0), look.iris_size * np.ptp(rim[:, 0]) / 2
    x, y = (canvas.x - centre[0]) / radius, (canvas.y - centre[1]) / radius
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    spokes = sum(
        np.sin(angle * k + p) / 4
        for k, p in zip((11, 17, 29, 41), rng.uniform(0, 6, 4), strict=True)
    )
    base = colour(look.iris)
    light = 0.62 + 0.42 * np.clip(y * 0.8 + x * 0.25 + 0.25, -0.6, 1) + 0.12 * spokes
    light *= 1 - 0.62 * np.clip((r - 0.72) / 0.28, 0, 1) ** 1.5
    light += 0.16 * np.exp(-np.square((r - 0.48) / 0.12))
    disc = np.clip((1.03 - r) * radius * canvas.unit / 3, 0, 1) * eye
    canvas.lay((base * light[..., None]).astype(np.float32), disc.astype(np.float32))
    pupil = np.clip((0.43 - r) * radius * canvas.unit / 3, 0, 1) * eye
    canvas.lay(rgb(0.03, 0.025, 0.03), pupil.astype(np.float32))
    glint = canvas.ellipse(
        centre + np.array([-0.33, -0.34], np.float32) * radius, (radius * 0.24, radius * 0.2), 0.5
    )
    canvas.glow(rgb(1, 1, 1), glint * eye, 0.95)
    second = canvas.ellipse(
        centre + np.array([0.36, 0.42], np.float32) * radius, (radius * 0.2, radius * 0.14), 1.0
    )
    canvas.glow(rgb(0.85, 0.92, 1), second * eye, 0.4)


def paint_lids(canvas, head, skin: Skin, look: Makeup, side, upper, lower, creases, rng) -> None:
    """Lash line, lashes and the fold above; ``side`` -1: curves run from outer to inner corner."""
    wing = np.concatenate([upper[:1] + (side * 0.018, -0.004), upper[3::6]])
    line = canvas.line(
        wing, np.array([0.006, 0.022, 0.025, 0.022, 0.015, 0.006], np.float32) * look.lashes, 0.004
    )
    canvas.lay(colour(look.lash), line, 0.92)
    soft = canvas.line(
        lower[2:60:8], np.array([0.012, 0.008, 0.0], np.float32) * look.lashes, 0.006
    )
    canvas.lay(colour(look.lash), soft, 0.5)
    curves, count = [], int(34 * look.lashes)
    for t in np.sort(rng.uniform(0, 0.86, count)):
        root = upper[int(t * (len(upper) - 1))]
        out = side * (0.055 - 0.075 * t) * look.lashes + rng.normal(0, 0.006)
        up = (0.050 - 0.030 * t) * look.lashes * rng.uniform(0.7, 1.1)
        curves.append(spline([root, root + (out * 0.45, -up * 0.35), root + (out, -up)], steps=6))
    canvas.strands(curves, [colour(look.lash)] * len(curves), [0.008] * len(curves), 0.85)
    fold = (
        head[creases[0]][::1] * 0.62 + 0.38 * upper[np.linspace(14, len(upper) - 12, 7).astype(int)]
    )
    crease = canvas.line(
        np.concatenate([upper[:1] + (side * 0.03, -0.012), fold]), (0.0, 0.022, 0.02, 0.0), 0.007
    )
    canvas.shade(colour(skin.shadow) * 0.85, crease, 0.8)
    over = canvas.line(head[creases[0]] + (0, -0.03), (0.0, 0.05, 0.0), 0.025)
    canvas.glow(colour(skin.light), over, 0.16)
    bag = canvas.line(lower[10::10] + (0, 0.085), (0.0, 0.03, 0.0), 0.022)
    canvas.shade(colour(skin.shadow), bag, 0.4)


def paint_brow(canvas: Canvas, head: Head, look: Makeup, side: int, rng) -> None:
    """A brow: a soft body and single hairs that lie outward."""
    top, foot = spline(head[BROWS[side]]), spline(head[BROW_FEET[side]])
    n = len(top)
    taper = np.interp(np.linspace(0, 1, n), (0, 0.25, 0.8, 1), (0.12, 0.48, 0.66, 0.5))
    middle = 0.55 * top + 0.45 * foot
    half = (foot - top) * (taper * look.brow_width * 0.62)[:, None]
    body = canvas.shape(np.concatenate([middle - half, (middle + half)[::-1]]), 0.016)
    canvas.lay(colour(look.brow), body, 0.55)
    curves, tints = [], []
    for _ in range(look.brow_hairs):
        t, across = rng.uniform(0, 0.99), rng.uniform(-1, 1)
        i = int(t * (n - 1))
        root = middle[i] + half[i] * across
        outward = middle[max(i - 8, 0)] - middle[min(i + 8, n - 1)]
        outward /= np.linalg.norm(outward) + 1e-9
        lift = np.array([0, -1.0]) * (0.05 + 0.55 * t**3) + outward * (1.1 - 0.5 * t**4)
        lift -= np.array([0, 0.30]) * across * (1 - t) + rng.normal(0, 0.08, 2)
        length = 0.085 * rng.uniform(0.6, 1.1) * (0.7 + 0.3 * look.brow_width)
        curves.append(
            spline(
                [root, root + lift * length * 0.5, root + lift * length + outward * 0.012], steps=5
            )
        )
        tints.append(colour(look.brow) * rng.uniform(0.55, 1.25))
    canvas.strands(curves, tints, [0.0095] * len(curves), 0.5)


def paint_nose(canvas: Canvas, head: Head, skin: Skin) -> None:
    """Wings, nostrils, the shadow below and the light on ridge and tip."""
    dark = colour(skin.shadow)
    for side, wing, hole, gap in (
        (-1, (129, 49, 48, 64, 98), 98, 97),
        (1, (358, 279, 278, 294, 327), 327, 326),
    ):
        alar = canvas.line(
            head[wing[1:]] + (side * 0.006, 0.008), (0.0, 0.026, 0.028, 0.012), 0.012
        )
        canvas.shade(dark, alar, 0.60)
        centre = 0.42 * head.at(hole) + 0.58 * head.at(gap) + (0, -0.020)
        nostril = canvas.ellipse(centre, (0.058, 0.023), soft=0.6, turn=side * 0.30)
        canvas.lay(dark * 0.32, nostril, 0.88)
        flank = canvas.line(
            head[(193, 245, 188, 174, 217) if side < 0 else (417, 465, 412, 399, 437)],
            (0.02, 0.06, 0.0),
            0.035,
        )
        canvas.shade(dark, flank, 0.22 if side < 0 else 0.45)
    below = canvas.line(
        head[(98, 97, 2, 326, 327)] + (0, 0.014), (0.0, 0.03, 0.034, 0.03, 0.0), 0.014
    )
    canvas.shade(dark, below, 0.55)
    cast = canvas.ellipse(head.at(2) + (0.05, 0.05), (0.2, 0.07), soft=1.0)
    canvas.shade(dark, cast, 0.35)
    ridge = canvas.line(head[(168, 197, 195, 5)] + (-0.02, 0), (0.01, 0.035, 0.05), 0.02)
    canvas.glow(colour(skin.light), ridge, 0.28)
    tip = canvas.ellipse(head.at(4) + (-0.03, -0.02), (0.055, 0.045), soft=1.0)
    canvas.glow(rgb(1, 0.96, 0.9), tip, 0.30 + skin.gloss / 2)


def paint_lips(canvas: Canvas, head: Head, skin: Skin, look: Makeup, rng) -> None:
    """Closed lips: colour, the seam between them, shine below, shadow in the corners."""
    top, bottom = spline(head[mesh.LIP_UPPER_OUTER]), spline(head[mesh.LIP_LOWER_OUTER])
    seam = 0.5 * (head[mesh.LIP_UPPER_INNER] + head[mesh.LIP_LOWER_INNER])
    corners = head[(mesh.RIGHT_MOUTH_CORNER, mesh.LEFT_MOUTH_CORNER)]
    seam = spline(np.concatenate([corners[:1], seam[1:-1], corners[1:]]))
    seam[:, 1] += 0.007 * np.exp(-np.square(np.linspace(-4, 4, len(seam))))
    tint, dark = colour(look.lips), colour(skin.shadow)
    both = canvas.shape(np.concatenate([top, bottom[::-1]]), 0.011)
    noise = blurred(rng.standard_normal(both.shape).astype(np.float32), 1.2)
    rolled = (np.roll(noise, k, 0) for k in range(-9, 10, 2))
    fibre = sum(rolled, start=np.zeros_like(noise)) * 0.05
    canvas.lay(tint * (1 + fibre[..., None]), both, 0.80)
    upper = canvas.shape(np.concatenate([top, seam[::-1]]), 0.007)
    canvas.shade(rgb(0.72, 0.60, 0.60), upper, 0.62)
    fade = canvas.blur(canvas.shape(np.concatenate([seam, bottom[::-1]])), 0.04)
    lower = canvas.shape(np.concatenate([seam, bottom[::-1]]), 0.008)
    canvas.shade(rgb(0.66, 0.50, 0.50), lower * (1 - fade), 0.75)
    mid = 0.5 * (seam[len(seam) // 2] + bottom[len(bottom) // 2])
    for dx, wide in ((-0.075, 0.09), (0.07, 0.06)):
        shine = canvas.ellipse(mid + (dx, -0.006), (wide, 0.026), soft=1.0)
        canvas.glow(
            rgb(1, 0.9, 0.86),
            shine * lower * (0.85 + 2 * fibre).clip(0, 1),
            look.lip_gloss,
        )
    edge = canvas.line(top[4:-4:8] + (0, -0.012), (0.0, 0.014, 0.014, 0.014, 0.0), 0.008)
    canvas.glow(colour(skin.light), edge, 0.22)
    line = canvas.line(seam[::6], (0.006, 0.017, 0.020, 0.017, 0.006), 0.004)
    canvas.lay(dark * 0.36, line, 0.88)
    under = canvas.ellipse(bottom[len(bottom) // 2] + (0.01, 0.055), (0.20, 0.055), soft=1.0)
    canvas.shade(dark, under, 0.50)
    for corner, side in zip(corners, (-1, 1), strict=True):
        dimple = canvas.ellipse(corner + (side * 0.012, 0.006), (0.045, 0.035), soft=1.0)
        canvas.shade(dark, dimple, 0.50)
    groove = canvas.line(head[(2, 164)] + ((0.006, 0.02), (0.006, 0.025)), (0.045, 0.06), 0.02)
    canvas.shade(dark, groove, 0.22)
