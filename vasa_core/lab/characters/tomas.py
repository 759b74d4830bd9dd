"""Tomas: a man of sixty with grey hair and a short beard, in jacket and open collar."""

import numpy as np

from ...face import topology
from .canvas import Canvas, blurred, colour, rgb, spline
from .dress import backdrop, shirt
from .face import LEFT_EYE, MOUTH, NOSE, SIDES, age_lines, comb, paint_features
from .features import Makeup
from .hair import Hair, Lock, paint_fur
from .head import Bulge, Head
from .skin import Skin, paint_ear, paint_face, paint_neck

TOMAS_HAIR = (
    Lock(
        (
            ((0.38, -1.04), (0.64, -0.98), (0.84, -0.66), (0.89, -0.26), (0.87, -0.02)),
            ((0.40, -0.88), (0.60, -0.78), (0.76, -0.52), (0.83, -0.2), (0.83, 0.04)),
            ((0.44, -0.70), (0.57, -0.58), (0.70, -0.40), (0.775, -0.14), (0.795, 0.10)),
        ),
        count=1300,
        span=0.42,
        width=0.013,
        stray=0.022,
        wave=0.01,
    ),
    Lock(
        (
            (
                (0.40, -1.03),
                (-0.05, -1.20),
                (-0.52, -1.10),
                (-0.83, -0.74),
                (-0.90, -0.36),
                (-0.87, -0.02),
            ),
            (
                (0.40, -0.90),
                (0.0, -1.08),
                (-0.46, -0.98),
                (-0.76, -0.60),
                (-0.85, -0.30),
                (-0.84, 0.04),
            ),
            (
                (0.43, -0.72),
                (0.10, -0.88),
                (-0.30, -0.80),
                (-0.64, -0.54),
                (-0.77, -0.20),
                (-0.80, 0.10),
            ),
        ),
        count=2400,
        span=0.42,
        width=0.014,
        stray=0.03,
        wave=0.02,
        clumps=60,
    ),
)


def tomas(side: int = 640) -> Canvas:
    """A man of sixty, grey hair and short beard, in jacket and open collar."""
    rng, canvas = np.random.default_rng(5), Canvas(side)
    bulges = (
        Bulge(LEFT_EYE, (0.26, 0.18), (1.0, 1.16)),
        Bulge((0.62, 1.0), (0.4, 0.45), shift=(0.05, 0.0)),
        Bulge((0.0, 1.3), (0.45, 0.3), (1.16, 1.0), (0.0, 0.03)),
        Bulge(NOSE, (0.26, 0.34), (1.12, 1.10)),
        Bulge(MOUTH, (0.4, 0.12), (1.06, 0.82)),
        Bulge((0.4, -0.10), (0.3, 0.12), shift=(0.0, 0.025)),
        Bulge((0.42, -0.10), (0.3, 0.12), shift=(0.0, -0.02), one_sided=True),
    )
    head = Head(bulges, yaw=-6, roll=-1.5)
    skin = Skin("#80433a", "#d69d7f", "#f4d5bd", gloss=0.26, grain=0.026)
    look = Makeup(
        "#6f8fae",
        "#6d6660",
        "#b9776b",
        lash="#3a2c28",
        lid="#96635a",
        lashes=0.55,
        brow_width=1.25,
        brow_hairs=330,
        lip_gloss=0.16,
    )
    hair = Hair("#302d2c", "#86827e", "#f1eee8")
    backdrop(canvas, "#8a8f8a", "#343c42", "#f3d3a2", rng)
    paint_neck(canvas, head, skin, 0.54, 0.3)
    shirt(canvas, "#2b3a57", "#cbd8e4", rng)
    for ear in SIDES:
        paint_ear(canvas, head, skin, ear)
    face = paint_face(canvas, head, skin, rng)
    age_lines(canvas, head, skin, 1.0)
    paint_features(canvas, head, skin, look, rng)
    beard(canvas, head, hair, rng)
    comb(canvas, head, face, skin, hair, TOMAS_HAIR, rng)
    return canvas


CHEEK_LINE = (323, 411, 427, 436, 322, 326, 2, 97, 92, 216, 207, 187, 93)


def beard(canvas: Canvas, head: Head, hair: Hair, rng) -> None:
    """A short beard and moustache around the lips."""
    start = topology.OVAL.index(323)
    jaw = topology.OVAL[start : topology.OVAL.index(93) + 1]
    edge = head[jaw]
    edge = edge + (edge - head.at(164)) * (-0.01, 0.03)
    area = canvas.shape(np.concatenate([edge, spline(head[CHEEK_LINE[::-1]], steps=6)]), 0.03)
    lips = np.concatenate([head[topology.LIP_UPPER_OUTER], head[topology.LIP_LOWER_OUTER[::-1]]])
    area *= 1 - canvas.blur(canvas.shape(lips + (lips - lips.mean(0)) * (0.06, 0.26)), 0.012)
    nose = canvas.ellipse(head.at(2) + (0, -0.02), (0.24, 0.07), soft=0.6)
    area *= 1 - nose
    for side in SIDES:  # thin beside the lower lip
        area *= 1 - 0.6 * canvas.ellipse(head.at(17) + (side * 0.17, 0.06), (0.09, 0.06), soft=1.0)
    patchy = blurred(rng.standard_normal(area.shape).astype(np.float32), 0.05 * canvas.unit)
    area *= np.clip(0.85 + 0.15 * patchy / patchy.std(), 0, 1)
    canvas.lay(colour(hair.dark) * 1.2, area, 0.55)
    middle = head.at(164)

    def flow(root):
        way = (root - middle) * (0.7, 0.35) + (0, 0.22)
        return way / (np.linalg.norm(way) + 1e-6)

    paint_fur(canvas, area**0.7, flow, hair, 8500, 0.052, rng)
    far = np.clip(0.15 + 0.5 * canvas.x, 0, 1).astype(np.float32)
    canvas.shade(rgb(0.42, 0.38, 0.44), area * far, 0.8)
