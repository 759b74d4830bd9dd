"""A whole face on its head: features, the lines of age, and hair combed over it."""

import numpy as np

from ...face.topology import LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from .canvas import Canvas, colour, rgb
from .features import Makeup, paint_brow, paint_eye, paint_lips, paint_nose
from .hair import Hair, light_hair, lock_mask, paint_lock
from .head import Head
from .skin import Skin

LEFT_EYE, MOUTH, NOSE = (0.35, 0.10), (0.0, 0.86), (0.0, 0.50)
SIDES = (-1, 1)


def paint_features(canvas: Canvas, head: Head, skin: Skin, look: Makeup, rng) -> None:
    """Nose, lips, eyes and brows."""
    paint_nose(canvas, head, skin)
    paint_lips(canvas, head, skin, look, rng)
    for side in SIDES:
        paint_eye(canvas, head, skin, look, side, rng)
        paint_brow(canvas, head, look, side, rng)


def age_lines(canvas: Canvas, head: Head, skin: Skin, depth: float) -> None:
    """Folds beside nose and mouth, at the eyes and on the forehead; ``depth`` 1 is sixty years."""
    folds = [((129, 203, 206, 216), 0.05, 0.5), ((358, 423, 426, 436), 0.05, 0.6)]
    folds += [((228, 230, 232), 0.03, 0.4), ((448, 450, 452), 0.03, 0.4)]
    folds += [
        ((104, 69, 108, 151, 337, 299, 333), 0.018, 0.3),
        ((105, 107, 9, 336, 334), 0.016, 0.0),
    ]
    folds += [((57, 43), 0.03, 0.35), ((287, 273), 0.03, 0.35)]
    for ids, width, alpha in folds:
        fold = canvas.line(head[ids], (0.0, width, 0.0), 0.013)
        canvas.shade(colour(skin.shadow), fold, alpha * depth)
        raised = canvas.line(head[ids] + (-0.03, -0.03), (0.0, width, 0.0), 0.02)
        canvas.glow(colour(skin.light), raised, 0.22 * alpha * depth)
    for side, corner in zip(SIDES, head[(RIGHT_EYE_OUTER, LEFT_EYE_OUTER)], strict=True):
        for rise in (-0.06, 0.0, 0.07):
            ray = [
                corner + (side * 0.05, rise * 0.4),
                corner + (side * 0.15, rise),
                corner + (side * 0.19, rise * 1.6),
            ]
            canvas.shade(
                colour(skin.shadow), canvas.line(ray, (0.0, 0.014, 0.0), 0.005), 0.4 * depth
            )


def hair_shadow(canvas: Canvas, face: np.ndarray, hair: np.ndarray, skin: Skin) -> None:
    """Darken the face (H, W) along the hair (H, W) that will lie on it."""
    near = np.maximum(canvas.blur(canvas.shifted(hair, 0.03, 0.06), 0.05), canvas.blur(hair, 0.02))
    canvas.shade(colour(skin.shadow) + 0.08, near * face, 0.62)


def comb(canvas: Canvas, head: Head, face, skin: Skin, hair: Hair, locks, rng) -> None:
    """Cast the locks' shadow on the face, paint them and light them."""
    masks = [lock_mask(canvas, lock, head.place) for lock in locks]
    hair_shadow(canvas, face, np.max(masks, 0), skin)
    before = canvas.rgb.copy()
    for lock in locks:
        paint_lock(canvas, lock, hair, head.place, rng)
    light_hair(canvas, before, rgb(0.36, 0.30, 0.36))
