"""Ada: a woman of about forty with dark skin and a round afro, gold hoops, mustard knitwear."""

import numpy as np

from .canvas import Canvas, colour, spline
from .dress import backdrop, sweater, turtleneck
from .face import LEFT_EYE, MOUTH, SIDES, age_lines, hair_shadow, paint_features
from .features import Makeup
from .hair import Hair, paint_curls
from .head import Bulge, Head
from .skin import Skin, paint_ear, paint_face, paint_neck

AFRO = (
    *((0.0, -1.42), (0.45, -1.36), (0.85, -1.15), (1.14, -0.78), (1.24, -0.35), (1.16, 0.06)),
    *((0.95, 0.34), (0.5, 0.4), (-0.5, 0.4), (-0.95, 0.34), (-1.16, 0.06), (-1.24, -0.35)),
    *((-1.14, -0.78), (-0.85, -1.15), (-0.45, -1.36)),
)
AFRO_FRONT = (
    *(
        (0.0, -1.36),
        (0.45, -1.30),
        (0.82, -1.08),
        (1.08, -0.74),
        (1.16, -0.35),
        (1.08, 0.0),
        (0.88, 0.16),
    ),
    *((0.80, 0.05), (0.75, -0.2), (0.64, -0.42), (0.40, -0.56), (0.0, -0.61), (-0.40, -0.56)),
    *((-0.64, -0.42), (-0.75, -0.2), (-0.80, 0.05), (-0.88, 0.16), (-1.08, 0.0), (-1.16, -0.35)),
    *((-1.08, -0.74), (-0.82, -1.08), (-0.45, -1.30)),
)


def ada(side: int = 640) -> Canvas:
    """A woman of about forty, dark skin and a round afro, gold hoops, mustard knitwear."""
    rng, canvas = np.random.default_rng(23), Canvas(side)
    bulges = (
        Bulge(LEFT_EYE, (0.26, 0.19), (1.08, 1.30)),
        Bulge((0.6, 1.0), (0.4, 0.5), shift=(-0.03, -0.02)),
        Bulge((0.0, 1.34), (0.35, 0.25), (0.92, 1.0), (0.0, -0.05)),
        Bulge((0.0, 0.55), (0.32, 0.2), (1.16, 0.98)),
        Bulge(MOUTH, (0.4, 0.17), (1.06, 1.34)),
        Bulge((0.3, 0.84), (0.1, 0.1), shift=(0.0, -0.008)),
        Bulge((0.4, -0.12), (0.3, 0.12), shift=(0.0, -0.02), one_sided=True),
    )
    head = Head(bulges, yaw=4, roll=-2)
    skin = Skin("#34160f", "#8d5236", "#cf9468", blush="#c4553c", fill="#a5675a", gloss=0.34)
    look = Makeup(
        "#5a3218",
        "#1c110d",
        "#944443",
        lash="#0c0707",
        lid="#4f281d",
        lip_gloss=0.42,
        lashes=0.9,
        brow_width=1.0,
    )
    hair = Hair("#0e0909", "#33241f", "#7c5d4b")
    backdrop(canvas, "#b8674a", "#54262f", "#ffd09a", rng)
    paint_curls(canvas, head.place(AFRO)[:, :2], hair, 5200, 0.045, rng)
    paint_neck(canvas, head, skin, 0.42, 0.5)
    sweater(
        canvas,
        "#d79a26",
        ((-0.52, 1.68), (-0.3, 1.80), (0.0, 1.84), (0.3, 1.80), (0.52, 1.68)),
        rng,
    )
    turtleneck(canvas, "#d79a26", 0.44, rng)
    for ear in SIDES:
        paint_ear(canvas, head, skin, ear)
        hoop(canvas, head.place([(ear * 0.79, 0.64, 0.62)])[0, :2], 0.12)
    face = paint_face(canvas, head, skin, rng)
    age_lines(canvas, head, skin, 0.35)
    paint_features(canvas, head, skin, look, rng)
    front = head.place(AFRO_FRONT)[:, :2]
    hair_shadow(canvas, face, canvas.shape(spline(front, closed=True)), skin)
    paint_curls(canvas, front, hair, 3600, 0.042, rng)
    return canvas


def hoop(canvas: Canvas, centre, radius: float) -> None:
    """A gold ring, its light running round it."""
    r = np.hypot(canvas.x - centre[0], (canvas.y - centre[1]) * 0.96)
    ring = np.exp(-np.square((r - radius) / 0.016)).astype(np.float32)
    angle = np.arctan2(canvas.y - centre[1], canvas.x - centre[0])
    light = 0.62 + 0.38 * np.cos(2 * angle + 1.8) + 0.25 * np.cos(5 * angle)
    gold = colour("#d9a13c") * np.clip(light, 0.25, 1.5)[..., None]
    canvas.lay(gold.astype(np.float32).clip(0, 1), np.clip(ring * 1.5, 0, 1))
