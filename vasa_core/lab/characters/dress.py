"""What characters wear, and what is behind them."""

import numpy as np

from .canvas import Canvas, blurred, colour, rgb, spline

SHOULDERS = ((-0.60, 1.72), (-0.95, 1.88), (-1.42, 2.04), (-1.74, 2.30), (-1.98, 2.8))


def backdrop(canvas: Canvas, top: str, bottom: str, glow: str, rng, lights: int = 9) -> None:
    """A soft gradient, out-of-focus lights, and darker corners."""
    t = np.clip((canvas.y + 1.6 + 0.15 * canvas.x) / 4.3, 0, 1)[..., None]
    canvas.rgb[:] = colour(top) * (1 - t) + colour(bottom) * t
    halo = canvas.ellipse((-0.5, 0.1), (1.9, 1.9), soft=1.0)
    canvas.glow(colour(glow), halo, 0.55)
    for _ in range(lights):
        spot = (rng.uniform(-2.1, 2.1), rng.uniform(-1.6, 1.2))
        radius = rng.uniform(0.12, 0.34)
        disc = canvas.ellipse(spot, (radius, radius), soft=0.25)
        canvas.glow(colour(glow), disc, rng.uniform(0.06, 0.16))
    canvas.rgb[:] = canvas.blur(canvas.rgb, 0.03)
    far = np.clip(np.hypot(canvas.x, canvas.y - 0.5) / 2.9, 0, 1) ** 2.5
    canvas.shade(rgb(0.35, 0.32, 0.38), far.astype(np.float32), 0.55)


def torso(neckline) -> np.ndarray:
    """Shoulders closed by a neckline (left to right), (n, 2)."""
    right = [(-x, y) for x, y in reversed(SHOULDERS)]
    edge = spline(neckline)
    return np.concatenate([edge, spline(right[::-1])[:], spline(SHOULDERS)[::-1]])


def cloth(canvas: Canvas, mask: np.ndarray, code: str, rng, weave: float = 0.05) -> None:
    """Lay cloth where the mask says: round shoulders, soft folds, a weave."""
    base = colour(code)
    x, y = canvas.x + 0 * canvas.y, canvas.y + 0 * canvas.x
    tone = 1.02 - 0.20 * x - 0.20 * np.clip(y - 2.05, 0, 1) - 0.10 * np.square(x / 1.7)
    folds = blurred(rng.standard_normal(mask.shape).astype(np.float32), 0.10 * canvas.unit)
    folds = blurred(np.roll(folds, 40, 1) * 0.5 + folds * 0.5, 0.03 * canvas.unit)
    tone += 0.035 * folds / (folds.std() + 1e-9)
    grain = blurred(rng.standard_normal(mask.shape).astype(np.float32), 1.0)
    tone += weave * grain
    canvas.lay((base * np.clip(tone, 0.2, 1.5)[..., None]).astype(np.float32), mask)
    edge = mask * (1 - canvas.blur(mask, 0.05))
    canvas.glow(rgb(1, 0.97, 0.92), edge * np.clip(0.6 - x, 0, 1), 0.25)


def shadow_below(canvas: Canvas, mask: np.ndarray, over: np.ndarray, drop=(0.05, 0.07)) -> None:
    """What lies ``over`` darkens what lies under it in ``mask``."""
    cast = canvas.blur(canvas.shifted(over, *drop), 0.04)
    canvas.shade(rgb(0.35, 0.26, 0.28), mask * cast * (1 - over), 0.6)


def sweater(canvas: Canvas, code: str, neckline, rng, rib: float = 0.11) -> None:
    """A knitted top with a ribbed band along its neckline."""
    mask = canvas.shape(torso(neckline), 0.004)
    above = canvas.shape(np.concatenate([spline(neckline), [(2.2, 1.0), (-2.2, 1.0)]]))
    cloth(canvas, mask, code, rng, 0.10)
    band = spline(neckline, steps=40)
    outer = band + np.stack([0 * band[:, 0], np.full(len(band), rib)], 1)
    strip = canvas.shape(np.concatenate([band, outer[::-1]]), 0.003)
    shadow_below(canvas, mask, strip, (0.02, 0.03))
    stripes = [np.linspace(a, b, 6) for a, b in zip(band[::3], outer[::3], strict=True)]
    tint = colour(code)
    canvas.lay(tint * 0.92, strip)
    canvas.strands(
        stripes, [tint * (1.1 - 0.14 * s[0, 0]) for s in stripes], [0.02] * len(stripes), 0.8
    )
    cast = canvas.blur(above, 0.035)
    canvas.shade(rgb(0.5, 0.4, 0.42), mask * cast, 0.45)


def turtleneck(canvas: Canvas, code: str, width: float, rng) -> None:
    """A rolled collar round a neck of half ``width``."""
    w = width
    top = spline(
        [(-w - 0.015, 1.49), (-w * 0.6, 1.575), (0, 1.61), (w * 0.6, 1.575), (w + 0.015, 1.49)]
    )
    foot = spline(
        [(-w - 0.08, 1.76), (-w * 0.6, 1.87), (0, 1.91), (w * 0.6, 1.87), (w + 0.08, 1.76)]
    )
    mask = canvas.blur(canvas.shape(np.concatenate([top, foot[::-1]])), 0.02)
    mask = np.clip((mask - 0.5) * 12 + 0.5, 0, 1)  # round its corners
    shadow_below(canvas, np.ones_like(mask), mask, (0.02, 0.05))
    cloth(canvas, mask, code, rng, 0.06)
    across = np.linspace(0, 1, 44)[1:-1]
    at = (across * (len(top) - 1)).astype(int)
    ribs = [np.linspace(a, b, 8)[1:-1] for a, b in zip(top[at], foot[at], strict=True)]
    canvas.strands(ribs, [colour(code) * 0.45] * len(ribs), [0.012] * len(ribs), 0.35)
    round_off = np.clip(np.abs(canvas.x) / (w + 0.05), 0, 1) ** 3
    canvas.shade(rgb(0.45, 0.36, 0.36), (mask * round_off).astype(np.float32), 0.6)
    lip = np.clip(mask - canvas.shifted(mask, 0, 0.025), 0, 1)
    canvas.glow(rgb(1, 0.95, 0.85), lip, 0.25)


def shirt(canvas: Canvas, jacket: str, linen: str, rng) -> None:
    """An open collar under a jacket with lapels."""
    inner = canvas.shape(
        [
            (-0.66, 1.64),
            (-0.5, 1.78),
            (0, 2.34),
            (0.5, 1.78),
            (0.66, 1.64),
            (0.9, 2.8),
            (-0.9, 2.8),
        ],
        0.004,
    )
    cloth(canvas, inner, linen, rng, 0.03)
    canvas.shade(
        rgb(0.4, 0.36, 0.4),
        inner * canvas.line([(0.0, 2.4), (0.03, 2.8)], 0.012, 0.004),
        0.8,
    )
    coat = canvas.shape(
        np.concatenate(
            [
                spline(SHOULDERS)[::-1],
                [
                    (-0.60, 1.66),
                    (-0.46, 2.05),
                    (-0.16, 2.8),
                    (0.18, 2.8),
                    (0.48, 2.05),
                    (0.60, 1.66),
                ],
                spline([(-x, y) for x, y in SHOULDERS]),
            ]
        ),
        0.004,
    )
    shadow_below(canvas, inner, coat, (0.03, 0.03))
    cloth(canvas, coat, jacket, rng, 0.07)
    for s in (-1, 1):
        lapel = canvas.shape(
            [
                (s * 0.57, 1.66),
                (s * 0.82, 1.92),
                (s * 0.92, 2.22),
                (s * 0.78, 2.27),
                (s * 0.82, 2.40),
                (s * 0.2, 2.95),
                (s * 0.17, 2.8),
                (s * 0.46, 2.1),
            ],
            0.004,
        )
        shadow_below(canvas, coat, lapel, (0.03, 0.04))
        cloth(canvas, lapel, jacket, rng, 0.07)
        canvas.glow(rgb(1, 1, 1), lapel, 0.05)
        wing = canvas.shape(
            [
                (s * 0.555, 1.44),
                (s * 0.64, 1.60),
                (s * 0.74, 1.88),
                (s * 0.42, 2.16),
                (s * 0.03, 2.36),
                (s * 0.30, 2.00),
                (s * 0.50, 1.70),
            ],
            0.004,
        )
        shadow_below(canvas, np.maximum(coat, inner), wing, (0.03, 0.05))
        cloth(canvas, wing, linen, rng, 0.02)
        canvas.shade(rgb(0.6, 0.58, 0.62), wing * (1 - canvas.blur(wing, 0.03)), 0.35)
