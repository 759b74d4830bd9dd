"""Mira: a young woman with long auburn hair, freckles and green eyes."""

import numpy as np

from .canvas import Canvas, colour
from .dress import backdrop, sweater
from .face import LEFT_EYE, MOUTH, NOSE, comb, paint_features
from .features import Makeup
from .hair import Hair, Lock, paint_lock
from .head import Bulge, Head
from .skin import Skin, paint_face, paint_neck

MIRA_BACK = Lock(
    (
        ((-0.9, 0.3), (-0.95, 1.0), (-1.0, 1.6), (-0.9, 2.15)),
        ((-0.3, 0.3), (-0.3, 1.0), (-0.35, 1.6), (-0.3, 2.25)),
        ((0.3, 0.3), (0.3, 1.0), (0.35, 1.6), (0.3, 2.25)),
        ((0.9, 0.3), (0.95, 1.0), (1.0, 1.6), (0.9, 2.15)),
    ),
    count=900,
    wave=0.05,
)
MIRA_HAIR = (
    Lock(
        (
            (
                (0.20, -1.12),
                (0.62, -1.05),
                (1.0, -0.55),
                (1.12, 0.2),
                (1.12, 0.9),
                (1.26, 1.5),
                (1.16, 2.1),
            ),
            (
                (0.22, -0.92),
                (0.55, -0.82),
                (0.86, -0.4),
                (0.94, 0.2),
                (0.95, 0.9),
                (1.06, 1.5),
                (0.92, 2.15),
            ),
            (
                (0.22, -0.80),
                (0.45, -0.62),
                (0.70, -0.25),
                (0.79, 0.2),
                (0.76, 0.85),
                (0.86, 1.45),
                (0.68, 2.05),
            ),
        ),
        wave=0.075,
        stray=0.03,
        turns=2.4,
    ),
    Lock(
        (
            (
                (0.25, -1.125),
                (-0.3, -1.13),
                (-0.92, -0.7),
                (-1.10, 0.1),
                (-1.14, 0.9),
                (-1.28, 1.5),
                (-1.2, 2.15),
            ),
            (
                (0.25, -0.92),
                (-0.28, -0.92),
                (-0.80, -0.45),
                (-0.97, 0.2),
                (-0.99, 0.9),
                (-1.1, 1.5),
                (-0.98, 2.2),
            ),
            (
                (0.24, -0.80),
                (-0.12, -0.70),
                (-0.58, -0.36),
                (-0.80, 0.15),
                (-0.80, 0.85),
                (-0.92, 1.45),
                (-0.72, 2.1),
            ),
        ),
        count=2200,
        wave=0.075,
        stray=0.03,
        turns=2.4,
    ),
    Lock(
        (
            (
                (0.24, -0.86),
                (-0.10, -0.72),
                (-0.55, -0.40),
                (-0.80, 0.10),
                (-0.76, 0.75),
                (-0.86, 1.3),
            ),
            (
                (0.24, -0.80),
                (-0.06, -0.62),
                (-0.48, -0.30),
                (-0.74, 0.15),
                (-0.73, 0.70),
                (-0.80, 1.2),
            ),
        ),
        count=130,
        clumps=12,
        wave=0.06,
        stray=0.045,
        width=0.012,
        fill=0.0,
    ),
)


def mira(side: int = 640) -> Canvas:
    """A young woman with long auburn hair, freckles and green eyes; drawn a little larger-eyed."""
    rng, canvas = np.random.default_rng(11), Canvas(side)
    bulges = (
        Bulge(LEFT_EYE, (0.26, 0.20), (1.16, 1.42), (0.0, 0.0)),
        Bulge((0.6, 1.0), (0.4, 0.5), shift=(-0.07, 0.0)),
        Bulge((0.0, 1.34), (0.3, 0.22), (0.85, 1.0), (0.0, -0.06)),
        Bulge(NOSE, (0.3, 0.25), (0.84, 0.95)),
        Bulge(MOUTH, (0.34, 0.16), (0.96, 1.18)),
        Bulge((0.3, 0.84), (0.1, 0.1), shift=(0.0, -0.018)),
        Bulge((-0.4, -0.10), (0.3, 0.12), shift=(0.0, -0.022), one_sided=True),
    )
    head = Head(bulges, yaw=6, roll=2.5)
    skin = Skin("#8f4a38", "#e3ad8e", "#fbe3cf", gloss=0.2)
    look = Makeup("#5c8a55", "#6b3a22", "#c0595a", lid="#9a6a58", brow_width=0.85)
    hair = Hair("#35130a", "#9c4a22", "#f7b878")
    backdrop(canvas, "#3f6a73", "#1f3a48", "#9fd0c4", rng)
    back = (
        (-1.12, 0.2),
        (-1.2, 1.2),
        (-1.15, 2.0),
        (-0.5, 2.35),
        (0.5, 2.35),
        (1.1, 2.0),
        (1.15, 1.2),
        (1.05, 0.2),
        (0.0, -0.6),
    )
    canvas.lay(colour(hair.dark) * 0.8, canvas.shape(head.place(back), 0.04))
    paint_lock(canvas, MIRA_BACK, Hair("#1c0a07", "#57240f", "#7a3a1c"), head.place, rng)
    paint_neck(canvas, head, skin, 0.40, 0.5)
    sweater(
        canvas,
        "#d9cbb2",
        (
            (-0.98, 1.84),
            (-0.7, 1.96),
            (-0.35, 2.06),
            (0.0, 2.10),
            (0.35, 2.06),
            (0.7, 1.96),
            (0.98, 1.84),
        ),
        rng,
    )
    face = paint_face(canvas, head, skin, rng)
    freckles(canvas, head, skin, rng)
    paint_features(canvas, head, skin, look, rng)
    comb(canvas, head, face, skin, hair, MIRA_HAIR, rng)
    return canvas


def freckles(canvas: Canvas, head: Head, skin: Skin, rng) -> None:
    """Faint spots across nose and cheeks."""
    for _ in range(170):
        spot = head.at(5) + (rng.normal(0, 0.34), rng.normal(-0.05, 0.12))
        radius = rng.uniform(0.004, 0.010)
        r = np.hypot(canvas.x - spot[0], canvas.y - spot[1]) / radius
        canvas.shade(colour("#c58a66"), np.exp(-r * r).astype(np.float32), rng.uniform(0.15, 0.42))
